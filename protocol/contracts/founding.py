"""The founding meeting of a new cooperative (SPEC §8.4).

    from                        by                                          to
    ──────────────────────────────────────────────────────────────────────────────────────
    (none), lapsed              founding.convene                            convened
    convened                    time to join passed, too few joined         lapsed
    convened                    founding.open                               voting
    voting                      grace time after the deadline passed        closed
    voting, everybody voted     first founding.minutes                      closed
    closed, not adopted         founding.open                               voting
    closed, not adopted         founding.convene                            convened
    convened or closed, and
      the draft charter changed founding.convene                            convened
    closed, adopted             second founding.minutes                     constituted

Everybody joins by an invitation, the founder who convenes too: joining brings their personal data, and the
order of joining gives the member numbers. The charter needs every founder's vote (Civil Code art. 50.1:
founders decide unanimously), a seat in the council more than half of the ballots (A16, A17), and the chair
both a seat and more than half of the ballots as chair (A18).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta
from msgspec.structs import replace

from protocol import acts, decisions
from protocol.acts import DAY, PERSON, Act, Digest, Identifier, Kid, Number, Proof, Seconds, Sequence
from protocol.contract import Changes, Context, Deadline, DocumentType, Effect, Record, Rejection, View, Write
from protocol.decisions import Ballot, Box, Cast, Choice, Electorate, Rule
from protocol.documents import Statement
from protocol.effects import AccountRevoked, FoundingConstituted
from protocol.identifiers import identifier

DOMAIN = "founding"

CODES: Final[Mapping[str, str]] = {
    **decisions.CODES,
    "already_constituted": "The cooperative is constituted; founding is over.",
    "already_convened": "A founding meeting is under way.",
    "already_joined": "The person is among the founders.",
    "candidate_repeated": "A person is named twice.",
    "candidate_unknown": "A person named is not a founder, or not a candidate.",
    "charter_outdated": "The draft charter is another one.",
    "closes_out_of_range": "The deadline lies in the past or too far ahead.",
    "invitation_repeated": "An invitation's key is named twice or has been used.",
    "invitation_used": "The invitation has been accepted.",
    "joining_closed": "The time to join has passed, or the vote has begun.",
    "minutes_signed": "The minutes are signed in this role, or by this person in the other.",
    "not_adopted": "The vote has not adopted the charter and filled the council: there is nothing to sign.",
    "not_convened": "There is no founding meeting at this stage.",
    "result_mismatch": "Council, chair or result digest are not those of the log.",
    "too_few_candidates": "There are fewer candidates than seats.",
    "too_few_founders": "Fewer founders are invited or have joined than the law asks for.",
    "too_few_seats": "The council would be smaller than law or charter allow.",
    "too_many_names": "More persons are named than there are seats.",
    "unknown_invitation": "The meeting has no such invitation.",
    "voting_open": "The vote is open and not everybody has voted.",
    "wrong_founding": "The cooperative existed before its log: its council is appointed.",
    "wrong_reference": "The document answered is not the one of this stage.",
}

MAX_FOUNDERS: Final = 1000
#: Presider and secretary are two (A8): a meeting of one could adopt and never be signed.
MIN_FOUNDERS: Final = 2
_CURRENT: Final = "current"
#: Every founder, and nobody against or abstaining.
UNANIMOUS: Final = Rule(quorum=(1, 1), majority=(1, 1), base="electorate", strict=False)


# --- documents ------------------------------------------------------------------------------------

Accounts: TypeAlias = Annotated[tuple[Identifier, ...], Meta(max_length=MAX_FOUNDERS)]


class FoundingConvene(Act, frozen=True):
    charter: Digest
    invitations: Annotated[tuple[Kid, ...], Meta(max_length=MAX_FOUNDERS)]
    closes: Seconds


class FoundingJoin(Act, frozen=True):
    re: tuple[Digest]
    invitation: Kid
    proof: Proof


class FoundingOpen(Act, frozen=True):
    re: tuple[Digest]
    candidates: Accounts
    seats: Number
    closes: Seconds


class FoundingBallot(Act, frozen=True):
    re: tuple[Digest]
    charter: Choice
    sequence: Sequence
    council: Accounts = ()
    chair: Identifier | None = None


class FoundingMinutes(Act, frozen=True):
    re: tuple[Digest]
    role: Literal["presider", "secretary"]
    result: Digest
    council: Accounts
    chair: Identifier


TYPES = (
    DocumentType("founding.convene/1", FoundingConvene, founding=True),
    DocumentType("founding.join/1", FoundingJoin, private=PERSON, founding=True),
    DocumentType("founding.open/1", FoundingOpen, founding=True),
    DocumentType("founding.ballot/1", FoundingBallot, founding=True),
    DocumentType("founding.minutes/1", FoundingMinutes, public=True, seen=True, founding=True),
)


# --- state ----------------------------------------------------------------------------------------


class Meeting(Record, frozen=True):
    """The one founding under way."""

    status: Literal["convened", "voting", "closed", "lapsed", "constituted"]
    #: document digest of `founding.convene/1`
    convene: bytes
    charter: bytes
    closes: int
    joined: int = 0
    #: document digest of the `founding.open/1` in force
    opened: bytes | None = None
    #: until when an adopted vote waits for its minutes
    sign_by: int | None = None


class Vote(Record, frozen=True):
    """By identifier of `founding.open/1`."""

    box: Box
    candidates: tuple[str, ...]
    seats: int
    outcome: Literal["adopted", "rejected", "expired"] | None = None
    council: tuple[str, ...] = ()
    chair: str | None = None
    presider: str | None = None
    secretary: str | None = None


class Invitation(Record, frozen=True):
    """By kid in hexadecimal."""

    convene: bytes
    account: str | None = None


class Founder(Record, frozen=True):
    """By account. Whoever joined an earlier convening that came to nothing has to join again."""

    convene: bytes
    order: int


STATE: Mapping[str, type[Record]] = {
    "meeting": Meeting,
    "vote": Vote,
    "invitation": Invitation,
    "founder": Founder,
    "ballot": Ballot,
}


# --- what others may ask --------------------------------------------------------------------------


def constituted(view: View) -> bool:
    meeting = view.get("meeting", _CURRENT, Meeting)
    return meeting is not None and meeting.status == "constituted"


def voting(view: View) -> bool:
    """The vote is open, or has adopted and waits for its minutes: nobody changes what was voted on."""
    meeting = view.get("meeting", _CURRENT, Meeting)
    return meeting is not None and (meeting.status == "voting" or _adopted(view, meeting))


def _adopted(view: View, meeting: Meeting) -> bool:
    if meeting.status != "closed" or meeting.opened is None:
        return False
    return view.need("vote", identifier(meeting.opened), Vote).outcome == "adopted"


def founders(view: View) -> tuple[str, ...]:
    """Who joined the present meeting, in order of joining."""
    meeting = view.get("meeting", _CURRENT, Meeting)
    if meeting is None:
        return ()
    joined = [
        (item.order, account)
        for account, item in view.scan("founder", "", Founder)
        if item.convene == meeting.convene
    ]
    return tuple(account for _, account in sorted(joined))


# --- deciding -------------------------------------------------------------------------------------


def decide(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    if refused := acts.about(statement, context.cooperative):
        return refused
    if context.facts.genesis_kind() != "new":
        return Rejection("wrong_founding", "type")
    if constituted(view):
        return Rejection("already_constituted", "type")
    return acts.decide(_HANDLERS, view, statement, context)


def due(view: View, deadline: Deadline, context: Context) -> Changes:
    """Joining is over without enough founders, or the vote is, or the time to sign its minutes."""
    meeting = view.need("meeting", _CURRENT, Meeting)
    if deadline.kind == "meeting":
        if (
            meeting.status != "convened"
            or meeting.closes != deadline.time
            or _enough(meeting.joined, context)
        ):
            return Changes()
        return Changes((Write("meeting", _CURRENT, replace(meeting, status="lapsed")),))
    if deadline.kind == "minutes":
        if meeting.status != "closed" or meeting.sign_by != deadline.time:
            return Changes()
        return Changes((Write("meeting", _CURRENT, replace(meeting, status="lapsed", sign_by=None)),))
    vote = view.need("vote", deadline.id, Vote)
    if meeting.status != "voting" or vote.box.until != deadline.time:
        return Changes()
    counted = _counted(view, deadline.id, vote)
    sign_by = _sign_by(context) if counted.outcome == "adopted" else None
    return Changes(
        (
            Write("meeting", _CURRENT, replace(meeting, status="closed", sign_by=sign_by)),
            Write("vote", deadline.id, counted),
        ),
        set_deadlines=() if sign_by is None else (Deadline(sign_by, "minutes", deadline.id),),
    )


def _sign_by(context: Context) -> int:
    """Without an end, two who sign nothing would hold the founding for ever."""
    days: int = context.facts.parameter("founding.vote_days")
    return context.tick + days * DAY


def react(view: View, effect: Effect, context: Context) -> Changes | Rejection:
    """P10: ballots of a revoked key while the vote is open."""
    data = effect.data
    assert isinstance(data, AccountRevoked)
    meeting = view.get("meeting", _CURRENT, Meeting)
    if meeting is None or meeting.status != "voting" or meeting.opened is None:
        return Changes()
    id = identifier(meeting.opened)
    key = f"{id}/{data.account}"
    ballot = view.get("ballot", key, Ballot)
    if ballot is None or all(item.kid != data.kid for item in ballot.casts):
        return Changes()
    vote = view.need("vote", id, Vote)
    box, after = decisions.revoke(vote.box, ballot, data.kid, data.suspected_from)
    return Changes((Write("vote", id, replace(vote, box=box)), Write("ballot", key, after)))


# --- gathering ------------------------------------------------------------------------------------


def _convene(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: FoundingConvene = statement.body
    if statement.iss != context.facts.founder():
        return Rejection("not_allowed", "iss", {"role": "founder"})
    before = view.get("meeting", _CURRENT, Meeting)
    if before is not None and not _over(view, before, context):
        return Rejection("already_convened", "type")
    if body.charter != context.facts.charter_digest():
        return Rejection("charter_outdated", "charter")
    if body.closes <= context.tick:
        return Rejection("closes_out_of_range", "closes")
    if not _enough(len(body.invitations), context):
        return _too_few(context, "invitations")
    used = any(view.get("invitation", kid.hex(), Invitation) is not None for kid in body.invitations)
    if used or len(set(body.invitations)) != len(body.invitations):
        return Rejection("invitation_repeated", "invitations")
    meeting = Meeting("convened", statement.digest, body.charter, body.closes)
    invited = (Write("invitation", kid.hex(), Invitation(statement.digest)) for kid in body.invitations)
    return Changes(
        (Write("meeting", _CURRENT, meeting), *invited),
        set_deadlines=(Deadline(body.closes, "meeting", identifier(statement.digest)),),
    )


def _join(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: FoundingJoin = statement.body
    meeting = view.get("meeting", _CURRENT, Meeting)
    if meeting is None or meeting.status == "lapsed":
        return Rejection("not_convened", "type")
    if body.re[0] != meeting.convene:
        return Rejection("wrong_reference", "re")
    if meeting.status != "convened" or context.tick > meeting.closes:
        return Rejection("joining_closed", "type")
    invitation = view.get("invitation", body.invitation.hex(), Invitation)
    if invitation is None or invitation.convene != meeting.convene:
        return Rejection("unknown_invitation", "invitation")
    if invitation.account is not None:
        return Rejection("invitation_used", "invitation")
    if _is_founder(view, meeting, statement.iss):
        return Rejection("already_joined", "iss")
    if refused := acts.unsigned(context, statement.iss):
        return refused
    if not acts.holds_invitation(body.invitation, statement.iss, meeting.convene, body.proof):
        return Rejection("no_possession", "proof")
    order = meeting.joined + 1
    return Changes(
        (
            Write("meeting", _CURRENT, replace(meeting, joined=order)),
            Write("invitation", body.invitation.hex(), replace(invitation, account=statement.iss)),
            Write("founder", statement.iss, Founder(meeting.convene, order)),
        )
    )


def _is_founder(view: View, meeting: Meeting, account: str) -> bool:
    founder = view.get("founder", account, Founder)
    return founder is not None and founder.convene == meeting.convene


def _enough(number: int, context: Context) -> bool:
    return number >= _minimum(context)


def _too_few(context: Context, at: str) -> Rejection:
    return Rejection("too_few_founders", at, {"minimum": _minimum(context)})


def _minimum(context: Context) -> int:
    named: int = context.facts.parameter("founding.min_founders")
    return max(MIN_FOUNDERS, named)


def _over(view: View, meeting: Meeting, context: Context) -> bool:
    """Nothing can come of it any more: too few joined, not adopted, or the draft charter is another one."""
    changed = meeting.charter != context.facts.charter_digest()
    return meeting.status == "lapsed" or _failed(view, meeting) or (changed and meeting.status != "voting")


def _failed(view: View, meeting: Meeting) -> bool:
    """The vote is over and has not founded anything."""
    if meeting.status != "closed" or meeting.opened is None:
        return False
    return view.need("vote", identifier(meeting.opened), Vote).outcome != "adopted"


# --- the vote -------------------------------------------------------------------------------------


def _open(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """The electorate is everybody who has joined by now; nobody joins afterwards."""
    body: FoundingOpen = statement.body
    facts = context.facts
    if statement.iss != facts.founder():
        return Rejection("not_allowed", "iss", {"role": "founder"})
    meeting = view.get("meeting", _CURRENT, Meeting)
    if meeting is None or not (meeting.status == "convened" or _failed(view, meeting)):
        return Rejection("not_convened", "type")
    if body.re[0] != meeting.convene:
        return Rejection("wrong_reference", "re")
    if meeting.charter != facts.charter_digest():
        return Rejection("charter_outdated", "re")
    if not _enough(meeting.joined, context):
        return _too_few(context, "re")
    refused = _impossible(view, meeting, body, context)
    if refused:
        return refused
    electorate = Electorate(context.index, meeting.joined, decisions.electorate_root(founders(view)))
    box = decisions.open_box(electorate, 1, context.tick, body.closes, facts.parameter("vote.grace_seconds"))
    id = identifier(statement.digest)
    return Changes(
        (
            Write("meeting", _CURRENT, replace(meeting, status="voting", opened=statement.digest)),
            Write("vote", id, Vote(box, body.candidates, body.seats)),
        ),
        set_deadlines=(Deadline(box.until, "vote", id),),
    )


def _impossible(view: View, meeting: Meeting, body: FoundingOpen, context: Context) -> Rejection | None:
    latest = context.tick + context.facts.parameter("founding.vote_days") * DAY
    if not context.tick < body.closes <= latest:
        return Rejection("closes_out_of_range", "closes", {"latest": latest})
    minimum = context.facts.parameter("founding.council_seats_min")
    if body.seats < minimum:
        return Rejection("too_few_seats", "seats", {"minimum": minimum})
    if len(body.candidates) < body.seats:
        return Rejection("too_few_candidates", "candidates")
    if _repeats(body.candidates):
        return Rejection("candidate_repeated", "candidates")
    if not all(_is_founder(view, meeting, account) for account in body.candidates):
        return Rejection("candidate_unknown", "candidates")
    return None


def _ballot(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """One founder, one vote (R91, R133): on the charter, for the council and for its chair together."""
    body: FoundingBallot = statement.body
    meeting = view.get("meeting", _CURRENT, Meeting)
    if meeting is None or meeting.opened is None:
        return Rejection("not_convened", "type")
    if body.re[0] != meeting.opened:
        return Rejection("wrong_reference", "re")
    if meeting.status != "voting":
        return Rejection("voting_closed", "type")
    if not _is_founder(view, meeting, statement.iss):
        return Rejection("not_allowed", "iss", {"role": "founder"})
    id = identifier(meeting.opened)
    vote = view.need("vote", id, Vote)
    refused = _misnamed(vote, body)
    if refused:
        return refused
    names = (body.chair or "", *sorted(body.council))
    cast = Cast(body.sequence, body.charter, statement.iat, statement.kid, statement.digest, names)
    key = f"{id}/{statement.iss}"
    counted = decisions.cast(vote.box, view.get("ballot", key, Ballot), cast, context.tick)
    if isinstance(counted, Rejection):
        return counted
    box, ballot = counted
    return Changes((Write("vote", id, replace(vote, box=box)), Write("ballot", key, ballot)))


def _misnamed(vote: Vote, body: FoundingBallot) -> Rejection | None:
    if len(body.council) > vote.seats:
        return Rejection("too_many_names", "council", {"seats": vote.seats})
    if _repeats(body.council):
        return Rejection("candidate_repeated", "council")
    if not set(vote.candidates).issuperset(body.council):
        return Rejection("candidate_unknown", "council")
    if body.chair is not None and body.chair not in vote.candidates:
        return Rejection("candidate_unknown", "chair")
    return None


def _repeats(accounts: Iterable[str]) -> bool:
    found = list(accounts)
    return len(set(found)) != len(found)


# --- the result -----------------------------------------------------------------------------------


def result(view: View, id: str) -> bytes:
    """Result digest of the vote `id`: what presider and secretary compute on their devices and sign."""
    counted = _counting(view, id)
    return decisions.result_digest(id, view.need("vote", id, Vote).box, [item.digest for item in counted])


def count(view: View, id: str) -> Vote:
    """The vote with its outcome as the ballots stand now."""
    return _counted(view, id, view.need("vote", id, Vote))


def _counting(view: View, id: str) -> list[Cast]:
    found = (decisions.counting(ballot) for _, ballot in view.scan("ballot", f"{id}/", Ballot))
    return [item for item in found if item is not None]


def _counted(view: View, id: str, vote: Vote) -> Vote:
    """Adopted only as a whole: a charter without a council, or the reverse, founds nothing."""
    ballots = _counting(view, id)
    outcome = decisions.outcome(UNANIMOUS, vote.box.counts, vote.box.electorate.size, None)
    council = decisions.elected(
        Counter(name for item in ballots for name in item.names[1:]), len(ballots), vote.seats
    )
    chairs = decisions.elected(Counter(item.names[0] for item in ballots if item.names[0]), len(ballots), 1)
    chair = chairs[0] if chairs and chairs[0] in council else None
    if outcome == "adopted" and (len(council) < vote.seats or chair is None):
        outcome = "rejected"
    return replace(vote, outcome=outcome, council=council, chair=chair)


def _minutes(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """Two founders, one presiding and one as secretary, sign what the log says (A8). With the second the
    cooperative exists.
    """
    body: FoundingMinutes = statement.body
    meeting = view.get("meeting", _CURRENT, Meeting)
    if meeting is None or meeting.opened is None or meeting.status == "lapsed":
        return Rejection("not_convened", "type")
    if body.re[0] != meeting.opened:
        return Rejection("wrong_reference", "re")
    if not _is_founder(view, meeting, statement.iss):
        return Rejection("not_allowed", "iss", {"role": "founder"})
    id = identifier(meeting.opened)
    vote = view.need("vote", id, Vote)
    if refused := acts.saw(statement, vote.box.electorate.index):
        return refused
    if meeting.status == "voting":
        if vote.box.counts.ballots < vote.box.electorate.size:
            return Rejection("voting_open", "type", {"closes": vote.box.closes})
        vote = _counted(view, id, vote)
    if meeting.charter != context.facts.charter_digest():
        return Rejection("charter_outdated", "re")
    refused = _unfounded(view, id, vote, body) or _signed(vote, body.role, statement.iss)
    if refused:
        return refused
    signed = (
        replace(vote, presider=statement.iss)
        if body.role == "presider"
        else replace(vote, secretary=statement.iss)
    )
    both = signed.presider is not None and signed.secretary is not None
    status: Literal["constituted", "closed"] = "constituted" if both else "closed"
    founded = FoundingConstituted(vote.council, body.chair, founders(view), meeting.charter, statement.digest)
    before = _pending(meeting, vote)
    after = replace(meeting, status=status, sign_by=None if both else meeting.sign_by or _sign_by(context))
    awaited = () if both else (_pending(after, vote),)
    return Changes(
        (Write("meeting", _CURRENT, after), Write("vote", id, signed)),
        (Effect("founding.constituted", founded),) if both else (),
        set_deadlines=awaited,
        clear_deadlines=() if (before,) == awaited else (before,),
    )


def _pending(meeting: Meeting, vote: Vote) -> Deadline:
    """The deadline of a vote that is open or waits for its minutes."""
    assert meeting.opened is not None
    id = identifier(meeting.opened)
    if meeting.sign_by is None:
        return Deadline(vote.box.until, "vote", id)
    return Deadline(meeting.sign_by, "minutes", id)


def _unfounded(view: View, id: str, vote: Vote, body: FoundingMinutes) -> Rejection | None:
    if vote.outcome != "adopted":
        return Rejection("not_adopted", "type", {"outcome": vote.outcome or "expired"})
    if body.council != vote.council:
        return Rejection("result_mismatch", "council")
    if body.chair != vote.chair:
        return Rejection("result_mismatch", "chair")
    if body.result != result(view, id):
        return Rejection("result_mismatch", "result")
    return None


def _signed(vote: Vote, role: str, account: str) -> Rejection | None:
    taken = vote.presider if role == "presider" else vote.secretary
    other = vote.secretary if role == "presider" else vote.presider
    if taken is not None or other == account:
        return Rejection("minutes_signed", "role")
    return None


_HANDLERS = {
    "founding.convene/1": _convene,
    "founding.join/1": _join,
    "founding.open/1": _open,
    "founding.ballot/1": _ballot,
    "founding.minutes/1": _minutes,
}
