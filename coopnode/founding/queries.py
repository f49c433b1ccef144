"""What the pages of founding and invitation show, read off the state. Pure functions of a state and of the
statements named in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from protocol import decisions
from protocol.contract import State, View
from protocol.contracts import accounts, agreements, consents, cooperative, council, founding, membership
from protocol.decisions import Ballot
from protocol.documents import Statement
from protocol.identifiers import identifier, parse_identifier
from protocol.registry import StateFacts

#: The first statement with a document digest, parsed and typed; None when the log has none.
Find: TypeAlias = Callable[[bytes], Statement | None]

Stage: TypeAlias = Literal[
    "empty",  # nothing logged
    "begun",  # the log exists, texts or signatures are missing
    "ready",  # everything before the council or the meeting stands
    "seating",  # existing: invitations to seats are out
    "gathering",  # new: founders join
    "voting",
    "closed",  # voted, not constituted yet
    "constituted",
]


@dataclass(frozen=True)
class SeatLine:
    number: int
    roles: tuple[str, ...]
    voting: bool
    account: str | None
    member: int | None
    #: where its invitation is: digest of the inviting document and place in it
    invited_by: bytes | None
    place: int
    #: when the chair may replace an invitation that nobody has accepted
    replaceable_from: int = 0


@dataclass(frozen=True)
class Seats:
    lines: tuple[SeatLine, ...]
    #: seats with a vote; filled; how many of them the quorum needs
    voting: int
    filled: int
    needed: int
    chair_in: bool
    constituted: bool
    until: int | None
    #: document digest of the appointment or of the founding minutes
    basis: bytes


@dataclass(frozen=True)
class FounderLine:
    place: int
    account: str | None


@dataclass(frozen=True)
class VoteCount:
    id: str
    opened: bytes
    closes: int
    candidates: tuple[str, ...]
    seats: int
    entitled: int
    voted: frozenset[str]
    counts: decisions.Counts
    outcome: str | None
    council: tuple[str, ...]
    chair: str | None
    presider: str | None
    secretary: str | None
    result: bytes | None
    #: nothing is missing for the minutes
    countable: bool


@dataclass(frozen=True)
class Gathering:
    status: str
    convene: bytes
    closes: int
    places: tuple[FounderLine, ...]
    #: in order of joining
    joined: tuple[str, ...]
    minimum: int
    seats_minimum: int
    vote: VoteCount | None


@dataclass(frozen=True)
class Invitation:
    """One place somebody is invited to. `status` open, accepted, replaced or closed."""

    kind: Literal["seat", "member", "founder"]
    digest: bytes
    index: int
    kid: bytes
    status: Literal["open", "accepted", "replaced", "closed"]
    account: str | None = None
    number: int | None = None
    seat: int | None = None
    roles: tuple[str, ...] = ()
    voting: bool = False
    closes: int | None = None
    #: account that invited
    by: str = ""


@dataclass(frozen=True)
class TextLine:
    kind: str
    title: str
    edition: int
    digest: bytes
    blob: bytes
    required: bool


def _view(state: State, domain: str) -> View:
    return View(state, domain)


def cooperative_in(state: State) -> cooperative.Cooperative | None:
    return cooperative.cooperative(_view(state, cooperative.DOMAIN))


def facts(state: State) -> StateFacts:
    return StateFacts(state)


def charter_in(state: State) -> cooperative.Charter | None:
    return cooperative.charter(_view(state, cooperative.DOMAIN))


def stage(state: State) -> Stage:
    found = cooperative_in(state)
    if found is None:
        return "empty"
    known = StateFacts(state)
    if known.constituted():
        return "constituted"
    if _view(state, council.DOMAIN).get("council", "current", council.Council) is not None:
        return "seating"
    meeting = _view(state, founding.DOMAIN).get("meeting", "current", founding.Meeting)
    if meeting is not None and meeting.status != "lapsed":
        if meeting.status == "voting":
            return "voting"
        return "closed" if meeting.status == "closed" else "gathering"
    if charter_in(state) is None or any(known.edition(kind) is None for kind in known.required_agreements()):
        return "begun"
    return "ready"


def texts(state: State) -> list[TextLine]:
    """Texts in force, those to be signed first and in the pack's order."""
    required = StateFacts(state).required_agreements()
    found = {
        item.kind: TextLine(
            item.kind, item.title, item.edition, item.digest, item.blob, item.kind in required
        )
        for _, item in _view(state, cooperative.DOMAIN).scan("agreement", "", cooperative.Agreement)
    }
    order = [*required, *sorted(set(found) - set(required))]
    return [found[kind] for kind in order if kind in found]


