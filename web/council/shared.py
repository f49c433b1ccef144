"""What pages and API of the council share: who asks, and asking for a signature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

from aiohttp import web

from coopnode.council.service import Council
from coopnode.signing import Item
from web import i18n, sessions
from web.keys import NODE, SIGNING

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


async def ask(request: web.Request, items: Sequence[Item], account: str, *, back: str, cancel: str) -> NoReturn:
    """Sends the browser to the signing page and, after it, to `back`."""
    session, locale = await sessions.need(request), i18n.locale_of(request)
    token = await request.app[SIGNING].create(
        session=session.digest,
        purpose="sign",
        items=items,
        account=account,
        return_to=back,
        cancel=cancel,
        locale=locale,
    )
    raise web.HTTPSeeOther(request.app[SIGNING].address(token, locale))
