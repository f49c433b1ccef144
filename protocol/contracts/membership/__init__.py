"""Joining: an application's way to membership, and the members a cooperative had before
(SPEC §8.3, R80, R81).

    from                            by                                      to
    ──────────────────────────────────────────────────────────────────────────────────────
    (none)                          membership.apply                        applied
    applied                         membership.identify                     identified
    identified                      membership.complete                     complete (in the council)
    complete                        council.decided: adopted                admitted
    complete                        council.decided: rejected               refused
    complete                        council.decided: expired or lapsed      identified
    admitted                        membership.payment                      member
    admitted                        member.pay_days passed                  lapsed
    applied, identified             membership.incomplete                   incomplete
    applied, identified, complete   member.decide_days passed               undecided
    all of these, and admitted      membership.withdraw                     withdrawn

One application per account lives at a time; when it has ended without membership the account may apply
again. Nobody attests to their own application. What members ask of the council, leaving among it, is in
`requests`.
"""

from __future__ import annotations

from typing import Final

from protocol import acts
from protocol.contract import Changes, Context, Effect, Rejection, View
from protocol.contracts.membership import applications, members, requests
from protocol.contracts.membership.applications import CONSENT, due
from protocol.contracts.membership.records import (
    STATE,
    Applicant,
    Application,
    Asking,
    Enrolment,
    Filed,
    Former,
    Member,
    Opening,
    Place,
    Register,
    Request,
    Status,
    Used,
    is_member,
    record_case,
    register,
)
from protocol.contracts.membership.statements import CODES, TYPES, Person
from protocol.documents import Statement
from protocol.effects import CouncilAppointed, CouncilDecided, CouncilSeated, FoundingConstituted

__all__ = [
    "CODES",
    "CONSENT",
    "DOMAIN",
    "STATE",
    "TYPES",
    "Applicant",
    "Application",
    "Asking",
    "Enrolment",
    "Filed",
    "Former",
    "Member",
    "Opening",
    "Person",
    "Place",
    "Register",
    "Request",
    "Status",
    "Used",
    "decide",
    "due",
    "is_member",
    "react",
    "record_case",
    "register",
]

DOMAIN: Final = "membership"

_HANDLERS: Final = {
    "membership.apply/1": applications.apply,
    "membership.withdraw/1": applications.withdraw,
    "membership.identify/1": applications.identify,
    "membership.complete/1": applications.complete,
    "membership.incomplete/1": applications.incomplete,
    "membership.payment/1": applications.payment,
    "membership.opening/1": members.open_balances,
    "membership.enrol/1": members.enrol,
    "membership.void/1": members.void,
    "membership.accept/1": members.accept,
    "membership.petition/1": requests.petition,
    "membership.leave/1": requests.leave,
}


def decide(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    return acts.decide(_HANDLERS, view, statement, context)


def react(view: View, effect: Effect, context: Context) -> Changes | Rejection:
    data = effect.data
    if isinstance(data, CouncilDecided):
        handle = applications.decided if data.kind == "admission" else requests.decided
        return handle(view, data, context)
    if isinstance(data, CouncilSeated):
        return members.seated(view, data, context)
    if isinstance(data, CouncilAppointed):
        return members.kept(view, data)
    assert isinstance(data, FoundingConstituted)
    return members.founded(view, data, context)
