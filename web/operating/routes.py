"""`/livez`, `/readyz` and `/readyz/serve` for whoever watches over processes, `/metrics` for Prometheus,
`/operator` for a person (ADR 10).

There is no administrator: whoever sees these can do nothing with them.
"""

from __future__ import annotations

import hmac
import json
from typing import Final

from aiohttp import web

from coopnode import condition, metrics, operator_link
from coopnode.condition import Condition
from web import sessions
from web.keys import NODE
from web.problems import problem
from web.rendering import render

#: Offices that look at the machine's condition; everybody else needs a link made on the machine.
OFFICES: Final = frozenset(("chair", "secretary"))
COOKIE: Final = "operator"


def setup(app: web.Application) -> None:
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/readyz/serve", readyz_serve)
    app.router.add_get("/metrics", show_metrics)
    app.router.add_get("/operator", operator)


# -- health -----------------------------------------------------------------------------------------------


async def livez(request: web.Request) -> web.Response:
    """The process answers. Nothing else is looked at: starting it again would mend nothing else."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """Whether everything can be done here: pages are served and statements taken."""
    return await _ready(request, "writing")


async def readyz_serve(request: web.Request) -> web.Response:
    """Whether pages can be served. A node that only reads can, and is to be left in service."""
    return await _ready(request, "serving")


async def _ready(request: web.Request, wanted: str) -> web.Response:
    node = request.app[NODE]
    status = node.status()
    unreadable = await node.database.unreadable()
    body = {
        "serving": unreadable is None,
        "writing": unreadable is None and status["writing"],
        "size": status["size"],
        "published": status["published"],
        "reason": unreadable or status["reason"],
    }
    return web.Response(
        status=200 if body[wanted] else 503,
        body=json.dumps(body, ensure_ascii=False).encode(),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


# -- figures ----------------------------------------------------------------------------------------------


async def show_metrics(request: web.Request) -> web.Response:
    if not _may_measure(request):
        return problem("not_entitled")
    try:
        found = await request.app[NODE].watch.condition()
    except TimeoutError:
        return problem("busy", retry_after=10)
    return web.Response(
        body=metrics.text(found),
        headers={"Content-Type": metrics.CONTENT_TYPE, "Cache-Control": "no-store"},
    )


def _may_measure(request: web.Request) -> bool:
    """With the token of the configuration from anywhere. Without it from this machine only, and only while
    nothing stands in front: behind a proxy everybody seems to come from this machine."""
    config = request.app[NODE].config
    if config.metrics_token is not None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), config.metrics_token.get_secret_value().encode())
    proxied = config.trusted_proxies or "X-Forwarded-For" in request.headers or "Via" in request.headers
    return (
        not proxied
        and condition.is_local(config.public_url)
        and (request.remote or "") in ("127.0.0.1", "::1")
    )


# -- the page ---------------------------------------------------------------------------------------------


async def operator(request: web.Request) -> web.StreamResponse:
    """The machine's condition, in words."""
    node, now = request.app[NODE], request.app[NODE].clock.peek()
    link = request.query.get("link")
    if link is not None:
        return _admit(request, link)
    visit = request.cookies.get(COOKIE, "")
    if not operator_link.valid(node.keys, "visit", visit, now):
        account = await sessions.need_account(request)
        if node.cooperative is None or not OFFICES & node.facts.roles(account):
            raise web.HTTPForbidden
    try:
        found: Condition | None = await node.watch.condition()
    except TimeoutError:
        found = None
    shown = {"found": found, "troubles": condition.troubles(found) if found else []}
    return render(request, "operating/condition.html", status=200 if found else 503, **shown)


def _admit(request: web.Request, link: str) -> web.StreamResponse:
    """A link made on the machine becomes a cookie, so that it does not stay in the address."""
    node, now = request.app[NODE], request.app[NODE].clock.peek()
    if not operator_link.valid(node.keys, "link", link, now):
        raise web.HTTPForbidden
    answer = web.HTTPSeeOther("/operator")
    answer.set_cookie(
        COOKIE,
        operator_link.make(node.keys, "visit", now),
        max_age=operator_link.SECONDS["visit"],
        path="/operator",
        secure=node.config.public_url.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )
    raise answer
