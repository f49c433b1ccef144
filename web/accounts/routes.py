"""The slice's one entry: pages about keys and what they put on `/now`."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from coopnode.accounts.queries import EventLine
from coopnode.accounts.service import LIFETIME, Accounts, NotPossible, normal
from web import sessions
from web.accounts import api, shell
from web.accounts.shell import ACCOUNTS, CODES
from web.forms import form, text
from web.home import Event, Task
from web.i18n import gettext, locale_of, moment, now_of, place
from web.keys import EVENTS, NODE, TASKS
from web.rendering import render
from web.signing.routes import ask

_SHOWN_DAYS: Final = 14
_DEVICE: Final = "device"

_EVENTS: Final = {
    "account.key/1": "A key was added to your account",
    "account.recover/1": "Recovery of your account with the printed sheet began",
    "account.revoke/1": "A key of yours was revoked",
    "sheet": "The recovery sheet of your account was replaced",
    "account.home/1": "Your account moved to another home cooperative",
    "account.object/1": "An objection to the recovery of your account was made",
}
_WRONG: Final = {
    "not_found": "There is no such code. It works for 15 minutes; compare it with the new device.",
    "key_taken": "This device has been added already, or its key was revoked.",
    "account_forked": "The history of your keys has split in two. Recover the account from the sheet first.",
    "too_many": "Too many codes have been tried. Come back in an hour.",
}


def setup(app: web.Application) -> None:
    shell.setup(app, Accounts(app[NODE]))
    api.setup(app)
    add = app.router
    add.add_get("/me/keys", keys)
    add.add_get("/me/keys/{key:[0-9a-f]{64}}/revoke", revoke)
    add.add_post("/me/keys/{key:[0-9a-f]{64}}/revoke", revoke)
    add.add_get("/me/devices/add", add_device)
    add.add_post("/me/devices/add", add_device)
    add.add_get("/me/devices/confirm", confirm)
    add.add_post("/me/devices/confirm", confirm)
    add.add_get("/recover", recover)
    add.add_get("/object/{account:.*}", object_to)
    app[TASKS].append(tasks)
    app[EVENTS].append(events)


# --- keys ---------------------------------------------------------------------------------------------


async def keys(request: web.Request) -> web.StreamResponse:
    account = await sessions.need_account(request)
    service = request.app[ACCOUNTS]
    found = await service.chain(account)
    happened = await service.events(account, 0)
    lines = sorted(found.keys if found else (), key=lambda key: (key.ended is not None, -key.since))
    shown = [{"time": item.at, "words": _words(request, item), "href": None} for item in happened]
    return render(
        request,
        "accounts/keys.html",
        chain=found,
        lines=lines,
        happened=shown,
    )


async def revoke(request: web.Request) -> web.StreamResponse:
    """One key; with `suspected_from` when a stranger may have used it."""
    account = await sessions.need_account(request)
    service, key = request.app[ACCOUNTS], bytes.fromhex(request.match_info["key"])
    found = await service.chain(account)
    line = found.key(key) if found else None
    if found is None or line is None:
        raise web.HTTPNotFound
    if line.standing == "revoked":
        raise web.HTTPSeeOther("/me/keys")
    fields = await form(request)
    typed = {"why": text(fields, "why", 20), "since": text(fields, "since", 20)}
    errors: dict[str, str] = {}
    if request.method == "POST":
        suspected, errors = _suspicion(request, typed, waiting=line.standing == "waiting")
        if not errors:
            words = gettext(request, "The key stops at once and for good.")
            try:
                item = await service.revoking(account, key, suspected, words)
            except NotPossible:
                raise web.HTTPSeeOther("/me/keys") from None
            here = f"/me/keys/{key.hex()}/revoke"
            return await ask(request, "sign", [item], back="/me/keys", cancel=here)
    today = place().at(now_of(request)).date().isoformat()
    return render(
        request,
        "accounts/revoke.html",
        status=422 if errors else 200,
        line=line,
        alone=[item.pub for item in found.active] == [key],
        typed=typed,
        errors=errors,
        today=today,
    )


def _suspicion(
    request: web.Request, typed: dict[str, str], *, waiting: bool
) -> tuple[int | None, dict[str, str]]:
    """When the suspicion begins: the start of that day by the cooperative's clock."""
    if waiting or typed["why"] == "lost":
        return None, {}
    if typed["why"] != "stolen":
        return None, {"why": gettext(request, "Choose one of the two.")}
    try:
        start = place().seconds(date.fromisoformat(typed["since"]))
    except ValueError:
        return None, {"since": gettext(request, "Name the day. If you are not sure, take an earlier one.")}
    if start > now_of(request):
        return None, {"since": gettext(request, "That day has not come yet.")}
    return max(start, 0), {}


