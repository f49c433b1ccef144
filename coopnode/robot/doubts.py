"""What about an application makes a person look at it: the robot leaves alone what is doubtful, and shows
afterwards what somebody might have wanted to see.

Local policy, no rule of the log: the contract bounds what a lent key may do, this says what the robot of this
node does with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, TypeAlias

from coopnode import private_records
from coopnode.membership import queries as membership
from coopnode.membership.people import Names, Viewer
from coopnode.membership.projection import applications
from coopnode.membership.queries import ApplicationLine
from coopnode.places import Place
from coopnode.search import queries as search
from coopnode.search.people import People
from coopnode.search.words import TooMuch, digits, folded
from coopnode.store.sql import Connection, func, select
from coopnode.store.vault import Vault

#: The serious ones are left to people; by_video and in_a_hurry are done, and shown afterwards.
Doubt: TypeAlias = Literal[
    "unreadable",
    "same_person",
    "same_contact",
    "refused_before",
    "young",
    "by_video",
    "in_a_hurry",
]
SERIOUS: Final[frozenset[Doubt]] = frozenset(
    ("unreadable", "same_person", "same_contact", "refused_before", "young")
)
_ADULT: Final = 18
#: People of one name or address that are compared.
_LOOKED_AT: Final = 50
#: From application to identification: less leaves no time to look at papers.
_HURRY: Final = 300
#: Searches read the register as the secretary does; nothing of it leaves this module but the codes.
_READER: Final = Viewer(None, frozenset(("secretary", "chair")))


@dataclass(frozen=True, slots=True)
class Where:
    """What a look needs beside the connection."""

    vault: Vault
    people: People
    names: Names
    now: int
    place: Place


def doubts(connection: Connection, where: Where, found: ApplicationLine) -> list[Doubt]:
    """Serious ones first. Raises `coopnode.search.people.NotReady` while the index of people is filled."""
    given = private_records.values(
        connection, where.vault, found.digest, "membership.apply/1", _READER.reads_as(found.applicant)
    )
    if not given:
        return ["unreadable"]
    raised: list[Doubt] = []
    if _same(connection, where, found, "name", given, also="birth_date"):
        raised.append("same_person")
    if any(_same(connection, where, found, name, given) for name in ("phone", "email")):
        raised.append("same_contact")
    if _refused_before(connection, found):
        raised.append("refused_before")
    if _age(given.get("birth_date"), where.place.at(where.now).date()) < _ADULT:
        raised.append("young")
    paper = _identification(connection, where, found)
    if paper is not None and paper.public.get("method") == "video":
        raised.append("by_video")
    if paper is not None and paper.at - found.applied_at < _HURRY:
        raised.append("in_a_hurry")
    return raised


def _same(
    connection: Connection,
    where: Where,
    found: ApplicationLine,
    field: str,
    given: dict[str, Any],
    *,
    also: str | None = None,
) -> bool:
    """Whether somebody else's record has the same value, as people compare: without regard to case and ё."""
    value = str(given.get(field) or "")
    if not value:
        return False
    try:
        asked = search.question(value)
    except TooMuch:
        return True  # more words than anybody's name: somebody should look
    page = where.people.find(
        connection, _READER, asked.asked, country=where.place, before=None, limit=_LOOKED_AT
    )
    if page.vague:
        return True
    for person in page.found:
        if person.account == found.applicant:
            continue
        other = private_records.values(
            connection, where.vault, person.digest, person.type, _READER.reads_as(person.account)
        )
        if other is None:
            continue
        if _comparable(field, other.get(field), where.place) != _comparable(field, value, where.place):
            continue
        # Who is enrolled and has not confirmed has a name and no more: somebody should look.
        if also is None or other.get(also, given.get(also)) == given.get(also):
            return True
    return False


def _comparable(field: str, value: Any, place: Place) -> str:
    text = str(value or "")
    if field == "phone":
        return place.phone(text) or digits(text)
    return " ".join(folded(text).split())


def _refused_before(connection: Connection, found: ApplicationLine) -> bool:
    query = select(func.count()).where(
        applications.c.applicant == found.applicant,
        applications.c.idx < found.idx,
        applications.c.status.in_(("refused", "incomplete")),
    )
    return bool(connection.execute(query).scalar_one())


def _age(birth: Any, today: date) -> int:
    """Whole years; 0 when the date cannot be read."""
    try:
        born = date.fromisoformat(str(birth))
    except ValueError:
        return 0
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _identification(connection: Connection, where: Where, found: ApplicationLine) -> membership.Paper | None:
    papers = membership.papers_of(connection, where.vault, found, _READER)
    return next((item for item in reversed(papers) if item.type == "membership.identify/1"), None)
