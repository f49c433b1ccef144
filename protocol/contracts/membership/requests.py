"""What a member asks of the council (SPEC §8.3.1, R80): a petition about the cooperative's affairs, leaving.

    from      by                                        to
    ──────────────────────────────────────────────────────────────────
    (none)    membership.petition, membership.leave     open (a matter of the council, with a clock)
    open      council.decided: adopted                  adopted
    open      council.decided: rejected                 rejected
    open      council.decided: expired or lapsed        undecided
    open      membership.withdraw                       withdrawn

Who leaves is a member until the chair's signature; and when the council decides nothing in its time, until
then: nobody is kept against their will (3085-1 art. 13). A petition that stays undecided may go to the
general meeting or to court.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from protocol import acts
from protocol.acts import DAY
from protocol.contract import Changes, Context, Effect, Rejection, View, Write
from protocol.contracts.membership.records import (
    Asking,
    Former,
    Member,
    Place,
    Request,
    key,
    register,
    registered,
)
from protocol.documents import Statement
from protocol.effects import CouncilDecided, MembershipClosed, MembershipLeft, MembershipRaised
from protocol.identifiers import identifier

#: Kinds of matters that requests open.
EXIT: Final = "exit"
PETITION: Final = "petition"
_MOST_OPEN: Final = 5


def petition(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    asking = view.get("asking", statement.iss, Asking) or Asking()
    if asking.petitions >= _MOST_OPEN:
        return Rejection("too_many_requests_open", "type", {"limit": _MOST_OPEN})
    after = replace(asking, petitions=asking.petitions + 1)
    return _opened(view, statement, context, PETITION, "member.decide_days", after)


def leave(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    if context.facts.chair() == statement.iss:
        return Rejection("chair_leaves", "iss")
    asking = view.get("asking", statement.iss, Asking) or Asking()
    if asking.exit is not None:
        return Rejection("request_open", "iss")
    after = replace(asking, exit=identifier(statement.digest))
    return _opened(view, statement, context, EXIT, "member.exit_decide_days", after)


def _opened(
    view: View, statement: Statement, context: Context, kind: str, term: str, asking: Asking
) -> Changes | Rejection:
    account = statement.iss
    if refused := acts.about(statement, account):
        return refused
    if view.get("member", account, Member) is None:
        return Rejection("not_member", "iss")
    decide_by = context.tick + context.facts.parameter(term) * DAY
    request = Request(kind, account, context.index, statement.digest, context.tick, decide_by)
    raised = MembershipRaised(kind, statement.digest, account, decide_by)
    return Changes(
        (Write("request", identifier(statement.digest), request), Write("asking", account, asking)),
        (Effect("membership.raised", raised),),
    )


def withdraw(view: View, statement: Statement, request: Request) -> Changes | Rejection:
    """Taken back by the member while nothing is decided."""
    id = identifier(request.digest)
    if refused := acts.about(statement, id):
        return refused
    if statement.iss != request.account:
        return Rejection("not_yours", "re")
    if request.status != "open":
        return Rejection("wrong_status", "re", {"status": request.status})
    closed = MembershipClosed(id, id, "withdrawn")
    return Changes(
        (Write("request", id, replace(request, status="withdrawn")), *_asked(view, request)),
        (Effect("membership.closed", closed),),
    )


def decided(view: View, data: CouncilDecided, context: Context) -> Changes:
    """The chair signed, or the time passed."""
    id = data.matter
    request = view.get("request", id, Request)
    if request is None or request.status != "open":
        return Changes()
    status = data.outcome if data.outcome in ("adopted", "rejected") else "undecided"
    ended = replace(request, status=status, decision=data.approval, ended_at=context.tick)
    writes = [Write("request", id, ended), *_asked(view, request)]
    if request.kind != EXIT or status == "rejected":
        return Changes(tuple(writes))
    member = view.get("member", request.account, Member)
    if member is None:
        return Changes(tuple(writes))
    left = _left(view, request, member, data, context)
    return replace(left, writes=(*writes, *left.writes))


def _left(view: View, request: Request, member: Member, data: CouncilDecided, context: Context) -> Changes:
    account = request.account
    former = Former(member.number, member.since, member.person, context.tick, data.approval or request.digest)
    before = register(view)
    return Changes(
        (
            Write("member", account, None),
            Write("former", account, former),
            Write("number", key(member.number), Place(account=account, former=True)),
            registered(replace(before, members=before.members - 1)),
        ),
        (Effect("membership.left", MembershipLeft(account, member.number)),),
    )


def _asked(view: View, request: Request) -> Iterator[Write]:
    """One less is under way."""
    asking = view.need("asking", request.account, Asking)
    if request.kind == EXIT:
        after = replace(asking, exit=None)
    else:
        after = replace(asking, petitions=asking.petitions - 1)
    yield Write("asking", request.account, after if after != Asking() else None)
