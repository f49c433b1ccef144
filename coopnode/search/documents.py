"""The list of documents for officers and the council: filters that an index answers each, pages by place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from coopnode.council.projection import comments, decisions, matters
from coopnode.council.projection import steps as matter_steps
from coopnode.membership import queries as membership
from coopnode.membership.projection import applications, register
from coopnode.membership.projection import steps as application_steps
from coopnode.membership.queries import Paper
from coopnode.search import words
from coopnode.search.merging import Places, merged
from coopnode.search.people import ENROL
from coopnode.search.projection import KINDS, TYPES, found, parties, titles
from coopnode.search.queries import Lines, Search, by_fingerprint
from coopnode.store.schema import entries, search_terms
from coopnode.store.sql import Connection, func, or_, select
from coopnode.store.vault import Vault
from protocol import wording

PAGE: Final = 30
_AT_ONCE: Final = 500
#: Places that a number or the beginning of a fingerprint may mean.
_MOST_NAMED: Final = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for; everything given has to fit. `since` and `until` are seconds, both included."""

    kind: str | None = None
    since: int | None = None
    until: int | None = None
    account: str | None = None
    number: int | None = None
    fingerprint: str | None = None
    text: str = ""

    @property
    def empty(self) -> bool:
        return self == Filter()


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """`title` is that of a matter, as far as the viewer may read it; names likewise. `number` is that of the
    register when the person has no account yet."""

    idx: int
    at: int
    paper: Paper
    by: str
    by_name: str | None
    about: str | None
    about_name: str | None
    number: int | None
    title: str | None


def documents(
    connection: Connection,
    search: Search,
    vault: Vault,
    wanted: Filter,
    *,
    before: int | None = None,
    limit: int = PAGE,
) -> Lines[DocumentLine]:
    """The newest first. Raises TooMuch."""
    low, high = _range(connection, wanted)
    if before is None or before > high:
        before = high
    named = _named(connection, wanted)
    kinds = _kinds(connection, search, wanted)
    types = set(KINDS.get(wanted.kind, ())) if wanted.kind is not None else set(TYPES)

    def keep(ready: set[int]) -> set[int]:
        if named is not None:
            ready &= named
        if ready and wanted.account is not None:
            mine = select(parties.c.idx).where(
                parties.c.account == wanted.account, parties.c.type.in_(types), parties.c.idx.in_(ready)
            )
            ready = set(connection.execute(mine).scalars())
        rows = connection.execute(select(found.c.idx, found.c.type).where(found.c.idx.in_(ready))).all()
        held = {row.idx: row.type for row in rows if row.type in types}
        for word in kinds:
            if held:
                there = word.places(connection, held)
                held = {idx: type for idx, type in held.items() if idx in there}
        return set(held)

    lists = [
        Places(each.query.where(each.idx >= low), each.idx) for each in _lists(wanted, types, named, kinds)
    ]
    picked: list[int] = []
    at_once = _AT_ONCE if kinds else limit + 1
    for idx, place in merged(connection, lists, keep, before=before, at_once=at_once):
        if idx is None:
            return Lines(_lines(connection, search, vault, picked), place, vague=True)
        if len(picked) == limit:
            return Lines(_lines(connection, search, vault, picked), picked[-1])
        picked.append(idx)
    return Lines(_lines(connection, search, vault, picked))


# --- where to look --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Word:
    """One word of the question: it fits names of kinds of documents, public titles, and papers of the council
    that the viewer may read."""

    types: frozenset[str]
    stem: str
    terms: tuple[bytes, ...]

    def places(self, connection: Connection, held: Mapping[int, str]) -> set[int]:
        there = {idx for idx, type in held.items() if type in self.types}
        open = [idx for idx in held if idx not in there]
        for column, values, idx in self._indexed():
            there.update(connection.execute(select(idx).where(column.in_(values), idx.in_(open))).scalars())
        return there

    def lists(self, types: Collection[str]) -> list[Places]:
        lists = [_of_type(type) for type in sorted(self.types & set(types))]
        for column, values, idx in self._indexed():
            lists += [Places(select(idx).where(column == value), idx) for value in values]
        return lists

    def _indexed(self) -> list[tuple[Any, Sequence[Any], Any]]:
        return [
            (titles.c.stem, (self.stem,), titles.c.idx),
            (search_terms.c.term, self.terms, search_terms.c.idx),
        ]


