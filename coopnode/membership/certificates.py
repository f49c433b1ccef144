"""What a member's own page and certificate say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from coopnode import letters, printing
from coopnode.membership import queries
from coopnode.membership.queries import ApplicationLine
from coopnode.places import Place
from protocol.contracts.membership import Member as MemberRecord
from protocol.identifiers import fingerprint
from protocol.wording import Locale, said

#: Type of the statement a membership rests on → what a certificate says of it.
_REGISTER: Final[tuple[Literal["register"], Mapping[Locale, str]]] = (
    "register",
    {
        "ru": "бумажный реестр пайщиков, запись внесена в журнал {day} года",
        "en": "the paper register of members, entered in the log on {day}",
    },
)
_BASES: Final[Mapping[str, tuple[Literal["decision", "founding", "register"], Mapping[Locale, str]]]] = {
    "council.approve/1": (
        "decision",
        {"ru": "решение совета от {day} года", "en": "decision of the council, {day}"},
    ),
    "founding.minutes/1": (
        "founding",
        {
            "ru": "протокол учредительного собрания от {day} года",
            "en": "minutes of the founding meeting, {day}",
        },
    ),
    "membership.enrol/1": _REGISTER,
    "council.appoint/1": _REGISTER,
}


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
    card: MemberCard, basis: queries.Paper, signer: str | None, now: int, locale: Locale, place: Place
) -> printing.Certificate:
    """For a member whose membership rests on the statement `basis`. `signer`: the name of whoever signed it,
    if the reader may see it."""
    house, line = card.house, card.line
    attests, words = _BASES[basis.type]
    return printing.Certificate(
        issuer=printing.Issuer(house.name, house.inn, house.ogrn, russian=place.local.numbers == "ru"),
        member=card.name,
        number=card.member.number,
        since=place.at(card.member.since).date(),
        fees=printing.Fees(line.entrance, line.share, line.currency) if line else None,
        basis=said(words, locale).format(day=letters.day(basis.at, locale, place)),
        signer=signer or basis.by,
        signed=place.at(basis.at),
        issued=place.at(now).date(),
        proof=printing.Proof(
            f"{house.public_url}/verify/{basis.digest.hex()}", fingerprint(basis.digest), basis.idx
        ),
        attests=attests,
    )
