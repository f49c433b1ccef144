"""What a member's own page and certificate say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from coopnode import letters, printing
from coopnode.letters import MOSCOW, Locale
from coopnode.membership import queries
from coopnode.membership.queries import ApplicationLine
from protocol.contracts.membership import Member as MemberRecord
from protocol.identifiers import fingerprint


@dataclass(frozen=True, slots=True)
class MemberCard:
    """A member's own page."""

    account: str
    name: str
    member: MemberRecord
    house: queries.House
    roles: tuple[str, ...]
    #: the application it came from; None for founders and members from before
    line: ApplicationLine | None
    steps: tuple[queries.Step, ...]
    published: bool


def certificate_of(
    card: MemberCard,
    line: ApplicationLine,
    approval: queries.Paper,
    chair: str | None,
    now: int,
    locale: Locale,
) -> printing.Certificate:
    """For a member admitted by decision `approval`. `chair`: their name, if the reader may see it."""
    house = card.house
    when = letters.day(approval.at, locale)
    return printing.Certificate(
        issuer=printing.Issuer(house.name, house.inn, house.ogrn),
        member=card.name,
        number=card.member.number,
        since=datetime.fromtimestamp(card.member.since, MOSCOW).date(),
        fees=printing.Fees(line.entrance, line.share, line.currency),
        basis=f"решение совета от {when} года" if locale == "ru" else f"decision of the council, {when}",
        chair=chair or approval.by,
        signed=datetime.fromtimestamp(approval.at, MOSCOW),
        issued=datetime.fromtimestamp(now, MOSCOW).date(),
        proof=printing.Proof(
            f"{house.public_url}/verify/{approval.digest.hex()}", fingerprint(approval.digest), approval.idx
        ),
    )
