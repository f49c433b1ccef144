"""The state of the domain `council` (SPEC §8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from protocol.contract import Record
from protocol.contracts.council.statements import AutomationTerms, PersonKind, RobotAct, SeatRole
from protocol.decisions import Ballot, Box, Rule
from protocol.effects import MemberNumber

Status: TypeAlias = Literal["open", "decided", "approved", "lapsed", "expired", "cancelled"]

#: id of the one record of the kind `council`
CURRENT: Final = "current"


class Council(Record, frozen=True):
    #: document digest of the appointment or of the founding minutes
    basis: bytes
    #: seats with a vote, and how many of them are filled
    seats: int
    filled: int = 0
    chair: str | None = None
    until: int | None = None
    constituted: bool = False


class Seat(Record, frozen=True):
    roles: tuple[SeatRole, ...]
    voting: bool
    #: key of the last invitation and document digest of the statement that named it
    invitation: bytes | None = None
    invited_by: bytes | None = None
    member: MemberNumber | None = None
    account: str | None = None
    #: tick of the last invitation
    invited_at: int | None = None


class Holder(Record, frozen=True):
    """By account: what the person holds by the seat."""

    seat: int
    voting: bool
    index: int
    offices: tuple[str, ...] = ()


class Office(Record, frozen=True):
    """By account: what the council gave."""

    offices: tuple[str, ...]
    approval: bytes


class Used(Record, frozen=True):
    """By kid in hexadecimal: an invitation key is for one seat, once."""

    seat: int


class Case(Record, frozen=True):
    """What terms of the robot are held against: whose application an admission is about."""

    person: PersonKind
    level: int
    sum: int


class Matter(Record, frozen=True):
    kind: str
    #: who proposed; for an admission the applicant
    by: str
    index: int
    rule: Rule
    box: Box
    #: who presides in this round
    chair: str
    pack: bytes
    charter: bytes | None = None
    re: tuple[bytes, ...] = ()
    subject: str | None = None
    roles: tuple[str, ...] = ()
    status: Status = "open"
    outcome: Literal["adopted", "rejected"] | None = None
    sign_by: int | None = None
    #: document digest of the approval
    approval: bytes | None = None
    #: document digests of the returns, one a round
    returns: tuple[bytes, ...] = ()
    #: a key that voted was called into question after the vote had closed (P10)
    suspected: bool = False
    #: of an admission
    case: Case | None = None
    #: terms proposed in a matter of kind `automation`; absent when it ends what is automated
    automation: AutomationTerms | None = None


class Live(Record, frozen=True):
    """By matter: still open or waiting for the chair. Keeps the search for a revoked key's ballots short."""


class Decision(Record, frozen=True):
    """By identifier of the approval's document digest."""

    matter: str


class Automation(Record, frozen=True):
    """The last decision about the robot. `approval` is the digest of the chair's signature under it."""

    approval: bytes
    terms: AutomationTerms
    since: int
    stopped_at: int | None = None
    #: document digest of the statement that stopped it
    stopped_by: bytes | None = None


class Delegation(Record, frozen=True):
    """By kid in hexadecimal: a key lent to the robot. `digest` is that of the lending statement, `by` the key
    that signed it."""

    account: str
    by: bytes
    digest: bytes
    approval: bytes
    acts: tuple[RobotAct, ...]
    until: int
    max_sum: int | None = None
    ended_at: int | None = None


class Lent(Record, frozen=True):
    """By account: the key lent now."""

    kid: bytes


class Spent(Record, frozen=True):
    """By account and act: how often on a day (counted from 1970 in UTC)."""

    day: int
    count: int


STATE: Mapping[str, type[Record]] = {
    "council": Council,
    "seat": Seat,
    "holder": Holder,
    "office": Office,
    "used": Used,
    "matter": Matter,
    "live": Live,
    "ballot": Ballot,
    "decision": Decision,
    "automation": Automation,
    "delegation": Delegation,
    "lent": Lent,
    "spent": Spent,
}
