"""What is local in a country comes from its pack."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest

from coopnode import places
from coopnode.places import Place
from protocol import methodology
from protocol.methodology import Local

RUSSIA = places.first()
NEPAL = Place(Local(time_zone="Asia/Kathmandu", time_word={"en": "NPT"}, phone_code="977", phone_digits=8))
NOWHERE = Place(Local())
MOMENT = 1_779_087_600


@pytest.mark.parametrize(
    ("place", "locale", "clock", "zone"),
    [
        (RUSSIA, "ru", "10:00", "мск"),
        (RUSSIA, "en", "10:00", "Moscow"),
        (NEPAL, "ru", "12:45", "NPT"),
        (NOWHERE, "ru", "07:00", "UTC"),
        (Place(Local(time_zone="Europe/Belgrade")), "en", "09:00", "UTC+2"),
        (Place(Local(time_zone="Mars/Olympus")), "en", "07:00", "UTC"),
    ],
)
def test_the_clock_and_its_name(place: Place, locale: str, clock: str, zone: str) -> None:
    assert f"{place.at(MOMENT):%H:%M}" == clock
    assert place.zone(MOMENT, locale) == zone


def test_a_day_begins_and_ends_by_the_clock_of_the_place() -> None:
    day = date(2026, 5, 18)
    assert NEPAL.seconds(day) == int(datetime(2026, 5, 17, 18, 15, tzinfo=UTC).timestamp())
    assert RUSSIA.seconds(day, time(23, 59, 59)) - RUSSIA.seconds(day) == 86_399
    summer = Place(Local(time_zone="Europe/Berlin"))
    assert summer.seconds(date(2026, 3, 30)) - summer.seconds(date(2026, 3, 29)) == 23 * 3_600


def test_a_zone_without_a_word_is_told_by_its_distance() -> None:
    odd = timezone(timedelta(hours=-9, minutes=-30))
    assert places.named(datetime(2026, 5, 18, tzinfo=odd), "en") == "UTC−9:30"


@pytest.mark.parametrize(
    ("place", "typed", "meant"),
    [
        (RUSSIA, "8 (342) 123-45-67", "+73421234567"),
        (RUSSIA, "342 123 45 67", "+73421234567"),
        (NEPAL, "1234 5678", "+97712345678"),
        (NEPAL, "+7 900 123-45-67", "+79001234567"),
        (NOWHERE, "030 1234567", "+0301234567"),
        (NOWHERE, "1234567 ext. 8", ""),
    ],
)
def test_telephone_numbers(place: Place, typed: str, meant: str) -> None:
    assert place.phone(typed) == meant


def test_check_digits_are_those_of_the_country() -> None:
    assert RUSSIA.number_fits("inn", "7707083893") and not RUSSIA.number_fits("inn", "7707083894")
    assert RUSSIA.number_fits("ogrn", "1027700132195") and not RUSSIA.number_fits("ogrn", "X-77/1")
    assert NEPAL.number_fits("inn", "X-77/1") and NEPAL.number_fits("trade", "7707083894")
    assert not NEPAL.number_fits("inn", "ПИБ 1") and not NEPAL.number_fits("inn", "")


def test_every_zone_of_the_packs_is_known_here() -> None:
    for name in methodology.available():
        local = methodology.local(methodology.load(name))
        assert not local.time_zone or Place(local).at(MOMENT).utcoffset()
