"""Forms of how one wants to hear: every value is one of those the page offers, anything else is told by field
and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from coopnode.notifications.settings import MODES, ZONES, Mode, Settings
from web.forms import FAULTS, N_, Fields, text

_CHOOSE = N_("Choose one of these.")


@dataclass
class Read:
    """`typed` as it is shown again; `errors` by field: English msgids."""

    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def take(self, fields: Fields, *names: str) -> None:
        for name in names:
            self.typed[name] = text(fields, name, 40)
            if len(fields.getall(name, [])) > 1:
                self.errors[name] = FAULTS["twice"]

    def wrong(self, name: str, words: str) -> None:
        self.errors.setdefault(name, words)

    def hour(self, name: str) -> int:
        typed = self.typed[name]
        if typed not in _HOURS:
            self.wrong(name, _CHOOSE)
            return 0
        return int(typed)


_HOURS = tuple(map(str, range(24)))


def mode(fields: Fields) -> tuple[Read, Mode]:
    read = Read()
    read.take(fields, "mode")
    found: Mode = next((name for name in MODES if name == read.typed["mode"]), "now")
    if read.typed["mode"] not in MODES:
        read.wrong("mode", _CHOOSE)
    return read, found


def hours(fields: Fields, known: Settings) -> tuple[Read, Settings]:
    read = Read()
    read.take(fields, "zone", "hour", "quiet", "from", "to")
    if read.typed["zone"] not in ZONES:
        read.wrong("zone", _CHOOSE)
    hour, quiet = read.hour("hour"), None
    if read.typed["quiet"] not in ("yes", "no"):
        read.wrong("quiet", _CHOOSE)
    if read.typed["quiet"] == "yes":
        begins, ends = read.hour("from"), read.hour("to")
        quiet = begins, ends
        if begins == ends:
            read.wrong("to", N_("Quiet hours need a beginning and an end that differ."))
        elif begins <= hour < ends if begins < ends else hour >= begins or hour < ends:
            read.wrong(
                "hour", N_("This hour lies within your quiet hours. Choose another for the daily letter.")
            )
    return read, replace(known, zone=read.typed["zone"], hour=hour, quiet=quiet)


def shown(known: Settings) -> dict[str, str]:
    """As the page of hours shows what is in force; quiet hours that are off come with a proposal."""
    begins, ends = known.quiet or (22, 8)
    return {
        "zone": known.zone,
        "hour": str(known.hour),
        "quiet": "yes" if known.quiet else "no",
        "from": str(begins),
        "to": str(ends),
    }
