"""The texts a cooperative starts with: complete in both languages, filled from the rules, in our voice."""

import re

import pytest

from coopnode import texts
from protocol import methodology
from protocol.methodology import Pack
from protocol.wording import LOCALES, Locale

RU = methodology.load("ru-consumer-1")
COOPERATIVE = {
    "cooperative": "Потребительское общество «Росток»",
    "inn": "7707083893",
    "ogrn": "1027700132195",
    "address": "150000, г. Ярославль, ул. Кооперативная, д. 3",
    "contact": "sovet@rostok.example",
    "site": "https://rostok.example",
    "responsible": "секретарь",
    "processors": "нет",
    "purpose": "совместное снабжение пайщиков",
    "edition": "1",
}


PACKS = [methodology.load(name) for name in methodology.available()]
packs = pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)


@packs
@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", texts.KINDS)
def test_every_text_is_filled(kind: str, locale: Locale, pack: Pack) -> None:
    filled = texts.text(kind, locale, {**COOPERATIVE, **texts.rules(pack, {}, locale)}, pack)
    assert filled.startswith("# ") and "{" not in filled and "!" not in filled
    assert not re.search(r"хеш|хэш|\bнод[аыу]\b|блокчейн|blockchain", filled, re.IGNORECASE)


@packs
@pytest.mark.parametrize("kind", texts.KINDS)
def test_both_languages_say_the_same_clauses(kind: str, pack: Pack) -> None:
    numbers, places = [], []
    for locale in LOCALES:
        filled = texts.text(kind, locale, {**COOPERATIVE, **texts.rules(pack, {}, locale)}, pack)
        numbers.append(re.findall(r"^(?:## )?(\d+(?:\.\d+)?)\. ", filled, re.MULTILINE))
        places.append(sorted(texts.placeholders(kind, locale, pack)))
    assert numbers[0] == numbers[1] and len(numbers[0]) >= 6
    assert places[0] == places[1]


def test_the_charter_follows_the_rules_in_force() -> None:
    charter = {"council.vote_days": 9, "council.tie": "fails", "fees.share.person": 120_000}
    filled = texts.text("charter", "ru", {**COOPERATIVE, **texts.rules(RU, charter, "ru")}, RU)
    assert "Срок голосования — 9 дней" in filled
    assert "через 2 месяца и не позже чем через 6 месяцев" in filled and "на 3 года" in filled
    assert "не менее 3/4 членов совета, среди них председатель" in filled
    assert "При равенстве голосов решение не принято." in filled
    assert "гражданин — 1\u202f200\u00a0₽" in filled


@pytest.mark.parametrize(
    ("days", "ru", "en"),
    [(1, "1 день", "1 day"), (3, "3 дня", "3 days"), (11, "11 дней", "11 days"), (21, "21 день", "21 days")],
)
def test_periods_are_declined(days: int, ru: str, en: str) -> None:
    charter = {"council.vote_days": days}
    assert texts.rules(RU, charter, "ru")["council_vote_days"] == ru
    assert texts.rules(RU, charter, "en")["council_vote_days"] == en


def test_one_consent_has_one_purpose() -> None:
    """152-ФЗ art. 9: operator, purpose, data, acts, term and withdrawal stand in each of them."""
    for kind in ("consent-membership", "consent-contacts"):
        filled = texts.text(kind, "ru", {**COOPERATIVE, **texts.rules(RU, {}, "ru")}, RU)
        for part in ("оператору", "Цель одна", "Данные:", "Действия:", "действует", "тозвать"):
            assert part in filled, (kind, part)


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="cooperative"):
        texts.text("signature", "ru", {}, RU)
    with pytest.raises(KeyError):
        texts.text("../ru/charter", "ru", {}, RU)


@packs
@pytest.mark.parametrize("locale", LOCALES)
def test_a_form_cites_its_own_law(locale: Locale, pack: Pack) -> None:
    """A charter under another law than the one it cites would be refused by the registrar."""
    laws = {"ru-consumer": "3085-1", "ru-agricultural": "193-", "ru-production": "41-"}
    for kind in texts.KINDS:
        values = {**COOPERATIVE, "purpose": "снабжение", **texts.rules(pack, {}, locale)}
        filled = texts.text(kind, locale, values, pack)
        cited = {name for name, law in laws.items() if law in filled}
        assert cited <= {pack.name}, (kind, cited)
        if kind == "charter":
            assert cited == {pack.name} & set(laws)
        if pack.name == "generic":
            assert not re.search(r"-ФЗ|-FZ|ОГРН|OGRN|Гражданск|Civil Code", filled), kind
        if locale == "ru" and pack.terms:
            assert not re.search("пайщик", filled, re.IGNORECASE), kind


def test_a_law_calls_members_otherwise() -> None:
    production = methodology.load("ru-production-1")
    filled = texts.text(
        "consent-membership", "ru", {**COOPERATIVE, **texts.rules(production, {}, "ru")}, production
    )
    assert "вести реестр членов кооператива" in filled
