"""The blind index of private fields (ADR 11): finds records by words without the words standing anywhere.

A term is 8 bytes of HMAC-SHA-256 of a field's name and a beginning of one of its words, under a key that is
derived from the vault's. The index keeps of each person the newest record only. It is a shortcut: each hit is
opened and compared with what was asked, as far as the viewer may read it, before it is shown.

Rows are written and deleted in the transaction of the record they belong to, are in no copy of the database,
and are filled anew from log and vault whenever they are missing or of another version.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coopnode.membership.people import WHO, Viewer, who
from coopnode.membership.projection import REQUESTS
from coopnode.places import Place as Country
from coopnode.search import words
from coopnode.search.merging import Places, merged
from coopnode.search.words import Asked
from coopnode.store.database import Database, analyze, driver
from coopnode.store.rows import add_rows
from coopnode.store.schema import (
    BLIND_INDEX,
    entries,
    projection_versions,
    search_records,
    search_terms,
)
from coopnode.store.schema import private_records as boxes
from coopnode.store.sql import Connection, delete, select, upsert
from coopnode.store.state_store import SnapshotState
from coopnode.store.vault import Erased, Vault, VaultError
from protocol import encoding, registry
from protocol.contract import PrivateField, View
from protocol.contracts import membership
from protocol.contracts.membership import Place
from protocol.identifiers import parse_identifier
from protocol.log import Accepted

#: Counts with what is kept of a field, and how.
VERSION: Final = 1
ENROL: Final = "membership.enrol/1"
_TERM: Final = 8
_TERMS: Final = (search_terms.name, ("term", "idx"))
_RECORDS: Final = (search_records.name, ("idx", "subject", "terms"))
#: No place in the log.
_MARK: Final = -1
_PURPOSE: Final = b"coopnode/search/1"
_FORMATS: Final[Mapping[str, words.Kind]] = {"email": "email", "phone": "phone", "digits": "digits"}
_FIELDS_OF_TEXT: Final = ("title", "text", "reason")
#: Records opened for one page; a question that needs more is too vague.
_MOST_OPENED: Final = 1_000
_AT_ONCE: Final = 500
_ESTIMATE: Final = 2_000

T = TypeVar("T")


class NotReady(Exception):
    """There is no index now: the node has not been able to fill it, because it only reads."""


def kind_of(type: str, item: PrivateField) -> words.Kind | None:
    """How a field of a record about a person is searched, or None."""
    if type not in (*WHO, ENROL):
        return None
    return "name" if item.name == "name" else _FORMATS.get(item.format)


#: type → field → how it is searched.
FIELDS: Final[Mapping[str, Mapping[str, words.Kind]]] = {
    type: {item.name: kind for item in registry.TYPES[type].private if (kind := kind_of(type, item))}
    for type in (*WHO, ENROL)
}
#: Papers of the council, and what members ask of it: type → fields searched by the stems of their words.
TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    type: found
    for type, kind in registry.TYPES.items()
    if (kind.domain == "council" or type == REQUESTS["petition"])
    and type not in WHO
    and (found := tuple(item.name for item in kind.private if item.name in _FIELDS_OF_TEXT))
}


@dataclass(frozen=True, slots=True)
class Found:
    """A person: `subject` is the account, or `number/N` of somebody enrolled who has not confirmed. `idx`,
    `type`, `digest` are of the document whose record was found."""

    idx: int
    subject: str
    type: str
    digest: bytes
    name: str | None

    @property
    def account(self) -> str | None:
        return None if self.subject.startswith("number/") else self.subject

    @property
    def number(self) -> int | None:
        return int(self.subject.removeprefix("number/")) if self.account is None else None


@dataclass(frozen=True, slots=True)
class Page:
    """The newest first. `next` continues, as `before`; with `vague` the question fits so much that not all of
    it was looked at."""

    found: tuple[Found, ...] = ()
    next: int | None = None
    vague: bool = False


class People:
    """The index of one node. Safe to use from several threads."""

    def __init__(self, vault: Vault, master: bytes) -> None:
        self._vault = vault
        self._key = HKDF(hashes.SHA256(), 32, None, _PURPOSE).derive(master)

    def term(self, field: str, token: str) -> bytes:
        return hmac.digest(self._key, f"{field}\0{token}".encode(), "sha256")[:_TERM]

    # -- keeping it -----------------------------------------------------------------------------------

    def apply(
        self, connection: Connection, accepted: Iterable[Accepted], records: Mapping[int, bytes]
    ) -> None:
        """After the boxes, in their transaction. `records`: index of the entry → the record in clear."""
        for entry in accepted:
            plain = records.get(entry.index)
            if plain is not None:
                self._entered(connection, entry)
                self._keep(connection, entry, plain)

    def _entered(self, connection: Connection, entry: Accepted) -> None:
        """A place of the register that somebody has taken, or that is free again, has nobody to wait for."""
        for domain, key in entry.writes:
            if domain == membership.DOMAIN and key.startswith("number/"):
                self._forget(connection, f"number/{int(key.removeprefix('number/'))}")

    def _keep(self, connection: Connection, entry: Accepted, plain: bytes) -> None:
        statement = entry.statement
        terms = self._terms(statement.type, plain)
        if not terms:
            return
        subject = statement.iss
        if statement.type == ENROL:
            subject = f"number/{statement.payload['number']}"
        elif statement.type in TEXTS:
            subject = f"paper/{entry.index}"
        self._forget(connection, subject)
        self._write(connection, [(entry.index, subject, terms)])

    def drop(self, connection: Connection, digests: Iterable[bytes]) -> None:
        """What was erased, in the transaction in which the boxes went; an older record of the same person
        takes its place."""
        for part in _parts(digests, _AT_ONCE):
            query = select(search_records.c.subject).where(
                search_records.c.idx.in_(select(entries.c.idx).where(entries.c.digest.in_(part)))
            )
            for subject in connection.execute(query).scalars().all():
                self._forget(connection, subject)
                self._older(connection, subject)

    def _older(self, connection: Connection, account: str) -> None:
        found = who(connection, (account,)).get(account)
        if found is not None:
            self._write(connection, self._read(connection, [(found[0], found[1], account)]))

    def _forget(self, connection: Connection, subject: str) -> None:
        query = select(search_records.c.idx, search_records.c.terms).where(
            search_records.c.subject == subject
        )
        for row in connection.execute(query).all():
            with _overwriting(connection):
                own = [(term, row.idx) for term in _cut(row.terms)]
                driver(connection).executemany("DELETE FROM search_terms WHERE term = ? AND idx = ?", own)
                connection.execute(delete(search_records).where(search_records.c.idx == row.idx))

    def _terms(self, type: str, plain: bytes) -> list[bytes]:
        if type not in FIELDS and type not in TEXTS:
            return []
        record: Any = encoding.decode(plain, limit=len(plain))
        values = {name: str(field["value"]) for name, field in record["fields"].items()}
        found = {
            self.term(name, token)
            for name, kind in FIELDS.get(type, {}).items()
            if name in values
            for token in words.tokens(kind, values[name])
        }
        found |= {
            self.term(name, token)
            for name in TEXTS.get(type, ())
            if name in values
            for token in words.stems(values[name])
        }
        return sorted(found)

    @staticmethod
    def _write(connection: Connection, found: Sequence[tuple[int, str, list[bytes]]]) -> None:
        """Ascending by term, as the table is."""
        rows = sorted((term, idx) for idx, _, terms in found for term in terms)
        add_rows(driver(connection), *_TERMS, rows)
        _keep_records(connection, found)

    # -- filling it -----------------------------------------------------------------------------------

    def prepare(self, database: Database) -> bool:
        """Fills the index from log and vault unless it stands in its version; whether it did."""

        def work(connection: Connection) -> bool:
            if _stands(connection):
                return False
            _drop_tables(connection)
            for table in (search_records, search_terms):
                table.create(connection)
            self._fill(connection, database)
            self._write(connection, [(_MARK, "filled", [])])
            analyze(connection, (search_records, search_terms))
            row = {"name": BLIND_INDEX, "version": VERSION, "size": 0}
            connection.execute(
                upsert(projection_versions).values(row).on_conflict_do_update(["name"], set_=row)
            )
            return True

        return database.write_now(work)

    def _fill(self, connection: Connection, database: Database) -> None:
        newest: dict[str, tuple[int, bytes, str]] = {}
        query = (
            select(boxes.c.digest, boxes.c.idx, boxes.c.type, entries.c.iss)
            .join(entries, entries.c.idx == boxes.c.idx)
            .where(boxes.c.type.in_([*WHO, *TEXTS]))
        )
        for row in connection.execute(query):
            subject = f"paper/{row.idx}" if row.type in TEXTS else row.iss
            if subject not in newest or newest[subject][0] < row.idx:
                newest[subject] = (row.idx, row.digest, row.type)
        view = View(SnapshotState(database.raw_reader), membership.DOMAIN)
        waiting = (
            (parse_identifier(place.enrolment), ENROL, f"number/{int(key)}")
            for key, place in view.scan("number", "", Place)
            if place.enrolment is not None
        )
        in_order = sorted((idx, digest, type, subject) for subject, (idx, digest, type) in newest.items())
        known = ((digest, type, subject) for _, digest, type, subject in in_order)
        sorter = _Sorter()
        for part in _parts(chain(known, waiting), _AT_ONCE):
            found = self._read(connection, part)
            _keep_records(connection, found)
            for idx, _, terms in found:
                sorter.add(idx, terms)
        for rows in sorter.rows():
            add_rows(driver(connection), *_TERMS, rows)

    def _read(
        self, connection: Connection, items: Iterable[tuple[bytes, str, str]]
    ) -> list[tuple[int, str, list[bytes]]]:
        """(index, subject, terms) of those records that are kept, of (digest, type, subject)."""
        found = []
        for part in _parts(items, _AT_ONCE):
            held = {digest: (type, subject) for digest, type, subject in part}
            query = select(boxes.c.digest, boxes.c.idx, boxes.c.box).where(boxes.c.digest.in_(held))
            for row in connection.execute(query).all():
                type, subject = held[row.digest]
                try:
                    terms = self._terms(type, self._vault.open(row.digest, row.box))
                except (Erased, VaultError):
                    continue  # a box that is damaged is for `verify` to tell; here it is not found
                if terms:
                    found.append((row.idx, subject, terms))
        return found

    # -- asking it ------------------------------------------------------------------------------------

    def find(
        self,
        connection: Connection,
        viewer: Viewer,
        asked: Asked,
        *,
        country: Country,
        before: int | None,
        limit: int,
    ) -> Page:
        """People of whom the viewer may read what was asked for; telephones as in `country`. Raises
        NotReady."""
        fields = _readable(viewer)
        groups = [
            [
                self.term(name, token)
                for name, kind in fields.items()
                if (token := words.lookups(kind, word, country)) is not None
            ]
            for word in asked.words
        ]
        if asked.empty or not all(groups):
            return Page()
        if not _stands(connection):
            raise NotReady
        found: list[Found] = []
        opened = 0
        candidates = _candidates(connection, groups, before)
        while part := list(islice(candidates, limit + 1)):
            places = [idx for idx, _ in part if idx is not None]
            people = self._people(connection, viewer, asked, country, places)
            for idx, place in part:
                if idx is None or opened == _MOST_OPENED:
                    return Page(tuple(found), place, vague=True)
                opened += 1
                if idx not in people:
                    continue
                if len(found) == limit:
                    return Page(tuple(found), found[-1].idx)
                found.append(people[idx])
        return Page(tuple(found))

    def _people(
        self,
        connection: Connection,
        viewer: Viewer,
        asked: Asked,
        country: Country,
        places: Sequence[int],
    ) -> dict[int, Found]:
        """Those whose record answers: the record itself decides."""
        query = (
            select(search_records.c.idx, search_records.c.subject, boxes.c.digest, boxes.c.type, boxes.c.box)
            .join(entries, entries.c.idx == search_records.c.idx)
            .join(boxes, boxes.c.digest == entries.c.digest)
            .where(search_records.c.idx.in_(places))
        )
        found = {}
        for row in connection.execute(query).all():
            if row.type not in FIELDS:
                continue
            account = None if row.subject.startswith("number/") else row.subject
            values = self._values(row.digest, row.box, row.type, viewer.reads_as(account))
            if _fits(asked, row.type, values, country):
                found[row.idx] = Found(row.idx, row.subject, row.type, row.digest, values.get("name"))
        return found

    def _values(self, digest: bytes, box: bytes, type: str, roles: Collection[str]) -> dict[str, str]:
        """What those in these roles may read of a record; nothing of one that was erased meanwhile."""
        try:
            plain = self._vault.open(digest, box)
        except Erased:
            return {}
        record: Any = encoding.decode(plain, limit=len(plain))
        allowed = {item.name for item in registry.TYPES[type].private if set(item.readers) & set(roles)}
        return {name: str(field["value"]) for name, field in record["fields"].items() if name in allowed}

    def texts(self, viewer: Viewer, stem: str) -> list[bytes]:
        """Terms of a stem in those texts of the council that the viewer may read."""
        classes = viewer.reads_as(None)
        every: dict[str, list[bool]] = {}
        for type, fields in TEXTS.items():
            for item in registry.TYPES[type].private:
                if item.name in fields:
                    every.setdefault(item.name, []).append(not classes.isdisjoint(item.readers))
        return [self.term(name, stem) for name in sorted(every) if all(every[name])]


def _fits(asked: Asked, type: str, values: Mapping[str, str], country: Country) -> bool:
    seen = [(kind, values[name]) for name, kind in FIELDS[type].items() if name in values]
    return all(
        any(words.fits(kind, word, value, country) for kind, value in seen)
        for word in (*asked.words, *asked.initials)
    )


def _stands(connection: Connection) -> bool:
    """By two marks: one says that there are tables, the other, in them, that they have been filled. A dump
    may come back with empty ones."""
    held = select(projection_versions.c.version).where(projection_versions.c.name == BLIND_INDEX)
    if connection.execute(held).scalar_one_or_none() != VERSION:
        return False
    mark = select(search_records.c.subject).where(search_records.c.idx == _MARK)
    return connection.execute(mark).scalar_one_or_none() is not None


def discard(connection: Connection) -> None:
    """The next start fills it anew."""
    _drop_tables(connection)
    connection.execute(delete(projection_versions).where(projection_versions.c.name == BLIND_INDEX))


def _drop_tables(connection: Connection) -> None:
    with _overwriting(connection):
        for table in (search_records, search_terms):
            table.drop(connection, checkfirst=True)


def _keep_records(connection: Connection, found: Iterable[tuple[int, str, list[bytes]]]) -> None:
    rows = [(idx, subject, b"".join(terms)) for idx, subject, terms in found]
    add_rows(driver(connection), *_RECORDS, rows)


class _Sorter:
    """Rows of `search_terms` in the order of the table, so that each of its pages is written once; ten
    million take 140 megabytes of memory."""

    _PARTS = 256
    _PLACE = 6

    def __init__(self) -> None:
        self._parts = [bytearray() for _ in range(self._PARTS)]

    def add(self, idx: int, terms: Iterable[bytes]) -> None:
        place = idx.to_bytes(self._PLACE, "big")
        for term in terms:
            self._parts[term[0]] += term + place

    def rows(self) -> Iterator[list[tuple[bytes, int]]]:
        """Nothing is left of them."""
        size = _TERM + self._PLACE
        for number, part in enumerate(self._parts):
            found = sorted(bytes(part[start : start + size]) for start in range(0, len(part), size))
            self._parts[number] = bytearray()
            yield [(row[:_TERM], int.from_bytes(row[_TERM:], "big")) for row in found]


class _overwriting:
    """What is deleted meanwhile is overwritten in the file, not only given free. PostgreSQL has its own time
    for that (SECURITY.md)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection if connection.dialect.name == "sqlite" else None

    def __enter__(self) -> None:
        self._set("ON")

    def __exit__(self, *_: object) -> None:
        self._set("OFF")

    def _set(self, value: str) -> None:
        if self._connection is not None:
            self._connection.exec_driver_sql(f"PRAGMA secure_delete = {value}").close()


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    waiting = iter(items)
    while part := list(islice(waiting, size)):
        yield part


