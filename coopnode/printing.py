"""Printed documents: certificate of membership, decision of the council and its extract, application.

The printed form is a view (design §4); the original is the statement in the log. Equal input gives equal
bytes: the document's date stands in the data, only the fonts inside typst are used, and nothing is read from
the clock. The PDF is PDF/A-3a with tags and PDF/UA-1 marks.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources
from typing import Any, Final, Literal, TypeAlias

import typst
from babel import dates

from coopnode import places, qr
from coopnode.seen import all_visible
from protocol import wording
from protocol.wording import Locale

__all__ = [
    "Application",
    "Certificate",
    "Fees",
    "Issuer",
    "Minutes",
    "Proof",
    "Vote",
    "money",
    "pdf",
    "png",
    "sign",
]

NARROW: Final = "\u202f"
NO_BREAK: Final = "\u00a0"
#: Those inside typst, looked through once; threads may share them.
_FONTS: Final = typst.Fonts(include_system_fonts=False)
_SIGNS: Final = {"RUB": "₽", "EUR": "€", "USD": "$"}


@dataclass(frozen=True, slots=True)
class Issuer:
    """The cooperative at the head of the sheet."""

    name: str
    inn: str = ""
    ogrn: str = ""
    address: str = ""
    #: the two numbers are called ИНН and ОГРН
    russian: bool = True


@dataclass(frozen=True, slots=True)
class Proof:
    """Where and by what the paper is checked. `fingerprint` is the document digest in groups of four."""

    url: str
    fingerprint: str
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Fees:
    """Minor units."""

    entrance: int
    share: int
    currency: str


@dataclass(frozen=True, slots=True)
class Certificate:
    issuer: Issuer
    member: str
    number: int
    since: date
    #: None for founders and for members from a paper register: their payments stand in other books
    fees: Fees | None
    #: "решение совета № 17 от 16 мая 2026 года"
    basis: str
    #: whose signature the basis carries, and as what
    signer: str
    signed: datetime
    issued: date
    #: of `council.approve/1`, of the founding minutes, or of the entry that carried the paper register over
    proof: Proof
    attests: Literal["decision", "founding", "register"] = "decision"


@dataclass(frozen=True, slots=True)
class Vote:
    """One member of the council; `choice` and `cast` are None for one who did not vote."""

    name: str
    role: str = ""
    choice: Literal["for", "against", "abstain"] | None = None
    cast: datetime | None = None
    #: cast by the council's robot with a key the member lent it
    robot: bool = False


@dataclass(frozen=True, slots=True)
class Minutes:
    """One matter of the council. With `extract` only the decision is printed, no votes by name."""

    issuer: Issuer
    number: int
    title: str
    #: paragraphs of the decision
    text: tuple[str, ...]
    round: int
    opened: datetime
    closed: datetime
    electorate: int
    #: ballots needed for a quorum
    quorum: int
    counts: tuple[int, int, int]
    votes: tuple[Vote, ...]
    outcome: Literal["adopted", "rejected"]
    chair: str
    signed: datetime
    issued: date
    matter_fingerprint: str
    result_fingerprint: str
    proof: Proof
    reason: str = ""
    extract: bool = False
    #: who attests the extract
    secretary: str = ""
    #: the chair's signature is the robot's, with a key the chair lent it
    robot: bool = False


@dataclass(frozen=True, slots=True)
class Application:
    issuer: Issuer
    kind: Literal["person", "entrepreneur", "organisation"]
    name: str
    address: str
    phone: str
    email: str
    fees: Fees
    #: fingerprint of the charter named in the application
    charter: str
    #: titles of the texts and consents signed before
    texts: tuple[str, ...]
    signed: datetime
    issued: date
    proof: Proof
    birth_date: date | None = None
    document: str = ""
    inn: str = ""
    ogrn: str = ""
    #: who signed, when it is not the applicant itself
    signer: str = ""


Document: TypeAlias = Certificate | Minutes | Application


def pdf(document: Document, locale: Locale) -> bytes:
    """One PDF/A-3a file, the same bytes for the same input and typst version."""
    return _compile(document, locale, format="pdf", pdf_standards=["a-3a", "ua-1"])[0]


def png(document: Document, locale: Locale, ppi: float = 96) -> list[bytes]:
    """The pages as pictures, for previews and tests."""
    return _compile(document, locale, format="png", ppi=ppi)


def _compile(document: Document, locale: Locale, **options: Any) -> list[bytes]:
    template, data = _data(document, locale)
    folder = resources.files("coopnode").joinpath("templates_pdf")
    with resources.as_file(folder) as root:
        made = typst.compile(
            str(root / f"{template}.typ"),
            root=str(root),
            font_paths=_FONTS,
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(all_visible(data), ensure_ascii=False)},
            timestamp=0,
            **options,
        )
    return made if isinstance(made, list) else [made]


def _data(document: Document, locale: Locale) -> tuple[str, dict[str, Any]]:
    locale = locale if locale in wording.LOCALES else "en"  # the templates have these two
    issuer, proof = document.issuer, document.proof
    common: dict[str, Any] = {
        "locale": locale,
        "date": [document.issued.year, document.issued.month, document.issued.day],
        "issued": _day(document.issued, locale),
        "issuer": {
            "name": issuer.name,
            "inn": issuer.inn,
            "ogrn": issuer.ogrn,
            "address": issuer.address,
            "russian": issuer.russian,
        },
        "verify_url": proof.url,
        "fingerprint": proof.fingerprint,
        "index": None if proof.index is None else _grouped(proof.index),
        "qr": _qr(proof.url),
        "signed": _moment(document.signed, locale),
    }
    match document:
        case Certificate():
            return "certificate", common | _certificate(document, locale)
        case Minutes():
            return "minutes", common | _minutes(document, locale)
        case Application():
            return "application", common | _application(document, locale)


def _certificate(document: Certificate, locale: Locale) -> dict[str, Any]:
    fees = document.fees
    return {
        "number": _grouped(document.number),
        "member": document.member,
        "since": _day(document.since, locale),
        "entrance": money(fees.entrance, fees.currency) if fees else "",
        "share": money(fees.share, fees.currency) if fees else "",
        "basis": document.basis,
        "signer": document.signer,
        "attests": document.attests,
    }


def _minutes(document: Minutes, locale: Locale) -> dict[str, Any]:
    return {
        "number": _grouped(document.number),
        "title": document.title,
        "text": list(document.text),
        "decided": _day(document.signed.date(), locale),
        "round": str(document.round),
        "opened": _moment(document.opened, locale),
        "closed": _moment(document.closed, locale),
        "electorate": str(document.electorate),
        "quorum": str(document.quorum),
        "present": str(sum(document.counts)),
        "counts": [str(count) for count in document.counts],
        "votes": [
            {
                "name": vote.name,
                "role": vote.role,
                "choice": _choice(vote.choice, locale),
                "at": "" if vote.cast is None else _moment(vote.cast, locale),
                "robot": vote.robot,
            }
            for vote in document.votes
        ],
        "outcome": _sentence_case(wording.state("matter", document.outcome, locale)),
        "reason": document.reason,
        "chair": document.chair,
        "robot": document.robot,
        "secretary": document.secretary,
        "matter_print": document.matter_fingerprint,
        "result_print": document.result_fingerprint,
        "extract": document.extract,
    }


def _application(document: Application, locale: Locale) -> dict[str, Any]:
    kinds = wording.values("membership.apply/1", "person", locale)
    return {
        "kind": _sentence_case(kinds[document.kind]),
        "organisation": document.kind == "organisation",
        "name": document.name,
        "birth_date": "" if document.birth_date is None else _day(document.birth_date, locale),
        "address": document.address,
        "phone": document.phone,
        "email": document.email,
        "document": document.document,
        "inn": document.inn,
        "ogrn": document.ogrn,
        "entrance": money(document.fees.entrance, document.fees.currency),
        "share": money(document.fees.share, document.fees.currency),
        "charter": document.charter,
        "texts": list(document.texts),
        "signer": document.signer or document.name,
    }


def _choice(choice: str | None, locale: Locale) -> str:
    return "" if choice is None else wording.values("council.vote/1", "choice", locale)[choice]


def money(amount: int, currency: str) -> str:
    """Minor units as people write them: `1 200 ₽`, `1 200,50 ₽` with thin and unbreakable spaces."""
    whole, rest = divmod(abs(amount), 100)
    cents = f",{rest:02}" if rest else ""
    return f"{'−' if amount < 0 else ''}{_grouped(whole)}{cents}{NO_BREAK}{sign(currency)}"


def sign(currency: str) -> str:
    """«₽»; the code where there is no sign for it."""
    return _SIGNS.get(currency, currency)


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", NARROW)


def _day(day: date, locale: Locale) -> str:
    text = str(dates.format_date(day, f"d'{NO_BREAK}'MMMM y", locale=locale))
    return f"{text}{NO_BREAK}года" if locale == "ru" else text


def _moment(moment: datetime, locale: Locale) -> str:
    """With the zone, because a time without one proves nothing."""
    if moment.utcoffset() is None:
        raise ValueError("a printed time needs its zone")
    return f"{_day(moment.date(), locale)}, {moment:%H:%M}{NO_BREAK}({places.named(moment, locale)})"


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def _qr(url: str) -> str:
    out = io.BytesIO()
    qr.code(url).save(out, kind="svg", border=0, xmldecl=False, svgclass=None, lineclass=None)
    return out.getvalue().decode("utf-8")
