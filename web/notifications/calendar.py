"""Dates for calendars: one of the inbox as a file, and all of a person by an address of their own.

The address's secret stands in the query: logs take paths only, also those of a proxy (ADR 11).
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from coopnode import letters, places
from coopnode.admission import Buckets
from coopnode.notifications import calendars, inbox
from coopnode.notifications.calendars import Entry, Marks
from web import i18n, sessions
from web.forms import form, text
from web.keys import NODE
from web.log.routes import client
from web.rendering import render

_HERE: Final = "/me/notifications/calendar"
#: Programs ask every hour or so, many behind one address at times.
_ASKED: Final = web.AppKey("calendar_asked", Buckets)


def setup(app: web.Application) -> None:
    limits = app[NODE].config.limits
    app[_ASKED] = Buckets(limits.lookups_burst, limits.lookups_rate)
    app.router.add_get("/calendar.ics", feed)
    app.router.add_get("/inbox/{id:[0-9]{1,15}}/date.ics", one)
    app.router.add_get(_HERE, page)
    app.router.add_post(_HERE, page)


def _file(words: str, name: str) -> web.Response:
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(text=words, content_type="text/calendar", charset="utf-8", headers=headers)


async def feed(request: web.Request) -> web.StreamResponse:
    wait = request.app[_ASKED].take(client(request))
    if wait:
        raise web.HTTPTooManyRequests(headers={"Retry-After": str(int(wait) + 1)})
    node, token = request.app[NODE], request.query.get("key", "")
    if len(token) != calendars.TOKEN or not token.isascii():
        raise web.HTTPNotFound
    now = i18n.now_of(request)

    def query(connection: Any) -> str | None:
        account = calendars.account_of(connection, node.state, token)
        if account is None:
            return None
        locale = letters.locale_of(connection, account, places.of(node.state))
        marks = Marks(node.keys.session, account, node.config.public_url)
        return calendars.document(inbox.dates(connection, node, account, locale, now), marks, locale)

    made = await node.database.read(query)
    if made is None:
        raise web.HTTPNotFound
    return _file(made, "dates.ics")


async def one(request: web.Request) -> web.StreamResponse:
    account = await sessions.need_account(request)
    node, locale, id = request.app[NODE], i18n.locale_of(request), int(request.match_info["id"])
    found = await node.database.read(lambda connection: inbox.item(connection, node, account, locale, id))
    if found is None or found.news is None or found.news.date is None:
        raise web.HTTPNotFound
    entry = Entry(found.news.date, found.at, not found.news.concerns)
    marks = Marks(node.keys.session, account, node.config.public_url)
    return _file(calendars.document([entry], marks, locale), "date.ics")


async def page(request: web.Request) -> web.StreamResponse:
    """The address, made and taken back here."""
    account = await sessions.need_account(request)
    node, now = request.app[NODE], i18n.now_of(request)
    secret = node.keys.session
    if request.method == "POST":
        wish = text(await form(request), "wish", 10)
        if wish not in ("open", "close"):
            raise web.HTTPBadRequest

        def change(connection: Any) -> None:
            if wish == "close":
                calendars.close_feed(connection, account)
            else:
                calendars.open_feed(connection, secret, account, now)

        await node.database.write(change)
        raise web.HTTPSeeOther(_HERE)
    token = await node.database.read(lambda c: calendars.token_of(c, secret, node.state, account))
    address = f"{node.config.public_url}/calendar.ics?key={token}" if token else ""
    return render(request, "notifications/calendar.html", address=address)