def _cut(terms: bytes) -> list[bytes]:
    return [terms[start : start + _TERM] for start in range(0, len(terms), _TERM)]


def _readable(viewer: Viewer) -> dict[str, words.Kind]:
    """Fields that the viewer may read in records of others, of one type at least."""
    classes = viewer.reads_as(None)
    return {
        item.name: FIELDS[type][item.name]
        for type in FIELDS
        for item in registry.TYPES[type].private
        if item.name in FIELDS[type] and not classes.isdisjoint(item.readers)
    }


def _candidates(
    connection: Connection, groups: Sequence[Sequence[bytes]], before: int | None
) -> Iterator[tuple[int | None, int]]:
    """Of records that have a term of every group; see `merged`."""
    first, *others = sorted(groups, key=lambda group: _size(connection, group))

    def keep(ready: set[int]) -> set[int]:
        for group in others:
            having = select(search_terms.c.idx).where(search_terms.c.term.in_(group))
            ready = set(connection.execute(having.where(search_terms.c.idx.in_(ready))).scalars())
            if not ready:
                break
        return ready

    lists = [
        Places(select(search_terms.c.idx).where(search_terms.c.term == term), search_terms.c.idx)
        for term in first
    ]
    return merged(connection, lists, keep, before=before, at_once=_AT_ONCE if others else 100)


def _size(connection: Connection, group: Sequence[bytes]) -> int:
    """About how much a group finds; enough to begin with the rarest."""
    found = 0
    for term in group:
        query = select(search_terms.c.idx).where(search_terms.c.term == term).limit(_ESTIMATE)
        found += len(connection.execute(query).all())
    return found
