"""What the people of the demo write to each other: matters, comments, petitions, reasons (`papers.toml`)."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

_DAY: Final = re.compile(r"\{([+-]\d+)\}")
_MONTHS: Final = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)


@dataclass(frozen=True, slots=True)
class Paper:
    """Title and text of a matter or petition, and what others say about it: (who, words)."""

    title: str
    text: str
    comments: tuple[tuple[str, str], ...]


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads((resources.files(__package__) / "papers.toml").read_text("utf-8"))


def paper(name: str) -> Paper:
    found = _file()["papers"][name]
    return Paper(found["title"], found["text"], tuple((who, words) for who, words in found["comments"]))


def words(name: str) -> str:
    found: str = _file()["words"][name]
    return found


def dated(text: str, now: int) -> str:
    """With days in place of `{+30}`: «18 мая», thirty days after `now` (seconds since 1970)."""

    def said(found: re.Match[str]) -> str:
        that = datetime.fromtimestamp(now, UTC) + timedelta(days=int(found[1]))
        return f"{that.day} {_MONTHS[that.month - 1]}"

    return _DAY.sub(said, text)
