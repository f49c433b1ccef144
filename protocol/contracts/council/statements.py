"""What is signed in the domain `council` (SPEC §8.2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta

from protocol import decisions
from protocol.acts import (
    PERSON,
    Act,
    Basis,
    Count,
    Digest,
    Identifier,
    Kid,
    Number,
    Proof,
    Seconds,
    Sequence,
    Word,
)
from protocol.contract import DocumentType, Payload, PrivateField
from protocol.decisions import Choice, Counts

CODES: Final[Mapping[str, str]] = {
    **decisions.CODES,
    "act_repeated": "An act is named twice.",
    "already_appointed": "The council has been appointed.",
    "already_seated": "The person holds a seat.",
    "invitation_fresh": "The seat's invitation is too new for the chair to replace it.",
    "own_admission": "The chair does not sign for their own admission while there is a secretary.",
    "too_many_proposals": "The proposer has as many matters open as one may have.",
    "too_many_rounds": "The matter has had all its rounds: the chair approves or lets it lapse.",
    "automation_ended": "The council's decision about the robot no longer holds, or is another one.",
    "key_taken": "The key belongs to an account or was lent before: every delegation has a key of its own.",
    "not_automatable": "Charter and rules do not let this be left to the robot.",
    "robot_not_allowed": "The robot's key may not do this: it waits for a person.",
    "robot_quota": "The robot has done as many of these today as the council allows.",
    "robot_sum": "The sum is above what the robot may decide on.",
    "term_too_long": "The term is longer than rules or decision allow.",
    "terms_unexpected": "Only a matter about the robot names its terms.",
    "unknown_delegation": "The signer has lent no such key.",
    "chair_seat": "Exactly one seat is the chair's, and it has a vote.",
    "charter_missing": "There is no charter yet: with the council in, only the general meeting changes it.",
    "exclusive_competence": "Law or charter leave the matter to the general meeting: put it on the agenda.",
    "invitation_repeated": "The invitation's key has been used for another seat.",
    "keys_unnamed": "A matter about the node's keys names their digest and nothing else.",
    "kind_not_proposable": "Matters of this kind are not opened by a proposal.",
    "matter_closed": "The matter is no longer open to this act.",
    "not_settled": "The vote is open and a ballot to come can still change the outcome.",
    "number_repeated": "Two seats name one member number.",
    "officer_incomplete": "An officer matter names a person, and offices unless it ends those given.",
    "result_mismatch": "Outcome, counts or result digest are not those of the log.",
    "roles_unexpected": "Only an officer matter names offices.",
    "seat_repeated": "Two seats have one number.",
    "seat_taken": "The seat has been accepted.",
    "unknown_account": "The log knows no such account.",
    "unknown_matter": "The council has no such matter.",
    "unknown_seat": "The council has no such seat.",
    "until_passed": "The term lies in the past.",
    "wrong_founding": "A council is appointed only where the cooperative existed before its log.",
    "wrong_reference": "The document answered is not the one that invites to the seat.",
    "wrong_round": "The matter is in another round.",
}

SeatRole: TypeAlias = Literal["chair", "secretary", "accountant", "member"]
PersonKind: TypeAlias = Literal["person", "entrepreneur", "organisation"]
#: What a key lent to the robot does: send an application on to the council, vote for it, approve it.
RobotAct: TypeAlias = Literal["complete", "vote", "approve"]

#: Given by an executed `officer` matter. The chair is elected by the meeting (A18).
GIVEN_OFFICES: Final = frozenset(("secretary", "accountant"))
MAX_SEATS: Final = 64


class Member(Payload, frozen=True):
    """The seat's holder is a member already, with a number in the register kept before."""

    number: Number
    since: Seconds


class AppointedSeat(Payload, frozen=True):
    seat: Number
    roles: Annotated[tuple[SeatRole, ...], Meta(min_length=1, max_length=4)]
    voting: bool
    invitation: Kid
    member: Member | None = None


class CouncilAppoint(Act, frozen=True):
    basis: Basis
    seats: Annotated[tuple[AppointedSeat, ...], Meta(min_length=1, max_length=MAX_SEATS)]
    until: Seconds


class CouncilReinvite(Act, frozen=True):
    seat: Number
    invitation: Kid


class CouncilAccept(Act, frozen=True):
    re: tuple[Digest]
    seat: Number
    proof: Proof


class AutomationTerms(Payload, frozen=True):
    """What is left to the robot. `max_sum`: all fees of one application, in minor units."""

    kinds: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=8)]
    persons: Annotated[tuple[PersonKind, ...], Meta(min_length=1, max_length=3)]
    level: Literal[1, 2]
    per_day: Number
    until: Seconds
    chair: bool
    max_sum: Count | None = None


class CouncilPropose(Act, frozen=True):
    kind: Word
    re: Annotated[tuple[Digest, ...], Meta(max_length=32)] = ()
    subject: Identifier | None = None
    roles: Annotated[tuple[Word, ...], Meta(max_length=4)] = ()
    automation: AutomationTerms | None = None


class CouncilDelegate(Act, frozen=True):
    """`re` is the approval of the decision; `proof` is by the key over (account, 0, approval)."""

    re: tuple[Digest]
    key: Kid
    proof: Proof
    acts: Annotated[tuple[RobotAct, ...], Meta(min_length=1, max_length=3)]
    until: Seconds
    max_sum: Count | None = None


class CouncilUndelegate(Act, frozen=True):
    re: tuple[Digest]


class CouncilVote(Act, frozen=True):
    matter: Identifier
    round: Number
    choice: Choice
    sequence: Sequence


class CouncilComment(Act, frozen=True):
    matter: Identifier


class CouncilApprove(Act, frozen=True):
    matter: Identifier
    round: Number
    outcome: Literal["adopted", "rejected"]
    counts: Counts
    result: Digest


class CouncilReturn(Act, frozen=True):
    matter: Identifier
    round: Number


_COUNCIL = ("self", "chair", "secretary", "council")
_REASON = PrivateField("reason", _COUNCIL, format="multiline")

TYPES = (
    DocumentType("council.appoint/1", CouncilAppoint, founding=True),
    DocumentType("council.reinvite/1", CouncilReinvite, founding=True),
    DocumentType("council.accept/1", CouncilAccept, private=PERSON, founding=True),
    DocumentType(
        "council.propose/1",
        CouncilPropose,
        private=(PrivateField("title", _COUNCIL), PrivateField("text", _COUNCIL, format="multiline")),
        number=599,
    ),
    DocumentType("council.vote/1", CouncilVote),
    DocumentType(
        "council.comment/1", CouncilComment, private=(PrivateField("text", _COUNCIL, format="multiline"),)
    ),
    # Number 501 when the matter is an admission.
    DocumentType(
        "council.approve/1",
        CouncilApprove,
        private=(dataclasses.replace(_REASON, required=False),),
        public=True,
        seen=True,
        number=600,
    ),
    DocumentType("council.return/1", CouncilReturn, private=(_REASON,)),
    DocumentType("council.delegate/1", CouncilDelegate),
    DocumentType("council.undelegate/1", CouncilUndelegate),
)