def unsigned(state: State, account: str | None) -> list[TextLine]:
    """The texts this person still has to sign before accepting anything."""
    known = StateFacts(state)
    return [
        line
        for line in texts(state)
        if line.required
        and not (account and agreements.has_signed(_view(state, agreements.DOMAIN), account, line.digest))
        and known.edition(line.kind) == line.digest
    ]


def has_consent(state: State, account: str | None, purpose: str) -> bool:
    return account is not None and consents.has_consent(_view(state, consents.DOMAIN), account, purpose)


def knows_account(state: State, account: str) -> bool:
    return accounts.knows(_view(state, accounts.DOMAIN), account)


def seats(state: State, find: Find) -> Seats | None:
    """Seats with who holds them, and how far the council is from being able to decide."""
    view = _view(state, council.DOMAIN)
    current = view.get("council", "current", council.Council)
    if current is None:
        return None
    days = StateFacts(state).parameter("council.reinvite_days")
    lines = [
        _seat(int(number), seat, find, days)
        for number, seat in sorted(view.scan("seat", "", council.Seat), key=lambda item: int(item[0]))
    ]
    part, whole = StateFacts(state).parameter("council.quorum")
    needed = -(-current.seats * part // whole)
    return Seats(
        tuple(lines),
        current.seats,
        current.filled,
        needed,
        current.chair is not None,
        current.constituted,
        current.until,
        current.basis,
    )


def _seat(number: int, seat: council.Seat, find: Find, days: int) -> SeatLine:
    place = 0
    inviting = find(seat.invited_by) if seat.invited_by and seat.account is None else None
    if inviting is not None and inviting.type == "council.appoint/1":
        place = next((i for i, item in enumerate(inviting.payload["seats"]) if item["seat"] == number), 0)
    member = seat.member.number if seat.member else None
    return SeatLine(
        number,
        tuple(seat.roles),
        seat.voting,
        seat.account,
        member,
        seat.invited_by,
        place,
        (seat.invited_at or 0) + days * 86_400,
    )


def gathering(state: State, find: Find) -> Gathering | None:
    """The founding meeting of a new cooperative."""
    view = _view(state, founding.DOMAIN)
    meeting = view.get("meeting", "current", founding.Meeting)
    if meeting is None:
        return None
    convened = find(meeting.convene)
    places: list[FounderLine] = []
    for place, kid in enumerate(convened.payload["invitations"] if convened else ()):
        held = view.get("invitation", kid.hex(), founding.Invitation)
        places.append(FounderLine(place, held.account if held else None))
    known = StateFacts(state)
    return Gathering(
        status=meeting.status,
        convene=meeting.convene,
        closes=meeting.closes,
        places=tuple(places),
        joined=founding.founders(view),
        minimum=known.parameter("founding.min_founders"),
        seats_minimum=known.parameter("founding.council_seats_min"),
        vote=_vote(view, meeting),
    )


def _vote(view: View, meeting: founding.Meeting) -> VoteCount | None:
    if meeting.opened is None:
        return None
    id = identifier(meeting.opened)
    vote = view.get("vote", id, founding.Vote)
    if vote is None:
        return None
    everybody = vote.box.counts.ballots >= vote.box.electorate.size
    countable = meeting.status in ("closed", "constituted") or everybody
    counted = founding.count(view, id) if countable else vote
    voted = frozenset(key.rpartition("/")[2] for key, _ in view.scan("ballot", f"{id}/", Ballot))
    return VoteCount(
        id=id,
        opened=meeting.opened,
        closes=vote.box.closes,
        candidates=vote.candidates,
        seats=vote.seats,
        entitled=vote.box.electorate.size,
        voted=voted,
        counts=vote.box.counts,
        outcome=counted.outcome,
        council=counted.council,
        chair=counted.chair,
        presider=vote.presider,
        secretary=vote.secretary,
        result=founding.result(view, id) if countable else None,
        countable=countable,
    )


def highest_sequence(state: State, vote: str, account: str) -> int:
    """Of this founder's ballots; 0 before the first."""
    ballot = _view(state, founding.DOMAIN).get("ballot", f"{vote}/{account}", Ballot)
    return max((item.sequence for item in ballot.casts), default=0) if ballot else 0


def ballot_lines(state: State, vote: str) -> dict[str, decisions.Cast]:
    """Counting ballots by account: the founding vote is open."""
    view = _view(state, founding.DOMAIN)
    found = (
        (key.rpartition("/")[2], decisions.counting(item))
        for key, item in view.scan("ballot", f"{vote}/", Ballot)
    )
    return {account: cast for account, cast in found if cast is not None}


def invitation(state: State, find: Find, digest: bytes, index: int) -> Invitation | None:
    """The place behind a link; None when the log has no such document or place."""
    inviting = find(digest)
    if inviting is None or index < 0:
        return None
    if inviting.type in ("council.appoint/1", "council.reinvite/1"):
        return _seat_invitation(state, inviting, index)
    if inviting.type == "membership.enrol/1" and index == 0:
        return _enrolment(state, inviting)
    if inviting.type == "founding.convene/1":
        return _founder_invitation(state, inviting, index)
    return None


def place_of(state: State, find: Find, kid: bytes) -> tuple[bytes, int] | None:
    """Where the invitation with this public key stands: for a code typed from a card."""
    name = kid.hex()
    inviting: bytes | None = None
    used = _view(state, council.DOMAIN).get("used", name, council.Used)
    if used is not None:
        seat = _view(state, council.DOMAIN).get("seat", str(used.seat), council.Seat)
        inviting = seat.invited_by if seat else None
    founder = _view(state, founding.DOMAIN).get("invitation", name, founding.Invitation)
    if founder is not None:
        inviting = founder.convene
    number = _view(state, membership.DOMAIN).get("used", name, membership.Used)
    if number is not None:
        place = _view(state, membership.DOMAIN).get("number", _number_key(number.number), membership.Place)
        inviting = parse_identifier(place.enrolment) if place and place.enrolment else None
    statement = find(inviting) if inviting else None
    if statement is None:
        return None
    if statement.type == "council.appoint/1":
        kids = [seat["invitation"] for seat in statement.payload["seats"]]
    elif statement.type == "founding.convene/1":
        kids = list(statement.payload["invitations"])
    else:
        kids = [statement.payload["invitation"]]
    return (statement.digest, kids.index(kid)) if kid in kids else None


def _seat_invitation(state: State, inviting: Statement, index: int) -> Invitation | None:
    if inviting.type == "council.appoint/1":
        rows = inviting.payload["seats"]
        if index >= len(rows):
            return None
        number, kid = rows[index]["seat"], rows[index]["invitation"]
    elif index == 0:
        number, kid = inviting.payload["seat"], inviting.payload["invitation"]
    else:
        return None
    seat = _view(state, council.DOMAIN).get("seat", str(number), council.Seat)
    if seat is None:
        return None
    status: Literal["open", "accepted", "replaced"] = "open"
    if seat.invited_by != inviting.digest or seat.invitation != kid:
        status = "replaced"
    elif seat.account is not None:
        status = "accepted"
    return Invitation(
        "seat",
        inviting.digest,
        index,
        kid,
        status,
        account=seat.account,
        number=seat.member.number if seat.member else None,
        seat=number,
        roles=tuple(seat.roles),
        voting=seat.voting,
        by=inviting.iss,
    )


def _enrolment(state: State, inviting: Statement) -> Invitation:
    view = _view(state, membership.DOMAIN)
    number, kid = inviting.payload["number"], inviting.payload["invitation"]
    place = view.get("number", _number_key(number), membership.Place)
    status: Literal["open", "accepted", "replaced"] = "open"
    if place is None or place.enrolment != identifier(inviting.digest):
        status = "accepted" if place is not None and place.account else "replaced"
    account = place.account if place else None
    return Invitation(
        "member", inviting.digest, 0, kid, status, account=account, number=number, by=inviting.iss
    )


def _founder_invitation(state: State, inviting: Statement, index: int) -> Invitation | None:
    kids = inviting.payload["invitations"]
    if index >= len(kids):
        return None
    view = _view(state, founding.DOMAIN)
    meeting = view.get("meeting", "current", founding.Meeting)
    held = view.get("invitation", kids[index].hex(), founding.Invitation)
    status: Literal["open", "accepted", "replaced", "closed"] = "open"
    if held is not None and held.account is not None:
        status = "accepted"
    elif meeting is None or meeting.convene != inviting.digest:
        status = "replaced"
    elif meeting.status != "convened":
        status = "closed"
    return Invitation(
        "founder",
        inviting.digest,
        index,
        kids[index],
        status,
        account=held.account if held else None,
        closes=meeting.closes if meeting else None,
        by=inviting.iss,
    )


@dataclass(frozen=True)
class EnrolmentLine:
    digest: bytes
    number: int
    since: int
    person: str


def open_enrolments(state: State) -> list[EnrolmentLine]:
    """Members from the paper register who have not accepted yet, by number."""
    lines = [
        EnrolmentLine(item.digest, item.number, item.since, item.person)
        for key, item in _view(state, membership.DOMAIN).scan("enrolment", "", membership.Enrolment)
        if _waiting(state, key, item)
    ]
    return sorted(lines, key=lambda line: line.number)


def _waiting(state: State, key: str, item: membership.Enrolment) -> bool:
    place = _view(state, membership.DOMAIN).get("number", _number_key(item.number), membership.Place)
    return place is not None and place.enrolment == key


def _number_key(number: int) -> str:
    return f"{number:010d}"
