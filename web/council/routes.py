"""`/council`: the queue, a matter with everything about it, the chair's page, decisions and minutes.

Every form answers with itself and the reason beside the field when something is missing; nothing is changed
before a document is signed (P28).
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from coopnode.council import queries
from coopnode.council.queries import MatterPage
from coopnode.council.service import Council, NotPossible
from protocol import wording
from web import i18n, openapi, sessions
from web.council import api, forms, home
from web.council.forms import Read
from web.council.shared import COUNCIL, member
from web.council.words import Words
from web.forms import form
from web.keys import EVENTS, NODE, TASKS
from web.rendering import render
from web.signing.routes import ask
from web.verification import routes as verification

_ID: Final = "/council/{id:[a-z2-7]{52}}"
#: On one page when all are asked for.
_MAX_MATTERS: Final = 1000


def setup(app: web.Application) -> None:
    app[COUNCIL] = Council(app[NODE])
    app[TASKS].append(home.tasks)
    app[EVENTS].append(home.events)
    app.router.add_get("/council", queue)
    app.router.add_get("/council/decisions", decisions)
    app.router.add_get("/council/propose", propose)
    app.router.add_post("/council/propose", propose)
    app.router.add_get(_ID, show)
    app.router.add_post(_ID + "/vote", vote)
    app.router.add_post(_ID + "/comment", comment)
    app.router.add_get(_ID + "/sign", sign)
    app.router.add_post(_ID + "/sign", sign)
    app.router.add_get(_ID + "/return", return_)
    app.router.add_post(_ID + "/return", return_)
    app.router.add_get(_ID + "/minutes", minutes)
    app.router.add_get(_ID + "/{kind:minutes|extract}.pdf", minutes_pdf)
    openapi.register(app, api.ROUTES)
    openapi.setup(app)
    verification.setup(app)


# --- looking ------------------------------------------------------------------------------------------


async def queue(request: web.Request) -> web.StreamResponse:
    account = await member(request)
    most = (_MAX_MATTERS,) if "all" in request.query else ()
    found = await request.app[COUNCIL].queue(account, *most)
    flash = await sessions.take_flash(request)
    may_propose = "council" in request.app[NODE].facts.roles(account)
    return render(
        request, "council/queue.html", queue=found, words=Words(request), may_propose=may_propose, flash=flash
    )


async def decisions(request: web.Request) -> web.StreamResponse:
    """Numbered decisions, the newest first, and what ended without one."""
    account = await member(request)
    before = request.query.get("before", "")
    place = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    service = request.app[COUNCIL]
    lines = await service.ask(
        account, lambda connection, where: queries.decided(connection, where, before=place)
    )
    ended = [] if place else await service.ask(account, lambda c, where: queries.ended(c, where, limit=10))
    older = lines[-1].number if len(lines) == queries.PAGE else None
    return render(
        request, "council/decisions.html", lines=lines, ended=ended, older=older, words=Words(request)
    )


async def show(request: web.Request) -> web.StreamResponse:
    return await _show(request, None)


async def _show(request: web.Request, read: Read | None) -> web.StreamResponse:
    account = await member(request)
    page = await _page(request, account)
    flash = await sessions.take_flash(request) if read is None else None
    return render(
        request,
        "council/matter.html",
        status=422 if read and read.errors else 200,
        page=page,
        line=page.line,
        words=Words(request),
        typed=read.typed if read else {},
        errors=read.errors if read else {},
        published=request.app[NODE].publisher.published,
        now=i18n.now_of(request),
        flash=flash,
    )


async def _page(request: web.Request, account: str) -> MatterPage:
    page = await request.app[COUNCIL].matter(request.match_info["id"], account)
    if page is None:
        raise web.HTTPNotFound
    return page


def _here(request: web.Request) -> str:
    return f"/council/{request.match_info['id']}"


# --- signing ------------------------------------------------------------------------------------------


async def vote(request: web.Request) -> web.StreamResponse:
    account = await member(request)
    read = forms.ballot(await form(request))
    if read.errors:
        return await _show(request, read)
    try:
        item = await request.app[COUNCIL].vote(request.match_info["id"], account, read.typed["choice"])
    except NotPossible as error:
        read.wrong("choice", refusal(request, error))
        return await _show(request, read)
    return await ask(request, "sign", [item], back=_here(request), cancel=_here(request))


async def comment(request: web.Request) -> web.StreamResponse:
    account = await member(request)
    read = forms.comment(await form(request))
    if read.errors:
        return await _show(request, read)
    try:
        item = await request.app[COUNCIL].comment(request.match_info["id"], account, read.typed["text"])
    except NotPossible as error:
        read.wrong("text", refusal(request, error))
        return await _show(request, read)
    return await ask(request, "sign", [item], back=_here(request) + "#discussion", cancel=_here(request))


async def sign(request: web.Request) -> web.StreamResponse:
    """The chair's page: what will be signed, what could be objected, what follows."""
    account = await member(request)
    page = await _page(request, account)
    if not page.may_sign:
        raise web.HTTPSeeOther(_here(request))
    read = Read()
    if request.method == "POST":
        refusing = (page.matter.outcome or page.line.tally.lead) == "rejected"
        read = forms.reason(await form(request), required=refusing)
        if not read.errors:
            try:
                item = await request.app[COUNCIL].approve(page.line.id, account, read.typed["reason"])
            except NotPossible as error:
                read.wrong("reason", refusal(request, error))
            else:
                await ask(request, "sign", [item], back=_here(request), cancel=_here(request) + "/sign")
    return _chair(request, "council/sign.html", page, read)


