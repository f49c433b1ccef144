"""What the letters of joining say (`letters.json`). No personal data in subjects; the page has the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib import resources
from typing import Any, Final, Literal, TypeAlias

Locale: TypeAlias = Literal["ru", "en"]
Audience: TypeAlias = Literal["applicant", "registrar", "secretary", "accountant"]


@dataclass(frozen=True, slots=True)
class Words:
    subject: str
    lines: tuple[str, ...]


def _load() -> tuple[dict[tuple[str, Audience], dict[Locale, Words]], dict[Locale, Words]]:
    text = resources.files(__package__).joinpath("letters.json").read_text("utf-8")
    found: Any = json.loads(text)

    def words(by_locale: Any) -> dict[Locale, Words]:
        return {locale: Words(item["subject"], tuple(item["lines"])) for locale, item in by_locale.items()}

    by_status = {
        (status, audience): words(item)
        for status, audiences in found["letters"].items()
        for audience, item in audiences.items()
    }
    return by_status, words(found["code"])


#: By status of the application and who reads; placeholders: number, decide_by, pay_by, amount. And the code.
LETTERS, CODE = _load()

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
MOSCOW: Final = timezone(timedelta(hours=3))


def day(moment: int, locale: Locale) -> str:
    found = datetime.fromtimestamp(moment, MOSCOW)
    return f"{found.day} {_MONTHS[locale][found.month - 1]} {found.year}"


def render(
    words: Words, facts: Mapping[str, str], *, house: str, link: str, locale: Locale
) -> tuple[str, str]:
    """(subject, text). The cooperative's name ends the letter; the subject says nothing about persons."""
    open_page = "Открыть страницу" if locale == "ru" else "Open the page"
    parts = [line.format_map(facts) for line in words.lines]
    if link:
        parts.append(f"{open_page}: {link}")
    text = "\n\n".join([*parts, f"— \n{house}"])
    return words.subject.format_map(facts), text + "\n"
