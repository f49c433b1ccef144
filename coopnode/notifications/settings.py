"""When and how a person wants to hear of news: by group at once, daily or in the inbox only; quiet hours.

Hours are those of a clock on the wall in the person's zone, so that nothing moves when the clocks change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from coopnode.store.schema import notification_settings as table
from coopnode.store.sql import Connection, select, upsert
from protocol import encoding
from protocol.encoding import Value

Group: TypeAlias = Literal["votes", "membership", "desk", "security"]
Mode: TypeAlias = Literal["now", "daily", "off"]

GROUPS: Final[tuple[Group, ...]] = ("votes", "membership", "desk", "security")
MODES: Final[tuple[Mode, ...]] = ("now", "daily", "off")
#: News of keys is about somebody who may be taking over an account: it comes at once and to everybody.
FIXED: Final[Group] = "security"
ZONE: Final = "Europe/Moscow"
#: Those to choose from: of Russia from west to east, of its neighbours, and one for most other places.
ZONES: Final = (
    *("Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk"),
    *("Asia/Novosibirsk", "Asia/Krasnoyarsk", "Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok"),
    *("Asia/Magadan", "Asia/Kamchatka"),
    *("Europe/Minsk", "Asia/Almaty", "Asia/Bishkek", "Asia/Tashkent", "Asia/Dushanbe", "Asia/Ashgabat"),
    *("Asia/Yerevan", "Asia/Tbilisi", "Asia/Baku", "Europe/Chisinau", "Europe/Kyiv", "Asia/Ulaanbaatar"),
    *("Europe/Riga", "Europe/Helsinki", "Europe/Berlin", "Europe/London", "Europe/Istanbul"),
    *("Asia/Jerusalem", "Asia/Dubai", "Asia/Kolkata", "Asia/Bangkok", "Asia/Shanghai", "Asia/Tokyo"),
    *("Australia/Sydney", "America/Sao_Paulo", "America/New_York", "America/Chicago"),
    *("America/Los_Angeles", "UTC"),
)
HOUR: Final = 19


class Turn(NamedTuple):
    """When something goes out, and whether it waits for others to go with it."""

    at: int
    bundled: bool


@dataclass(frozen=True, slots=True)
class Settings:
    modes: Mapping[Group, Mode] = field(default_factory=dict)
    #: of the daily letter
    hour: int = HOUR
    zone: str = ZONE
    #: hours (from, to): nothing comes between them unless it is urgent
    quiet: tuple[int, int] | None = None

    def mode(self, group: Group) -> Mode:
        return "now" if group == FIXED else self.modes.get(group, "now")

    def with_mode(self, group: Group, mode: Mode) -> Settings:
        return replace(self, modes={**self.modes, group: mode})

    def turn(self, group: Group, now: int, *, urgent: bool) -> Turn | None:
        """When news of a group leaves by e-mail and push; None: it stands in the inbox only."""
        mode = self.mode(group)
        if mode == "off":
            return None
        if mode == "daily" and not urgent:
            return Turn(self.next_hour(now, self.hour), True)
        return Turn(self.allowed(group, now, urgent=urgent), False)

    def allowed(self, group: Group, now: int, *, urgent: bool) -> int:
        """The first moment from `now` on at which no quiet hour forbids it."""
        if urgent or group == FIXED or self.quiet is None:
            return now
        begins, ends = self.quiet
        hour = datetime.fromtimestamp(now, zone(self.zone)).hour
        inside = begins <= hour < ends if begins < ends else hour >= begins or hour < ends
        return self.next_hour(now, ends) if inside else now

    def next_hour(self, now: int, hour: int) -> int:
        """The next moment after `now` at which the wall clock shows this hour. An hour that a change of the
        clocks leaves out is the one after it; of one that comes twice it is the first."""
        place = zone(self.zone)
        day = datetime.fromtimestamp(now, place).date()
        while True:
            moment = datetime(day.year, day.month, day.day, hour, tzinfo=place)
            if moment.timestamp() > now:
                return int(moment.timestamp())
            day += timedelta(days=1)


@cache
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def load(connection: Connection, account: str) -> Settings:
    body = connection.execute(select(table.c.body).where(table.c.account == account)).scalar_one_or_none()
    if body is None:
        return Settings()
    found: Any = encoding.decode(body)
    quiet = tuple(found["quiet"])
    return Settings(found["modes"], found["hour"], found["zone"], quiet if len(quiet) == 2 else None)


def save(connection: Connection, account: str, settings: Settings, now: int) -> None:
    modes: dict[str, Value] = dict(settings.modes.items())
    quiet: list[Value] = list(settings.quiet or ())
    body = encoding.encode({"modes": modes, "hour": settings.hour, "zone": settings.zone, "quiet": quiet})
    row = {"account": account, "body": body, "updated_at": now}
    connection.execute(upsert(table).values(row).on_conflict_do_update(["account"], set_=row))
