"""Forms of the robot: terms the council decides on, and a key that somebody lends."""

from __future__ import annotations

from typing import Final

from coopnode.council.service import MAX_TEXT, MAX_TITLE
from coopnode.robot.queries import OFFICES
from protocol.contracts.council.statements import AutomationTerms, RobotAct
from web.council.forms import Read
from web.forms import FAULTS, N_, Fields, Rule, text, texts
from web.membership.forms import day, end_of

PERSONS: Final = ("person", "entrepreneur", "organisation")
MATTER: Final = {"title": Rule("line", MAX_TITLE), "text": Rule("text", MAX_TEXT)}
_MOST_A_DAY: Final = 1_000
_MOST_MONEY: Final = 10**9


def terms(fields: Fields) -> tuple[Read, AutomationTerms | None]:
    """None when a field is wrong. Money is typed in whole units of the currency."""
    found, faults = texts(fields, MATTER)
    read = Read(dict(found), {name: FAULTS[code] for name, code in faults.items()})
    typed = read.typed
    typed["persons"] = tuple(each for each in PERSONS if each in fields.getall("persons", []))
    typed["level"] = text(fields, "level", 4)
    typed["per_day"] = text(fields, "per_day", 12)
    typed["max_sum"] = text(fields, "max_sum", 16)
    typed["until"] = text(fields, "until", 16)
    typed["chair"] = text(fields, "chair", 4)
    if not typed["persons"]:
        read.wrong("persons", "Choose whose applications the robot may deal with.")
    if typed["level"] not in ("1", "2"):
        read.wrong("level", "Choose how the identity has to be checked.")
    per_day = _whole(typed["per_day"])
    if per_day is None or not 1 <= per_day <= _MOST_A_DAY:
        read.wrong("per_day", "Write a number from 1 to 1000.")
    max_sum = _money(read, fields, "max_sum")
    until = _until(read)
    if not typed["title"]:
        read.wrong("title", "Write the question in one line, as it will stand in the minutes.")
    if not typed["text"]:
        read.wrong("text", "Write the draft decision: this is what the council votes on.")
    if read.errors or per_day is None or until is None:
        return read, None
    return read, AutomationTerms(
        kinds=("admission",),
        persons=typed["persons"],
        level=1 if typed["level"] == "1" else 2,
        per_day=per_day,
        until=until,
        chair=typed["chair"] == "yes",
        max_sum=max_sum,
    )


def lend(fields: Fields) -> tuple[Read, tuple[RobotAct, ...], int, int | None]:
    """(what was typed, acts, until, largest sum)."""
    acts = tuple(act for act in OFFICES if act in fields.getall("acts", []))
    read = Read({"acts": acts, "until": text(fields, "until", 16), "max_sum": text(fields, "max_sum", 16)})
    if not acts:
        read.wrong("acts", "Choose at least one act. Nothing has been recorded yet.")
    return read, acts, _until(read) or 0, _money(read, fields, "max_sum")


def _until(read: Read) -> int | None:
    """The end of the day, as the cooperative reads its clock."""
    last = day(read.typed["until"])
    if last is None:
        read.wrong("until", "Write the day as it stands in the calendar.")
        return None
    return end_of(last)


def _money(read: Read, fields: Fields, name: str) -> int | None:
    """Minor units; None for an empty field, which means no limit. What cannot be read is not empty."""
    if not fields.get(name, ""):
        return None
    units = _whole(read.typed[name].replace(" ", ""))
    if units is None or not 0 <= units <= _MOST_MONEY:
        read.wrong(name, N_("Write a sum in whole units of the currency, or leave the field empty."))
        return None
    return units * 100


def _whole(typed: str) -> int | None:
    return int(typed) if typed.isascii() and typed.isdigit() else None
