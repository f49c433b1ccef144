"""What is local where a cooperative is: its clock and what people call its time, telephone numbers, the
numbers it is registered under. The pack in force says it (`methodology.Local`); no code knows a country.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from protocol import methodology, registration
from protocol.contract import State, View
from protocol.contracts import cooperative
from protocol.methodology import Local, Pack
from protocol.wording import Locale

#: Before a log begins nothing is known; the founder chooses.
FIRST: Final = "ru-consumer-1"


class Clock(tzinfo):
    """A zone of the time zone database that knows what people call it."""

    def __init__(self, zone: tzinfo, words: tuple[tuple[str, str], ...]) -> None:
        self._zone, self._words = zone, dict(words)

    def word(self, locale: Locale) -> str:
        """«мск»; empty where the country has no word for it."""
        return self._words.get(locale) or self._words.get("en", "")

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return self._zone.utcoffset(moment)

    def dst(self, moment: datetime | None) -> timedelta | None:
        return self._zone.dst(moment)

    def tzname(self, moment: datetime | None) -> str | None:
        return self._zone.tzname(moment)

    def fromutc(self, moment: datetime) -> datetime:
        return self._zone.fromutc(moment.replace(tzinfo=self._zone)).replace(tzinfo=self)


class Place:
    """One country, as a pack describes it."""

    def __init__(self, local: Local) -> None:
        self.local = local
        self.clock = _clock(local.time_zone or "UTC", tuple(sorted(local.time_word.items())))

    @property
    def language(self) -> Locale:
        return self.local.language or "en"

    def at(self, seconds: int) -> datetime:
        return datetime.fromtimestamp(seconds, self.clock)

    def seconds(self, day: date, at: time = time.min) -> int:
        """A moment of a day by the clock here."""
        return int(datetime.combine(day, at, self.clock).timestamp())

    def zone(self, seconds: int, locale: Locale) -> str:
        """«мск», or the distance from UTC where the time has no name."""
        return named(self.at(seconds), locale)

    def phone(self, text: str) -> str:
        """`8 (900) 000-00-00` and `+7 900 0000000` are one number: `+79000000000`. Empty when it is none:
        digits of an extension must not run into the number."""
        if not re.fullmatch(r"\+?[\d(][\d\s().-]*", text.strip(), re.ASCII):
            return ""
        digits = re.sub(r"\D", "", text, flags=re.ASCII)
        code, trunk, length = self.local.phone_code, self.local.phone_trunk, self.local.phone_digits
        if not text.lstrip().startswith("+") and code and length:
            for start in (code, trunk, ""):
                if len(digits) == len(start) + length and digits.startswith(start):
                    digits = code + digits[len(start) :]
                    break
        return f"+{digits}" if digits else ""

    def national(self, digits: str) -> str:
        """Digits of a number without the country's code or the trunk prefix before them."""
        code, trunk, length = self.local.phone_code, self.local.phone_trunk, self.local.phone_digits
        for start in (code, trunk):
            if start and length and len(digits) == len(start) + length and digits.startswith(start):
                return digits[len(start) :]
        return digits

    def number_fits(self, kind: str, text: str) -> bool:
        """Whether a number can be one under which somebody is registered: `inn` or `ogrn` of an organisation,
        `person` or `trade` of an entrepreneur."""
        if self.local.numbers == "ru":
            return _RUSSIAN[kind](text)
        return re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z./-]{1,29}", text, re.ASCII) is not None


_RUSSIAN: Final = {
    "inn": registration.inn_of_organisation,
    "ogrn": registration.ogrn,
    "person": registration.inn_of_person,
    "trade": registration.ogrnip,
}


@lru_cache(maxsize=64)
def _clock(name: str, words: tuple[tuple[str, str], ...]) -> Clock:
    """UTC when this machine does not know the zone: its times are still right, and say so."""
    try:
        return Clock(ZoneInfo(name), words)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return Clock(UTC, ())


def named(moment: datetime, locale: Locale) -> str:
    """The zone of a moment, to stand beside its time: «мск», `UTC+3`."""
    word = moment.tzinfo.word(locale) if isinstance(moment.tzinfo, Clock) else ""
    offset = moment.utcoffset()
    if word or offset is None:
        return word
    minutes = int(offset.total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "−" if minutes < 0 else "+"
    return "UTC" + (f"{sign}{hours}" + (f":{rest:02}" if rest else "") if minutes else "")


def of_pack(pack: Pack) -> Place:
    return Place(methodology.local(pack))


def pack_in_force(state: State) -> Pack | None:
    """None before the log names one."""
    view = View(state, cooperative.DOMAIN)
    return cooperative.pack(view) if cooperative.has_pack(view) else None


def of(state: State) -> Place:
    """Where the cooperative of this state is; before its log names a pack, where we began."""
    pack = pack_in_force(state)
    return of_pack(pack) if pack else first()


@lru_cache(maxsize=1)
def first() -> Place:
    return of_pack(methodology.load(FIRST))
