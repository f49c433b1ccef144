"""`/desk/deliveries`: who was told what, by which way, and who could not be reached. For chair and secretary,
who have to show that members were informed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from coopnode import letters
from coopnode.membership.people import Viewer
from coopnode.notifications import deliveries
from coopnode.notifications.deliveries import Delivery, Event
from web import i18n
from web.keys import NODE
from web.lists import row
from web.membership import shell
from web.membership.shell import MEMBERSHIP
from web.notifications import words
from web.notifications.inbox import place
from web.rendering import render

_ID: Final = "{id:[0-9]{1,15}}"


def setup(app: web.Application) -> None:
    app.router.add_get("/desk/deliveries", listed)
    app.router.add_get(f"/desk/deliveries/{_ID}", one)
    app.router.add_get(f"/desk/deliveries/{_ID}.csv", export)


async def _viewer(request: web.Request) -> Viewer:
    viewer = await request.app[MEMBERSHIP].viewer(await shell.need_account(request))
    if viewer.roles.isdisjoint(("secretary", "chair")):
        raise shell.forbidden(request)
    return viewer


async def listed(request: web.Request) -> web.StreamResponse:
    await _viewer(request)
    node, locale = request.app[NODE], i18n.locale_of(request)
    before = place(request.query.get("before"))

    def query(connection: Any) -> deliveries.Events:
        return deliveries.events(connection, node, locale, before)

    found = await node.database.read(query)
    return render(
        request,
        "notifications/deliveries.html",
        events=found.items,
        before=found.before,
        paged=before is not None,
        title=letters.title,
    )


async def _one(
    request: web.Request, viewer: Viewer, after: int, limit: int | None
) -> tuple[Event, Sequence[Delivery], dict[str, str | None]]:
    node, locale, id = request.app[NODE], i18n.locale_of(request), int(request.match_info["id"])
    names = request.app[MEMBERSHIP].names

    def query(connection: Any) -> Any:
        event = deliveries.event(connection, node, locale, id)
        lines = deliveries.deliveries(connection, id, after=after, limit=limit)
        return event, lines, names.of_accounts(connection, {line.account for line in lines}, viewer)

    found: tuple[Event | None, Sequence[Delivery], dict[str, str | None]] = await node.database.read(query)
    if found[0] is None:
        raise web.HTTPNotFound
    return found[0], found[1], found[2]


async def one(request: web.Request) -> web.StreamResponse:
    viewer = await _viewer(request)
    after = place(request.query.get("after")) or 0
    event, lines, names = await _one(request, viewer, after, deliveries.PEOPLE + 1)
    return render(
        request,
        "notifications/delivery.html",
        event=event,
        lines=lines[: deliveries.PEOPLE],
        further=lines[deliveries.PEOPLE - 1].id if len(lines) > deliveries.PEOPLE else None,
        names=names,
        after=after,
        title=letters.title,
        channels=words.CHANNELS,
        states=words.STATES,
        order=deliveries.STATES,
    )


async def export(request: web.Request) -> web.StreamResponse:
    """CSV as Russian offices open it (`web.lists`)."""
    viewer = await _viewer(request)
    event, lines, names = await _one(request, viewer, 0, None)
    t = shell.translator(request)
    heads = (t("Account"), t("Name"), t("By which way"), t("Result"), t("When (UTC)"), t("Opened (UTC)"))
    rows = [row(heads)]
    for line in lines:
        name = names.get(line.account) or ""
        read = i18n.iso(line.read_at) if line.read_at else ""
        way, state = t(words.CHANNELS[line.channel]), t(words.STATES[line.state])
        rows.append(row((line.account, name, way, state, i18n.iso(line.at), read)))
    headers = {
        "Content-Disposition": f'attachment; filename="deliveries-{event.id}.csv"',
        "Cache-Control": "no-store",
    }
    text = "\ufeff" + "".join(rows)
    return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)
