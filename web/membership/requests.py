"""`/me/requests`: what a member asks of the council, with its answers; a new petition; leaving."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from coopnode.membership.requests import MAX_TEXT, MAX_TITLE, Requests
from coopnode.membership.service import NotPossible
from protocol import wording
from web.forms import FAULTS, Fields, Rule, text, texts
from web.membership import shell
from web.membership.shell import MEMBERSHIP

REQUESTS: Final = web.AppKey("requests", Requests)
PETITION: Final = {"title": Rule("line", MAX_TITLE), "text": Rule("text", MAX_TEXT)}
LEAVE: Final = {"reason": Rule("text", MAX_TEXT), "payout": Rule("text", 1_000)}
_HERE: Final = "/me/requests"
_ID: Final = "{id:[a-z2-7]{52}}"


@dataclass
class Read:
    """What was typed, and by field what is wrong with it (message ids)."""

    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def setup(app: web.Application) -> None:
    app[REQUESTS] = Requests(app[MEMBERSHIP])
    app.router.add_get(_HERE, show)
    app.router.add_get(_HERE + "/new", petition)
    app.router.add_post(_HERE + "/new", petition)
    app.router.add_get("/me/leave", leave)
    app.router.add_post("/me/leave", leave)
    app.router.add_post(f"{_HERE}/{_ID}/withdraw", withdraw)


async def show(request: web.Request) -> web.StreamResponse:
    account = await shell.need_account(request)
    service = request.app[REQUESTS]
    lines = await service.mine(account)
    member = await service.leaving(account) is not None
    return shell.render(request, "membership/requests.html", lines=lines, member=member, wording=wording)


async def petition(request: web.Request) -> web.StreamResponse:
    account = await shell.need_account(request)
    service = request.app[REQUESTS]
    found = await service.leaving(account)
    if found is None:
        raise web.HTTPSeeOther("/me/membership")
    read = Read()
    if request.method == "POST":
        read = _read(await shell.form(request), PETITION)
        if not read.typed["title"]:
            read.errors.setdefault("title", "Say in one line what it is about.")
        if not read.typed["text"]:
            read.errors.setdefault("text", "Write what you ask the council to do, and why.")
        if not read.errors:
            try:
                item = await service.petition(account, read.typed["title"], read.typed["text"])
            except NotPossible as error:
                return shell.refused(request, error, back=_HERE)
            return await shell.sign(request, [item], account=account, return_to=_HERE, cancel=_HERE + "/new")
    days = (await request.app[MEMBERSHIP].rules()).decide_days
    return shell.render(
        request,
        "membership/petition.html",
        status=422 if read.errors else 200,
        typed=read.typed,
        errors=read.errors,
        days=days,
    )


async def leave(request: web.Request) -> web.StreamResponse:
    """What follows, before anybody signs."""
    account = await shell.need_account(request)
    service = request.app[REQUESTS]
    found = await service.leaving(account)
    if found is None:
        raise web.HTTPSeeOther("/me/membership")
    if found.open is not None:
        raise web.HTTPSeeOther(_HERE)
    read = Read()
    if request.method == "POST":
        fields = await shell.form(request)
        read = _read(fields, LEAVE)
        if text(fields, "sure", 4) != "yes":
            read.errors.setdefault("sure", "Tick the box: nothing is signed by mistake.")
        if not read.errors:
            try:
                item = await service.leave(account, read.typed["reason"], read.typed["payout"])
            except NotPossible as error:
                return shell.refused(request, error, back="/me/membership")
            return await shell.sign(request, [item], account=account, return_to=_HERE, cancel="/me/leave")
    return shell.render(
        request,
        "membership/leave.html",
        status=422 if read.errors else 200,
        found=found,
        typed=read.typed,
        errors=read.errors,
    )


async def withdraw(request: web.Request) -> web.StreamResponse:
    account = await shell.need_account(request)
    await shell.form(request)
    try:
        item = await request.app[REQUESTS].withdrawal(account, request.match_info["id"])
    except NotPossible as error:
        return shell.refused(request, error, back=_HERE)
    return await shell.sign(request, [item], account=account, return_to=_HERE, cancel=_HERE)


def _read(fields: Fields, rules: dict[str, Rule]) -> Read:
    typed, faults = texts(fields, rules)
    return Read(typed, {name: FAULTS[code] for name, code in faults.items()})
