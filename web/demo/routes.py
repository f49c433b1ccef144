"""`/demo`: who one can be, coming in as them, and copies of their keys.

These doors are hung only where the node was made as a demo (`coopnode.demo.place.load`), and open only to a
browser on the same machine that names it so: an address that another name leads to is no way in.
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Any, Final

from aiohttp import web

from coopnode.config import LOOPBACK
from coopnode.demo import cast, place
from coopnode.demo.place import Demo, Resident
from protocol.wording import said
from web import i18n, sessions
from web.forms import form, text
from web.keys import NODE
from web.rendering import render

DEMO: Final = web.AppKey("demo", Demo)
_HERE: Final = "/demo"
_OF_PROXIES: Final = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


def setup(app: web.Application) -> None:
    found = place.load(app[NODE].config)
    if found is None:
        return
    app[DEMO] = found
    app.router.add_get(_HERE, show)
    app.router.add_post(_HERE, enter)
    app.router.add_get(_HERE + "/keys/{key:[a-z]+}", key_copy)


async def show(request: web.Request) -> web.StreamResponse:
    demo = _at_home(request)
    locale = i18n.locale_of(request)
    first = [
        {
            "person": demo.residents[role.key],
            "title": said(role.title, locale),
            "waits": said(role.waits, locale),
        }
        for role in cast.ROLES
    ]
    named = {role.key for role in cast.ROLES}
    others = sorted((each for each in demo.residents.values() if each.key not in named), key=_name)
    shown: dict[str, Any] = {"first": first, "others": others, "passphrase": place.PASSPHRASE}
    return render(request, "demo/people.html", **shown)


def _name(resident: Resident) -> str:
    return resident.name


async def enter(request: web.Request) -> web.StreamResponse:
    """This browser becomes the person. Whoever was signed in is not any more."""
    demo = _at_home(request)
    fields = await form(request)
    chosen = _resident(demo, text(fields, "person", 40))
    await sessions.sign_in(request, chosen.account)
    raise web.HTTPSeeOther("/now")


async def key_copy(request: web.Request) -> web.StreamResponse:
    """The file the signing page takes for a copy of the key."""
    chosen = _resident(_at_home(request), request.match_info["key"])
    content = await asyncio.to_thread(chosen.copy)
    headers = {
        "Content-Disposition": f'attachment; filename="coopnode-key-{chosen.key}.txt"',
        "Cache-Control": "no-store",
    }
    return web.Response(text=content, headers=headers)


def _resident(demo: Demo, key: str) -> Resident:
    found = demo.residents.get(key)
    if found is None:
        raise web.HTTPNotFound
    return found


def _at_home(request: web.Request) -> Demo:
    """The demo, for a browser on this machine; nobody else learns that there is a door.

    A page elsewhere can have a name of its own lead to 127.0.0.1; the browser then says that name. A tunnel
    or a proxy on this machine calls from here too, and most say so.
    """
    demo = request.app[DEMO]
    try:
        here = ip_address(request.remote or "").is_loopback
    except ValueError:
        here = False
    named = request.url.host in LOOPBACK
    passed_on = any(header in request.headers for header in _OF_PROXIES)
    if not here or not named or passed_on or demo.cooperative != request.app[NODE].cooperative:
        raise web.HTTPNotFound
    return demo
