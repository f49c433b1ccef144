"""`/invite/<digest>/<place>`: somebody invited reads, says who they are, and signs; the code never comes
here.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from aiohttp import web

from coopnode import consents
from coopnode.founding.drafts import PersonDraft
from coopnode.founding.queries import Invitation
from web.founding import forms, shell
from web.founding.forms import Read
from web.founding.shell import FOUNDING
from web.founding.wizard import today

STEPS: Final = ("", "texts", "person", "consents")
_PATH: Final = "/invite/{digest:[0-9a-f]{64}}/{index:[0-9]{1,4}}"


def setup(app: web.Application) -> None:
    app.router.add_get("/invite/key/{kid:[0-9a-f]{64}}", by_key)
    app.router.add_get(_PATH, welcome)
    app.router.add_get(_PATH + "/texts", read_texts)
    app.router.add_post(_PATH + "/texts", read_texts)
    app.router.add_get(_PATH + "/person", say_who)
    app.router.add_post(_PATH + "/person", say_who)
    app.router.add_get(_PATH + "/consents", consent)
    app.router.add_post(_PATH + "/consents", consent)


def _here(request: web.Request, step: str = "") -> str:
    digest, index = request.match_info["digest"], int(request.match_info["index"])
    return f"/invite/{digest}/{index}" + (f"/{step}" if step else "")


async def _invitation(request: web.Request) -> Invitation:
    digest, index = bytes.fromhex(request.match_info["digest"]), int(request.match_info["index"])
    found = await request.app[FOUNDING].invitation(digest, index)
    if found is None:
        raise web.HTTPNotFound
    return found


async def _open(request: web.Request) -> Invitation:
    """The invitation, or back to its first page, which says why it no longer serves."""
    found = await _invitation(request)
    if found.status != "open":
        raise web.HTTPSeeOther(_here(request))
    return found


async def _begun(request: web.Request) -> bytes | None:
    """Whose answers they are, when this browser has given some; looking alone makes no session."""
    held = await shell.recall(request, "invited")
    return bytes.fromhex(held) if held else None


async def _typed(request: web.Request) -> PersonDraft:
    owner = await _begun(request)
    return await request.app[FOUNDING].person(owner) if owner else PersonDraft()


async def _keep(request: web.Request, draft: PersonDraft) -> None:
    owner = await _begun(request) or secrets.token_bytes(16)
    await shell.remember(request, "invited", owner.hex())
    await request.app[FOUNDING].save_person(owner, draft)


async def by_key(request: web.Request) -> web.StreamResponse:
    """The code was typed from a card: the signing origin knows the key only."""
    place = await request.app[FOUNDING].place_of(bytes.fromhex(request.match_info["kid"]))
    if place is None:
        return shell.render(request, "founding/invite_unknown.html", status=404)
    raise web.HTTPSeeOther(f"/invite/{place[0].hex()}/{place[1]}")


async def welcome(request: web.Request) -> web.StreamResponse:
    """Whose invitation, to what, and what accepting means; afterwards what came of it."""
    service = request.app[FOUNDING]
    try:
        found = await _invitation(request)
    except web.HTTPNotFound:
        return shell.render(request, "founding/invite_unknown.html", status=404)
    account = await shell.account(request)
    mine = account is not None and found.account == account
    seats = await service.seats() if found.kind == "seat" else None
    meeting = await service.meeting() if found.kind == "founder" else None
    return shell.render(
        request,
        "founding/invite.html",
        invitation=found,
        mine=mine,
        seats=seats,
        meeting=meeting,
        standing=await service.standing(),
        here=_here(request),
        number=1,
        of=len(STEPS),
    )


async def read_texts(request: web.Request) -> web.StreamResponse:
    found = await _open(request)
    service = request.app[FOUNDING]
    draft = await _typed(request)
    errors: dict[str, str] = {}
    if request.method == "POST":
        form = await shell.form(request)
        draft.read = form.get("read") == "yes"
        await _keep(request, draft)
        if draft.read:
            raise web.HTTPSeeOther(_here(request, "person"))
        errors["read"] = "Read the texts and confirm it: you will sign them."
    lines = [line for line in await service.texts() if line.required]
    bodies = {line.kind: (await service.blob(line.blob) or b"").decode("utf-8", "replace") for line in lines}
    return shell.render(
        request,
        "founding/invite_texts.html",
        status=422 if errors else 200,
        invitation=found,
        lines=lines,
        bodies=bodies,
        draft=draft,
        errors=errors,
        here=_here(request),
        number=2,
        of=len(STEPS),
    )


async def say_who(request: web.Request) -> web.StreamResponse:
    found = await _open(request)
    service = request.app[FOUNDING]
    draft = await _typed(request)
    read = Read()
    if request.method == "POST":
        read = forms.person(await shell.form(request), today(), await service.parameter("member.min_age"))
        draft.values, draft.said = read.values, not read.errors
        await _keep(request, draft)
        if not read.errors:
            raise web.HTTPSeeOther(_here(request, "consents"))
    return shell.render(
        request,
        "founding/invite_person.html",
        status=422 if read.errors else 200,
        invitation=found,
        values=draft.values,
        errors=read.errors,
        here=_here(request),
        number=3,
        of=len(STEPS),
    )


async def consent(request: web.Request) -> web.StreamResponse:
    """One purpose each; then everything is signed in one sitting."""
    found = await _open(request)
    service = request.app[FOUNDING]
    draft = await _typed(request)
    if not draft.said or not draft.read:
        raise web.HTTPSeeOther(_here(request, "person" if draft.read else "texts"))
    lines = {line.kind: line for line in await service.texts()}
    purposes = [purpose for purpose, kind in consents.TEXTS.items() if kind in lines]
    errors: dict[str, str] = {}
    if request.method == "POST":
        form = await shell.form(request)
        draft.purposes = [purpose for purpose in purposes if form.get(f"consent-{purpose}") == "yes"]
        await _keep(request, draft)
        if consents.REQUIRED in purposes and consents.REQUIRED not in draft.purposes:
            errors[consents.REQUIRED] = (
                "Without this consent the cooperative may not keep your data, and you cannot take the place."
            )
        else:
            return await _sign(request, found, draft.values, draft.purposes)
    bodies = {purpose: await _body(request, lines[consents.TEXTS[purpose]].blob) for purpose in purposes}
    return shell.render(
        request,
        "founding/invite_consents.html",
        status=422 if errors else 200,
        invitation=found,
        purposes=purposes,
        necessary=consents.REQUIRED,
        texts={purpose: lines[consents.TEXTS[purpose]] for purpose in purposes},
        bodies=bodies,
        draft=draft,
        errors=errors,
        here=_here(request),
        number=4,
        of=len(STEPS),
    )


async def _body(request: web.Request, digest: bytes) -> str:
    return (await request.app[FOUNDING].blob(digest) or b"").decode("utf-8", "replace")


async def _sign(
    request: web.Request, found: Invitation, values: dict[str, Any], purposes: list[str]
) -> web.StreamResponse:
    service = request.app[FOUNDING]
    account = await shell.account(request)
    wanted = await service.acceptance(found, account, values, purposes)
    # An invitation is a permission in itself: whoever holds it may open an account here.
    ticket = None if account else await service.account_ticket()
    return await shell.ask(request, "sign", wanted, back=_here(request), cancel=_here(request), ticket=ticket)
