"""What letters have in common: words in two languages, days, the language of a person, the frame.

A slice keeps its words in its `letters.json`: subject and lines with placeholders. A subject never names a
person or what they did, the page behind the link has the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib import resources
from typing import Any, Final, Literal, TypeAlias

from coopnode.store.schema import sessions
from coopnode.store.sql import Connection, select

Locale: TypeAlias = Literal["ru", "en"]

LOCALES: Final[tuple[Locale, ...]] = ("ru", "en")
MOSCOW: Final = timezone(timedelta(hours=3))
_MONTHS: Final[Mapping[Locale, tuple[str, ...]]] = {
    "ru": (
        *("января", "февраля", "марта", "апреля", "мая", "июня"),
        *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}


@dataclass(frozen=True, slots=True)
class Words:
    subject: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What a slice has to say to one receiver. `path` of the page to open; empty for none."""

    words: Words
    facts: Mapping[str, str]
    path: str = ""


def load(package: str) -> Any:
    """The slice's `letters.json`, with every {"subject", "lines"} made into Words."""

    def words(found: dict[str, Any]) -> Any:
        return Words(found["subject"], tuple(found["lines"])) if "subject" in found else found

    return json.loads(resources.files(package).joinpath("letters.json").read_text("utf-8"), object_hook=words)


def day(moment: int, locale: Locale) -> str:
    found = datetime.fromtimestamp(moment, MOSCOW)
    return f"{found.day} {_MONTHS[locale][found.month - 1]} {found.year}"


def clock(moment: int, locale: Locale) -> str:
    """Day and time."""
    zone = "мск" if locale == "ru" else "Moscow"
    return f"{day(moment, locale)}, {datetime.fromtimestamp(moment, MOSCOW):%H:%M} ({zone})"


def render(
    words: Words, facts: Mapping[str, str], *, house: str, link: str, locale: Locale
) -> tuple[str, str]:
    """(subject, text). The cooperative's name ends the letter."""
    open_page = "Открыть страницу" if locale == "ru" else "Open the page"
    parts = [line.format_map(facts) for line in words.lines]
    if link:
        parts.append(f"{open_page}: {link}")
    if house:
        parts.append(f"— \n{house}")
    return words.subject.format_map(facts), "\n\n".join(parts) + "\n"


def locale_of(connection: Connection, account: str) -> Locale:
    """The language a person last used here; Russian when we do not know."""
    where = (sessions.c.account == account, sessions.c.locale.is_not(None))
    query = select(sessions.c.locale).where(*where).order_by(sessions.c.seen_at.desc()).limit(1)
    return "en" if connection.execute(query).scalar_one_or_none() == "en" else "ru"
