"""What letters have in common: words in two languages, days, the language of a person, the frame.

A slice keeps its words in its `letters.json`: subject and lines with placeholders. A subject never names a
person or what they did, the page behind the link has the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from babel import dates

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


def locale_of(connection: Connection, account: str, place: Place) -> Locale:
    """The language a person last used here; that of the country when we do not know."""
    where = (sessions.c.account == account, sessions.c.locale.is_not(None))
    query = select(sessions.c.locale).where(*where).order_by(sessions.c.seen_at.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none() or place.language
