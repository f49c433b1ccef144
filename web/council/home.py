"""What the council puts on `/now`: votes and signatures that wait, and what happened."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from coopnode.council import queries
from coopnode.council.queries import MatterLine
from coopnode.council.service import Waiting
from web.council.shared import COUNCIL, sees_table
from web.council.words import Words
from web.home import Event, Task
from web.i18n import gettext, now_of
from web.keys import NODE

_DAYS: Final = 14
#: Cards of their own on `/now`.
_SIGNATURES: Final = 3


async def tasks(request: web.Request, account: str) -> list[Task]:
    """Signatures first, the next few each by itself; several votes are one card."""
    service = request.app[COUNCIL]
    if request.app[NODE].cooperative is None or not await sees_table(request, account):
        return []
    words = Words(request)
    waiting = await service.waiting(account, _SIGNATURES)
    found = [_signature(request, words, line) for line in waiting.signatures]
    if waiting.more:
        found.append(_signatures(request, words, waiting.more))
    if waiting.votes:
        found.append(_votes(request, words, waiting))
    return found


def _signature(request: web.Request, words: Words, line: MatterLine) -> Task:
    chip = ""
    if line.status == "decided" and line.due:
        chip = gettext(request, "by %(time)s", time=words.moment(line.due))
    return Task(
        title=gettext(request, "Sign the decision: %(title)s", title=words.title(line)),
        href=f"/council/{line.id}/sign",
        action=gettext(request, "Read and sign"),
        chip=chip,
        lead=gettext(request, "The council has voted. Without your signature the decision has no force."),
        urgent=True,
        due=line.due,
    )


def _signatures(request: web.Request, words: Words, more: int) -> Task:
    return Task(
        title=words._n(
            "%(num)s more decision waits for your signature",
            "%(num)s more decisions wait for your signature",
            more,
        ),
        href="/council",
        action=gettext(request, "Go to the matters"),
        urgent=True,
    )


def _votes(request: web.Request, words: Words, waiting: Waiting) -> Task:
    first = waiting.vote
    assert first is not None
    alone = waiting.votes == 1
    return Task(
        title=gettext(request, "Vote in the council: %(title)s", title=words.title(first))
        if alone
        else words._n(
            "Vote in the council: %(num)s matter", "Vote in the council: %(num)s matters", waiting.votes
        ),
        href=f"/council/{first.id}" if alone else "/council",
        action=gettext(request, "Go to the vote") if alone else gettext(request, "Go to the matters"),
        chip=gettext(request, "until %(time)s", time=words.moment(first.closes)),
        lead=words.explain(first) if alone else "",
        urgent=True,
        due=first.closes,
    )


async def events(request: web.Request, account: str) -> list[Event]:
    service = request.app[COUNCIL]
    if request.app[NODE].cooperative is None or not await sees_table(request, account):
        return []
    after = now_of(request) - _DAYS * 86_400
    rows = await service.ask(account, lambda connection, _: queries.recent(connection, after))
    said = {
        "opened": "The council has a new matter: No. %(number)s",
        "decided": "The council has voted on matter No. %(number)s",
        "returned": "The chair returned matter No. %(number)s",
        "approved": "The chair signed the decision on matter No. %(number)s",
        "lapsed": "Matter No. %(number)s lapsed: the chair did not sign in time",
        "expired": "Matter No. %(number)s ended without a quorum",
        "cancelled": "Matter No. %(number)s was removed",
    }
    return [
        Event(row.at, gettext(request, said[row.event], number=row.matter_idx), f"/council/{row.matter}")
        for row in rows
    ]