# --- another device -----------------------------------------------------------------------------------


async def add_device(request: web.Request) -> web.StreamResponse:
    """Where one is signed in: the code that the new device shows."""
    account = await sessions.need_account(request)
    typed = text(request.query, "code", 40)
    error = ""
    if request.method == "POST":
        typed = text(await form(request), "code", 40)
        if request.app[CODES].take(account):
            error = "too_many"
        else:
            try:
                device = await request.app[ACCOUNTS].claim(typed, account)
                await sessions.remember(request, _DEVICE, device.id)
                raise web.HTTPSeeOther("/me/devices/confirm")
            except NotPossible as refusal:
                error = refusal.code if refusal.code in _WRONG else "not_found"
    errors = {"code": gettext(request, _WRONG[error])} if error else {}
    here = f"{request.app[NODE].config.signing_url}"
    return render(
        request,
        "accounts/add.html",
        status=422 if error else 200,
        typed=normal(typed) if typed and not error else typed,
        errors=errors,
        signing=here,
        minutes=LIFETIME // 60,
    )


async def confirm(request: web.Request) -> web.StreamResponse:
    """The new device has answered: compare both screens, then sign."""
    account = await sessions.need_account(request)
    service = request.app[ACCOUNTS]
    id = await sessions.recall(request, _DEVICE)
    device = await service.device(id, account) if id else None
    if device is None:
        raise web.HTTPSeeOther("/me/devices/add")
    errors: dict[str, str] = {}
    if request.method == "POST" and device.proof is not None:
        if text(await form(request), "same", 5) == "yes":
            words = gettext(request, "From now on two devices sign for you, each with a key of its own.")
            item = service.adding(device, words)
            return await ask(request, "sign", [item], back="/me/keys", cancel="/me/devices/confirm")
        errors["same"] = gettext(request, "Compare the two screens and say so.")
    status = 422 if errors else 200
    return render(request, "accounts/confirm.html", status=status, device=device, errors=errors)


async def recover(request: web.Request) -> web.StreamResponse:
    """For strangers: every key is lost, the sheet is there."""
    return render(request, "accounts/recover.html")


async def object_to(request: web.Request) -> web.StreamResponse:
    """The link of letters, for whoever cannot sign in any more: on to the signing origin, which finds the key
    in its own store and says what is wrong with a link. Tells nothing, not even whether there is such an
    account."""
    signing = request.app[NODE].config.signing_url
    account = quote(request.match_info["account"][:100], safe="")
    raise web.HTTPSeeOther(f"{signing}/#p=object&a={account}&l={locale_of(request)}")


# --- /now ---------------------------------------------------------------------------------------------


def _words(request: web.Request, event: EventLine) -> str:
    return gettext(request, _EVENTS[event.type])


async def events(request: web.Request, account: str) -> list[Event]:
    found = await request.app[ACCOUNTS].events(account, now_of(request) - _SHOWN_DAYS * 86_400)
    return [Event(item.at, _words(request, item), "/me/keys") for item in found]


async def tasks(request: web.Request, account: str) -> list[Task]:
    """A recovery that is under way: whoever still has a key may stop it (P7)."""
    chain = await request.app[ACCOUNTS].chain(account)
    waiting: Any = chain.waiting if chain else ()
    if not waiting:
        return []
    since = min(key.since for key in waiting)
    if chain and chain.disputed_until:
        lead = gettext(request, "An objection stands: the cooperative has to find out in person who you are.")
    else:
        lead = gettext(request, "Somebody used the printed sheet. If it was not you, stop the new key now.")
    return [
        Task(
            title=gettext(request, "Your account is being recovered. Is it you?"),
            href="/me/keys",
            action=gettext(request, "Look at the keys"),
            chip=gettext(request, "until %(time)s", time=moment(since, locale_of(request))),
            lead=lead,
            urgent=True,
            due=since,
        )
    ]
