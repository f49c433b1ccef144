"""When news leaves: quiet hours over midnight, the daily letter, and days on which clocks change."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopnode.notifications.settings import ZONES, Settings, Turn

NIGHT = (22, 8)
START, YEARS = 1_767_225_600, 5 * 366 * 86_400


def at(text: str, zone: str = "Europe/Moscow", fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


@pytest.mark.parametrize(
    ("quiet", "now", "then"),
    [
        (NIGHT, "2026-03-10 21:59:59", None),
        (NIGHT, "2026-03-10 22:00", "2026-03-11 08:00"),
        (NIGHT, "2026-03-10 23:59:59", "2026-03-11 08:00"),
        (NIGHT, "2026-03-11 00:00", "2026-03-11 08:00"),
        (NIGHT, "2026-03-11 07:59:59", "2026-03-11 08:00"),
        (NIGHT, "2026-03-11 08:00", None),
        ((1, 5), "2026-03-11 00:59", None),
        ((1, 5), "2026-03-11 04:00", "2026-03-11 05:00"),
        ((13, 14), "2026-03-11 13:30", "2026-03-11 14:00"),
        ((12, 0), "2026-12-31 18:00", "2027-01-01 00:00"),
        (None, "2026-03-11 03:00", None),
    ],
)
def test_quiet_hours(quiet: tuple[int, int] | None, now: str, then: str | None) -> None:
    settings = Settings(quiet=quiet)
    assert settings.turn("votes", at(now), urgent=False) == Turn(at(then or now), False)
    assert settings.turn("votes", at(now), urgent=True) == Turn(at(now), False)
    assert settings.turn("security", at(now), urgent=False) == Turn(at(now), False)


@pytest.mark.parametrize(
    ("quiet", "now", "fold", "then", "seconds"),
    [
        # Clocks go from 2 to 3 on 29 March 2026: the night is an hour shorter.
        ((22, 8), "2026-03-28 23:00", 0, "2026-03-29 08:00", 8 * 3600),
        # The quiet hours end in the hour that is left out, so with the hour after it.
        ((22, 2), "2026-03-29 01:30", 0, "2026-03-29 03:00", 1800),
        # On 25 October they go from 3 to 2: an hour longer, and the hour between two and three comes twice.
        ((22, 8), "2026-10-24 23:00", 0, "2026-10-25 08:00", 10 * 3600),
        ((22, 3), "2026-10-25 02:30", 0, "2026-10-25 03:00", 5400),
        ((22, 3), "2026-10-25 02:30", 1, "2026-10-25 03:00", 1800),
    ],
)
def test_nights_on_which_clocks_change(
    quiet: tuple[int, int], now: str, fold: int, then: str, seconds: int
) -> None:
    zone = "Europe/Berlin"
    begun = at(now, zone, fold)
    turn = Settings(zone=zone, quiet=quiet).turn("votes", begun, urgent=False)
    assert turn == Turn(at(then, zone), False) and turn.at - begun == seconds


def test_the_daily_letter_goes_once_on_every_day() -> None:
    """Also on the two days of a year that are longer and shorter; an hour that comes twice is its first."""
    for hour in (2, 19):
        settings = Settings({"votes": "daily"}, hour=hour, zone="Europe/Berlin")
        now, days = at("2026-01-01 12:00", "Europe/Berlin"), list[str]()
        for _ in range(365):
            turn = settings.turn("votes", now, urgent=False)
            assert turn is not None and turn.bundled
            now = turn.at
            days.append(datetime.fromtimestamp(now, ZoneInfo("Europe/Berlin")).date().isoformat())
        assert len(set(days)) == 365 and days[-1] in ("2026-12-31", "2027-01-01")


def test_what_each_chooses() -> None:
    settings, noon = Settings({"votes": "off", "security": "off"}), at("2026-03-11 12:00")
    assert settings.turn("votes", noon, urgent=True) is None
    assert settings.turn("security", noon, urgent=False) == Turn(noon, False)
    daily = Settings({"votes": "daily"}, quiet=NIGHT)
    assert daily.turn("votes", noon, urgent=False) == Turn(at("2026-03-11 19:00"), True)
    assert daily.turn("votes", at("2026-03-11 23:00"), urgent=True) == Turn(at("2026-03-11 23:00"), False)


@given(
    now=st.integers(START, START + YEARS),
    zone=st.sampled_from(ZONES),
    begins=st.integers(0, 23),
    length=st.integers(1, 23),
)
def test_nothing_leaves_in_quiet_hours_and_nothing_waits_longer(
    now: int, zone: str, begins: int, length: int
) -> None:
    ends = (begins + length) % 24
    turn = Settings(zone=zone, quiet=(begins, ends)).turn("votes", now, urgent=False)
    assert turn is not None and now <= turn.at <= now + (length + 1) * 3600
    hour = datetime.fromtimestamp(turn.at, ZoneInfo(zone)).hour
    assert not (begins <= hour < ends if begins < ends else hour >= begins or hour < ends)
