"""What pages and API of the council share: the service and who asks."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from coopnode.council.service import Council
from web import sessions
from web.keys import NODE

COUNCIL: Final = web.AppKey("council", Council)


async def member(request: web.Request) -> str:
    """The account of somebody at the council's table; others read that the page is not theirs."""
    account = await sessions.need_account(request)
    if not await request.app[COUNCIL].sees_table(account):
        raise web.HTTPForbidden
    return account


async def caller(request: web.Request) -> str | None:
    """Who asks the API: the browser's session, or a reader's own signature for this path (SPEC §10)."""
    account = await sessions.account(request)
    node = request.app[NODE]
    header = request.headers.get("Authorization")
    if account is None and header is not None and (own := node.cooperative) is not None:
        now = node.clock.peek()
        account = await node.in_thread(node.reading.reader, header, request.path, own, now)
    return account
