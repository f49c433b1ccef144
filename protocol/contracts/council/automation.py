"""The council's robot: routine decisions under a decision of the council, by keys that members lend it
(SPEC §8.2.1, R83–R85, A26).

First the council adopts, with the chair's signature, what may be automated: kinds of matters, whose
applications, up to which sum, how many a day, until when, and whether the chair's own signature too. Under
that decision each member lends a key of its own, which does nothing but what the decision and the member
allow: it sends a verified application on, votes for it, approves it. It never votes against, never returns,
never refuses: whatever it may not do waits for people. Whoever lent a key answers for what it did, takes it
back at once, and any voter of the council stops the robot as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from protocol import acts
from protocol.acts import DAY
from protocol.contract import Changes, Context, Rejection, View, Write
from protocol.contracts.council import seats
from protocol.contracts.council.records import (
    CURRENT,
    Automation,
    Case,
    Delegation,
    Lent,
    Matter,
    Spent,
)
from protocol.contracts.council.statements import (
    CouncilDelegate,
    CouncilPropose,
    CouncilUndelegate,
    RobotAct,
)
from protocol.documents import Statement

#: What a robot's key may sign, and the act it needs for it.
ACTS: Final[Mapping[str, RobotAct]] = {
    "membership.complete/1": "complete",
    "council.vote/1": "vote",
    "council.approve/1": "approve",
}
#: The council looks at it again at least once a year.
MAX_TERM: Final = 366 * DAY
_OFFICE: Final[Mapping[RobotAct, str]] = {"complete": "secretary", "vote": "council", "approve": "chair"}


# --- questions ------------------------------------------------------------------------------------


def in_force(view: View, tick: int) -> Automation | None:
    """What the robot may do now, by the council's last decision about it."""
    found = view.get("automation", CURRENT, Automation)
    return found if found is not None and found.stopped_at is None and tick <= found.terms.until else None


def robot_status(view: View, account: str, kid: bytes, type: str, tick: int) -> str | None:
    """None when `kid` is a key that `account` has lent the robot for documents of this type; otherwise the
    refusal code."""
    found = view.get("delegation", kid.hex(), Delegation)
    if found is None or found.account != account:
        return "unknown_key"
    if found.ended_at is not None:
        return "key_revoked"
    automation = in_force(view, tick)
    if automation is None or automation.approval != found.approval or tick > found.until:
        return "automation_ended"
    act = ACTS.get(type)
    if act is None or act not in found.acts or _OFFICE[act] not in seats.roles(view, account):
        return "robot_not_allowed"
    return None


def delegation(view: View, account: str) -> tuple[bytes, Delegation] | None:
    """The key the person has lent, whether the robot may use it now or not."""
    lent = view.get("lent", account, Lent)
    return (lent.kid, view.need("delegation", lent.kid.hex(), Delegation)) if lent else None


# --- statements -----------------------------------------------------------------------------------


def proposed(body: CouncilPropose, context: Context) -> Rejection | None:
    """What is wrong with the terms a matter of kind `automation` proposes; without terms it ends what was
    automated."""
    terms = body.automation
    if body.kind != "automation":
        return Rejection("terms_unexpected", "automation") if terms is not None else None
    if terms is None:
        return None
    facts = context.facts
    if seats.repeats(terms.kinds) or not set(terms.kinds) <= set(facts.parameter("council.auto.types")):
        return Rejection("not_automatable", "automation")
    if terms.chair and not facts.parameter("council.auto.chair_approval"):
        return Rejection("not_automatable", "automation", {"role": "chair"})
    if seats.repeats(terms.persons):
        return Rejection("not_automatable", "automation")
    if terms.until <= context.tick:
        return Rejection("until_passed", "automation")
    latest = context.tick + MAX_TERM
    if terms.until > latest:
        return Rejection("term_too_long", "automation", {"until": latest})
    return None


def adopted(matter: Matter, context: Context) -> tuple[Write, ...]:
    """The decision takes effect: new terms replace the former, and keys lent under those do nothing more."""
    assert matter.approval is not None
    if matter.automation is None:
        return (Write("automation", CURRENT, None),)
    terms = Automation(matter.approval, matter.automation, context.tick)
    return (Write("automation", CURRENT, terms),)


