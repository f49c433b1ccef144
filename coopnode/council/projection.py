"""Read models of the council: matters as they stand, how they came there, what was said, numbered decisions.

Rows are taken from what an accepted statement wrote into the state, so a ballot, the chair's signature, an
application sent on and a passed deadline arrive here by the same way. No personal data and no texts: titles,
reasons and comments are opened from the vault when somebody entitled asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from coopnode import outbox
from coopnode.projections import Projection, written
from coopnode.store.sql import (
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    projections,
)
from coopnode.store.work import Row, Rows, Work
from protocol.contracts import council
from protocol.contracts.council import Matter
from protocol.encoding import Value
from protocol.identifiers import parse_identifier
from protocol.log import Accepted

#: One row a matter, as it stands; `changed_at` is the time of its last step. Ballots leave no trace here:
#: counts stand in the state.
matters: Final = Table(
    "council_matters",
    projections,
    Column("idx", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("kind", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("subject", Text),
    Column("opened_at", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("outcome", Text),
    Column("round", Integer, nullable=False),
    Column("closes", Integer, nullable=False),
    Column("until", Integer, nullable=False),
    Column("sign_by", Integer),
    Column("approval", LargeBinary(32)),
    Column("changed_at", Integer, nullable=False),
    Index("council_matters_id", "id", unique=True),
    Index("council_matters_status", "status", "idx"),
)

#: How a matter came to where it is. `event` is opened, decided, returned, approved, lapsed, expired or
#: cancelled; the counts are those of the round at that moment, `digest` that of the statement that moved it.
steps: Final = Table(
    "council_steps",
    projections,
    Column("matter", Text, primary_key=True),
    Column("idx", Integer, primary_key=True),
    Column("event", Text, nullable=False),
    Column("outcome", Text),
    Column("round", Integer, nullable=False),
    Column("at", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("in_favour", Integer, nullable=False),
    Column("against", Integer, nullable=False),
    Column("abstain", Integer, nullable=False),
    sqlite_with_rowid=False,
)

comments: Final = Table(
    "council_comments",
    projections,
    Column("idx", Integer, primary_key=True),
    Column("matter", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Integer, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Index("council_comments_matter", "matter", "idx"),
)

#: Decisions are numbered in the order in which the chair signed them.
decisions: Final = Table(
    "council_decisions",
    projections,
    Column("number", Integer, primary_key=True),
    Column("idx", Integer, nullable=False),
    Column("matter", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("kind", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("at", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Index("council_decisions_digest", "digest"),
    Index("council_decisions_matter", "matter"),
)

#: Kind of news in the outbox; `coopnode.council.letters` says what is written about it.
LETTER: Final = "council.letter"
#: Who has not voted is reminded this long before the close.
REMIND: Final = 86_400
_NEWS: Final = frozenset(("opened", "decided", "returned"))


def _matters(entry: Accepted) -> Iterator[tuple[str, Matter]]:
    return written(entry, council.DOMAIN, "matter", Matter)


#: Most of what a council sends are ballots, which move nothing but the counts.
_BALLOT: Final = "council.vote/1"


_MATTERS: Final = Rows(matters, by=("id",))
_STEPS: Final = Rows(steps, by=("matter",))
_COMMENTS: Final = Rows(comments)
_DECISIONS: Final = Rows(decisions, last="number")


def _project(work: Work, entry: Accepted) -> None:
    if entry.statement.type == _BALLOT:
        return
    for id, matter in _matters(entry):
        before = next(iter(work.find(_MATTERS, id)), None)
        event = _event(before, matter)
        if event is not None:
            _step(work, entry, id, matter, event, before)
        _keep(work, entry, id, matter, before)
        if event == "approved":
            _number(work, entry, id, matter)
    if entry.statement.type == "council.comment/1":
        row = {"idx": entry.index, "matter": entry.statement.sub, "by": entry.statement.iss}
        row |= {"at": entry.tick, "digest": entry.statement.digest}
        work.add(_COMMENTS, row)


def _event(before: Row | None, matter: Matter) -> str | None:
    """None when nothing moved but the counts."""
    if before is None:
        return "opened"
    if before["round"] != matter.box.round:
        return "returned"
    return matter.status if before["status"] != matter.status else None


def _keep(work: Work, entry: Accepted, id: str, matter: Matter, before: Row | None) -> None:
    row: dict[str, Any] = {
        "status": matter.status,
        "outcome": matter.outcome,
        "round": matter.box.round,
        "closes": matter.box.closes,
        "until": matter.box.until,
        "sign_by": matter.sign_by,
        "approval": matter.approval,
        "changed_at": entry.tick,
    }
    if before is not None:
        work.change(_MATTERS, before, **row)
        return
    row |= {"idx": matter.index, "id": id, "digest": parse_identifier(id), "kind": matter.kind}
    row |= {"by": matter.by, "subject": matter.subject, "opened_at": entry.tick}
    work.add(_MATTERS, row)


def _step(work: Work, entry: Accepted, id: str, matter: Matter, event: str, before: Row | None) -> None:
    counts = matter.box.counts
    row: dict[str, Any] = {
        "matter": id,
        "idx": entry.index,
        "event": event,
        "outcome": matter.outcome,
        "round": before["round"] if before is not None else 1,
        "at": entry.tick,
        "type": entry.statement.type,
        "by": entry.statement.iss,
        "digest": entry.statement.digest,
        "in_favour": counts.for_,
        "against": counts.against,
        "abstain": counts.abstain,
    }
    work.add(_STEPS, row)


def _number(work: Work, entry: Accepted, id: str, matter: Matter) -> None:
    last = next(iter(work.find(_DECISIONS)), None)
    row = {
        "number": last["number"] + 1 if last is not None else 1,
        "idx": entry.index,
        "matter": id,
        "digest": entry.statement.digest,
        "kind": matter.kind,
        "outcome": matter.outcome,
        "at": entry.tick,
        "by": entry.statement.iss,
    }
    work.add(_DECISIONS, row)


def _letters(work: Work, entry: Accepted) -> None:
    """News for the council: a matter to vote on, a decision to sign."""
    news: list[tuple[dict[str, Value], int]] = []
    for id, matter in _matters(entry) if entry.statement.type != _BALLOT else ():
        event = next((step["event"] for step in work.find(_STEPS, id) if step["idx"] == entry.index), None)
        if event not in _NEWS:
            continue
        body = {"matter": id, "event": event, "round": matter.box.round}
        news.append((body, entry.tick))
        if event != "decided":
            due = max(entry.tick, matter.box.closes - REMIND)
            news.append(({**body, "event": "reminder"}, due))
    outbox.announce(work, LETTER, entry, news)


#: In this order: the letters read the step that was just written.
PROJECTIONS: Final = (
    Projection("council", 2, (matters, steps, comments, decisions), _project),
    Projection("council.letters", 1, (), _letters),
)
