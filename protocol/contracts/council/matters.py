"""Matters from their opening to the chair's signature (SPEC §8.2); the package's head has the table."""

from __future__ import annotations

from typing import Final, Literal

from msgspec.structs import replace

from protocol import acts, decisions
from protocol.acts import DAY
from protocol.contract import Changes, Context, Deadline, Effect, Rejection, View, Write
from protocol.contracts.council import automation, seats
from protocol.contracts.council.records import (
    CURRENT,
    Case,
    Council,
    Decision,
    Holder,
    Live,
    Matter,
    Office,
    Status,
)
from protocol.contracts.council.statements import (
    GIVEN_OFFICES,
    CouncilApprove,
    CouncilComment,
    CouncilPropose,
    CouncilReturn,
    CouncilVote,
    RobotAct,
)
from protocol.decisions import Ballot, Box, Cast, Choice, Electorate, Rule
from protocol.documents import Statement
from protocol.effects import (
    AccountRevoked,
    CouncilDecided,
    MembershipClosed,
    MembershipCompleted,
    MembershipRaised,
)
from protocol.identifiers import identifier

#: Matters that are no proposals of whoever they name.
_ASKED: Final = frozenset(("admission", "petition", "exit"))


def signers(view: View, matter: Matter) -> frozenset[str]:
    """Who may approve or return it: the chair, but a secretary when it is the chair who is to be admitted."""
    presiding = seats.chair(view)
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


# --- statements, effects, deadlines ---------------------------------------------------------------


def propose(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: CouncilPropose = statement.body
    refused = acts.about(statement, context.cooperative) or acts.lacks_office(
        context, statement.iss, "council"
    )
    refused = refused or _not_for_council(body, context) or _not_proposable(view, body, context)
    if refused:
        return refused
    limit = context.facts.parameter("council.max_open")
    live = (view.need("matter", id, Matter) for id, _ in view.scan("live", "", Live))
    if sum(matter.by == statement.iss and matter.kind not in _ASKED for matter in live) >= limit:
        return Rejection("too_many_proposals", "type", {"limit": limit})
    matter = _open(view, context, body.kind, statement.iss)
    matter = replace(
        matter,
        re=body.re,
        subject=body.subject,
        roles=tuple(sorted(body.roles)),
        automation=body.automation,
    )
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
    if body.kind not in ("officer", "free", "node_keys", "automation"):
        return Rejection("kind_not_proposable", "kind")
    if refused := automation.proposed(body, context):
        return refused
    if body.kind == "node_keys" and len(body.re) != 1:
        return Rejection("keys_unnamed", "re")
    if body.kind != "officer":
        return Rejection("roles_unexpected", "roles") if body.roles else None
    if body.subject is None:
        return Rejection("officer_incomplete", "subject")
    if not context.facts.knows_account(body.subject):
        return Rejection("unknown_account", "subject")
    if not GIVEN_OFFICES.issuperset(body.roles) or seats.repeats(body.roles):
        return Rejection("officer_incomplete", "roles")
    if not body.roles and view.get("office", body.subject, Office) is None:
        return Rejection("officer_incomplete", "roles")
    return None


def admission(view: View, data: MembershipCompleted, context: Context) -> Changes | Rejection:
    """The secretary sent an application on (R80); that statement is the matter's opening."""
    matter = _open(view, context, "admission", data.applicant)
    case = Case(data.person, data.level, data.sum)
    matter = replace(matter, re=(data.apply, data.complete), subject=data.applicant, case=case)
    opened = _live(identifier(data.complete), matter)
    if data.robot is None:
        return opened
    spent = automation.spend(view, data.robot, "complete", matter.kind, case, context.tick)
    return spent if isinstance(spent, Rejection) else replace(opened, writes=(*opened.writes, *spent))


def raised(view: View, data: MembershipRaised, context: Context) -> Changes:
    """What a member asks is a matter at once; the vote closes early enough for the chair to sign in time."""
    closes = data.decide_by - context.facts.parameter("council.chair_sign_days") * DAY
    matter = _open(view, context, data.kind, data.account, closes=max(closes, context.tick + DAY))
    matter = replace(matter, re=(data.digest,), subject=data.account)
    return _live(identifier(data.digest), matter)


def _open(view: View, context: Context, kind: str, by: str, *, closes: int | None = None) -> Matter:
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
        box=_box(view, context, 1, closes),
        chair=presiding,
        pack=facts.pack_digest(),
        charter=facts.charter_digest(),
    )