def delegate(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """A key for the robot, lent by the person who signs. A second one takes the place of the first."""
    body: CouncilDelegate = statement.body
    if refused := acts.about(statement, context.cooperative):
        return refused
    automation = in_force(view, context.tick)
    if automation is None or automation.approval != body.re[0]:
        return Rejection("automation_ended", "re")
    held = context.facts.roles(statement.iss)
    for act in body.acts:
        if _OFFICE[act] not in held:
            return Rejection("not_allowed", "acts", {"role": _OFFICE[act]})
    if seats.repeats(body.acts):
        return Rejection("act_repeated", "acts")
    if "approve" in body.acts and not automation.terms.chair:
        return Rejection("robot_not_allowed", "acts")
    if not context.tick < body.until <= automation.terms.until:
        return Rejection("until_passed" if body.until <= context.tick else "term_too_long", "until")
    if context.facts.knows_key(body.key) or view.get("delegation", body.key.hex(), Delegation) is not None:
        return Rejection("key_taken", "key")
    if not acts.holds_invitation(body.key, statement.iss, body.re[0], body.proof):
        return Rejection("no_possession", "proof")
    lent = Delegation(
        account=statement.iss,
        by=statement.kid,
        digest=statement.digest,
        approval=body.re[0],
        acts=tuple(sorted(body.acts)),
        until=body.until,
        max_sum=body.max_sum,
    )
    return Changes(
        (
            *_ended(view, statement.iss, context),
            Write("delegation", body.key.hex(), lent),
            Write("lent", statement.iss, Lent(body.key)),
        )
    )


def undelegate(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """Takes back the key that the signer has lent; or, naming the decision, stops the robot as a whole."""
    body: CouncilUndelegate = statement.body
    if refused := acts.about(statement, context.cooperative):
        return refused
    automation = view.get("automation", CURRENT, Automation)
    if automation is not None and automation.approval == body.re[0]:
        if refused := acts.lacks_office(context, statement.iss, "council", "chair"):
            return refused
        if automation.stopped_at is not None:
            return Rejection("automation_ended", "re")
        stopped = replace(automation, stopped_at=context.tick, stopped_by=statement.digest)
        return Changes((Write("automation", CURRENT, stopped),))
    lent = delegation(view, statement.iss)
    if lent is None or lent[1].digest != body.re[0]:
        return Rejection("unknown_delegation", "re")
    return Changes(_ended(view, statement.iss, context))


def lent_by(view: View, account: str, kid: bytes) -> tuple[bytes, ...]:
    """The keys, ended ones too, that this key of the account has lent the robot."""
    found = view.scan("delegation", "", Delegation)
    return tuple(bytes.fromhex(key) for key, each in found if (each.account, each.by) == (account, kid))


def taken_back(view: View, account: str, kid: bytes, context: Context) -> tuple[Write, ...]:
    """The key that this key of the account has lent, when it is lent now: whoever had the one may have the
    other."""
    lent = delegation(view, account)
    return _ended(view, account, context) if lent is not None and lent[1].by == kid else ()


def _ended(view: View, account: str, context: Context) -> tuple[Write, ...]:
    lent = delegation(view, account)
    if lent is None:
        return ()
    kid, found = lent
    return (
        Write("delegation", kid.hex(), replace(found, ended_at=context.tick)),
        Write("lent", account, None),
    )


# --- what the robot does --------------------------------------------------------------------------


def spend(
    view: View, kid: bytes, act: RobotAct, kind: str, case: Case | None, tick: int
) -> tuple[Write, ...] | Rejection:
    """The robot's act counted, when decision and member allow it for this matter. The kernel has found the
    key good for the act (`robot_status`)."""
    lent = view.need("delegation", kid.hex(), Delegation)
    terms = view.need("automation", CURRENT, Automation).terms
    if kind not in terms.kinds or case is None or case.person not in terms.persons:
        return Rejection("robot_not_allowed", "kid")
    if case.level < terms.level:
        return Rejection("robot_not_allowed", "kid", {"level": terms.level})
    limits = [limit for limit in (terms.max_sum, lent.max_sum) if limit is not None]
    if limits and case.sum > min(limits):
        return Rejection("robot_sum", "kid", {"amount": min(limits)})
    key, day = f"{lent.account}/{act}", tick // DAY
    before = view.get("spent", key, Spent)
    count = before.count if before is not None and before.day == day else 0
    if count >= terms.per_day:
        return Rejection("robot_quota", "kid", {"limit": terms.per_day})
    return (Write("spent", key, Spent(day, count + 1)),)
