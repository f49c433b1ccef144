"""Desk of chair and secretary: seats and new invitations, new editions of texts, one member from the paper
register.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from coopnode.founding.queries import SeatLine
from web.founding import forms, shell
from web.founding.forms import Read
from web.founding.shell import FOUNDING
from web.founding.wizard import today


def setup(app: web.Application) -> None:
    app.router.add_get("/desk/council", council)
    app.router.add_post("/desk/council/{seat:[0-9]{1,3}}", reinvite)
    app.router.add_get("/desk/enrol/{number:[0-9]{1,10}}/void", void)
    app.router.add_post("/desk/enrol/{number:[0-9]{1,10}}/void", void)
    app.router.add_get("/desk/texts", texts)
    app.router.add_get("/desk/texts/{kind}", edition)
    app.router.add_post("/desk/texts/{kind}", edition)
    app.router.add_get("/desk/enrol", enrol)
    app.router.add_post("/desk/enrol", enrol)


async def _officer(request: web.Request, *offices: str) -> str:
    """The account, when it holds one of the offices; else the page says who may."""
    account = await shell.account(request)
    held = await request.app[FOUNDING].offices(account) if account else frozenset()
    if account is None or held.isdisjoint(offices):
        raise web.HTTPForbidden
    return account


async def council(request: web.Request) -> web.StreamResponse:
    await _officer(request, "chair", "secretary", "founder")
    service = request.app[FOUNDING]
    seats = await service.seats()
    people = [line.account for line in seats.lines if line.account] if seats else []
    account = await shell.account(request)
    held = await service.offices(account) if account else frozenset()
    return shell.render(
        request,
        "founding/desk_council.html",
        seats=seats,
        names=await service.names(people, ("council", "member")),
        may_invite=bool(held & {"chair", "founder"}),
        may_replace=_replaceable(request, held),
        signing_url=service.node.config.signing_url,
    )


def _replaceable(request: web.Request, held: frozenset[str]) -> Callable[[SeatLine], bool]:
    """Whose invitation may be replaced now: the chair leaves the invited person time, the founder of a
    council that is gathering need not."""
    now = request.app[FOUNDING].node.clock.peek()
    return lambda line: line.account is None and ("founder" in held or line.replaceable_from <= now)


async def reinvite(request: web.Request) -> web.StreamResponse:
    """A lost invitation to a vacant seat is replaced by a signed one; the old one stops."""
    await _officer(request, "chair", "founder")
    service = request.app[FOUNDING]
    seat = int(request.match_info["seat"])
    seats = await service.seats()
    line = next((line for line in seats.lines if line.number == seat), None) if seats else None
    if line is None or line.account is not None:
        raise web.HTTPSeeOther("/desk/council")
    form = await shell.form(request)
    label = f"{shell.gettext(request, 'Seat %(number)s', number=seat)}: {shell.roles(request, line.roles)}"
    read = forms.read(form, forms.INVITED)
    for words in read.errors.values():
        await shell.flash(request, words, "warning")
        raise web.HTTPSeeOther("/desk/council")
    person = read.values["person"]
    wanted = await service.reinvite(seat, f"{label} · {person}" if person else label)
    await shell.ask(request, "sign", wanted, back="/desk/council", cancel="/desk/council")


async def texts(request: web.Request) -> web.StreamResponse:
    await _officer(request, "chair", "secretary")
    return shell.render(request, "founding/desk_texts.html", lines=await request.app[FOUNDING].texts())


async def edition(request: web.Request) -> web.StreamResponse:
    """The text in force, to be changed into the next edition. Everybody will be asked to sign it anew."""
    await _officer(request, "chair", "secretary")
    service = request.app[FOUNDING]
    kind = request.match_info["kind"]
    line = next((line for line in await service.texts() if line.kind == kind), None)
    if line is None:
        raise web.HTTPNotFound
    body = (await service.blob(line.blob) or b"").decode("utf-8", "replace")
    read = Read(typed={"title": line.title, "body": body})
    if request.method == "POST":
        read = forms.read(await shell.form(request), forms.EDITION)
        if len(read.typed["title"]) < 3:
            read.wrong("title", "Give the text a title.")
        if len(read.typed["body"]) < 20:
            read.wrong("body", "The text is empty.")
        elif read.typed["body"] == body.strip():
            read.wrong("body", "Nothing has changed: this is the edition in force.")
        if not read.errors:
            wanted = await service.publish_text(kind, read.typed["title"], read.typed["body"])
            await shell.ask(request, "sign", wanted, back="/desk/texts", cancel=f"/desk/texts/{kind}")
    return shell.render(
        request,
        "founding/desk_text.html",
        status=422 if read.errors else 200,
        line=line,
        typed=read.typed,
        errors=read.errors,
    )


async def enrol(request: web.Request) -> web.StreamResponse:
    """One member of the paper register; a whole one comes by `/desk/import`."""
    await _officer(request, "chair", "secretary")
    read = Read()
    if request.method == "POST":
        read = forms.enrolment(await shell.form(request), today())
        if not read.errors:
            given = read.values
            number, since, name = int(given["number"]), forms.iso_day(given["since"]), given["name"]
            label = f"{shell.gettext(request, 'Member no. %(number)s', number=number)} · {name}"
            wanted = await request.app[FOUNDING].enrol(number, since, given["person"], name, label)
            await shell.ask(request, "sign", wanted, back="/desk/enrol", cancel="/desk/enrol")
    return await _enrol_page(request, read)


async def _enrol_page(request: web.Request, read: Read) -> web.StreamResponse:
    service = request.app[FOUNDING]
    return shell.render(
        request,
        "founding/desk_enrol.html",
        status=422 if read.errors else 200,
        typed=read.typed,
        errors=read.errors,
        waiting=await service.open_enrolments(),
        signing_url=service.node.config.signing_url,
    )


async def void(request: web.Request) -> web.StreamResponse:
    """An enrolment with a slip of the pen is cancelled while nobody has confirmed it; its number is free
    again."""
    await _officer(request, "chair", "secretary")
    service, number = request.app[FOUNDING], int(request.match_info["number"])
    line = next((line for line in await service.open_enrolments() if line.number == number), None)
    if line is None:
        raise web.HTTPSeeOther("/desk/enrol")
    read = Read()
    if request.method == "POST":
        read = forms.read(await shell.form(request), forms.VOIDED)
        if not read.errors and len(read.typed["reason"]) < 5:
            read.wrong("reason", "Say what was wrong: the register keeps the reason.")
        if not read.errors:
            wanted = await service.void(line.digest, read.typed["reason"])
            cancel = f"/desk/enrol/{number}/void"
            await shell.ask(request, "sign", wanted, back="/desk/enrol", cancel=cancel)
    return shell.render(
        request,
        "founding/desk_void.html",
        status=422 if read.errors else 200,
        line=line,
        typed=read.typed,
        errors=read.errors,
    )
