"""What the robot has done, act by act: found by what the contract counts (`Spent`), so that ballots of people
cost nothing here. And who has lent it a key, for whom that is news of their account."""

from __future__ import annotations

from typing import Final

from coopnode import outbox
from coopnode.projections import Projection
from coopnode.store.sql import (
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    projections,
)
from coopnode.store.work import Rows, Work
from protocol.contracts import council
from protocol.encoding import Value
from protocol.log import Accepted

acts: Final = Table(
    "robot_acts",
    projections,
    Column("idx", Integer, primary_key=True),
    Column("at", Integer, nullable=False),
    #: complete, vote or approve
    Column("act", Text, nullable=False),
    #: who lent the key, and answers for it
    Column("account", Text, nullable=False),
    Column("kid", LargeBinary(32), nullable=False),
    Column("matter", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Index("robot_acts_at", "at"),
    Index("robot_acts_matter", "matter"),
)

_ACTS: Final = Rows(acts)

LENDING: Final = "council.delegate/1"
#: Kind of news in the outbox; `coopnode.robot.letters` says what is written about it.
LENT: Final = "robot.lent"


def _project(work: Work, entry: Accepted) -> None:
    if entry.statement.type == LENDING:
        body: dict[str, Value] = {"account": entry.statement.iss, "at": entry.tick}
        outbox.announce(work, LENT, entry, [(body, entry.tick)])
        return
    if not any(domain == council.DOMAIN and key.startswith("spent/") for domain, key in entry.writes):
        return
    matter = next(
        key.removeprefix("matter/")
        for domain, key in entry.writes
        if domain == council.DOMAIN and key.startswith("matter/")
    )
    row = {
        "idx": entry.index,
        "at": entry.tick,
        "act": council.ACTS[entry.statement.type],
        "account": entry.statement.iss,
        "kid": entry.statement.kid,
        "matter": matter,
        "digest": entry.statement.digest,
    }
    work.add(_ACTS, row)


PROJECTIONS: Final = (Projection("robot", 1, (acts,), _project, frozenset({LENDING, *council.ACTS})),)
