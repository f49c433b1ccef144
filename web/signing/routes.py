"""Requests for signatures, signing in and out.

`ask` is what slices call: it keeps the request and sends the browser to the signing origin. The browser comes
back through `/signed/{token}`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from coopnode.signing import Item, Purpose, SigningError
from web import i18n, sessions
from web.accounts.shell import ACCOUNTS
from web.forms import local_path
from web.keys import NODE, SESSION, SIGNING
from web.problems import problem
from web.rendering import render

_MAX_DONE = 262_144


def setup(app: web.Application) -> None:
    app.router.add_get("/api/v1/signing/{token}", fetch)
    app.router.add_route("OPTIONS", "/api/v1/signing/{token}", _preflight)
    app.router.add_post("/api/v1/signing/{token}/done", done)
    app.router.add_route("OPTIONS", "/api/v1/signing/{token}/done", _preflight)
    app.router.add_get("/signed/{token}", signed)
    app.router.add_get("/sign-in", sign_in)
    app.router.add_post("/sign-out", sign_out)


async def ask(
    request: web.Request,
    purpose: Purpose,
    items: Sequence[Item] = (),
    *,
    back: str,
    cancel: str,
    account: str | None = None,
    ticket: bytes | None = None,
) -> web.StreamResponse:
    """To the signing origin with these documents; `back` and `cancel` are paths of this site. The signer is
    `account`, else who is signed in."""
    signing = request.app[SIGNING]
    session = await sessions.need(request)
    locale = i18n.locale_of(request)
    token = await signing.create(
        session=session.digest,
        purpose=purpose,
        items=items,
        account=account or (session.account if purpose == "sign" else None),
        return_to=back,
        cancel=cancel,
        locale=locale,
        ticket=ticket,
    )
    raise web.HTTPSeeOther(signing.address(token, locale))


async def fetch(request: web.Request) -> web.StreamResponse:
    signing, token = request.app[SIGNING], request.match_info["token"]
    found = await signing.find(token)
    if found is None:
        return problem("not_found", at="token", locale=i18n.locale_of(request))
    content = await request.app[NODE].in_thread(signing.as_json, found, token)
    return web.json_response(content, headers={"Cache-Control": "no-store"})


async def done(request: web.Request) -> web.StreamResponse:
    signing, token = request.app[SIGNING], request.match_info["token"]
    found = await signing.find(token)
    if found is None:
        return problem("not_found", at="token", locale=i18n.locale_of(request))
    if request.content_length is None or request.content_length > _MAX_DONE:
        return problem("too_large", locale=i18n.locale_of(request))
    try:
        body: Any = json.loads(await request.read())
        if not isinstance(body, dict):
            raise SigningError("bad_request")
        code = await signing.finish(found, body)
    except (ValueError, RecursionError):
        return problem("bad_request", locale=i18n.locale_of(request))
    except SigningError as error:
        return problem(error.code, locale=i18n.locale_of(request))
    back = f"/signed/{token}?code={code}" if code else f"/signed/{token}"
    return web.json_response({"return": back}, headers={"Cache-Control": "no-store"})


async def _preflight(request: web.Request) -> web.StreamResponse:
    raise web.HTTPForbidden  # answered by the CORS middleware for the signing origin, and for nobody else


async def signed(request: web.Request) -> web.StreamResponse:
    """The browser comes back: it becomes the account that signed, and goes on to the page that asked."""
    signing, session = request.app[SIGNING], request.get(SESSION)
    if session is None:
        raise web.HTTPNotFound
    try:
        asked, outcome = await signing.outcome(request.match_info["token"], session.digest)
    except SigningError:
        raise web.HTTPNotFound from None
    if outcome is None:
        raise web.HTTPSeeOther(asked.cancel)
    same_browser = outcome.comes_from(request.query.get("code", "")[:100])
    if outcome.signed_in and same_browser and outcome.account and session.account != outcome.account:
        await sessions.sign_in(request, outcome.account, outcome.kid)
    raise web.HTTPSeeOther(asked.return_to)


async def sign_in(request: web.Request) -> web.StreamResponse:
    back = local_path(request.query.get("to", "/now"), "/now")
    if await sessions.account(request):
        raise web.HTTPSeeOther(back)
    if request.app[NODE].cooperative is None:
        raise web.HTTPSeeOther("/")
    if "go" not in request.query:
        return render(request, "home/sign_in.html", to=back, switched_off=await _switched_off(request))
    return await ask(request, "login", back=back, cancel="/")


async def _switched_off(request: web.Request) -> str | None:
    """The account of this browser's last sign-in, when a recovery that is under way has revoked its key."""
    session = request.get(SESSION)
    if session is None or session.former is None:
        return None
    chain = await request.app[ACCOUNTS].chain(session.former)
    return session.former if chain is not None and chain.recovered and chain.waiting else None


async def sign_out(request: web.Request) -> web.StreamResponse:
    await sessions.sign_out(request)
    raise web.HTTPSeeOther("/")
