"""What letters have in common: words in two languages, days, the language of a person, the frame.

A slice keeps its words in its `letters.json`: subject and lines with placeholders. A subject never names a
person or what they did, the page behind the link has the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib import resources
from typing import Any, Final, Literal, TypeAlias

from coopnode.notifications.settings import Group
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


@dataclass(frozen=True, slots=True)
class Date:
    """A moment by which a person has to do something. `of` is its identity, the same whatever becomes of it;
    `sequence` grows when it is moved. `words` are general: calendars lie with strangers."""

    of: str
    at: int
    words: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """What one receiver is told about something that happened, as things stand now."""

    said: Said
    group: Group
    #: False once they have acted, or it was settled without them: then it is told no more
    concerns: bool = True
    #: waits neither for the end of quiet hours nor for the daily letter
    urgent: bool = False
    date: Date | None = None


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


_BUNDLE: Final[Mapping[Locale, tuple[str, str, str]]] = {
    "ru": ("Новое в кооперативе: {count}", "С прошлого письма:", "Всё это и как часто вам писать"),
    "en": (
        "News of the cooperative: {count}",
        "Since the last letter:",
        "All of this, and how often to write to you",
    ),
}


def bundle(items: Sequence[tuple[str, str]], *, house: str, link: str, locale: Locale) -> tuple[str, str]:
    """(subject, text) of one letter for several news: their (title, address), and the address of all of
    them."""
    subject, since, settings = _BUNDLE[locale]
    lines = [f"• {words}\n  {address}" for words, address in items]
    return subject.format(count=len(items)), "\n\n".join(
        [since, *lines, f"{settings}: {link}", f"— \n{house}"]
    ) + "\n"


def sentence(said: Said, line: int = 0) -> str:
    """One line of what is said, or "" when there are fewer."""
    return said.words.lines[line].format_map(said.facts) if line < len(said.words.lines) else ""


def title(said: Said) -> str:
    return said.words.subject.format_map(said.facts)


def locale_of(connection: Connection, account: str) -> Locale:
    """The language a person last used here; Russian when we do not know."""
    where = (sessions.c.account == account, sessions.c.locale.is_not(None))
    query = select(sessions.c.locale).where(*where).order_by(sessions.c.seen_at.desc()).limit(1)
    return "en" if connection.execute(query).scalar_one_or_none() == "en" else "ru"
