"""What one contract tells another at the same index: names, data, and the routes between them.

Contracts never import each other; they import this table. Reactions emit nothing but `membership.joined` and
`membership.left`, and what acts on these emits nothing, so no statement can set off a loop.

    account.revoked         account → council, founding     a key is revoked: its ballots (P10)
    council.appointed       council → membership            seats named: keep their member numbers
    council.seated          council → membership            a seat taken: enrol a member from before
    council.constituted     council → nobody yet            chair and quorum have accepted
    council.decided         council → membership            approved, lapsed unsigned, or expired
    founding.constituted    founding → cooperative,         both minutes stand: charter in force,
                            council, membership             seats filled, members 1…n
    membership.completed    membership → council            application sent on: open the matter
    membership.raised       membership → council            a member asks: open the matter
    membership.closed       membership → council            withdrawn or undecided: cancel the matter
    membership.joined       membership → nobody yet         somebody became a member
    membership.left         membership → council            somebody is no member any more: vacate the seat
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from protocol.contract import Record


class AccountRevoked(Record, frozen=True):
    account: str
    kid: bytes
    #: ballots by this key signed at or after this time are withdrawn from open matters
    suspected_from: int | None = None


class MemberNumber(Record, frozen=True):
    """A place in a register kept before: its number and the time of joining."""

    number: int
    since: int


class CouncilAppointed(Record, frozen=True):
    members: tuple[MemberNumber, ...]


class CouncilSeated(Record, frozen=True):
    account: str
    seat: int
    #: document digest of `council.accept/1`
    basis: bytes
    #: absent when the seat's holder is not known as a member
    member: MemberNumber | None = None


class CouncilConstituted(Record, frozen=True):
    chair: str
    #: accounts with a vote, ascending
    council: tuple[str, ...]


class CouncilDecided(Record, frozen=True):
    matter: str
    kind: str
    outcome: Literal["adopted", "rejected", "expired", "lapsed"]
    re: tuple[bytes, ...] = ()
    subject: str | None = None
    roles: tuple[str, ...] = ()
    #: document digest of `council.approve/1`; absent when nobody signed (expired, lapsed)
    approval: bytes | None = None


class FoundingConstituted(Record, frozen=True):
    #: elected, in order of votes
    council: tuple[str, ...]
    chair: str
    #: in order of joining: member numbers 1…n
    founders: tuple[str, ...]
    charter: bytes
    #: document digest of the second minutes
    minutes: bytes


class MembershipCompleted(Record, frozen=True):
    application: str
    #: document digest of `membership.apply/1`
    apply: bytes
    #: document digest of `membership.complete/1`; its identifier is the matter's id
    complete: bytes
    applicant: str
    decide_by: int
    #: what the council's robot may be allowed to look at: kind of person, level of identification, all fees
    person: Literal["person", "entrepreneur", "organisation"]
    level: int
    sum: int
    #: the key lent to the robot by which the application was sent on; absent when a person did
    robot: bytes | None = None


class MembershipClosed(Record, frozen=True):
    matter: str
    application: str
    status: Literal["withdrawn", "undecided"]


class MembershipRaised(Record, frozen=True):
    """`digest` is the document digest of the request; its identifier is the matter's id."""

    kind: str
    digest: bytes
    account: str
    decide_by: int


class MembershipLeft(Record, frozen=True):
    account: str
    number: int


class MembershipJoined(Record, frozen=True):
    account: str
    number: int
    since: int
    person: str
    #: document digest of what made the membership: payment, acceptance, minutes
    basis: bytes


class Route(msgspec.Struct, frozen=True):
    emitter: str
    reactors: tuple[str, ...]
    data: type[Record]


#: By effect name; the registry turns domains into modules. Reactors act in this order.
ROUTES: Mapping[str, Route] = {
    "account.revoked": Route("account", ("council", "founding"), AccountRevoked),
    "council.appointed": Route("council", ("membership",), CouncilAppointed),
    "council.seated": Route("council", ("membership",), CouncilSeated),
    "council.constituted": Route("council", (), CouncilConstituted),
    "council.decided": Route("council", ("membership",), CouncilDecided),
    "founding.constituted": Route("founding", ("cooperative", "council", "membership"), FoundingConstituted),
    "membership.completed": Route("membership", ("council",), MembershipCompleted),
    "membership.raised": Route("membership", ("council",), MembershipRaised),
    "membership.closed": Route("membership", ("council",), MembershipClosed),
    "membership.left": Route("membership", ("council",), MembershipLeft),
    "membership.joined": Route("membership", (), MembershipJoined),
}
