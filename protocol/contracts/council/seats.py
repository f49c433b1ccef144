"""Who holds which seat and office, and how one comes to it (SPEC §8.2)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from protocol import acts
from protocol.acts import DAY
from protocol.contract import Changes, Context, Effect, Rejection, View, Write
from protocol.contracts.council.records import CURRENT, Council, Holder, Office, Seat, Used
from protocol.contracts.council.statements import (
    AppointedSeat,
    CouncilAccept,
    CouncilAppoint,
    CouncilReinvite,
    SeatRole,
)
from protocol.documents import Statement
from protocol.effects import (
    CouncilAppointed,
    CouncilConstituted,
    CouncilSeated,
    FoundingConstituted,
    MemberNumber,
    MembershipLeft,
)


def constituted(view: View) -> bool:
    current = view.get("council", CURRENT, Council)
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
    current = view.get("council", CURRENT, Council)
    return current.chair if current else None


def council(view: View) -> tuple[str, ...]:
    """Accounts with a vote, ascending."""
    return tuple(account for account, holder in view.scan("holder", "", Holder) if holder.voting)


# --- statements and effects ----------------------------------------------------------------------


def appoint(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: CouncilAppoint = statement.body
    if refused := acts.about(statement, context.cooperative):
        return refused
    if context.facts.genesis_kind() != "existing":
        return Rejection("wrong_founding", "type")
    if statement.iss != context.facts.founder():
        return Rejection("not_allowed", "iss", {"role": "founder"})
    if view.get("council", CURRENT, Council) is not None:
        return Rejection("already_appointed", "type")
    if context.facts.charter_digest() is None:
        return Rejection("charter_missing", "type")
    if body.until <= context.tick:
        return Rejection("until_passed", "until")
    if refused := _inconsistent(body.seats):
        return refused
    voting = sum(seat.voting for seat in body.seats)
    writes = [Write("council", CURRENT, Council(statement.digest, voting, until=body.until))]
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
    if repeats(seat.seat for seat in seats):
        return Rejection("seat_repeated", "seats")
    if repeats(seat.invitation for seat in seats):
        return Rejection("invitation_repeated", "seats")
    if repeats(seat.member.number for seat in seats if seat.member):
        return Rejection("number_repeated", "seats")
    if [seat.voting for seat in seats if "chair" in seat.roles] != [True]:
        return Rejection("chair_seat", "seats")
    return None


def repeats(values: Iterable[int | str | bytes]) -> bool:
    found = list(values)
    return len(set(found)) != len(found)


def reinvite(view: View, statement: Statement, context: Context) -> Changes | Rejection:
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


def accept(view: View, statement: Statement, context: Context) -> Changes | Rejection:
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
    before = view.need("council", CURRENT, Council)
    after = _filled(before, statement.iss, holder, context)
    effects = [
        Effect("council.seated", CouncilSeated(statement.iss, body.seat, statement.digest, seat.member))
    ]
    if after.constituted and not before.constituted and after.chair:
        voters = {*council(view), *((statement.iss,) if holder.voting else ())}
        effects.append(Effect("council.constituted", CouncilConstituted(after.chair, tuple(sorted(voters)))))
    return Changes(
        (
            Write("council", CURRENT, after),
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


def vacate(view: View, data: MembershipLeft) -> Changes:
    """Who is no member any more holds neither seat nor office. The chair hands over before leaving."""
    writes: list[Write] = []
    if view.get("office", data.account, Office) is not None:
        writes.append(Write("office", data.account, None))
    holder = view.get("holder", data.account, Holder)
    if holder is not None and "chair" not in holder.offices:
        seat = view.need("seat", str(holder.seat), Seat)
        current = view.need("council", CURRENT, Council)
        vacant = replace(seat, account=None, invitation=None, invited_by=None, member=None, invited_at=None)
        writes += (
            Write("holder", data.account, None),
            Write("seat", str(holder.seat), vacant),
            Write("council", CURRENT, replace(current, filled=current.filled - holder.voting)),
        )
    return Changes(tuple(writes))


def seat_elected(data: FoundingConstituted, context: Context) -> Changes:
    """The founding meeting's council, in order of votes (R88)."""
    size = len(data.council)
    current = Council(data.minutes, size, size, data.chair, constituted=True)
    writes = [Write("council", CURRENT, current)]
    for number, account in enumerate(data.council, 1):
        presides = account == data.chair
        seat_roles: tuple[SeatRole, ...] = ("chair", "member") if presides else ("member",)
        writes.append(Write("seat", str(number), Seat(seat_roles, True, account=account)))
        offices = ("chair",) if presides else ()
        writes.append(Write("holder", account, Holder(number, True, context.index, offices)))
    return Changes(tuple(writes))
