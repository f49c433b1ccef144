"""What waits for a person while a cooperative is being founded, for the page "Now"."""

from __future__ import annotations

from aiohttp import web

from web.founding import shell
from web.founding.shell import FOUNDING
from web.home import Task


async def tasks(request: web.Request, account: str) -> list[Task]:
    service = request.app[FOUNDING]
    standing = await service.standing()
    if standing.stage in ("empty", "constituted"):
        return []

    def words(message: str) -> str:
        return shell.gettext(request, message)

    if standing.stage in ("begun", "ready"):
        if account != standing.founder:
            return []
        return [Task(words("Finish the founding"), "/found", words("Go on"))]
    if standing.stage == "seating":
        if account != standing.founder:
            return []
        return [Task(words("The council is gathering"), "/found/result", words("Seats and invitations"))]
    return await _meeting(request, account)


async def _meeting(request: web.Request, account: str) -> list[Task]:
    """Founders vote, two of them sign the minutes."""
    found = await request.app[FOUNDING].meeting()
    if found is None or account not in found.joined:
        return []
    vote = found.vote
    if vote is not None and not vote.countable and account not in vote.voted:
        title, action = shell.gettext(request, "Vote as a founder"), shell.gettext(request, "Cast my vote")
        return [Task(title, "/found/ballot", action, urgent=True, due=vote.closes)]
    title = shell.gettext(request, "The founding meeting")
    return [Task(title, "/found/result", shell.gettext(request, "Founders and meeting"))]