async def return_(request: web.Request) -> web.StreamResponse:
    account = await member(request)
    page = await _page(request, account)
    if not page.may_return:
        raise web.HTTPSeeOther(_here(request))
    read = Read()
    if request.method == "POST":
        read = forms.reason(await form(request), required=True)
        if not read.errors:
            try:
                item = await request.app[COUNCIL].return_(page.line.id, account, read.typed["reason"])
            except NotPossible as error:
                read.wrong("reason", refusal(request, error))
            else:
                await ask(request, "sign", [item], back=_here(request), cancel=_here(request) + "/return")
    return _chair(request, "council/return.html", page, read)


def _chair(request: web.Request, template: str, page: MatterPage, read: Read) -> web.Response:
    return render(
        request,
        template,
        status=422 if read.errors else 200,
        page=page,
        line=page.line,
        words=Words(request),
        typed=read.typed,
        errors=read.errors,
    )


async def propose(request: web.Request) -> web.StreamResponse:
    """A free matter or an office. What belongs to the general meeting is named, refused and explained."""
    account = await member(request)
    service = request.app[COUNCIL]
    if "council" not in request.app[NODE].facts.roles(account):
        raise web.HTTPForbidden
    fields = await form(request)
    reserved = await service.reserved()
    kind, reserved_kind = request.query.get("kind", ""), None
    read = Read({"kind": kind if kind in ("free", "officer", *reserved) else ""})
    if request.method == "POST":
        read, proposal = forms.proposal(fields)
        # What the council may not decide needs no title and text to be refused.
        if not read.errors or proposal.kind in reserved:
            try:
                item = await service.propose(account, proposal)
            except NotPossible as error:
                if error.code == "exclusive_competence":
                    reserved_kind = str(error.facts["matter"])
                    read.errors.clear()
                read.wrong("kind", refusal(request, error))
            else:
                return await ask(request, "sign", [item], back="/council", cancel="/council/propose")
    elif kind in reserved:
        reserved_kind = kind
        read.wrong("kind", wording.rejection("exclusive_competence", i18n.locale_of(request)))
    people = await service.ask(account, queries.candidates)
    return render(
        request,
        "council/propose.html",
        status=422 if read.errors else 200,
        typed=read.typed,
        errors=read.errors,
        people=people,
        reserved=reserved,
        reserved_kind=reserved_kind,
        matter_words=lambda kind: wording.matter(kind, i18n.locale_of(request)),
        laws=await service.ask(account, lambda _, where: queries.laws(where.state)),
        words=Words(request),
    )


def refusal(request: web.Request, error: NotPossible) -> str:
    return wording.rejection(error.code, i18n.locale_of(request))


# --- minutes ------------------------------------------------------------------------------------------


async def minutes(request: web.Request) -> web.StreamResponse:
    account = await member(request)
    page = await _page(request, account)
    made = await request.app[COUNCIL].minutes_data(page.line.id, account, i18n.locale_of(request))
    if made is None:
        raise web.HTTPNotFound
    return render(request, "council/minutes.html", page=page, line=page.line, made=made, words=Words(request))


async def minutes_pdf(request: web.Request) -> web.StreamResponse:
    account = await member(request)
    kind, id = request.match_info["kind"], request.match_info["id"]
    made = await request.app[COUNCIL].minutes_data(
        id, account, i18n.locale_of(request), extract=kind == "extract"
    )
    if made is None:
        raise web.HTTPNotFound
    data = await request.app[COUNCIL].print(made, i18n.locale_of(request))
    headers: dict[str, Any] = {
        "Content-Disposition": f'inline; filename="council-{kind}-{made.number}.pdf"',
        "Cache-Control": "private, no-store",
    }
    return web.Response(body=data, content_type="application/pdf", headers=headers)
