"""What groups, ways and ends of deliveries are called."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiohttp import web
from babel import dates

from coopnode.notifications.settings import ZONES, zone
from web import i18n
from web.forms import N_

GROUPS: Final[Mapping[str, str]] = {
    "votes": N_("Votes and decisions"),
    "membership": N_("My membership"),
    "desk": N_("Work on the desk"),
    "security": N_("Security of the account"),
}
#: What belongs to a group.
ABOUT: Final[Mapping[str, str]] = {
    "votes": N_("A new matter, a vote that ends and is not given yet, a decision to sign."),
    "membership": N_("Steps of your application, contributions to pay, admission."),
    "desk": N_("Applications to check, papers to pass on, payments to confirm."),
    "security": N_("Keys added or revoked, recovery of the account, a replaced sheet."),
}
MODES: Final[Mapping[str, str]] = {
    "now": N_("At once"),
    "daily": N_("Once a day"),
    "off": N_("Only here, in the notifications"),
}
CHANNELS: Final[Mapping[str, str]] = {
    "inbox": N_("Notifications"),
    "email": N_("E-mail"),
    "push": N_("Devices"),
}
#: How a delivery ended.
STATES: Final[Mapping[str, str]] = {
    "sent": N_("delivered"),
    "waiting": N_("waits for its turn"),
    "acted": N_("not needed: they had acted, or it was settled"),
    "read": N_("not needed: read in the notifications before"),
    "off": N_("not wanted: they chose the notifications only"),
    "no_address": N_("no e-mail address is known"),
    "gone": N_("the device was signed out or removed"),
    "failed": N_("could not be delivered"),
    "unknown": N_("not known: the node was restored from a copy"),
}


def zones(request: web.Request) -> list[tuple[str, str]]:
    """(name, words) of the zones to choose from, by the time they show now."""
    locale, now = i18n.locale_of(request), i18n.now_of(request)
    found = []
    for name in ZONES:
        shift = datetime.fromtimestamp(now, zone(name)).utcoffset()
        minutes = int(shift.total_seconds()) // 60 if shift else 0
        sign = "−" if minutes < 0 else "+"
        offset = f"UTC{sign}{abs(minutes) // 60}" + (f":{abs(minutes) % 60:02}" if minutes % 60 else "")
        city = (
            "UTC"
            if name == "UTC"
            else dates.get_timezone_location(zone(name), locale=locale, return_city=True)
        )
        found.append((minutes, name, f"{city} ({offset})" if name != "UTC" else "UTC"))
    return [(name, words) for _, name, words in sorted(found, key=lambda item: (item[0], item[2]))]
