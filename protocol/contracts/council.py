"""The council: seats, matters, ballots, and the chair's signature without which nothing takes effect
(SPEC §8.2, R80-R82, R199-R207).

A matter:

    from            by                                                      to
    ──────────────────────────────────────────────────────────────────────────────────────
    (none)          council.propose, effect membership.completed            open
    open            grace time after the deadline passed, quorum            decided
    open            grace time after the deadline passed, no quorum         expired   *
    open, decided   council.approve (open: only when settled)               approved  *
    open, decided   council.return (open: only when settled)                open, next round
    decided         council.chair_sign_days passed                          lapsed    *
    open, decided   effect membership.closed                                cancelled

    * tells the others by effect council.decided

Quorum is of the seats with a vote, filled or not: a council of eight of whom six came in is still a council
of eight.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta
from msgspec.structs import replace

from protocol import acts, decisions
from protocol.acts import (
    DAY,
    PERSON,
    Act,
    Basis,
    Digest,
    Identifier,
    Kid,
    Number,
    Proof,
    Seconds,
    Sequence,
    Word,
)
from protocol.contract import (
    Changes,
    Context,
    Deadline,
    DocumentType,
    Effect,
    Payload,
    PrivateField,
    Record,
    Rejection,
    View,
    Write,
)
from protocol.decisions import Ballot, Box, Cast, Choice, Counts, Electorate, Rule
from protocol.documents import Statement
from protocol.effects import (
    AccountRevoked,
    CouncilAppointed,
    CouncilConstituted,
    CouncilDecided,
    CouncilSeated,
    FoundingConstituted,
    MemberNumber,
    MembershipClosed,
    MembershipCompleted,
)
from protocol.identifiers import identifier

DOMAIN = "council"

CODES: Final[Mapping[str, str]] = {
    **decisions.CODES,
    "already_appointed": "The council has been appointed.",
    "already_seated": "The person holds a seat.",
    "invitation_fresh": "The seat's invitation is too new for the chair to replace it.",
    "own_admission": "The chair does not sign for their own admission while there is a secretary.",
    "too_many_proposals": "The proposer has as many matters open as one may have.",
    "too_many_rounds": "The matter has had all its rounds: the chair approves or lets it lapse.",
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
Status: TypeAlias = Literal["open", "decided", "approved", "lapsed", "expired", "cancelled"]

#: Given by an executed `officer` matter. The chair is elected by the meeting (A18).
GIVEN_OFFICES: Final = frozenset(("secretary", "accountant"))
MAX_SEATS: Final = 64
_CURRENT: Final = "current"


# --- documents ------------------------------------------------------------------------------------


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


class CouncilPropose(Act, frozen=True):
    kind: Word
    re: Annotated[tuple[Digest, ...], Meta(max_length=32)] = ()
    subject: Identifier | None = None
    roles: Annotated[tuple[Word, ...], Meta(max_length=4)] = ()


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
)


# --- state ----------------------------------------------------------------------------------------


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


class Live(Record, frozen=True):
    """By matter: still open or waiting for the chair. Keeps the search for a revoked key's ballots short."""


class Decision(Record, frozen=True):
    """By identifier of the approval's document digest."""

    matter: str


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
}


# --- what others may ask --------------------------------------------------------------------------


def constituted(view: View) -> bool:
    current = view.get("council", _CURRENT, Council)
    return current is not None and current.constituted


def roles(view: View, account: str) -> frozenset[str]:
    """Offices held now: chair, secretary, accountant by seat or by decision; council with a vote."""
    holder = view.get("holder", account, Holder)
    office = view.get("office", account, Office)
    held = set(office.offices) if office else set()
    if holder:
        held.update(holder.offices)
        if holder.voting:
            held.add("council")
    return frozenset(held)


def chair(view: View) -> str | None:
    current = view.get("council", _CURRENT, Council)
    return current.chair if current else None


def council(view: View) -> tuple[str, ...]:
    """Accounts with a vote, ascending."""
    return tuple(account for account, holder in view.scan("holder", "", Holder) if holder.voting)


