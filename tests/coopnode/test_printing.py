"""Printed documents: the same input gives the same bytes, and the paper says what it must."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Literal

import pypdf
import pytest

from coopnode import places
from coopnode.printing import (
    Application,
    Certificate,
    Document,
    Fees,
    Issuer,
    Minutes,
    Proof,
    Vote,
    money,
    pdf,
    png,
)
from protocol.identifiers import fingerprint
from protocol.wording import LOCALES

MOSCOW = places.first().clock
ISSUER = Issuer(
    "Потребительское общество «Росток»",
    "7707083893",
    "1027700132195",
    "150000, г. Ярославль, ул. Кооперативная, д. 3",
)
PROOF = Proof("https://rostok.example/verify/7f3a91c0", fingerprint(bytes(range(32))), 1236)
FEES = Fees(10_000, 120_050, "RUB")


def at(hour: int, minute: int) -> datetime:
    return datetime(2026, 5, 16, hour, minute, tzinfo=MOSCOW)


CERTIFICATE = Certificate(
    ISSUER,
    "Иванова Мария Сергеевна",
    1541,
    date(2026, 5, 20),
    FEES,
    "решение совета № 17 от 16 мая 2026 года",
    "Соколов Андрей Петрович",
    at(14, 7),
    date(2026, 5, 21),
    PROOF,
)
MINUTES = Minutes(
    ISSUER,
    17,
    "О приёме Ивановой Марии Сергеевны в пайщики общества",
    (
        "Принять Иванову Марию Сергеевну в пайщики общества «Росток» после внесения взносов.",
        "Поручить секретарю сообщить заявителю о решении в течение трёх дней.",
    ),
    1,
    at(10, 0),
    at(14, 2),
    5,
    4,
    (4, 0, 0),
    (
        Vote("Соколов Андрей Петрович", "председатель совета", "for", at(10, 12)),
        Vote("Ким Елена Олеговна", "секретарь", "for", at(10, 40)),
        Vote("Ёлкин Фёдор Ильич", "", "for", at(11, 5)),
        Vote("Абдуллаева Зарема Руслановна", "", "for", at(14, 2)),
        Vote("Щукин Пётр Яковлевич"),
    ),
    "adopted",
    "Соколов Андрей Петрович",
    at(14, 7),
    date(2026, 5, 16),
    fingerprint(bytes(32)),
    fingerprint(bytes(range(1, 33))),
    PROOF,
)
EXTRACT = replace(MINUTES, extract=True, secretary="Ким Елена Олеговна")
APPLICATION = Application(
    ISSUER,
    "person",
    "Иванова Мария Сергеевна",
    "150003, г. Ярославль, ул. Речная, д. 7, кв. 12",
    "+7 900 000-00-00",
    "ivanova@example.org",
    FEES,
    fingerprint(bytes(32)),
    ("Соглашение об электронной подписи, редакция 1", "Согласие на обработку персональных данных"),
    at(9, 30),
    date(2026, 5, 16),
    PROOF,
    birth_date=date(1990, 2, 3),
)
ALL: dict[str, Document] = {
    "certificate": CERTIFICATE,
    "minutes": MINUTES,
    "extract": EXTRACT,
    "application": APPLICATION,
}


def text_of(data: bytes) -> str:
    """Text with hyphenation and spacing undone, as a search would."""
    pages = (page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)
    return " ".join(" ".join(pages).replace("\xad", "").split())


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("document", ALL.values(), ids=ALL)
def test_equal_input_gives_equal_bytes(document: Document, locale: str) -> None:
    assert locale in LOCALES
    once = pdf(document, locale)
    assert once == pdf(document, locale)
    reader = pypdf.PdfReader(io.BytesIO(once))
    assert reader.metadata is not None and reader.metadata.author == ISSUER.name
    assert b"pdfaid:part" in once or reader.xmp_metadata is not None
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]  # type: ignore[index]


@pytest.mark.parametrize("locale", LOCALES)
def test_the_certificate_names_member_number_and_fees(locale: str) -> None:
    text = text_of(pdf(CERTIFICATE, "ru" if locale == "ru" else "en"))
    for part in (
        "Иванова Мария Сергеевна",
        "1 541",
        "1 200,50 ₽",
        "Соколов Андрей Петрович",
        "1 236",
        "0001 0203",
    ):
        assert part in text.replace("\u202f", " ").replace("\xa0", " "), part


@pytest.mark.parametrize(("attests", "title"), [("founding", "Протокол подписан"), ("register", "внесена")])
def test_a_founders_certificate_has_no_fees(attests: Literal["founding", "register"], title: str) -> None:
    text = text_of(pdf(replace(CERTIFICATE, fees=None, attests=attests), "ru"))
    assert "взнос" not in text and "Председатель" not in text
    assert title in text and CERTIFICATE.signer in text and CERTIFICATE.basis in text


def test_the_minutes_list_everybody_with_their_vote() -> None:
    text = text_of(pdf(MINUTES, "ru"))
    for vote in MINUTES.votes:
        assert vote.name in text
    assert "голос не подан" in text and "за 4, против 0, воздержались 0" in text
    assert "Нужно для кворума" in text and "16 мая 2026 года, 14:07 (мск)" in text


def test_the_extract_leaves_the_votes_by_name_out() -> None:
    text = text_of(pdf(EXTRACT, "ru"))
    assert "Щукин" not in text and "Ёлкин" not in text
    assert "Выписка" in text and "Ким Елена Олеговна" in text and "Принять Иванову" in text


def test_the_application_repeats_what_was_signed() -> None:
    text = text_of(pdf(APPLICATION, "ru"))
    for part in (
        "Иванова Мария Сергеевна",
        "3 февраля 1990 года",
        "ivanova@example.org",
        "вступительный",
        "100 ₽",
    ):
        assert part in text, part
    assert "ИНН 7707083893" in text and "ОГРН или ОГРНИП" not in text


def test_markup_in_names_stays_text() -> None:
    """Data reach the template as JSON values, so nobody writes typst into a certificate."""
    name = '#eval("1+1") *жирный* $x$ "} ]'
    assert name.replace('"', "") in text_of(pdf(replace(CERTIFICATE, member=name), "ru")).replace(
        '"', ""
    ).replace("”", "")


def test_a_long_list_flows_to_a_second_page() -> None:
    votes = tuple(Vote(f"Член Совета {n:02}", "", "for", at(10, n)) for n in range(40))
    many = replace(MINUTES, votes=votes, electorate=40, counts=(40, 0, 0))
    assert len(png(many, "ru")) > 1


def test_a_time_needs_its_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        pdf(replace(CERTIFICATE, signed=datetime(2026, 5, 16, 14, 7)), "ru")  # noqa: DTZ001
    assert "14:07 (UTC)" in text_of(
        pdf(replace(CERTIFICATE, signed=datetime(2026, 5, 16, 14, 7, tzinfo=UTC)), "ru")
    )


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0, "0 ₽"), (120_000, "1 200 ₽"), (120_050, "1 200,50 ₽"), (-5, "−0,05 ₽"), (10**11, "1 000 000 000 ₽")],
)
def test_money(amount: int, shown: str) -> None:
    assert money(amount, "RUB").replace("\u202f", " ").replace("\xa0", " ") == shown
