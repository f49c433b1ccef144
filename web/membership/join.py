"""`/join`: an applicant's way, one question a page, kept on the server; signed at the end (P28)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from coopnode.mail import MailError
from coopnode.membership import queries
from coopnode.membership.drafts import Draft
from coopnode.membership.service import NotPossible
from web import i18n
from web.forms import Fields
from web.membership import forms, shell
from web.membership.forms import Read
from web.membership.shell import MEMBERSHIP

#: In the order of the questions. Who is signed in has no need of the first two.
STEPS: Final = ("email", "code", "kind", "person", "texts", "consents", "check")
_ADDRESS: Final = ("email", "code")
#: Requests for a letter, from one network address.
_LETTERS: Final = shell.Ration(burst=6, per_hour=12)
_CODES: Final = shell.Ration(burst=20, per_hour=60)


def setup(app: web.Application) -> None:
    app.router.add_get("/join", welcome)
    app.router.add_get("/join/status", status)
    app.router.add_get("/join/payment.png", payment_picture)
    app.router.add_get("/join/texts/{kind:[a-z-]{1,64}}", read_text)
    app.router.add_post("/join/withdraw", withdraw)
    app.router.add_post("/join/code/again", code_again)
    app.router.add_get("/join/{step:email|code|kind|person|texts|consents|check}", show)
    app.router.add_post("/join/{step:email|code|kind|person|texts|consents|check}", answer)


# --- before anything is asked ---------------------------------------------------------------------


async def welcome(request: web.Request) -> web.StreamResponse:
    """What membership means, what it costs, what happens in which order. For everybody."""
    service = request.app[MEMBERSHIP]
    account = await shell.account(request)
    house = await service.read(lambda _: queries.house(service.node.state))
    if house is None or not house.constituted:
        return shell.render(request, "membership/join_closed.html", house=house)
    found = await service.read(lambda _: queries.rules(service.node.state))
    known = await _standing(request, account)
    owner = await shell.begun(request)
    draft = await service.draft(owner) if owner else Draft()
    return shell.render(
        request,
        "membership/join.html",
        house=house,
        rules=found,
        member=known.member if known else None,
        application=known.application if known else None,
        begun=bool(draft.done),
        first=_first(draft, account),
        account=account,
    )


async def _standing(request: web.Request, account: str | None) -> queries.Standing | None:
    service = request.app[MEMBERSHIP]
    if account is None:
        return None
    return await service.read(lambda _: queries.standing(service.node.state, account))


def _steps(account: str | None) -> tuple[str, ...]:
    return STEPS if account is None else STEPS[len(_ADDRESS) :]


def _first(draft: Draft, account: str | None) -> str:
    """The first question that has no answer yet."""
    return next((step for step in _steps(account) if step not in draft.done), "check")


# --- the questions --------------------------------------------------------------------------------


async def _draft(request: web.Request) -> tuple[str | None, str | None, Draft]:
    """(owner of the draft if there is one, account, draft), or away to where the person stands already."""
    service = request.app[MEMBERSHIP]
    account = await shell.account(request)
    known = await _standing(request, account)
    if known is not None and (known.member is not None or known.application is not None):
        raise web.HTTPSeeOther("/join/status")
    owner = await shell.begun(request)
    draft = await service.draft(owner) if owner else Draft()
    if account is not None and not draft.name:
        draft = await service.prefilled(draft, account)
    return owner, account, draft


async def show(request: web.Request) -> web.StreamResponse:
    _, account, draft = await _draft(request)
    return await _page(request, request.match_info["step"], account, draft, None)


async def answer(request: web.Request) -> web.StreamResponse:
    step = request.match_info["step"]
    _, account, draft = await _draft(request)
    form = await shell.form(request)
    steps = _steps(account)
    if step not in steps:
        raise web.HTTPSeeOther("/join")
    # A draft keeps wrong answers too: only those that were taken let one go on.
    early = next((name for name in steps[: steps.index(step)] if name not in draft.done), None)
    if early is not None:
        raise web.HTTPSeeOther(f"/join/{early}")
    owner = await shell.owner(request)
    read = await _TAKERS[step](request, owner, account, draft, form)
    service = request.app[MEMBERSHIP]
    if read.errors:
        draft.done.discard(step)
        await service.save(owner, draft)
        return await _page(request, step, account, draft, read)
    draft.done.add(step)
    await service.save(owner, draft)
    if step == "check":
        return await _sign(request, draft, account)
    following = steps[steps.index(step) + 1]
    # A later answer that still stands is not asked again.
    target = following if following not in draft.done else _first(draft, account)
    raise web.HTTPSeeOther(f"/join/{target}")


async def _page(
    request: web.Request, step: str, account: str | None, draft: Draft, read: Read | None
) -> web.StreamResponse:
    steps = _steps(account)
    if step not in steps:
        raise web.HTTPSeeOther("/join")
    place = steps.index(step)
    early = next((name for name in steps[:place] if name not in draft.done), None)
    if early is not None:
        raise web.HTTPSeeOther(f"/join/{early}")
    service = request.app[MEMBERSHIP]
    shown: dict[str, Any] = {
        "step": step,
        "number": place + 1,
        "of": len(steps),
        "back": f"/join/{steps[place - 1]}" if place else "/join",
        "draft": draft,
        "account": account,
        "typed": read.typed if read else {},
        "errors": read.errors if read else {},
        "rules": await service.read(lambda _: queries.rules(service.node.state)),
    }
    if step in ("texts", "check"):
        shown["texts"] = await service.texts(account)
    if step in ("consents", "check"):
        shown["offers"] = await service.offers(account)
    if step == "email":
        shown["signing_in"] = True
    return shell.render(
        request, f"membership/join_{step}.html", status=422 if shown["errors"] else 200, **shown
    )


async def _take_email(
    request: web.Request, owner: str, account: str | None, draft: Draft, form: Fields
) -> Read:
    read = forms.email(form)
    if read.errors:
        return read
    if draft.confirmed_at and draft.email == read.values["email"]:
        draft.done.add("code")
        return read
    draft.done.discard("code")
    await _send(request, owner, draft, read)
    return read


async def _send(request: web.Request, owner: str, draft: Draft, read: Read) -> None:
    if not _LETTERS.allows(request, "letters"):
        read.errors["email"] = "too_many_requests"
        return
    try:
        await request.app[MEMBERSHIP].send_code(owner, draft, read.values["email"], shell.locale(request))
    except MailError:
        read.errors["email"] = "mail_down"


async def _take_code(
    request: web.Request, owner: str, account: str | None, draft: Draft, form: Fields
) -> Read:
    read = forms.code(form)
    if read.errors:
        return read
    if not _CODES.allows(request, "codes"):
        read.errors["code"] = "too_many_requests"
        return read
    verdict = await request.app[MEMBERSHIP].check_code(owner, draft, read.values["code"])
    if verdict != "accepted":
        read.errors["code"] = f"code_{verdict}"
    return read


async def code_again(request: web.Request) -> web.StreamResponse:
    """Another letter to the same address."""
    owner, account, draft = await _draft(request)
    await shell.form(request)
    if account is not None or owner is None or not draft.email:
        raise web.HTTPSeeOther("/join")
    read = Read({}, {"email": draft.email})
    await _send(request, owner, draft, read)
    if read.errors:
        errors = Read({}, {}, {"code": read.errors["email"]})
        return await _page(request, "code", account, draft, errors)
    raise web.HTTPSeeOther("/join/code?again=1")


async def _take_kind(
    request: web.Request, owner: str, account: str | None, draft: Draft, form: Fields
) -> Read:
    read = forms.kind(form)
    if not read.errors and draft.kind != read.values["kind"]:
        draft.kind = read.values["kind"]
        draft.done.discard("person")
    return read


async def _take_person(
    request: web.Request, owner: str, account: str | None, draft: Draft, form: Fields
) -> Read:
    service = request.app[MEMBERSHIP]
    rules = await service.rules()
    read = forms.person(form, draft.kind, i18n.place().at(service.node.clock.peek()).date(), rules.min_age)
    if account is not None:  # without a code: the address is asked for here
        address = forms.email(form)
        read.typed |= address.typed
        read.errors |= address.errors
        draft.email = address.values["email"]
    # What was typed is kept, right or wrong: a closed tab loses nothing.
    for name, value in read.values.items():
        setattr(draft, name, value[:500])
    return read


async def _take_texts(
    request: web.Request, owner: str, account: str | None, draft: Draft, form: Fields
) -> Read:
    read = Read()
    for text in await request.app[MEMBERSHIP].texts(account):
        if text.required and not text.signed and text.digest.hex() not in draft.opened:
            read.errors[text.kind] = "text_unopened"
    return read


async def _take_consents(
    request: web.Request, owner: str, account: str | None, draft: Draft, form: Fields
) -> Read:
    offers = await request.app[MEMBERSHIP].offers(account)
    optional = frozenset(offer.purpose for offer in offers if not offer.required)
    draft.consents = forms.consents(form, optional)
    return Read()


async def _take_check(
    request: web.Request, owner: str, account: str | None, draft: Draft, form: Fields
) -> Read:
    return Read()


_Taker = Callable[[web.Request, str, "str | None", Draft, Fields], Awaitable[Read]]
_TAKERS: Final[dict[str, _Taker]] = {
    "email": _take_email,
    "code": _take_code,
    "kind": _take_kind,
    "person": _take_person,
    "texts": _take_texts,
    "consents": _take_consents,
    "check": _take_check,
}


async def read_text(request: web.Request) -> web.StreamResponse:
    """One text in its edition in force. Having opened it is remembered; signing comes later."""
    owner, account, draft = await _draft(request)
    if account is not None:
        owner = await shell.owner(request)
    service = request.app[MEMBERSHIP]
    kind = request.match_info["kind"]
    found = next((text for text in await service.texts(account) if text.kind == kind), None)
    body = await service.read(lambda connection: queries.blob(connection, found.blob)) if found else None
    if found is None or body is None:
        raise web.HTTPNotFound
    if owner is not None and found.digest.hex() not in draft.opened:
        draft.opened.add(found.digest.hex())
        await service.save(owner, draft)
    back = "/join/consents" if kind.startswith("consent-") else "/join/texts"
    text = body[1].decode("utf-8", "replace")
    return shell.render(request, "membership/join_text.html", text=found, body=text, back=back)


async def _sign(request: web.Request, draft: Draft, account: str | None) -> web.StreamResponse:
    service = request.app[MEMBERSHIP]
    try:
        items = await service.application(draft, account)
    except NotPossible as error:
        return shell.refused(request, error, back="/join")
    ticket = draft.ticket if account is None else None
    return await shell.sign(
        request, items, account=account, ticket=ticket, return_to="/join/status", cancel="/join/check"
    )


# --- afterwards -----------------------------------------------------------------------------------


async def status(request: web.Request) -> web.StreamResponse:
    """Where the application stands, who acts next, and until when."""
    service = request.app[MEMBERSHIP]
    account = await shell.account(request)
    if account is None:
        return shell.render(request, "membership/status_signin.html", next="/join/status")
    found = await service.status(account)
    if found is None:
        known = await _standing(request, account)
        raise web.HTTPSeeOther("/me/membership" if known and known.member else "/join")
    owner = await shell.begun(request)
    if owner is not None:
        await service.drop_signed(owner, found.line)
    payment = shell.payment_order(request, found.line, found.house, found.name)
    return shell.render(request, "membership/status.html", found=found, line=found.line, payment=payment)


async def payment_picture(request: web.Request) -> web.StreamResponse:
    """The payment code to be kept on the telephone; banks' applications read it from there."""
    account = await shell.need_account(request)
    found = await request.app[MEMBERSHIP].status(account)
    payment = shell.payment_order(request, found.line, found.house, found.name) if found else None
    if found is None or payment is None or payment.order is None:
        raise web.HTTPSeeOther("/join/status")
    headers = {
        "Content-Disposition": f'attachment; filename="payment-{found.line.number}.png"',
        "Cache-Control": "private, no-store",
    }
    return web.Response(body=payment.order.png(), content_type="image/png", headers=headers)


async def withdraw(request: web.Request) -> web.StreamResponse:
    service = request.app[MEMBERSHIP]
    account = await shell.need_account(request)
    await shell.form(request)
    found = await service.status(account)
    if found is None:
        raise web.HTTPSeeOther("/join")
    try:
        item = await service.withdrawal(found.line, account)
    except NotPossible as error:
        return shell.refused(request, error, back="/join/status")
    return await shell.sign(request, [item], account=account, return_to="/join/status", cancel="/join/status")