def _box(view: View, context: Context, round: int, closes: int | None = None) -> Box:
    current = view.need("council", CURRENT, Council)
    electorate = Electorate(context.index, current.seats, decisions.electorate_root(seats.council(view)))
    if closes is None:
        closes = context.tick + context.facts.parameter("council.vote_days") * DAY
    return decisions.open_box(
        electorate, round, context.tick, closes, context.facts.parameter("vote.grace_seconds")
    )


def _presiding(view: View) -> str:
    found = seats.chair(view)
    assert found is not None, "a constituted council has a chair"
    return found


def vote(view: View, statement: Statement, context: Context) -> Changes | Rejection:
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
    spent = _by_robot(view, statement, "vote", matter, context, willing=body.choice == "for")
    if isinstance(spent, Rejection):
        return spent
    return Changes(
        (Write("matter", body.matter, replace(matter, box=box)), Write("ballot", key, ballot), *spent)
    )


def _by_robot(
    view: View, statement: Statement, act: RobotAct, matter: Matter, context: Context, *, willing: bool
) -> tuple[Write, ...] | Rejection:
    """Nothing for a person's own signature; for the robot's what it spends. It is only ever in favour."""
    if not context.robot:
        return ()
    if not willing:
        return Rejection("robot_not_allowed", "kid")
    return automation.spend(view, statement.kid, act, matter.kind, matter.case, context.tick)


def comment(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """Said while the matter lives; the log keeps it, the state has no use for it."""
    body: CouncilComment = statement.body
    matter = _at(view, statement, body.matter, None, "open", "decided")
    if isinstance(matter, Rejection):
        return matter
    return acts.lacks_office(context, statement.iss, "council", "secretary") or Changes()


def approve(view: View, statement: Statement, context: Context) -> Changes | Rejection:
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
    spent = _by_robot(view, statement, "approve", matter, context, willing=body.outcome == "adopted")
    if isinstance(spent, Rejection):
        return spent
    approved = replace(matter, outcome=body.outcome, approval=statement.digest)
    decision = Write("decision", identifier(statement.digest), Decision(body.matter))
    ended = _ended(body.matter, approved, "approved", body.outcome)
    return replace(
        ended,
        writes=(*ended.writes, decision, *_executed(approved, context), *spent),
        clear_deadlines=(_deadline(body.matter, matter),),
    )


def _executed(matter: Matter, context: Context) -> tuple[Write, ...]:
    """What an adopted matter does inside this domain; elsewhere `council.decided` does it."""
    if matter.outcome != "adopted":
        return ()
    if matter.kind == "automation":
        return automation.adopted(matter, context)
    if matter.kind != "officer":
        return ()
    assert matter.subject is not None and matter.approval is not None
    office = Office(matter.roles, matter.approval) if matter.roles else None
    return (Write("office", matter.subject, office),)


def send_back(view: View, statement: Statement, context: Context) -> Changes | Rejection:
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
    chairs = seats.chair(view) in able
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


def cancel(view: View, data: MembershipClosed) -> Changes:
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


def revoked(view: View, data: AccountRevoked, context: Context) -> Changes:
    """P10: in open matters the key's suspected ballots go and its others step back; a closed vote is only
    flagged. A key it has lent the robot goes with it, and so do that key's ballots.
    """
    writes = list(automation.taken_back(view, data.account, data.kid, context))
    if view.get("holder", data.account, Holder) is None:
        return Changes(tuple(writes))  # anybody may revoke keys often; only seats have ballots
    kids = {data.kid, *automation.lent_by(view, data.account, data.kid)}
    for id, _ in view.scan("live", "", Live):
        matter = view.need("matter", id, Matter)
        key = _ballot_key(id, matter, data.account)
        ballot = view.get("ballot", key, Ballot)
        cast = kids & {item.kid for item in ballot.casts} if ballot else set[bytes]()
        if ballot is None or not cast:
            continue
        if matter.status == "open":
            box, after = matter.box, ballot
            for kid in sorted(cast):
                box, after = decisions.revoke(box, after, kid, data.suspected_from)
            writes += (Write("matter", id, replace(matter, box=box)), Write("ballot", key, after))
        elif data.suspected_from is not None:
            writes.append(Write("matter", id, replace(matter, suspected=True)))
    return Changes(tuple(writes))


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