def _kinds(connection: Connection, search: Search, wanted: Filter) -> list[_Word]:
    """The rarest first: those that name no kind of document."""
    if len(wanted.text) > words.LONGEST_QUESTION:
        raise words.TooMuch
    stems = sorted(words.stems(wanted.text))
    if len(stems) > words.MOST_ASKED:
        raise words.TooMuch
    asked = [
        _Word(named_types(stem), stem, tuple(search.people.texts(search.viewer, stem))) for stem in stems
    ]
    return sorted(asked, key=lambda word: len(word.types))


@lru_cache(1024)
def named_types(stem: str) -> frozenset[str]:
    """Kinds of documents whose name, in either language, has a word of this stem."""
    return frozenset(
        type
        for type in TYPES
        if any(stem in words.stems(wording.title(type, locale)) for locale in wording.LOCALES)
    )


def _lists(
    wanted: Filter, types: Collection[str], named: Collection[int] | None, asked: Sequence[_Word]
) -> list[Places]:
    if named is not None:
        return [Places(select(found.c.idx).where(found.c.idx.in_(sorted(named))), found.c.idx)]
    if asked and (wanted.account is None or not asked[0].types):
        return asked[0].lists(types)
    if wanted.account is not None:
        mine = parties.c.account == wanted.account
        return [
            Places(select(parties.c.idx).where(mine, parties.c.type == type), parties.c.idx)
            for type in sorted(types)
        ]
    if wanted.kind is not None:
        return [_of_type(type) for type in sorted(types)]
    return [Places(select(found.c.idx), found.c.idx)]


def _of_type(type: str) -> Places:
    return Places(select(found.c.idx).where(found.c.type == type), found.c.idx)


def _range(connection: Connection, wanted: Filter) -> tuple[int, int]:
    """First place that is not too old, and the first that is too new: time grows with place."""
    last = connection.execute(select(func.max(entries.c.idx))).scalar_one_or_none()
    size = 0 if last is None else int(last) + 1

    def first_after(moment: int) -> int:
        low, high = 0, size
        while low < high:
            middle = (low + high) // 2
            tick = connection.execute(select(entries.c.tick).where(entries.c.idx == middle)).scalar_one()
            low, high = (middle + 1, high) if tick <= moment else (low, middle)
        return low

    low = 0 if wanted.since is None else first_after(wanted.since - 1)
    return low, size if wanted.until is None else first_after(wanted.until)


def _named(connection: Connection, wanted: Filter) -> set[int] | None:
    """Places that a number or a fingerprint means: of the entry, a decision, an application or a matter with
    its steps, a line of the register."""
    meant: set[int] | None = None
    if wanted.fingerprint is not None:
        meant = {row.idx for row in by_fingerprint(connection, wanted.fingerprint)}
    if wanted.number is not None:
        numbered = _numbered(connection, wanted.number)
        meant = numbered if meant is None else meant & numbered
    return meant


def _numbered(connection: Connection, number: int) -> set[int]:
    application = select(applications.c.id).where(applications.c.idx == number).scalar_subquery()
    matter = select(matters.c.id).where(
        or_(
            matters.c.idx == number,
            matters.c.id.in_(select(decisions.c.matter).where(decisions.c.number == number)),
        )
    )
    based = select(register.c.digest).where(register.c.number == number)
    queries = (
        select(application_steps.c.idx).where(application_steps.c.application == application),
        select(matter_steps.c.idx).where(matter_steps.c.matter.in_(matter)),
        select(comments.c.idx).where(comments.c.matter.in_(matter)),
        select(register.c.from_idx).where(register.c.number == number),
        select(entries.c.idx).where(entries.c.digest.in_(based)),
    )
    meant = {number}
    for query in queries:
        meant.update(connection.execute(query.limit(_MOST_NAMED)).scalars())
    return meant


# --- lines ----------------------------------------------------------------------------------------


def _lines(
    connection: Connection, search: Search, vault: Vault, picked: Sequence[int]
) -> tuple[DocumentLine, ...]:
    query = select(found).where(found.c.idx.in_(picked)).order_by(found.c.idx.desc())
    rows = connection.execute(query).all()
    people = {row.by for row in rows} | {row.about for row in rows if row.about is not None}
    names = search.names.of_accounts(connection, people, search.viewer)
    papers = membership.papers(connection, vault, {row.digest: row.about for row in rows}, search.viewer)
    lines = []
    for row in rows:
        paper = papers.get(row.digest)
        if paper is None:
            continue
        values = {field.name: str(field.value) for field in paper.fields}
        about = names.get(row.about) if row.about is not None else None
        if row.type == ENROL:
            about = values.get("name")
        lines.append(
            DocumentLine(
                row.idx,
                row.at,
                paper,
                row.by,
                names.get(row.by),
                row.about if row.about != row.by else None,
                about,
                row.number,
                values.get("title"),
            )
        )
    return tuple(lines)
