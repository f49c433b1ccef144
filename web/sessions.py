"""The browser's session in a request: cookie in, cookie out, and the few words a handler needs about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from aiohttp import web

from coopnode.sessions import Session
from web.keys import ENDED, FLASH_SHOWN, NEW_TOKEN, NODE, SESSION, SESSIONS
from web.log.routes import client
from web.middleware import RATION

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Paths that have no business with a cookie: the log itself and files.
_WITHOUT: Final = (
    "/static/",
    "/tile/",
    "/checkpoint",
    "/entries",
    "/livez",
    "/readyz",
    "/metrics",
    "/blobs/",
)


def cookie_name(request: web.Request) -> str:
    return "__Host-coopnode" if _secure(request) else "coopnode"


def _secure(request: web.Request) -> bool:
    return request.app[NODE].config.public_url.startswith("https:")


@web.middleware
async def sessions(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path.startswith(_WITHOUT):
        return await handler(request)
    token = request.cookies.get(cookie_name(request))
    request[SESSION] = await request.app[SESSIONS].load(token) if token and len(token) <= 100 else None
    try:
        response = await handler(request)
    except web.HTTPException as error:
        _set_cookie(request, error)
        raise
    if request.get(FLASH_SHOWN):
        await remember(request, "flash", "")
    _set_cookie(request, response)
    return response


def _set_cookie(request: web.Request, response: web.StreamResponse) -> None:
    name, secure = cookie_name(request), _secure(request)
    if request.get(ENDED):
        response.del_cookie(name, path="/", secure=secure, httponly=True, samesite="Lax")
    elif (token := request.get(NEW_TOKEN)) is not None:
        response.set_cookie(
            name, token, max_age=90 * 86_400, path="/", secure=secure, httponly=True, samesite="Lax"
        )


async def need(request: web.Request) -> Session:
    """The session of this browser, made when there is none; new ones are rationed by address, for each is a
    row."""
    found: Session | None = request.get(SESSION)
    if found is None:
        wait = request.app[RATION].take(f"session {client(request)}")
        if wait:
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(int(wait) + 1)})
        found, request[NEW_TOKEN] = await request.app[SESSIONS].create()
        request[SESSION] = found
    return found


async def account(request: web.Request) -> str | None:
    """Who is signed in."""
    found: Session | None = request.get(SESSION)
    return found.account if found else None


async def need_account(request: web.Request) -> str:
    """Who is signed in; a stranger is sent to sign in and comes back to this page."""
    found = await account(request)
    if found is None:
        raise web.HTTPSeeOther(f"/sign-in?to={quote(request.path_qs, safe='/')}")
    return found


async def sign_in(request: web.Request, account: str, kid: bytes | None = None) -> None:
    """This browser is `account` from now on, under a new cookie, for as long as `kid` signs."""
    made, request[NEW_TOKEN] = await request.app[SESSIONS].sign_in(await need(request), account, kid)
    request[SESSION] = made


async def sign_out(request: web.Request) -> None:
    found: Session | None = request.get(SESSION)
    if found is not None:
        await request.app[SESSIONS].end(found.digest)
    request[SESSION] = None
    request[ENDED] = True


async def remember(request: web.Request, name: str, value: str) -> None:
    """A small text kept with the session; empty forgets it. Nothing personal."""
    found = await need(request)
    if value:
        found.data[name] = value
    else:
        found.data.pop(name, None)
    await request.app[SESSIONS].save(found)


async def recall(request: web.Request, name: str) -> str | None:
    found: Session | None = request.get(SESSION)
    return found.data.get(name) if found else None


async def flash(request: web.Request, words: str, kind: str = "info") -> None:
    """A message (English msgid) for the next page: info, success, warning, danger."""
    await remember(request, "flash", f"{kind}:{words}")


async def take_flash(request: web.Request) -> tuple[str, str] | None:
    """(kind, msgid) of the waiting message, which is then gone."""
    held = await recall(request, "flash")
    if not held:
        return None
    await remember(request, "flash", "")
    kind, _, words = held.partition(":")
    return kind, words
