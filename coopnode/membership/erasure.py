"""Which private records may be erased now, and on what ground (SPEC §8.5, P21): the secretary's list.

The contract judges; here stands only what it would allow, so that nobody signs in vain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from coopnode.membership.people import Names, Viewer
from coopnode.membership.projection import records
from coopnode.signing import Item
from coopnode.store.sql import Connection, Select, select
from protocol.contract import State
from protocol.contracts import vault
from protocol.registry import StateFacts

DAY: Final = 86_400
#: Cases listed, the longest ended first: those whose term is over stand at the beginning.
PAGE: Final = 200
Ground: TypeAlias = Literal["retention", "consent", "mistake"]
_NAMED_BY: Final = {"application": "membership.apply/1", "enrolment": "membership.enrol/1"}


@dataclass(frozen=True, slots=True)
class EndedCase:
    """An application or enrolment that came to nothing, with what is still kept about it."""

    kind: Literal["application", "enrolment"]
    #: of the application, or the member's number of the enrolment
    number: int
    account: str | None
    status: str
    ended_at: int
    #: from when the records may be erased
    due_at: int
    #: None while they are kept
    ground: Ground | None
    #: digests, the application or enrolment first
    documents: tuple[bytes, ...]
    name: str | None


def ended(connection: Connection, state: State, names: Names, viewer: Viewer, now: int) -> list[EndedCase]:
    """What the viewer may see erased; their own is left to another officer."""
    facts = StateFacts(state)
    kept = facts.parameter("member.retain_days") * DAY
    return [_case(connection, facts, names, viewer, kept, now, rows) for rows in _cases(connection, viewer)]


def erasable(connection: Connection, state: State, viewer: Viewer, now: int) -> int:
    """How many documents of those cases may be erased now."""
    facts = StateFacts(state)
    kept = facts.parameter("member.retain_days") * DAY
    return sum(len(rows) for rows in _cases(connection, viewer) if _ground(facts, kept, now, rows[0])[0])


def _cases(connection: Connection, viewer: Viewer) -> list[list[Any]]:
    """Rows of each case, the longest ended first."""
    cases: dict[str, list[Any]] = {}
    for row in connection.execute(_ENDED):
        cases.setdefault(row.case, []).append(row)
    return [rows for rows in cases.values() if rows[0].account is None or rows[0].account != viewer.account]


def _ended() -> Select[Any]:
    first = (
        select(records.c.case)
        .where(records.c.ended_at.is_not(None))
        .group_by(records.c.case, records.c.ended_at)
        .order_by(records.c.ended_at, records.c.case)
        .limit(PAGE)
    )
    query = select(records).where(records.c.case.in_(select(first.subquery().c.case)))
    return query.order_by(records.c.ended_at, records.c.case, records.c.idx)


_ENDED: Final = _ended()


def _ground(facts: StateFacts, kept: int, now: int, row: Any) -> tuple[Ground | None, int]:
    """Why it may be erased now, and from when it may."""
    if row.kind != "application":
        return "mistake", row.ended_at
    due_at = row.ended_at + kept
    if due_at <= now:
        return "retention", due_at
    if not facts.has_consent(row.account, vault.CONSENT):
        return "consent", row.ended_at
    return None, due_at


def _case(
    connection: Connection,
    facts: StateFacts,
    names: Names,
    viewer: Viewer,
    kept: int,
    now: int,
    rows: Sequence[Any],
) -> EndedCase:
    row = rows[0]
    ground, due_at = _ground(facts, kept, now, row)
    named_by = next((item for item in rows if item.type == _NAMED_BY[row.kind]), None)
    roles = viewer.reads_as(row.account)
    name = names.of_document(connection, named_by.digest, named_by.type, roles) if named_by else None
    documents = tuple(item.digest for item in rows)
    return EndedCase(
        row.kind, row.number, row.account, row.status, row.ended_at, due_at, ground, documents, name
    )


def items(cases: Sequence[EndedCase], own: str) -> Iterator[Item]:
    """What an officer signs to erase everything that may be: a statement for each ground and 64 documents."""
    for ground in ("retention", "consent", "mistake"):
        documents = [digest for case in cases if case.ground == ground for digest in case.documents]
        for start in range(0, len(documents), vault.MOST):
            part = documents[start : start + vault.MOST]
            yield Item("vault.erase/1", {"re": list(part), "ground": ground}, own, own)
