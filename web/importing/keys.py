"""`/desk/keys`: who of the register has a key of their own, and how to reach the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from coopnode.importing.queries import Keyless
from web.forms import N_
from web.importing import shell
from web.importing.pages import SITTING
from web.importing.shell import IMPORTING
from web.lists import row

SHOWN: Final = 50
FILTERS: Final[Mapping[str, str]] = {
    "": N_("everybody"),
    "email": N_("with an e-mail address"),
    "phone": N_("with a telephone"),
    "address": N_("with a postal address"),
    "none": N_("with nothing of these"),
}


def setup(app: web.Application) -> None:
    app.router.add_get("/desk/keys", page)
    app.router.add_get("/desk/keys.csv", export)
    app.router.add_post("/desk/keys/again", again)
    app.router.add_post("/desk/keys/remind", remind)


def _filter(request: web.Request) -> str:
    asked = request.query.get("with", "")
    return asked if asked in FILTERS else ""


def _fits(each: Keyless, wanted: str) -> bool:
    held = each.contacts
    if wanted == "none":
        return not (held.email or held.phone or held.address)
    return not wanted or bool(getattr(held, wanted))


async def page(request: web.Request) -> web.StreamResponse:
    _, viewer = await shell.officer(request)
    service, wanted = request.app[IMPORTING], _filter(request)
    everybody = await service.keyless(viewer)
    people = [each for each in everybody if _fits(each, wanted)]
    after = _after(request)
    left = [each for each in people if each.line.number > after]
    return shell.render(
        request,
        "keys.html",
        progress=await service.progress(),
        people=left[:SHOWN],
        many=len(people),
        more=left[SHOWN - 1].line.number if len(left) > SHOWN else None,
        filters={name: shell.gettext(request, words) for name, words in FILTERS.items()},
        wanted=wanted,
        remindable=sum(service.may_remind(each) for each in people),
        sitting=min(len(people), SITTING),
        most=SITTING,
    )


def _after(request: web.Request) -> int:
    asked = request.query.get("after", "")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 11 else 0


async def export(request: web.Request) -> web.StreamResponse:
    """A list for telephone calls: a line each, with room for what was said."""
    _, viewer = await shell.officer(request)
    wanted = _filter(request)
    heads = ("No.", "Name", "Telephone", "E-mail", "Postal address", "What was said")
    parts = ["\ufeff", row([shell.gettext(request, head) for head in heads])]
    for each in await request.app[IMPORTING].keyless(viewer):
        if _fits(each, wanted):
            held = each.contacts
            # Without its plus a telephone is no formula to `row`.
            cells = (
                str(each.line.number),
                each.line.name or "",
                held.phone.lstrip("+"),
                held.email,
                held.address,
            )
            parts.append(row([*cells, ""]))
    headers = {
        "Content-Disposition": 'attachment; filename="without-a-key.csv"',
        "Cache-Control": "private, no-store",
    }
    return web.Response(text="".join(parts), content_type="text/csv", charset="utf-8", headers=headers)


async def _chosen(request: web.Request) -> list[Keyless]:
    """Those named in the form, or all under the filter."""
    _, viewer = await shell.officer(request)
    form: Any = await shell.form(request)
    people = await request.app[IMPORTING].keyless(viewer)
    if form.get("all") == "yes":
        wanted = str(form.get("with", ""))
        return [each for each in people if _fits(each, wanted if wanted in FILTERS else "")]
    numbers = {str(number) for number in form.getall("number", [])}
    return [each for each in people if str(each.line.number) in numbers]


async def again(request: web.Request) -> web.StreamResponse:
    """New invitations in one sitting; the old ones stop."""
    chosen = (await _chosen(request))[:SITTING]
    if not chosen:
        await shell.flash(request, "Choose who is to be invited again.", "warning")
        raise web.HTTPSeeOther("/desk/keys")
    words = shell.label(request)
    wanted = await request.app[IMPORTING].invite_again(
        chosen, lambda each: words(each.line.number, each.line.name or "")
    )
    await shell.sign(request, wanted, back="/desk/keys", cancel="/desk/keys")


async def remind(request: web.Request) -> web.StreamResponse:
    """A letter of the node to whoever has an address. It holds no code (ADR 13)."""
    sent = await request.app[IMPORTING].remind(await _chosen(request))
    words = shell.gettext(request, "Letters on their way: %(number)s.", number=sent)
    await shell.flash(request, words, "success" if sent else "warning")
    raise web.HTTPSeeOther("/desk/keys")
