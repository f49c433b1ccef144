"""What the pages of searching show: functions of a connection, called inside `Database.read`.

A question is words of private fields (`coopnode.search.people`), or names one thing exactly: a number, the
beginning of an account's id, the beginning of a document's fingerprint. These come first on the first page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from coopnode.membership import queries as membership
from coopnode.membership.people import Names, Viewer
from coopnode.membership.projection import applications, register
from coopnode.membership.queries import ApplicationLine, RegisterLine
from coopnode.places import Place
from coopnode.search import words
from coopnode.search.people import ENROL, Found, People
from coopnode.store.schema import entries
from coopnode.store.sql import Connection, or_, select
from protocol import documents

PAGE: Final = 50
#: People of one look into the index, and looks for one page: most people of the index may not be in the list.
_AT_ONCE, _LOOKS = 60, 12
_SHORTEST_ID: Final = 4
_SHORTEST_FINGERPRINT: Final = 8
_LARGEST: Final = 2**53

L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class Lines(Generic[L]):
    """A page of a list. `next` continues it, as `before`; `vague`: the question fits too much to look at all
    of it."""

    lines: tuple[L, ...] = ()
    next: int | None = None
    vague: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """As somebody typed it. Raises `words.TooMuch` when it is made."""

    asked: words.Asked
    number: int | None
    #: beginning of an account's id, of a document's digest in hexadecimal
    account: str | None
    fingerprint: str | None

    @property
    def empty(self) -> bool:
        return self.asked.empty and not (self.number is not None or self.account or self.fingerprint)


def question(typed: str) -> Question:
    """Raises TooMuch."""
    if len(typed) > words.LONGEST_QUESTION:
        raise words.TooMuch
    folded = words.folded(typed)
    joined = "".join(folded.replace("…", " ").split())
    number = re.fullmatch(r"\s*(?:№|no\.?|n)?\s*([0-9]{1,15})\s*", folded)
    account = re.fullmatch(rf"[a-z2-7]{{{_SHORTEST_ID},52}}", joined)
    fingerprint = re.fullmatch(rf"[0-9a-f]{{{_SHORTEST_FINGERPRINT},64}}", joined)
    try:
        asked = words.asked(typed)
    except words.TooMuch:
        if fingerprint is None and account is None:
            raise
        asked = words.Asked(())
    return Question(
        asked,
        int(number[1]) if number and int(number[1]) < _LARGEST else None,
        joined if account else None,
        joined if fingerprint else None,
    )


# --- people in lists ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Search:
    """What a search needs beside the connection."""

    people: People
    names: Names
    viewer: Viewer
    country: Place


def members(
    connection: Connection,
    search: Search,
    asked: Question,
    *,
    at: int | None = None,
    statuses: Sequence[str] = ("member", "invited"),
    before: int | None = None,
    limit: int = PAGE,
) -> Lines[RegisterLine]:
    """Lines of the register, as they stood at the end of a moment. Raises NotReady."""

    def lines(accounts: Collection[str], numbers: Collection[int]) -> dict[str | int, RegisterLine]:
        own = membership.numbers_of(connection, accounts)
        wanted = {number for _, number in own} | set(numbers)
        found = {
            line.number: line
            for line in membership.register_lines(
                connection, search.names, search.viewer, wanted, at=at, statuses=statuses
            )
        }
        held: dict[str | int, RegisterLine] = {n: found[n] for n in numbers if n in found}
        for account, number in own:
            # On a past day the number may still have waited for its enrolment to be confirmed.
            if number in found and found[number].account in (None, account):
                held[account] = found[number]
        return held

    def first() -> Iterator[RegisterLine]:
        accounts, numbers = _named(connection, asked)
        if asked.number is not None:
            numbers.append(asked.number)
        if asked.account is not None:
            accounts += _from(connection, register.c.account, asked.account)
        yield from lines(accounts, numbers).values()

    def of(people: Sequence[Found]) -> Callable[[Found], RegisterLine | None]:
        accounts = [each.account for each in people if each.account is not None]
        held = lines(accounts, [each.number for each in people if each.number is not None])
        return lambda person: held.get(person.account or person.number or 0)

    return _page(connection, search, asked, first, of, lambda line: line.number, before, limit)


def found_applications(
    connection: Connection,
    search: Search,
    asked: Question,
    *,
    person: str | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> Lines[ApplicationLine]:
    """The newest application of each person, at whatever stage it is. Raises NotReady."""

    def lines(accounts: Collection[str], numbers: Collection[int]) -> dict[str, ApplicationLine]:
        wanted = sorted(set(accounts))
        query = select(applications.c.idx).where(
            or_(applications.c.applicant.in_(wanted), applications.c.idx.in_(sorted(set(numbers))))
        )
        newest: dict[str, ApplicationLine] = {}
        for line in membership.applications_at(connection, search.names, search.viewer, query):
            if person in (None, line.person):
                newest[line.applicant] = line
        return newest

    def first() -> Iterator[ApplicationLine]:
        accounts, numbers = _named(connection, asked)
        if asked.number is not None:
            held = membership.member_lines(connection, search.names, search.viewer, asked.number)
            accounts += [line.account for line in held[:1] if line.account is not None]
            numbers = [asked.number]
        if asked.account is not None:
            accounts += _from(connection, applications.c.applicant, asked.account)
        yield from lines(accounts, numbers).values()

    def of(people: Sequence[Found]) -> Callable[[Found], ApplicationLine | None]:
        held = lines([each.account for each in people if each.account is not None], ())
        return lambda person: held.get(person.account or "")

    return _page(connection, search, asked, first, of, lambda line: line.idx, before, limit)


def _page(
    connection: Connection,
    search: Search,
    asked: Question,
    first: Callable[[], Iterable[L]],
    of: Callable[[Sequence[Found]], Callable[[Found], L | None]],
    key: Callable[[L], int],
    before: int | None,
    limit: int,
) -> Lines[L]:
    """What was named exactly, then those people found by words who are in the list."""
    lines: dict[int, L] = {key(line): line for line in (first() if before is None else ())}
    for _ in range(_LOOKS):
        page = search.people.find(
            connection,
            search.viewer,
            asked.asked,
            country=search.country,
            before=before,
            limit=_AT_ONCE,
        )
        for person in page.found:
            if person.name is not None:
                search.names.know(person.digest, person.name)
        line_of = of(page.found)
        for person in page.found:
            line = line_of(person)
            if line is not None and len(lines) >= limit:
                return Lines(tuple(lines.values()), before)
            before = person.idx
            if line is not None:
                lines.setdefault(key(line), line)
        before = page.next
        if before is None or page.vague:
            return Lines(tuple(lines.values()), before, page.vague)
    return Lines(tuple(lines.values()), before, vague=True)


def accounts_from(connection: Connection, beginning: str) -> list[str]:
    """Of applicants and members whose id begins so."""
    columns = (applications.c.applicant, register.c.account)
    return sorted({account for column in columns for account in _from(connection, column, beginning)})


def _from(connection: Connection, column: Any, beginning: str) -> list[str]:
    """Values of an indexed column of ids that begin so."""
    query = select(column).where(column >= beginning, column < beginning + "{").distinct().limit(PAGE)
    return list(connection.execute(query).scalars())


def _named(connection: Connection, asked: Question) -> tuple[list[str], list[int]]:
    """(accounts, numbers of the register) that a document whose fingerprint begins so is about."""
    accounts: list[str] = []
    numbers: list[int] = []
    for row in by_fingerprint(connection, asked.fingerprint):
        statement = documents.parse(row.raw)
        if row.type == ENROL:
            numbers.append(int(statement.payload["number"]))
            continue
        about = membership.application_by_id(connection, statement.sub)
        accounts.append(about.applicant if about else row.iss)
    return accounts, numbers


def by_fingerprint(connection: Connection, beginning: str | None) -> list[Any]:
    """Entries whose document digest begins so: (idx, type, iss, raw)."""
    if beginning is None:
        return []
    low, high = (bytes.fromhex(beginning.ljust(64, fill)) for fill in "0f")
    query = select(entries.c.idx, entries.c.type, entries.c.iss, entries.c.raw)
    return list(connection.execute(query.where(entries.c.digest.between(low, high)).limit(PAGE)))
