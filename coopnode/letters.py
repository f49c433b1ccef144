"""What letters have in common: words in Russian and English, translated for others; days; the language of a
person; the frame.

A slice keeps its words in its `letters.json`: subject and lines with placeholders. A subject never names a
person or what they did, the page behind the link has the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from babel import dates

from coopnode.notifications.settings import Group
from coopnode.places import Place
from coopnode.store.schema import sessions
from coopnode.store.sql import Connection, select
from protocol.wording import Locale, translated


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


def words(found: Mapping[Locale, Words], locale: Locale) -> Words:
    """In the receiver's language, translated from the English where the slice has none of it."""
    if locale in found:
        return found[locale]
    english = found["en"]
    return Words(
        translated(english.subject, locale), tuple(translated(line, locale) for line in english.lines)
    )


def day(moment: int, locale: Locale, place: Place) -> str:
    """«18 мая 2026» by the clock of the cooperative."""
    return str(dates.format_date(place.at(moment).date(), "d MMMM y", locale=locale))


def clock(moment: int, locale: Locale, place: Place) -> str:
    """Day and time."""
    return f"{day(moment, locale, place)}, {place.at(moment):%H:%M} ({place.zone(moment, locale)})"


def render(
    words: Words, facts: Mapping[str, str], *, house: str, link: str, locale: Locale
) -> tuple[str, str]:
    """(subject, text). The cooperative's name ends the letter."""
    open_page = "Открыть страницу" if locale == "ru" else translated("Open the page", locale)
    parts = [line.format_map(facts) for line in words.lines]
    if link:
        parts.append(f"{open_page}: {link}")
    if house:
        parts.append(f"— \n{house}")
    return words.subject.format_map(facts), "\n\n".join(parts) + "\n"


_BUNDLE: Final = (
    "News of the cooperative: {count}",
    "Since the last letter:",
    "All of this, and how often to write to you",
)
_BUNDLE_RU: Final = ("Новое в кооперативе: {count}", "С прошлого письма:", "Всё это и как часто вам писать")


def bundle(items: Sequence[tuple[str, str]], *, house: str, link: str, locale: Locale) -> tuple[str, str]:
    """(subject, text) of one letter for several news: their (title, address), and the address of all of
    them."""
    said = _BUNDLE_RU if locale == "ru" else [translated(words, locale) for words in _BUNDLE]
    subject, since, settings = said
    lines = [f"• {words}\n  {address}" for words, address in items]
    return subject.format(count=len(items)), "\n\n".join(
        [since, *lines, f"{settings}: {link}", f"— \n{house}"]
    ) + "\n"


def sentence(said: Said, line: int = 0) -> str:
    """One line of what is said, or "" when there are fewer."""
    return said.words.lines[line].format_map(said.facts) if line < len(said.words.lines) else ""


def title(said: Said) -> str:
    return said.words.subject.format_map(said.facts)


def locale_of(connection: Connection, account: str, place: Place) -> Locale:
    """The language a person last used here; that of the country when we do not know."""
    where = (sessions.c.account == account, sessions.c.locale.is_not(None))
    query = select(sessions.c.locale).where(*where).order_by(sessions.c.seen_at.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none() or place.language