def signers(view: View, matter: Matter) -> frozenset[str]:
    """Who may approve or return it: the chair, but a secretary when it is the chair who is to be admitted."""
    presiding = chair(view)
    if matter.kind == "admission" and matter.subject == presiding:
        seated = {id for id, holder in view.scan("holder", "", Holder) if "secretary" in holder.offices}
        given = {id for id, office in view.scan("office", "", Office) if "secretary" in office.offices}
        if others := (seated | given) - {presiding}:
            return frozenset(others)
    return frozenset((presiding,)) if presiding else frozenset()


def adopted(view: View, approval: bytes) -> Matter | None:
    """The matter that a `council.approve/1` of this document digest adopted: for acts that rest on a
    decision.
    """
    decision = view.get("decision", identifier(approval), Decision)
    if decision is None:
        return None
    matter = view.need("matter", decision.matter, Matter)
    return matter if matter.outcome == "adopted" else None


# --- deciding -------------------------------------------------------------------------------------


def decide(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    return acts.decide(_HANDLERS, view, statement, context)


def due(view: View, deadline: Deadline, context: Context) -> Changes:
    """The vote's grace time has passed, or the chair's time to sign."""
    matter = view.get("matter", deadline.id, Matter)
    if matter is None or matter.status not in ("open", "decided") or deadline.time != _pending(matter):
        return Changes()  # another deadline of the same tick has ended it
    if matter.status == "decided":
        return _ended(deadline.id, matter, "lapsed", "lapsed")
    result = _outcome(view, deadline.id, matter)
    if result == "expired":
        return _ended(deadline.id, matter, "expired", "expired")
    sign_by = context.tick + context.facts.parameter("council.chair_sign_days") * DAY
    decided = replace(matter, status="decided", outcome=result, sign_by=sign_by)
    return Changes((Write("matter", deadline.id, decided),), set_deadlines=(_deadline(deadline.id, decided),))


def react(view: View, effect: Effect, context: Context) -> Changes | Rejection:
    data = effect.data
    if isinstance(data, MembershipCompleted):
        return _admission(view, data, context)
    if isinstance(data, MembershipClosed):
        return _cancel(view, data)
    if isinstance(data, AccountRevoked):
        return _revoked(view, data)
    assert isinstance(data, FoundingConstituted)
    return _seat_elected(data, context)


# --- seats ----------------------------------------------------------------------------------------


def _appoint(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: CouncilAppoint = statement.body
    if refused := acts.about(statement, context.cooperative):
        return refused
    if context.facts.genesis_kind() != "existing":
        return Rejection("wrong_founding", "type")
    if statement.iss != context.facts.founder():
        return Rejection("not_allowed", "iss", {"role": "founder"})
    if view.get("council", _CURRENT, Council) is not None:
        return Rejection("already_appointed", "type")
    if context.facts.charter_digest() is None:
        return Rejection("charter_missing", "type")
    if body.until <= context.tick:
        return Rejection("until_passed", "until")
    if refused := _inconsistent(body.seats):
        return refused
    voting = sum(seat.voting for seat in body.seats)
    writes = [Write("council", _CURRENT, Council(statement.digest, voting, until=body.until))]
    numbers = []
    for place in body.seats:
        member = MemberNumber(place.member.number, place.member.since) if place.member else None
        if member:
            numbers.append(member)
        seat = Seat(
            place.roles,
            place.voting,
            place.invitation,
            statement.digest,
            member,
            invited_at=context.tick,
        )
        writes.append(Write("seat", str(place.seat), seat))
        writes.append(Write("used", place.invitation.hex(), Used(place.seat)))
    return Changes(tuple(writes), (Effect("council.appointed", CouncilAppointed(tuple(numbers))),))


def _inconsistent(seats: tuple[AppointedSeat, ...]) -> Rejection | None:
    if _repeats(seat.seat for seat in seats):
        return Rejection("seat_repeated", "seats")
    if _repeats(seat.invitation for seat in seats):
        return Rejection("invitation_repeated", "seats")
    if _repeats(seat.member.number for seat in seats if seat.member):
        return Rejection("number_repeated", "seats")
    if [seat.voting for seat in seats if "chair" in seat.roles] != [True]:
        return Rejection("chair_seat", "seats")
    return None


def _repeats(values: Iterable[int | str | bytes]) -> bool:
    found = list(values)
    return len(set(found)) != len(found)


def _reinvite(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """A lost invitation is replaced while the seat is vacant: by the founder at first, by the chair once
    there is one. The chair leaves the invited person time: a seat that somebody may still take is not vacant.
    """
    body: CouncilReinvite = statement.body
    if refused := acts.about(statement, context.cooperative):
        return refused
    founding = not constituted(view) and statement.iss == context.facts.founder()
    if not founding and statement.iss != chair(view):
        return Rejection("not_allowed", "iss", {"role": "chair" if constituted(view) else "founder"})
    seat = view.get("seat", str(body.seat), Seat)
    if seat is None:
        return Rejection("unknown_seat", "seat")
    if seat.account is not None:
        return Rejection("seat_taken", "seat")
    since = (seat.invited_at or 0) + context.facts.parameter("council.reinvite_days") * DAY
    if not founding and context.tick < since:
        return Rejection("invitation_fresh", "seat", {"from": since})
    if view.get("used", body.invitation.hex(), Used) is not None:
        return Rejection("invitation_repeated", "invitation")
    invited = replace(seat, invitation=body.invitation, invited_by=statement.digest, invited_at=context.tick)
    return Changes(
        (
            Write("seat", str(body.seat), invited),
            Write("used", body.invitation.hex(), Used(body.seat)),
        )
    )


def _accept(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: CouncilAccept = statement.body
    if refused := acts.about(statement, context.cooperative):
        return refused
    seat = view.get("seat", str(body.seat), Seat)
    if seat is None:
        return Rejection("unknown_seat", "seat")
    if seat.account is not None:
        return Rejection("seat_taken", "seat")
    if body.re[0] != seat.invited_by:
        return Rejection("wrong_reference", "re")
    if view.get("holder", statement.iss, Holder) is not None:
        return Rejection("already_seated", "iss")
    if refused := acts.unsigned(context, statement.iss):
        return refused
    if seat.invitation is None or not acts.holds_invitation(
        seat.invitation, statement.iss, seat.invited_by, body.proof
    ):
        return Rejection("no_possession", "proof")
    offices = tuple(sorted(set(seat.roles) - {"member"}))
    holder = Holder(body.seat, seat.voting, context.index, offices)
    before = view.need("council", _CURRENT, Council)
    after = _filled(before, statement.iss, holder, context)
    effects = [
        Effect("council.seated", CouncilSeated(statement.iss, body.seat, statement.digest, seat.member))
    ]
    if after.constituted and not before.constituted and after.chair:
        voters = {*council(view), *((statement.iss,) if holder.voting else ())}
        effects.append(Effect("council.constituted", CouncilConstituted(after.chair, tuple(sorted(voters)))))
    return Changes(
        (
            Write("council", _CURRENT, after),
            Write("seat", str(body.seat), replace(seat, account=statement.iss)),
            Write("holder", statement.iss, holder),
        ),
        tuple(effects),
    )


def _filled(before: Council, account: str, holder: Holder, context: Context) -> Council:
    """The cooperative is constituted once the chair is in and the seats that came in could make a quorum."""
    filled = before.filled + holder.voting
    presiding = account if "chair" in holder.offices else before.chair
    part, whole = context.facts.parameter("council.quorum")
    able = presiding is not None and filled * whole >= before.seats * part
    return replace(before, filled=filled, chair=presiding, constituted=before.constituted or able)


def _seat_elected(data: FoundingConstituted, context: Context) -> Changes:
    """The founding meeting's council, in order of votes (R88)."""
    size = len(data.council)
    current = Council(data.minutes, size, size, data.chair, constituted=True)
    writes = [Write("council", _CURRENT, current)]
    for number, account in enumerate(data.council, 1):
        presides = account == data.chair
        seat_roles: tuple[SeatRole, ...] = ("chair", "member") if presides else ("member",)
        writes.append(Write("seat", str(number), Seat(seat_roles, True, account=account)))
        offices = ("chair",) if presides else ()
        writes.append(Write("holder", account, Holder(number, True, context.index, offices)))
    return Changes(tuple(writes))


# --- matters --------------------------------------------------------------------------------------


def _propose(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: CouncilPropose = statement.body
    refused = acts.about(statement, context.cooperative) or acts.lacks_office(
        context, statement.iss, "council"
    )
    refused = refused or _not_for_council(body, context) or _not_proposable(view, body, context)
    if refused:
        return refused
    limit = context.facts.parameter("council.max_open")
    live = (view.need("matter", id, Matter) for id, _ in view.scan("live", "", Live))
    if sum(matter.by == statement.iss and matter.kind != "admission" for matter in live) >= limit:
        return Rejection("too_many_proposals", "type", {"limit": limit})
    matter = _open(view, context, body.kind, statement.iss)
    matter = replace(matter, re=body.re, subject=body.subject, roles=tuple(sorted(body.roles)))
    return _live(identifier(statement.digest), matter)


def _not_for_council(body: CouncilPropose, context: Context) -> Rejection | None:
    """What law or charter give to the general meeting is refused here, with the way that is open (SPEC
    §7.3).
    """
    if body.kind in context.facts.reserved_matters():
        return Rejection("exclusive_competence", "kind", {"matter": body.kind, "way": "agenda"})
    if body.kind == "officer" and "chair" in body.roles:
        return Rejection("exclusive_competence", "roles", {"matter": "chair", "way": "agenda"})
    return None


def _not_proposable(view: View, body: CouncilPropose, context: Context) -> Rejection | None:
    if body.kind not in ("officer", "free", "node_keys"):
        return Rejection("kind_not_proposable", "kind")
    if body.kind == "node_keys" and len(body.re) != 1:
        return Rejection("keys_unnamed", "re")
    if body.kind != "officer":
        return Rejection("roles_unexpected", "roles") if body.roles else None
    if body.subject is None:
        return Rejection("officer_incomplete", "subject")
    if not context.facts.knows_account(body.subject):
        return Rejection("unknown_account", "subject")
    if not GIVEN_OFFICES.issuperset(body.roles) or _repeats(body.roles):
        return Rejection("officer_incomplete", "roles")
    if not body.roles and view.get("office", body.subject, Office) is None:
        return Rejection("officer_incomplete", "roles")
    return None


def _admission(view: View, data: MembershipCompleted, context: Context) -> Changes:
    """The secretary sent an application on (R80); that statement is the matter's opening."""
    matter = _open(view, context, "admission", data.applicant)
    matter = replace(matter, re=(data.apply, data.complete), subject=data.applicant)
    return _live(identifier(data.complete), matter)


def _open(view: View, context: Context, kind: str, by: str) -> Matter:
    """A matter freezes its rule, pack and charter when it opens (SPEC §7.3)."""
    facts = context.facts
    presiding = _presiding(view)
    part, whole = facts.parameter("council.majority")
    majority = (part, whole)
    part, whole = facts.parameter("council.quorum")
    rule = Rule(
        quorum=(part, whole),
        majority=majority,
        base=facts.parameter("council.majority_base"),
        # "More than half", but "not less than three quarters": as laws and charters put it.
        strict=decisions.simple_majority(majority),
        quorum_chair=facts.parameter("council.quorum_chair"),
        casting=presiding if facts.parameter("council.tie") == "chair" else None,
    )
    return Matter(
        kind=kind,
        by=by,
        index=context.index,
        rule=rule,
        box=_box(view, context, 1),
        chair=presiding,
        pack=facts.pack_digest(),
        charter=facts.charter_digest(),
    )


def _box(view: View, context: Context, round: int) -> Box:
    current = view.need("council", _CURRENT, Council)
    electorate = Electorate(context.index, current.seats, decisions.electorate_root(council(view)))
    closes = context.tick + context.facts.parameter("council.vote_days") * DAY
    return decisions.open_box(
        electorate, round, context.tick, closes, context.facts.parameter("vote.grace_seconds")
    )


def _presiding(view: View) -> str:
    found = chair(view)
    assert found is not None, "a constituted council has a chair"
    return found


def _vote(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """One vote each (R133), open (R134), changed as often as wanted until the close (P19)."""
    body: CouncilVote = statement.body
    matter = _at(view, statement, body.matter, body.round, "open")
    if isinstance(matter, Rejection):
        return matter
    holder = view.get("holder", statement.iss, Holder)
    # A seat filled after the matter opened is not in its electorate.
    if holder is None or not holder.voting or holder.index > matter.box.electorate.index:
        return Rejection("not_allowed", "iss", {"role": "council"})
    key = _ballot_key(body.matter, matter, statement.iss)
    vote = Cast(body.sequence, body.choice, statement.iat, statement.kid, statement.digest)
    counted = decisions.cast(matter.box, view.get("ballot", key, Ballot), vote, context.tick)
    if isinstance(counted, Rejection):
        return counted
    box, ballot = counted
    return Changes((Write("matter", body.matter, replace(matter, box=box)), Write("ballot", key, ballot)))


def _comment(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """Said while the matter lives; the log keeps it, the state has no use for it."""
    body: CouncilComment = statement.body
    matter = _at(view, statement, body.matter, None, "open", "decided")
    if isinstance(matter, Rejection):
        return matter
    return acts.lacks_office(context, statement.iss, "council", "secretary") or Changes()


def _approve(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """The chair's signature (R82, R207): only now a decision exists, and it names what it approves."""
    body: CouncilApprove = statement.body
    matter = _before_chair(view, statement, body.matter, body.round, context)
    if isinstance(matter, Rejection):
        return matter
    if refused := acts.saw(statement, matter.box.electorate.index):
        return refused
    if body.outcome != _outcome(view, body.matter, matter):
        return Rejection("result_mismatch", "outcome")
    if body.counts != matter.box.counts:
        return Rejection("result_mismatch", "counts")
    if body.result != result(view, body.matter):
        return Rejection("result_mismatch", "result")
    approved = replace(matter, outcome=body.outcome, approval=statement.digest)
    decision = Write("decision", identifier(statement.digest), Decision(body.matter))
    ended = _ended(body.matter, approved, "approved", body.outcome)
    return replace(
        ended,
        writes=(*ended.writes, decision, *_executed(approved)),
        clear_deadlines=(_deadline(body.matter, matter),),
    )


def _executed(matter: Matter) -> tuple[Write, ...]:
    """What an adopted matter does inside this domain; elsewhere `council.decided` does it."""
    if matter.kind != "officer" or matter.outcome != "adopted":
        return ()
    assert matter.subject is not None and matter.approval is not None
    office = Office(matter.roles, matter.approval) if matter.roles else None
    return (Write("office", matter.subject, office),)


def _return(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """Back to the council with a reason (A20): the next round is open at once, with the council as it is
    now.
    """
    body: CouncilReturn = statement.body
    matter = _before_chair(view, statement, body.matter, body.round, context)
    if isinstance(matter, Rejection):
        return matter
    limit = context.facts.parameter("council.max_rounds")
    if matter.box.round >= limit:
        return Rejection("too_many_rounds", "round", {"limit": limit})
    presiding = _presiding(view)
    rule = replace(matter.rule, casting=presiding) if matter.rule.casting else matter.rule
    again = replace(
        matter,
        rule=rule,
        box=_box(view, context, matter.box.round + 1),
        chair=presiding,
        status="open",
        outcome=None,
        sign_by=None,
        returns=(*matter.returns, statement.digest),
        suspected=False,
    )
    return Changes(
        (Write("matter", body.matter, again),),
        set_deadlines=(_deadline(body.matter, again),),
        clear_deadlines=(_deadline(body.matter, matter),),
    )


def _before_chair(
    view: View, statement: Statement, id: str, round: int, context: Context
) -> Matter | Rejection:
    """The matter, when the signer is the chair and it is ready for the signature."""
    matter = _at(view, statement, id, round, "open", "decided")
    if isinstance(matter, Rejection):
        return matter
    if refused := _not_signing(view, matter, statement.iss):
        return refused
    if matter.status == "open" and not decisions.settled(
        matter.rule, matter.box.counts, matter.box.electorate.size, _chair_choice(view, id, matter)
    ):
        return Rejection("not_settled", "matter", {"closes": matter.box.closes})
    return matter


def _not_signing(view: View, matter: Matter, account: str) -> Rejection | None:
    able = signers(view, matter)
    if account in able:
        return None
    chairs = chair(view) in able
    own = not chairs and account == matter.subject
    role = "chair" if chairs else "secretary"
    return Rejection("own_admission" if own else "not_allowed", "iss", {"role": role})


def _at(
    view: View, statement: Statement, id: str, round: int | None, *statuses: Status
) -> Matter | Rejection:
    """The matter a statement speaks of, in the round and one of the statuses it needs."""
    if refused := acts.about(statement, id):
        return refused
    matter = view.get("matter", id, Matter)
    if matter is None:
        return Rejection("unknown_matter", "matter")
    if matter.status not in statuses:
        return Rejection("matter_closed", "matter", {"status": matter.status})
    if round is not None and round != matter.box.round:
        return Rejection("wrong_round", "round", {"round": matter.box.round})
    return matter


def _live(id: str, matter: Matter) -> Changes:
    return Changes(
        (Write("matter", id, matter), Write("live", id, Live())), set_deadlines=(_deadline(id, matter),)
    )


def _ended(
    id: str,
    matter: Matter,
    status: Literal["approved", "lapsed", "expired"],
    outcome: Literal["adopted", "rejected", "lapsed", "expired"],
) -> Changes:
    """The matter's last state and its word to the others."""
    decided = CouncilDecided(
        id, matter.kind, outcome, matter.re, matter.subject, matter.roles, matter.approval
    )
    return Changes(
        (Write("matter", id, replace(matter, status=status, sign_by=None)), Write("live", id, None)),
        (Effect("council.decided", decided),),
    )


def _cancel(view: View, data: MembershipClosed) -> Changes:
    """The application is withdrawn or out of time: nothing is left to decide."""
    matter = view.get("matter", data.matter, Matter)
    if matter is None or matter.status not in ("open", "decided"):
        return Changes()
    return Changes(
        (
            Write("matter", data.matter, replace(matter, status="cancelled", sign_by=None)),
            Write("live", data.matter, None),
        ),
        clear_deadlines=(_deadline(data.matter, matter),),
    )


def _revoked(view: View, data: AccountRevoked) -> Changes:
    """P10: in open matters the key's suspected ballots go and its others step back; a closed vote is only
    flagged.
    """
    writes: list[Write] = []
    if view.get("holder", data.account, Holder) is None:
        return Changes()  # anybody may revoke keys as often as they like; only seats have ballots
    for id, _ in view.scan("live", "", Live):
        matter = view.need("matter", id, Matter)
        key = _ballot_key(id, matter, data.account)
        ballot = view.get("ballot", key, Ballot)
        if ballot is None or all(item.kid != data.kid for item in ballot.casts):
            continue
        if matter.status == "open":
            box, after = decisions.revoke(matter.box, ballot, data.kid, data.suspected_from)
            writes += (Write("matter", id, replace(matter, box=box)), Write("ballot", key, after))
        elif data.suspected_from is not None:
            writes.append(Write("matter", id, replace(matter, suspected=True)))
    return Changes(tuple(writes))


# --- counting -------------------------------------------------------------------------------------


def result(view: View, id: str) -> bytes:
    """Result digest of the matter's current round: what the chair's device computes for itself and signs."""
    matter = view.need("matter", id, Matter)
    ballots = view.scan("ballot", f"{id}/{matter.box.round}/", Ballot)
    counted = (decisions.counting(ballot) for _, ballot in ballots)
    return decisions.result_digest(id, matter.box, [item.digest for item in counted if item])


def _outcome(view: View, id: str, matter: Matter) -> decisions.Outcome:
    return decisions.outcome(
        matter.rule, matter.box.counts, matter.box.electorate.size, _chair_choice(view, id, matter)
    )


def _chair_choice(view: View, id: str, matter: Matter) -> Choice | None:
    ballot = view.get("ballot", _ballot_key(id, matter, matter.chair), Ballot)
    counted = decisions.counting(ballot) if ballot else None
    return counted.choice if counted else None


def _ballot_key(id: str, matter: Matter, account: str) -> str:
    return f"{id}/{matter.box.round}/{account}"


def _pending(matter: Matter) -> int:
    """The one deadline a live matter has."""
    return matter.box.until if matter.sign_by is None else matter.sign_by


def _deadline(id: str, matter: Matter) -> Deadline:
    return Deadline(_pending(matter), "matter", id)


_HANDLERS = {
    "council.appoint/1": _appoint,
    "council.reinvite/1": _reinvite,
    "council.accept/1": _accept,
    "council.propose/1": _propose,
    "council.vote/1": _vote,
    "council.comment/1": _comment,
    "council.approve/1": _approve,
    "council.return/1": _return,
}
