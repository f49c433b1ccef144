"""What pages and API of the council share: the service and who asks."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from coopnode.council.queries import TABLE
from coopnode.council.service import Council
from web import sessions
from web.keys import NODE, session

COUNCIL: Final = web.AppKey("council", Council)


async def member(request: web.Request) -> str:
    """The account of somebody at the council's table; others read that the page is not theirs."""
    account = await sessions.need_account(request)
    if not await sees_table(request, account):
        raise web.HTTPForbidden
    return account


async def sees_table(request: web.Request, account: str) -> bool:
    """Whether the council's matters are this person's business; by what was read with the session, if it is
    theirs."""
    found = session(request)
    if found is None or found.account != account or found.roles is None:
        return await request.app[COUNCIL].sees_table(account)
    return not found.roles.isdisjoint(TABLE)


async def caller(request: web.Request) -> str | None:
    """Who asks the API: the browser's session, or a reader's own signature for this path (SPEC §10)."""
    account = await sessions.account(request)
    node = request.app[NODE]
    header = request.headers.get("Authorization")
    if account is None and header is not None and (own := node.cooperative) is not None:
        now = node.clock.peek()
        account = await node.in_thread(node.reading.reader, header, request.path, own, now)
    return account
