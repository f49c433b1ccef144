"""The council: seats, matters, ballots, and the chair's signature without which nothing takes effect
(SPEC §8.2, R80-R82, R199-R207).

A matter:

    from            by                                                      to
    ──────────────────────────────────────────────────────────────────────────────────────
    (none)          council.propose, effects membership.completed, raised   open
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

from typing import Final

from protocol import acts
from protocol.contract import Changes, Context, Effect, Rejection, View
from protocol.contracts.council import automation, matters, seats
from protocol.contracts.council.automation import ACTS, delegation, in_force, robot_status
from protocol.contracts.council.matters import adopted, due, result, signers
from protocol.contracts.council.records import (
    STATE,
    Automation,
    Case,
    Council,
    Decision,
    Delegation,
    Holder,
    Lent,
    Live,
    Matter,
    Office,
    Seat,
    Status,
    Used,
)
from protocol.contracts.council.seats import chair, constituted, council, roles
from protocol.contracts.council.statements import CODES, GIVEN_OFFICES, MAX_SEATS, TYPES
from protocol.documents import Statement
from protocol.effects import (
    AccountRevoked,
    FoundingConstituted,
    MembershipClosed,
    MembershipCompleted,
    MembershipLeft,
    MembershipRaised,
)

__all__ = [
    "ACTS",
    "CODES",
    "DOMAIN",
    "GIVEN_OFFICES",
    "MAX_SEATS",
    "STATE",
    "TYPES",
    "Automation",
    "Case",
    "Council",
    "Decision",
    "Delegation",
    "Holder",
    "Lent",
    "Live",
    "Matter",
    "Office",
    "Seat",
    "Status",
    "Used",
    "adopted",
    "chair",
    "constituted",
    "council",
    "decide",
    "delegation",
    "due",
    "in_force",
    "react",
    "result",
    "robot_status",
    "roles",
    "signers",
]

DOMAIN: Final = "council"

_HANDLERS: Final = {
    "council.appoint/1": seats.appoint,
    "council.reinvite/1": seats.reinvite,
    "council.accept/1": seats.accept,
    "council.propose/1": matters.propose,
    "council.vote/1": matters.vote,
    "council.comment/1": matters.comment,
    "council.approve/1": matters.approve,
    "council.return/1": matters.send_back,
    "council.delegate/1": automation.delegate,
    "council.undelegate/1": automation.undelegate,
}


def decide(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    return acts.decide(_HANDLERS, view, statement, context)


def react(view: View, effect: Effect, context: Context) -> Changes | Rejection:
    data = effect.data
    if isinstance(data, MembershipCompleted):
        return matters.admission(view, data, context)
    if isinstance(data, MembershipRaised):
        return matters.raised(view, data, context)
    if isinstance(data, MembershipClosed):
        return matters.cancel(view, data)
    if isinstance(data, MembershipLeft):
        return seats.vacate(view, data)
    if isinstance(data, AccountRevoked):
        return matters.revoked(view, data, context)
    assert isinstance(data, FoundingConstituted)
    return seats.seat_elected(data, context)
