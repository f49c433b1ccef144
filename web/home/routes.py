"""Pages of the shell: public profile, Now, Cooperatives, Me, sessions and language."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from protocol.contract import View
from protocol.contracts import accounts, cooperative, membership
from protocol.contracts.accounts import Account
from web import i18n, sessions
from web.forms import form, local_path, text
from web.home import Event, Task
from web.keys import EVENTS, NODE, SESSIONS, TASKS, session
from web.rendering import render

_MAX_TASKS, _MAX_EVENTS = 5, 12
#: Other browsers shown on /me; all of them can be signed out at once.
_MAX_SESSIONS = 4


def setup(app: web.Application) -> None:
    app.router.add_get("/", profile)
    app.router.add_get("/now", now)
    app.router.add_get("/cooperatives", cooperatives)
    app.router.add_get("/me", me)
    app.router.add_post("/me/language", language)
    app.router.add_post("/me/sessions/end", end_session)
    app.router.add_post("/me/sessions/end-others", end_others)


async def profile(request: web.Request) -> web.StreamResponse:
    """The cooperative's own page; a node without one sends its founder on."""
    node = request.app[NODE]
    if node.cooperative is None:
        raise web.HTTPSeeOther("/found")
    return render(request, "home/profile.html", **await node.in_thread(_profile, request))


def _profile(request: web.Request) -> dict[str, Any]:
    node = request.app[NODE]
    state = node.state
    charter = cooperative.charter(View(state, cooperative.DOMAIN))
    texts = [
        record
        for _, record in View(state, cooperative.DOMAIN).scan("agreement", "", cooperative.Agreement)
        if record.kind != "charter"
    ]
    return {
        "charter": charter,
        "texts": texts,
        "members": membership.register(View(state, membership.DOMAIN)).members,
        "constituted": node.facts.constituted(),
        "size": node.engine.head.size,
        "since": node.store.tick_at(2) if node.engine.head.size > 2 else None,
        "fees": _fees(node.facts),
    }


def _fees(facts: Any) -> dict[str, Any] | None:
    try:
        amounts = {name: facts.parameter(f"fees.{name}.person") for name in ("entrance", "share")}
        return {**amounts, "currency": facts.parameter("fees.currency")}
    except KeyError:
        return None


async def now(request: web.Request) -> web.StreamResponse:
    account = await sessions.need_account(request)
    tasks: list[Task] = []
    events: list[Event] = []
    for task_provider in request.app[TASKS]:
        tasks += await task_provider(request, account)
    for event_provider in request.app[EVENTS]:
        events += await event_provider(request, account)
    tasks.sort(key=lambda task: (task.due is None, task.due or 0))
    events.sort(key=lambda event: -event.time)
    first = len(tasks) if "all" in request.query else _MAX_TASKS
    shown: dict[str, Any] = {
        "tasks": tasks[:first],
        "more": max(len(tasks) - first, 0),
        "events": events[:_MAX_EVENTS],
    }
    return render(request, "home/now.html", **shown)


async def cooperatives(request: web.Request) -> web.StreamResponse:
    account = await sessions.need_account(request)
    facts = request.app[NODE].facts
    return render(
        request, "home/cooperatives.html", member=facts.is_member(account), roles=sorted(facts.roles(account))
    )


async def me(request: web.Request) -> web.StreamResponse:
    account = await sessions.need_account(request)
    node = request.app[NODE]
    known = View(node.state, accounts.DOMAIN).get("account", account, Account)
    mine = session(request)
    open_sessions = await request.app[SESSIONS].of(account)
    others = [item for item in open_sessions if mine is None or item.digest != mine.digest]
    return render(
        request,
        "home/me.html",
        account=account,
        keys=known.keys if known else [],
        tick=node.engine.head.tick,
        mine=mine,
        others=others[:_MAX_SESSIONS],
        more=max(len(others) - _MAX_SESSIONS, 0),
    )


async def language(request: web.Request) -> web.StreamResponse:
    """Choosing a language works for strangers too, by a cookie of its own."""
    fields = await form(request)
    chosen, back = text(fields, "locale", 3), local_path(text(fields, "back", 500), "/")
    if chosen not in i18n.locales():
        raise web.HTTPBadRequest
    answer = web.HTTPSeeOther(back)
    secure = request.app[NODE].config.public_url.startswith("https:")
    answer.set_cookie(
        i18n.COOKIE, chosen, max_age=365 * 86_400, path="/", secure=secure, samesite="Lax", httponly=True
    )
    found = session(request)
    if found is not None:
        found.locale = chosen
        await request.app[SESSIONS].save(found)
    raise answer


async def end_session(request: web.Request) -> web.StreamResponse:
    account = await sessions.need_account(request)
    fields = await form(request)
    try:
        digest = bytes.fromhex(text(fields, "session", 64))
    except ValueError:
        raise web.HTTPBadRequest from None
    await request.app[SESSIONS].end(digest, account)
    raise web.HTTPSeeOther("/me")


async def end_others(request: web.Request) -> web.StreamResponse:
    """What one does after a visit to an internet café, or with too many old browsers on the list."""
    account = await sessions.need_account(request)
    await form(request)
    mine = session(request)
    if mine is not None:
        await request.app[SESSIONS].end_others(mine, account)
        await sessions.flash(request, "On all other devices you are signed out.", "success")
    raise web.HTTPSeeOther("/me")
