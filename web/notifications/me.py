"""`/me/notifications`: how often one wants to hear of what, when, and on which devices."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from coopnode.notifications import calendars, devices, settings
from coopnode.notifications.devices import Devices
from coopnode.notifications.push import Vapid
from coopnode.notifications.settings import Group, Settings
from web import i18n, sessions
from web.forms import form
from web.keys import NODE
from web.notifications import forms, words
from web.rendering import render

_HERE: Final = "/me/notifications"
_CHOSEN: Final = "{group:votes|membership|desk}"


def setup(app: web.Application) -> None:
    add = app.router
    add.add_get(_HERE, overview)
    add.add_get(f"{_HERE}/{_CHOSEN}", group)
    add.add_post(f"{_HERE}/{_CHOSEN}", group)
    add.add_get(f"{_HERE}/hours", hours)
    add.add_post(f"{_HERE}/hours", hours)
    add.add_get(f"{_HERE}/devices", device_list)
    add.add_post(f"{_HERE}/devices/{{id:[0-9]{{1,15}}}}/forget", forget)


async def _known(request: web.Request, account: str) -> Settings:
    return await request.app[NODE].database.read(lambda connection: settings.load(connection, account))


async def _save(request: web.Request, account: str, changed: Settings) -> None:
    now = i18n.now_of(request)
    await request.app[NODE].database.write(
        lambda connection: settings.save(connection, account, changed, now)
    )
    await sessions.flash(request, "Saved.", "success")


def _told(request: web.Request, read: forms.Read) -> dict[str, str]:
    return {name: i18n.gettext(request, wrong) for name, wrong in read.errors.items()}


async def overview(request: web.Request) -> web.StreamResponse:
    account = await sessions.need_account(request)
    node = request.app[NODE]

    def query(connection: Any) -> dict[str, Any]:
        return {
            "known": settings.load(connection, account),
            "devices": devices.count(connection, account),
            "feed": calendars.token_of(connection, node.keys.session, node.state, account) is not None,
        }

    found = await node.database.read(query)
    place = dict(words.zones(request)).get(found["known"].zone, found["known"].zone)
    return render(
        request,
        "notifications/settings.html",
        groups=words.GROUPS,
        about=words.ABOUT,
        modes=words.MODES,
        place=place,
        push=node.config.push.works,
        **found,
    )


async def group(request: web.Request) -> web.StreamResponse:
    account = await sessions.need_account(request)
    name: Group = next(name for name in settings.GROUPS if name == request.match_info["group"])
    known, errors = await _known(request, account), dict[str, str]()
    typed: dict[str, str] = {"mode": known.mode(name)}
    if request.method == "POST":
        read, mode = forms.mode(await form(request))
        if not read.errors:
            await _save(request, account, known.with_mode(name, mode))
            raise web.HTTPSeeOther(_HERE)
        typed, errors = read.typed, _told(request, read)
    return render(
        request,
        "notifications/group.html",
        status=422 if errors else 200,
        group=name,
        groups=words.GROUPS,
        about=words.ABOUT,
        known=known,
        typed=typed,
        errors=errors,
    )


async def hours(request: web.Request) -> web.StreamResponse:
    account = await sessions.need_account(request)
    known, errors = await _known(request, account), dict[str, str]()
    typed = forms.shown(known)
    if request.method == "POST":
        read, changed = forms.hours(await form(request), known)
        if not read.errors:
            await _save(request, account, changed)
            raise web.HTTPSeeOther(_HERE)
        typed, errors = typed | read.typed, _told(request, read)
    return render(
        request,
        "notifications/hours.html",
        status=422 if errors else 200,
        zones=words.zones(request),
        typed=typed,
        errors=errors,
    )


async def device_list(request: web.Request) -> web.StreamResponse:
    account = await sessions.need_account(request)
    node = request.app[NODE]
    box = Devices(node.keys.session)
    found = await node.database.read(lambda connection: box.of_account(connection, account))
    works = node.config.push.works
    key = Vapid(node.keys.session).public if works else ""
    return render(request, "notifications/devices.html", devices=found, key=key, works=works)


async def forget(request: web.Request) -> web.StreamResponse:
    account = await sessions.need_account(request)
    await form(request)
    id = int(request.match_info["id"])
    await request.app[NODE].database.write(lambda connection: devices.forget(connection, id, account))
    raise web.HTTPSeeOther(f"{_HERE}/devices")
