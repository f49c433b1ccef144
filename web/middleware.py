"""What surrounds every request: its log line, its headers, where it may come from, and how errors look.

Outermost first: `express`, `access`, `headers`, `cors` (web/cors.py), `errors`, `same_origin`, `rationed`,
then the session.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from coopnode import figures
from coopnode.admission import Buckets
from coopnode.config import Config
from web import i18n
from web.keys import NODE, REQUEST_ID
from web.log.routes import client, submit
from web.problems import problem
from web.rendering import render

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = structlog.get_logger("web")

RATION: Final = web.AppKey("ration", Buckets)
_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
#: Answered as problem+json whatever the browser says it accepts.
_MACHINE: Final = ("/api/", "/entries", "/tile/", "/checkpoint", "/blobs/")
#: Posted to by the signing origin, without cookies (CORS, web/cors.py), and by programs.
_FOREIGN: Final = ("/entries", "/api/v1/signing/", "/api/v1/accounts/", "/api/v1/devices")


@web.middleware
async def express(request: web.Request, handler: Handler) -> web.StreamResponse:
    """`POST /entries` of a program that does not come the short way (web/lane.py) goes straight to work: what
    the others do for pages and browsers (language, cookies, origins, policies of content) would take it a
    tenth of its time."""
    if request.path != "/entries" or request.method != "POST" or "Origin" in request.headers:
        return await handler(request)
    began = time.perf_counter()
    try:
        response = await submit(request)
    except ConnectionError:
        raise
    except web.RequestPayloadError:
        response = problem("bad_request")
    except Exception:
        log.exception("failed", method=request.method, route=request.path)
        response = problem("internal")
    if response.status != 200:
        add_headers(request.app[NODE].config, response)
    figures.requested("POST", "/entries", response.status, time.perf_counter() - began)
    return response


@web.middleware
async def placed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Before the first word of a page: where the cooperative is."""
    i18n.HERE.set(i18n.Here(request.app[NODE]))
    return await handler(request)


@web.middleware
async def access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One line a request: no query string, no address, no name."""
    request[REQUEST_ID] = secrets.token_hex(6)
    began = time.perf_counter()
    status = 500
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        took = time.perf_counter() - began
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "-"
        figures.requested(request.method, route, status, took)
        number, ms = request[REQUEST_ID], round(took * 1000, 1)
        log.debug("request", id=number, method=request.method, route=route, status=status, ms=ms)


@web.middleware
async def headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as error:
        add_headers(request.app[NODE].config, error)
        raise
    if not response.prepared:
        add_headers(request.app[NODE].config, response)
    return response


async def before_streaming(request: web.Request, response: web.StreamResponse) -> None:
    """A signal of the application: a streamed answer is begun before its handler returns, and some come from
    before the first middleware."""
    if "X-Content-Type-Options" not in response.headers:
        add_headers(request.app[NODE].config, response)


def add_headers(config: Config, response: web.StreamResponse) -> None:
    # A form may lead to the signing origin by redirect, and browsers check redirects of forms too.
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        f"manifest-src 'self'; form-action 'self' {config.signing_url}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
    if config.public_url.startswith("https:"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if response.content_type == "text/html":
        response.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Pages for people, problem+json for programs; nothing of the inside in either."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return failure(request, error.status, dict(error.headers))
    except ConnectionError:
        raise
    except web.RequestPayloadError:  # a body that is not coded as it says
        return failure(request, 400, {})
    except Exception:
        log.exception("failed", id=request.get(REQUEST_ID), method=request.method)
        return failure(request, 500, {})


_CODES: Final = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "bad_request",
    408: "bad_request",
    413: "too_large",
    429: "too_many_requests",
    503: "busy",
}


def failure(request: web.Request, status: int, extra: dict[str, str]) -> web.Response:
    kept = {name: value for name, value in extra.items() if name in ("Retry-After", "Allow")}
    if request.path.startswith(_MACHINE):
        answer = problem(_CODES.get(status, "internal"), locale=i18n.locale_of(request))
        answer.set_status(status)
    else:
        shown = {"code": status, "request_id": request.get(REQUEST_ID, "")}
        try:
            answer = render(request, "error.html", status=status, **shown)
        except Exception:
            log.exception("no page of an error could be made", id=request.get(REQUEST_ID))
            answer = _bare(request)
    answer.headers.update(kept)
    return answer


def _bare(request: web.Request) -> web.Response:
    """When not even the frame of a page can be made, because nothing can be read: in both languages."""
    number = request.get(REQUEST_ID, "")
    return web.Response(status=503, text=_BARE.format(number), content_type="text/html", charset="utf-8")


_BARE: Final = """<!doctype html>
<html lang="ru">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Узел не может прочитать свои данные</title>
<h1>Узел не может прочитать свои данные</h1>
<p>Подтверждённое раньше сохранено. Сообщите администратору узла номер запроса: {0}.</p>
<section lang="en">
<h1>The node cannot read its data</h1>
<p>What was confirmed before is safe. Tell the node's administrator the number of this request: {0}.</p>
</section>
</html>
"""


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A change comes from our own pages: Origin, else Sec-Fetch-Site, must say so. Cookies are SameSite=Lax
    besides."""
    if request.method in _SAFE or request.path.startswith(_FOREIGN):
        return await handler(request)
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    own = request.app[NODE].config.public_url
    if origin is not None and origin != own and origin != _served_at(request):
        raise web.HTTPForbidden
    if origin is None and site not in (None, "same-origin"):
        raise web.HTTPForbidden
    if origin is None and site is None and not request.path.startswith("/api/"):
        raise web.HTTPForbidden
    return await handler(request)


def _served_at(request: web.Request) -> str:
    """Before the cooperative is founded the founder may come by another name than the configured one."""
    if request.app[NODE].cooperative is not None:
        return request.app[NODE].config.public_url
    return f"{request.scheme}://{request.host}"


@web.middleware
async def rationed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Changes from one address are rationed; `/entries` has rations of its own (P14)."""
    if request.method in _SAFE or request.path.startswith("/entries"):
        return await handler(request)
    wait = request.app[RATION].take(client(request))
    if wait:
        raise web.HTTPTooManyRequests(headers={"Retry-After": str(int(wait) + 1)})
    return await handler(request)
