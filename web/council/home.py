"""What the council puts on `/now`: votes and signatures that wait, and what happened."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from coopnode.council import queries
from web.council.shared import COUNCIL
from web.council.words import Words
from web.home import Event, Task
from web.i18n import gettext, now_of
from web.keys import NODE

_DAYS: Final = 14


async def tasks(request: web.Request, account: str) -> list[Task]:
    """Signatures first, each by itself; several votes are one card."""
    service = request.app[COUNCIL]
    if request.app[NODE].cooperative is None or not await service.sees_table(account):
        return []
    words = Words(request)
    lines = await service.ask(account, queries.live)
    found = []
    for line in lines:
        if line.todo != "sign":
            continue
        chip = (
            gettext(request, "by %(time)s", time=words.moment(line.due))
            if line.status == "decided" and line.due
            else ""
        )
        lead = gettext(request, "The council has voted. Without your signature the decision has no force.")
        found.append(
            Task(
                title=gettext(request, "Sign the decision: %(title)s", title=words.title(line)),
                href=f"/council/{line.id}/sign",
                action=gettext(request, "Read and sign"),
                chip=chip,
                lead=lead,
                urgent=True,
                due=line.due,
            )
        )
    votes = [line for line in lines if line.todo == "vote"]
    if votes:
        found.append(_votes(request, words, votes))
    return found


def _votes(request: web.Request, words: Words, votes: list[queries.MatterLine]) -> Task:
    first = votes[0]
    alone = len(votes) == 1
    return Task(
        title=gettext(request, "Vote in the council: %(title)s", title=words.title(first))
        if alone
        else words._n(
            "Vote in the council: %(num)s matter", "Vote in the council: %(num)s matters", len(votes)
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
    if request.app[NODE].cooperative is None or not await service.sees_table(account):
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
