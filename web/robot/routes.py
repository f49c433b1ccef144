"""`/council/robot`: what is left to the council's robot, who lent it a key, what it did, how it is stopped.

Everybody at the council's table sees it; nothing changes before a document is signed (P28).
"""

from __future__ import annotations

import contextlib
import re
from datetime import date, timedelta
from typing import Any, Final

from aiohttp import web

from coopnode.council.service import NotPossible
from coopnode.robot.service import Robot
from coopnode.search.people import NotReady
from web import i18n, sessions
from web.council.forms import Read
from web.council.routes import refusal
from web.council.shared import COUNCIL, member
from web.council.words import Words as CouncilWords
from web.forms import form
from web.keys import NODE
from web.membership.forms import end_of
from web.rendering import render
from web.robot import forms
from web.robot.words import Words
from web.signing.routes import ask

ROBOT: Final = web.AppKey("robot", Robot)
_MONTH: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_HERE: Final = "/council/robot"


def setup(app: web.Application) -> None:
    app[ROBOT] = Robot(app[NODE], app[COUNCIL])
    app.router.add_get(_HERE, show)
    app.router.add_get(_HERE + "/terms", terms)
    app.router.add_post(_HERE + "/terms", terms)
    app.router.add_get(_HERE + "/lend", lend)
    app.router.add_post(_HERE + "/lend", lend)
    app.router.add_post(_HERE + "/take-back", take_back)
    app.router.add_get(_HERE + "/stop", stop)
    app.router.add_post(_HERE + "/stop", stop)
    app.router.add_get(_HERE + "/review", review)


def _render(request: web.Request, template: str, status: int = 200, **more: Any) -> web.Response:
    return render(
        request,
        f"robot/{template}",
        status=status,
        words=Words(request),
        table=CouncilWords(request),
        currency=request.app[NODE].facts.parameter("fees.currency"),
        **more,
    )


async def show(request: web.Request) -> web.StreamResponse:
    account = await member(request)
    found = await request.app[ROBOT].overview(account)
    voter = not request.app[NODE].facts.roles(account).isdisjoint(("council", "chair"))
    flash = await sessions.take_flash(request)
    return _render(request, "overview.html", found=found, voter=voter, flash=flash)


async def terms(request: web.Request) -> web.StreamResponse:
    """What the council is to decide, tried on the applications of the last months before anybody signs."""
    account = await _voter(request)
    service = request.app[ROBOT]
    read = Read()
    tried = None
    if request.method == "POST":
        fields = await form(request)
        read, chosen = forms.terms(fields)
        if chosen is not None:
            try:
                item = await service.propose(account, chosen, read.typed["title"], read.typed["text"])
                if "try" not in fields:
                    return await ask(request, "sign", [item], back=_HERE, cancel=_HERE + "/terms")
                tried = await service.simulate(account, chosen)
            except NotPossible as error:
                read.wrong(_FIELD_OF.get(error.code, "persons"), refusal(request, error))
            except NotReady:
                read.wrong("persons", "The index of people is being filled. Try again in a minute.")
    else:
        usual = await service.usual()
        words = Words(request)
        read.typed = {
            "persons": usual.persons,
            "level": str(usual.level),
            "per_day": str(usual.per_day),
            "max_sum": "",
            "until": day_of(usual.until).isoformat(),
            "chair": "yes" if usual.chair else "",
            "title": words.usual_title(),
            "text": words.usual_text(),
        }
    latest = day_of(service.latest()).isoformat()
    return _render(
        request,
        "terms.html",
        422 if read.errors else 200,
        typed=read.typed,
        errors=read.errors,
        tried=tried,
        latest=latest,
    )


_FIELD_OF: Final = {"term_too_long": "until", "until_passed": "until"}


async def lend(request: web.Request) -> web.StreamResponse:
    """A key of one's own for the robot: what it may do, until when. Nothing is chosen beforehand."""
    account = await member(request)
    service = request.app[ROBOT]
    found = await service.overview(account)
    if not found.able or found.automation is None:
        raise web.HTTPSeeOther(_HERE)
    read = Read({"acts": (), "until": day_of(found.automation.terms.until).isoformat()})
    if request.method == "POST":
        read, acts, until, max_sum = forms.lend(await form(request))
        if not read.errors:
            try:
                until = min(until, found.automation.terms.until) if _same_day(until, found) else until
                item = await service.lend(account, acts, until, max_sum)
            except NotPossible as error:
                field = "until" if error.code in ("term_too_long", "until_passed") else "acts"
                read.wrong(field, refusal(request, error))
            else:
                return await ask(request, "sign", [item], back=_HERE, cancel=_HERE + "/lend")
    return _render(
        request,
        "lend.html",
        422 if read.errors else 200,
        found=found,
        terms=found.automation.terms,
        typed=read.typed,
        errors=read.errors,
    )


def _same_day(until: int, found: Any) -> bool:
    """The last day of the council's term is allowed whole."""
    return day_of(until) == day_of(found.automation.terms.until)


async def take_back(request: web.Request) -> web.StreamResponse:
    account = await member(request)
    try:
        item = await request.app[ROBOT].take_back(account)
    except NotPossible:
        raise web.HTTPSeeOther(_HERE) from None
    return await ask(request, "sign", [item], back=_HERE, cancel=_HERE)


async def stop(request: web.Request) -> web.StreamResponse:
    """Asks once: the council has to decide anew before the robot works again."""
    account = await _voter(request)
    service = request.app[ROBOT]
    found = await service.overview(account)
    if not found.active:
        raise web.HTTPSeeOther(_HERE)
    if request.method == "POST":
        try:
            item = await service.stop(account)
        except NotPossible:
            raise web.HTTPSeeOther(_HERE) from None
        return await ask(request, "sign", [item], back=_HERE, cancel=_HERE)
    return _render(request, "stop.html", found=found)


async def review(request: web.Request) -> web.StreamResponse:
    """One month: what the robot did, what somebody might have looked at, what it leaves to people."""
    account = await member(request)
    today = day_of(request.app[NODE].clock.peek())
    asked = _MONTH.fullmatch(request.query.get("month", ""))
    first = date(int(asked[1]), int(asked[2]), 1) if asked else today.replace(day=1)
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    before = date(first.year - (first.month == 1), (first.month - 2) % 12 + 1, 1)
    found = None
    with contextlib.suppress(NotReady):  # the page says so
        found = await request.app[ROBOT].review(account, _start(first), _start(after))
    return _render(
        request,
        "review.html",
        found=found,
        month=i18n.month(first, i18n.locale_of(request)),
        earlier=f"?month={before:%Y-%m}",
        later=f"?month={after:%Y-%m}" if after <= today else None,
    )


def _start(day: date) -> int:
    return end_of(day - timedelta(days=1)) + 1


def day_of(seconds: int) -> date:
    return i18n.place().at(seconds).date()


async def _voter(request: web.Request) -> str:
    account = await member(request)
    if "council" not in request.app[NODE].facts.roles(account):
        raise web.HTTPForbidden
    return account
