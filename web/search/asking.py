"""What somebody typed into a search box, and what was found; given to templates as `search`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from coopnode.search import queries, words
from coopnode.search.people import NotReady
from web.forms import N_, clean

T = TypeVar("T")

LONG = N_("This is too long to search for. A few words are enough: the beginning of a name, or a number.")
SHORT = N_("Type two letters at least, or a number.")


@dataclass
class Asking:
    """`question` is None when there is nothing to look for: nothing was typed, or `wrong` says why not."""

    typed: str
    question: queries.Question | None = None
    wrong: str = ""
    before: int | None = None
    lines: tuple[Any, ...] = field(default=())
    next: int | None = None
    vague: bool = False

    def take(self, found: queries.Lines[Any]) -> None:
        self.lines, self.next, self.vague = found.lines, found.next, found.vague


def ask(request: web.Request, name: str = "q") -> Asking:
    given = request.query.get(name, "").encode("utf-8", "ignore").decode()
    typed = clean(given[: 4 * words.LONGEST_QUESTION], "line")
    made = Asking(typed[: words.LONGEST_QUESTION], before=place(request.query.get("before", "")))
    if not typed:
        return made
    try:
        question = queries.question(typed)
    except words.TooMuch:
        made.wrong = LONG
        return made
    if question.empty:
        made.wrong = SHORT
    else:
        made.question = question
    return made


def place(text: str) -> int | None:
    """A place in the log, out of an address."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


async def reading(read: Callable[[Any], Awaitable[T]], query: Any) -> T:
    """A node that only reads may have no index."""
    try:
        return await read(query)
    except NotReady:
        raise web.HTTPServiceUnavailable(headers={"Retry-After": "60"}) from None
