"""An application's way to membership: its table stands in the package."""

from __future__ import annotations

from typing import Final, Literal

from msgspec.structs import replace

from protocol import acts
from protocol.acts import DAY
from protocol.contract import Changes, Context, Deadline, Effect, Money, Rejection, View, Write
from protocol.contracts.membership import requests
from protocol.contracts.membership.members import joined
from protocol.contracts.membership.records import (
    Applicant,
    Application,
    Member,
    Refusal,
    Request,
    Status,
    filed,
    is_member,
    register,
)
from protocol.contracts.membership.statements import (
    MembershipApply,
    MembershipComplete,
    MembershipIdentify,
    MembershipIncomplete,
    MembershipPayment,
    MembershipWithdraw,
)
from protocol.documents import Statement
from protocol.effects import CouncilDecided, MembershipClosed, MembershipCompleted
from protocol.identifiers import identifier

CONSENT: Final = "membership"
_UNDER_WAY: Final = frozenset(("applied", "identified", "complete", "admitted"))


def apply(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: MembershipApply = statement.body
    account, facts = statement.iss, context.facts
    if refused := acts.about(statement, account):
        return refused
    if is_member(view, account):
        return Rejection("already_member", "iss")
    if view.get("applicant", account, Applicant) is not None:
        return Rejection("application_open", "iss")
    before = view.get("refusal", account, Refusal)
    again = before.at + facts.parameter("member.reapply_days") * DAY if before else 0
    if context.tick < again:
        return Rejection("too_soon", "iss", {"from": again})
    if body.charter != facts.charter_digest():
        return Rejection("charter_outdated", "charter")
    if refused := acts.unsigned(context, account):
        return refused
    if not facts.has_consent(account, CONSENT):
        return Rejection("consent_missing", None, {"purpose": CONSENT})
    for name, offered in (("entrance", body.entrance), ("share", body.share)):
        expected = Money(facts.parameter(f"fees.{name}.{body.person}"), facts.parameter("fees.currency"))
        if offered != expected:
            return _amount(name, expected)
    id = identifier(statement.digest)
    application = Application(
        applicant=account,
        person=body.person,
        index=context.index,
        apply=statement.digest,
        entrance=body.entrance,
        share=body.share,
        decide_by=context.tick + facts.parameter("member.decide_days") * DAY,
    )
    writes = [Write("application", id, application), Write("applicant", account, Applicant(id))]
    if before:
        writes.append(Write("refusal", account, None))
    return Changes(tuple(writes), set_deadlines=(_deadline(id, application),))


def _amount(name: str, expected: Money) -> Rejection:
    return Rejection("amount_mismatch", name, {"amount": expected.amount, "currency": expected.currency})


def withdraw(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: MembershipWithdraw = statement.body
    if (request := view.get("request", identifier(body.re[0]), Request)) is not None:
        return requests.withdraw(view, statement, request)
    found = _under_way(view, statement, body.re[0], "applied", "identified", "complete", "admitted")
    if isinstance(found, Rejection):
        return found
    id, application = found
    if statement.iss != application.applicant:
        return Rejection("not_yours", "re")
    return _closed(id, application, "withdrawn", context, cleared=True)


def identify(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: MembershipIdentify = statement.body
    offices = tuple(context.facts.parameter("member.identify_roles"))
    found = _attested(view, statement, context, body.re[0], offices, "applied")
    if isinstance(found, Rejection):
        return found
    if body.method not in context.facts.parameter("member.identify_methods"):
        return Rejection("method_not_allowed", "method")
    id, application = found
    identified = replace(application, status="identified", level=body.level, identified_by=statement.iss)
    return Changes((Write("application", id, identified), filed(statement, id)))


def complete(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """On to the council (R80)."""
    body: MembershipComplete = statement.body
    if "admission" in context.facts.reserved_matters():
        return Rejection("exclusive_competence", "type", {"matter": "admission", "way": "agenda"})
    found = _attested(view, statement, context, body.re[0], ("secretary",), "identified")
    if isinstance(found, Rejection):
        return found
    id, application = found
    complete = replace(application, status="complete", matter=identifier(statement.digest))
    effect = MembershipCompleted(
        id,
        application.apply,
        statement.digest,
        application.applicant,
        application.decide_by,
        application.person,
        application.level or 0,
        application.entrance.amount + application.share.amount,
        statement.kid if context.robot else None,
    )
    return Changes((Write("application", id, complete),), (Effect("membership.completed", effect),))


def incomplete(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """Back to the applicant with a reason, who may sign a new one."""
    body: MembershipIncomplete = statement.body
    found = _attested(view, statement, context, body.re[0], ("secretary",), "applied", "identified")
    if isinstance(found, Rejection):
        return found
    closed = _closed(*found, "incomplete", context, cleared=True)
    return replace(closed, writes=(*closed.writes, filed(statement, found[0])))


def payment(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """Both contributions received: membership begins (3085-1 art. 10)."""
    body: MembershipPayment = statement.body
    found = _attested(view, statement, context, body.re[0], ("accountant",), "admitted")
    if isinstance(found, Rejection):
        return found
    id, application = found
    if body.entrance != application.entrance:
        return _amount("entrance", application.entrance)
    if body.share != application.share:
        return _amount("share", application.share)
    if body.received_at > statement.iat:
        return Rejection("received_in_future", "received_at")
    number = register(view).largest + 1
    member = Member(number, context.tick, application.person, context.index, statement.digest)
    entered = joined(view, ((application.applicant, member),))
    return Changes(
        (
            *entered.writes,
            Write("application", id, replace(application, status="member")),
            Write("applicant", application.applicant, None),
        ),
        entered.effects,
        clear_deadlines=(_deadline(id, application),),
    )


def due(view: View, deadline: Deadline, context: Context) -> Changes:
    """No decision in time, or no payment."""
    application = view.need("application", deadline.id, Application)
    if application.status not in _UNDER_WAY or _pending(application) != deadline.time:
        return Changes()
    if application.status == "admitted":
        return _closed(deadline.id, application, "lapsed", context)
    return _closed(deadline.id, application, "undecided", context)


def decided(view: View, data: CouncilDecided, context: Context) -> Changes:
    """The chair signed, or the matter came to nothing and the secretary may send the application on again."""
    id = identifier(data.re[0])
    application = view.need("application", id, Application)
    if application.status != "complete" or application.matter != data.matter:
        return Changes()
    if data.outcome == "rejected":
        closed = _closed(id, replace(application, decision=data.approval), "refused", context, cleared=True)
        refusal = Write("refusal", application.applicant, Refusal(context.tick))
        return replace(closed, writes=(*closed.writes, refusal))
    if data.outcome != "adopted":
        return Changes((Write("application", id, replace(application, status="identified")),))
    pay_by = context.tick + context.facts.parameter("member.pay_days") * DAY
    admitted = replace(application, status="admitted", decision=data.approval, pay_by=pay_by)
    return Changes(
        (Write("application", id, admitted),),
        set_deadlines=(_deadline(id, admitted),),
        clear_deadlines=(_deadline(id, application),),
    )


def _attested(
    view: View,
    statement: Statement,
    context: Context,
    digest: bytes,
    offices: tuple[str, ...],
    *statuses: Status,
) -> tuple[str, Application] | Rejection:
    """The application, when the signer holds one of the offices, it is not their own, and it is at the
    right stage.
    """
    if refused := acts.lacks_office(context, statement.iss, *offices):
        return refused
    found = _under_way(view, statement, digest, *statuses)
    if isinstance(found, Rejection):
        return found
    if found[1].applicant == statement.iss:
        return Rejection("own_application", "re")
    return found


def _under_way(
    view: View, statement: Statement, digest: bytes, *statuses: Status
) -> tuple[str, Application] | Rejection:
    id = identifier(digest)
    if refused := acts.about(statement, id):
        return refused
    application = view.get("application", id, Application)
    if application is None:
        return Rejection("unknown_application", "re")
    if application.status not in statuses:
        return Rejection("wrong_status", "re", {"status": application.status})
    return id, application


def _closed(
    id: str,
    application: Application,
    status: Literal["refused", "withdrawn", "lapsed", "undecided", "incomplete"],
    context: Context,
    *,
    cleared: bool = False,
) -> Changes:
    """An end without membership. `cleared`: the deadline has not come by itself. The council drops a
    matter it still has.
    """
    effects: tuple[Effect, ...] = ()
    if application.status == "complete" and application.matter and status in ("withdrawn", "undecided"):
        closed = MembershipClosed(application.matter, id, status)
        effects = (Effect("membership.closed", closed),)
    return Changes(
        (
            Write("application", id, replace(application, status=status, ended_at=context.tick)),
            Write("applicant", application.applicant, None),
        ),
        effects,
        clear_deadlines=(_deadline(id, application),) if cleared else (),
    )


def _pending(application: Application) -> int:
    return application.decide_by if application.pay_by is None else application.pay_by


def _deadline(id: str, application: Application) -> Deadline:
    return Deadline(_pending(application), "application", id)
