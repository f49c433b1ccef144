"""`/inbox`: what a person was told, newest first, in words of today; the worker that says there is news."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from coopnode import letters
from coopnode.notifications import inbox
from web import i18n, sessions
from web.forms import form, local_path, text
from web.keys import NODE
from web.notifications.words import GROUPS
from web.rendering import BUILD, render

_ID = "{id:[0-9]{1,15}}"


def setup(app: web.Application) -> None:
    app.router.add_get("/inbox", page)
    app.router.add_post(f"/inbox/{_ID}/open", open_item)
    app.router.add_post("/inbox/read", read_all)
    app.router.add_get("/push-worker.js", worker)


def place(given: str | None) -> int | None:
    """An id in a query; nothing when it is none."""
    return int(given) if given and given.isascii() and given.isdecimal() and len(given) <= 15 else None


async def page(request: web.Request) -> web.StreamResponse:
    account = await sessions.need_account(request)
    node, locale = request.app[NODE], i18n.locale_of(request)
    before = place(request.query.get("before"))

    def query(connection: Any) -> inbox.Page:
        return inbox.page(connection, node, account, locale, before)

    found = await node.database.read(query)
    return render(
        request,
        "notifications/inbox.html",
        items=found.items,
        before=found.before,
        paged=before is not None,
        groups=GROUPS,
        title=letters.title,
        sentence=letters.sentence,
    )


async def open_item(request: web.Request) -> web.StreamResponse:
    """Marks it as read and goes on to what it is about."""
    account = await sessions.need_account(request)
    await form(request)
    node, id, now = request.app[NODE], int(request.match_info["id"]), i18n.now_of(request)
    locale = i18n.locale_of(request)
    found = await node.database.read(lambda connection: inbox.item(connection, node, account, locale, id))
    if found is None:
        raise web.HTTPNotFound
    await node.database.write(lambda connection: inbox.read(connection, account, now, id=id))
    leads = found.news.said.path if found.news is not None else ""
    raise web.HTTPSeeOther(local_path(leads, "/inbox"))


async def read_all(request: web.Request) -> web.StreamResponse:
    """Up to the newest one the page showed: what came since has not been seen."""
    account = await sessions.need_account(request)
    upto = place(text(await form(request), "upto", 15)) or 0
    now = i18n.now_of(request)
    await request.app[NODE].database.write(lambda connection: inbox.read(connection, account, now, upto=upto))
    raise web.HTTPSeeOther("/inbox")


async def worker(request: web.Request) -> web.StreamResponse:
    """At the top of the site, for a worker's scope is the folder it comes from; asked for anew every time."""
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "default-src 'none'; connect-src 'self'",
    }
    data = (BUILD / "push.js").read_bytes()
    return web.Response(body=data, content_type="text/javascript", charset="utf-8", headers=headers)
