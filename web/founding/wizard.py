"""The founder's way from the one-time token to a constituted cooperative: one question a page, everything
kept on the server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec
from aiohttp import web

from coopnode import places, texts
from coopnode.founding import texts as founding_texts
from coopnode.founding.drafts import Basis, Draft, Seat
from coopnode.founding.items import Text
from coopnode.founding.service import MAX_MINUTES, Founding, default_seats
from protocol import methodology
from web import i18n
from web.forms import Fields, clean
from web.founding import forms, shell
from web.founding.forms import Read
from web.founding.shell import FOUNDING

#: In the order of the questions; the last two are not kept in the draft.
STEPS: Final = ("start", "form", "name", "place", "rules", "address", "texts", "people", "key", "sign")


def setup(app: web.Application) -> None:
    app.router.add_get("/found", enter)
    app.router.add_get("/found/rules/{group}", rules_group)
    app.router.add_post("/found/rules/{group}", rules_group)
    app.router.add_get("/found/texts/{kind}", one_text)
    app.router.add_post("/found/texts/{kind}", one_text)
    app.router.add_post("/found/key", make_key)
    app.router.add_post("/found/sign", sign)
    app.router.add_post("/found/mail", mail)
    app.router.add_get("/found/{step}", show)
    app.router.add_post("/found/{step}", answer)


# --- coming in ---------------------------------------------------------------------------------------


async def enter(request: web.Request) -> web.StreamResponse:
    """`/found?token=…` opens the draft; without a right to it one reads that the node awaits its founder."""
    service = request.app[FOUNDING]
    token = request.query.get("token")
    if token:
        permission, digest = await service.permission(token)
        if permission == "none":
            return await _awaiting(request, wrong=True)
        await shell.remember(request, "founding", digest.hex())
        raise web.HTTPSeeOther("/found")
    owner = await owner_of(request)
    if owner is None:
        return await _awaiting(request, wrong=False)
    standing = await service.standing()
    if standing.stage not in ("empty", "begun", "ready"):
        raise web.HTTPSeeOther("/found/result")
    draft = await service.draft(owner)
    raise web.HTTPSeeOther(f"/found/{next_step(draft)}")


async def _awaiting(request: web.Request, *, wrong: bool) -> web.StreamResponse:
    """For whoever did not come by the founder's link."""
    stage = (await request.app[FOUNDING].standing()).stage
    return shell.render(request, "founding/awaiting.html", status=403, wrong=wrong, stage=stage)


async def owner_of(request: web.Request) -> bytes | None:
    """Digest of the founding ticket this browser came with."""
    held = await shell.recall(request, "founding")
    if not held:
        return None
    owner = bytes.fromhex(held)
    return owner if await request.app[FOUNDING].permission_of(owner) != "none" else None


def next_step(draft: Draft) -> str:
    if draft.key:
        return "sign"
    return next((step for step in STEPS[:-2] if step not in draft.done), "key")


def pack_of(draft: Draft) -> methodology.Pack:
    """Of the form chosen; where it is gone or none is chosen yet, the one that is offered first."""
    return methodology.load(draft.pack if draft.pack in methodology.available() else places.FIRST)


def today() -> date:
    return datetime.now(UTC).date()


# --- one page a question -----------------------------------------------------------------------------


async def show(request: web.Request) -> web.StreamResponse:
    return await _page(request, None)


async def answer(request: web.Request) -> web.StreamResponse:
    step = request.match_info["step"]
    taker = TAKERS.get(step)
    owner = await owner_of(request)
    if owner is None or taker is None:
        raise web.HTTPSeeOther("/found")
    service = request.app[FOUNDING]
    draft = await service.draft(owner)
    if draft.cooperative and await _logged(service):
        raise web.HTTPSeeOther("/found/sign")
    limit = MAX_MINUTES + 2**20
    form = await (shell.large_form(request, limit) if step == "people" else shell.form(request))
    read, changed = await taker(service, draft, form)
    if form.get("row"):  # one more seat: not an answer yet, nothing is judged
        read.errors.clear()
    if read.errors or form.get("row"):
        changed.done.discard(step)
        await service.save(owner, changed)
        return await _page(request, read)
    changed.done.add(step)
    await service.save(owner, changed)
    if step == "address" and service.addresses_differ(read.values):
        return _moved(request, service, read.values)
    raise web.HTTPSeeOther("/found/sign" if changed.key else f"/found/{_following(step)}")


def _moved(request: web.Request, service: Founding, values: Mapping[str, str]) -> web.Response:
    """The node answers at its new address from now on; the founder goes on there, or corrects a slip here."""
    here = f"{request.scheme}://{request.host}"
    link = service.set_addresses(values)
    config, token = service.node.config, service.node.founding_token
    return shell.render(
        request,
        "founding/moved.html",
        link=link,
        back=f"{here}/found?token={token}",
        config=config,
        same=here == config.public_url,
    )


async def _logged(service: Founding) -> bool:
    return (await service.standing()).stage != "empty"


def _following(step: str) -> str:
    return STEPS[STEPS.index(step) + 1]


async def _page(request: web.Request, read: Read | None) -> web.StreamResponse:
    step = request.match_info["step"]
    if step not in STEPS:
        raise web.HTTPNotFound
    owner = await owner_of(request)
    if owner is None:
        return await _awaiting(request, wrong=False)
    service = request.app[FOUNDING]
    draft = await service.draft(owner)
    standing = await service.standing()
    if (
        step == "sign"
        and (key := await shell.made_key(request, "founding-key"))
        and standing.stage == "empty"
    ):
        draft.key = key
        await service.save(owner, draft)
    if standing.stage not in ("empty", "begun", "ready"):
        raise web.HTTPSeeOther("/found/result")
    if standing.stage != "empty" and step != "sign":
        raise web.HTTPSeeOther("/found/sign")
    place = STEPS.index(step)
    early = [name for name in STEPS[:place] if name not in draft.done and name not in ("key", "sign")]
    if early or (step == "sign" and not draft.key):
        raise web.HTTPSeeOther(f"/found/{early[0] if early else 'key'}")
    shown: dict[str, Any] = {
        "step": step,
        "number": place + 1,
        "of": len(STEPS),
        "back": STEPS[place - 1] if place and standing.stage == "empty" else None,
        "draft": draft,
        "typed": read.typed if read else {},
        "errors": read.errors if read else {},
    }
    extra = await EXTRA[step](request, draft) if step in EXTRA else {}
    status = 422 if read and read.errors else 200
    return shell.render(request, f"founding/{step}.html", status=status, **shown, **extra)


Taker = Callable[[Founding, Draft, Any], Awaitable[tuple[Read, Draft]]]


async def _start(service: Founding, draft: Draft, form: Fields) -> tuple[Read, Draft]:
    read = Read(typed={"language": forms.text(form, "language"), "kind": forms.text(form, "kind")})
    if read.typed["language"] not in i18n.locales():
        read.errors["language"] = "Choose the language of the cooperative's texts."
    if read.typed["kind"] not in ("existing", "new"):
        read.errors["kind"] = "Choose one of the two."
    if read.errors:
        return read, draft
    changed = msgspec.structs.replace(draft, language=read.typed["language"], kind=read.typed["kind"])
    if draft.kind != changed.kind:
        changed.done.discard("people")
        changed.done.discard("name")
    return read, changed


async def _form(service: Founding, draft: Draft, form: Fields) -> tuple[Read, Draft]:
    read = Read(typed={"pack": forms.text(form, "pack")})
    offered = {name: pack for _, packs in forms_offered() for name, pack in packs}
    if read.typed["pack"] not in offered:
        read.errors["pack"] = "Choose a form of cooperative."
        return read, draft
    pack = offered[read.typed["pack"]]
    if draft.language not in texts.languages(pack):
        read.errors["pack"] = "This form has no texts in the language you chose. Go back and choose another."
        return read, draft
    if read.typed["pack"] != draft.pack:
        draft.parameters.clear()
        draft.done -= {"name", "rules", "texts"}
    country = "" if pack.country == forms.NOWHERE else pack.country
    return read, msgspec.structs.replace(draft, pack=read.typed["pack"], country=country)


async def _name(service: Founding, draft: Draft, form: Fields) -> tuple[Read, Draft]:
    read = forms.identity(form, pack_of(draft), existing=draft.kind == "existing")
    return read, msgspec.structs.replace(draft, **read.values)


async def _place(service: Founding, draft: Draft, form: Fields) -> tuple[Read, Draft]:
    read = forms.place(form)
    return read, msgspec.structs.replace(draft, **read.values)


async def _rules(service: Founding, draft: Draft, form: Fields) -> tuple[Read, Draft]:
    read = Read()
    findings = methodology.check_charter(pack_of(draft), draft.parameters)
    if any(finding.severity == "error" for finding in findings):
        read.errors["rules"] = "The node would refuse this charter. Correct the rules marked below."
    return read, draft


async def _address(service: Founding, draft: Draft, form: Fields) -> tuple[Read, Draft]:
    read = forms.addresses(form)
    for name in service.addresses_fixed(read.values):
        read.wrong(name, "The program was started with another address. Change it where it is started.")
    if form.get("agreed") != "yes":
        read.errors["agreed"] = "Confirm that this address stays."
    return read, draft


async def _texts(service: Founding, draft: Draft, form: Fields) -> tuple[Read, Draft]:
    read = Read()
    if form.get("read") != "yes":
        read.errors["read"] = "Read the texts and confirm it: people will sign them."
    return read, draft


async def _people(service: Founding, draft: Draft, form: Fields) -> tuple[Read, Draft]:
    pack = pack_of(draft)
    if draft.kind == "new":
        minimum = methodology.value(pack, draft.parameters, "founding.min_founders")
        read = forms.founders(form, minimum)
        return read, msgspec.structs.replace(draft, **read.values)
    return await _council(
        service, draft, form, methodology.value(pack, draft.parameters, "council.term_years")
    )


async def _council(service: Founding, draft: Draft, form: Fields, years: int) -> tuple[Read, Draft]:
    day = today()
    charter = forms.basis(form, "charter", ("founding_meeting", "general_meeting"), day)
    council = forms.basis(form, "council", ("founding_meeting", "general_meeting"), day)
    seats, term = forms.seats(form, day), forms.until(form, day, years)
    read = Read(
        typed=charter.typed | council.typed | term.typed,
        errors=charter.errors | council.errors | seats.errors | term.errors,
    )
    changed = msgspec.structs.replace(
        draft,
        charter_basis=_basis(charter.values, draft.charter_basis, draft),
        council_basis=_basis(council.values, draft.council_basis, draft),
        seats=[Seat(**row) for row in seats.values["seats"]],
        until=forms.iso_day(term.values["until"]),
    )
    upload = form.get("minutes")
    if isinstance(upload, web.FileField):
        data = upload.file.read(MAX_MINUTES + 1)
        if len(data) > MAX_MINUTES:
            read.errors["minutes"] = "The file is larger than 20 MB. Scan it with fewer colours."
        elif data:
            changed.council_basis.digest = await service.keep_minutes(data)
            changed.council_basis.file = clean("".join(filter(str.isprintable, upload.filename)), "line")[
                :200
            ]
    elif form.get("row"):
        changed.seats.append(Seat(["member"]))
    return read, changed


def _basis(values: Mapping[str, Any], before: Basis, draft: Draft) -> Basis:
    organ = values["organ"] if values["organ"] in forms.ORGANS else before.organ
    return Basis(organ, values["number"][:64], forms.iso_day(values["date"]), before.digest, before.file)


TAKERS: Final[Mapping[str, Taker]] = {
    "start": _start,
    "form": _form,
    "name": _name,
    "place": _place,
    "rules": _rules,
    "address": _address,
    "texts": _texts,
    "people": _people,
}


# --- what single pages need --------------------------------------------------------------------------


def forms_offered() -> list[tuple[str, list[tuple[str, methodology.Pack]]]]:
    """(country, packs by name) in the order of their names; the newest version of each, those of no country
    last."""
    newest: dict[str, tuple[str, methodology.Pack]] = {}
    for name in methodology.available():
        pack = methodology.load(name)
        if pack.name not in newest or pack.version > newest[pack.name][1].version:
            newest[pack.name] = (name, pack)
    countries: dict[str, list[tuple[str, methodology.Pack]]] = {}
    for name, pack in sorted(newest.values(), key=lambda each: (each[0] != places.FIRST, each[0])):
        countries.setdefault(pack.country, []).append((name, pack))
    return sorted(countries.items(), key=lambda each: each[0] == forms.NOWHERE)


async def _show_start(request: web.Request, draft: Draft) -> dict[str, Any]:
    return {"tongues": [(code, i18n.language_name(code), "") for code in i18n.locales()]}


async def _show_form(request: web.Request, draft: Draft) -> dict[str, Any]:
    countries = [
        (
            shell.gettext(request, "Another country")
            if code == forms.NOWHERE
            else i18n.country_name(code, shell.locale(request)),
            [(name, pack, len(methodology.unconfirmed(pack))) for name, pack in packs],
        )
        for code, packs in forms_offered()
    ]
    return {"countries": countries}


async def _show_name(request: web.Request, draft: Draft) -> dict[str, Any]:
    pack = pack_of(draft)
    return {
        "pack": pack,
        "russian": methodology.local(pack).numbers == "ru",
        "asks_country": pack.country == forms.NOWHERE,
    }


async def _show_rules(request: web.Request, draft: Draft) -> dict[str, Any]:
    pack = pack_of(draft)
    findings = methodology.check_charter(pack, draft.parameters)
    unconfirmed = set(methodology.unconfirmed(pack))
    groups = []
    for name in forms.GROUPS:
        keys = [key for key in forms.keys_of(pack, name) if pack.parameters[key].by != "nobody"]
        if keys:
            groups.append(
                {
                    "name": name,
                    "size": len(keys),
                    "changed": sum(key in draft.parameters for key in keys),
                    "first": keys[:3],
                    "unconfirmed": len(unconfirmed.intersection(forms.keys_of(pack, name))),
                    "warnings": [item for item in findings if item.key in keys],
                }
            )
    return {"groups": groups, "pack": pack, "value": _value(pack, draft), "unconfirmed": len(unconfirmed)}


def _value(pack: methodology.Pack, draft: Draft) -> Callable[[str], Any]:
    return lambda key: methodology.value(pack, draft.parameters, key)


async def _show_address(request: web.Request, draft: Draft) -> dict[str, Any]:
    config = request.app[FOUNDING].node.config
    local = config.public_url.startswith(("http://localhost", "http://127.0.0.1"))
    here = f"{request.scheme}://{request.host}"
    return {"config": config, "local": local, "elsewhere": here != config.public_url and not local}


async def _show_texts(request: web.Request, draft: Draft) -> dict[str, Any]:
    return {"all_texts": _proposed(request, draft)}


def _proposed(request: web.Request, draft: Draft) -> list[Any]:
    site = request.app[FOUNDING].node.config.public_url
    return founding_texts.proposed(draft, pack_of(draft), site, today())


async def _show_people(request: web.Request, draft: Draft) -> dict[str, Any]:
    pack = pack_of(draft)
    return {
        "seats": draft.seats or default_seats(),
        "seat_roles": forms.SEAT_ROLES,
        "minimum": methodology.value(pack, draft.parameters, "founding.min_founders"),
        "law": pack.parameters["founding.min_founders"].law or "",
        "years": methodology.value(pack, draft.parameters, "council.term_years"),
    }


async def _show_sign(request: web.Request, draft: Draft) -> dict[str, Any]:
    standing = await request.app[FOUNDING].standing()
    return {"stage": standing.stage, "all_texts": _proposed(request, draft)}


EXTRA: Final[Mapping[str, Callable[[web.Request, Draft], Awaitable[dict[str, Any]]]]] = {
    "start": _show_start,
    "form": _show_form,
    "name": _show_name,
    "rules": _show_rules,
    "address": _show_address,
    "texts": _show_texts,
    "people": _show_people,
    "sign": _show_sign,
}


async def rules_group(request: web.Request) -> web.StreamResponse:
    """The rules of one group, each with its law and what the linter says."""
    group = request.match_info["group"]
    owner = await owner_of(request)
    if owner is None or group not in forms.GROUPS:
        raise web.HTTPSeeOther("/found")
    service = request.app[FOUNDING]
    draft = await service.draft(owner)
    pack = pack_of(draft)
    read = Read()
    if request.method == "POST":
        read = forms.parameters(await shell.form(request), pack, group)
        kept = {key: value for key, value in draft.parameters.items() if forms.group_of(key) != group}
        draft = msgspec.structs.replace(draft, parameters=kept | read.values)
        findings = methodology.check_charter(pack, draft.parameters)
        refused = [
            item for item in findings if item.severity == "error" and forms.group_of(item.key) == group
        ]
        if not read.errors:
            await service.save(owner, draft)
            if not refused and not await shell.wants(request, "check"):
                raise web.HTTPSeeOther("/found/rules")
    keys = forms.keys_of(pack, group)
    return shell.render(
        request,
        "founding/group.html",
        status=422 if read.errors else 200,
        group=group,
        pack=pack,
        keys=[key for key in keys if pack.parameters[key].by != "nobody"],
        fixed=[key for key in keys if pack.parameters[key].by == "nobody"],
        value=_value(pack, draft),
        unconfirmed=methodology.unconfirmed(pack),
        typed=read.typed,
        errors=read.errors,
        findings=[
            item
            for item in methodology.check_charter(pack, draft.parameters)
            if forms.group_of(item.key) == group
        ],
        number=STEPS.index("rules") + 1,
        of=len(STEPS),
    )


async def one_text(request: web.Request) -> web.StreamResponse:
    """One text: read it, replace it by one's own, or take ours back."""
    owner = await owner_of(request)
    if owner is None:
        raise web.HTTPSeeOther("/found")
    service = request.app[FOUNDING]
    draft = await service.draft(owner)
    kind = request.match_info["kind"]
    found = next((text for text in _proposed(request, draft) if text.kind == kind), None)
    if found is None:
        raise web.HTTPNotFound
    if request.method == "POST":
        form = await shell.form(request)
        read = forms.read(form, forms.BODY)
        body = read.values["body"]
        if read.errors:
            return _one_text(request, found, body, kind in draft.texts, read.errors)
        site = service.node.config.public_url
        ours = founding_texts.default(kind, draft, pack_of(draft), site, today()).strip()
        draft.texts.pop(kind, None)
        if not form.get("ours") and body and body != ours:
            draft.texts[kind] = body
        await service.save(owner, draft)
        raise web.HTTPSeeOther("/found/texts")
    return _one_text(request, found, found.data.decode(), kind in draft.texts, {})


def _one_text(request: web.Request, text: Text, body: str, own: bool, errors: dict[str, str]) -> web.Response:
    return shell.render(
        request,
        "founding/text.html",
        status=422 if errors else 200,
        text=text,
        body=body,
        own=own,
        errors=errors,
        number=STEPS.index("texts") + 1,
        of=len(STEPS),
    )


async def mail(request: web.Request) -> web.StreamResponse:
    """How letters leave, with a letter to try it."""
    owner = await owner_of(request)
    if owner is None:
        raise web.HTTPSeeOther("/found")
    service = request.app[FOUNDING]
    form = await shell.form(request)
    read = forms.mail(form)
    if not read.errors:
        service.set_mail(read.values)
        to = forms.text(form, "to")
        if to:
            problem = await service.test_letter(to)
            await shell.flash(
                request, problem or "The test letter is on its way.", "warning" if problem else "success"
            )
        else:
            await shell.flash(request, "Saved.", "success")
        raise web.HTTPSeeOther("/found/address#mail")
    request.match_info["step"] = "address"
    return await _page(request, read)


# --- signing -----------------------------------------------------------------------------------------


async def make_key(request: web.Request) -> web.StreamResponse:
    """The founder's key is made on the signing origin; we learn its public half."""
    owner = await owner_of(request)
    if owner is None:
        raise web.HTTPSeeOther("/found")
    _answered(await request.app[FOUNDING].draft(owner))
    await shell.ask(
        request,
        "create_key",
        (),
        back="/found/sign",
        cancel="/found/key",
        ticket=owner,
        kept_as="founding-key",
    )


def _answered(draft: Draft) -> None:
    """Away to the first question without an answer that holds: drafts keep wrong ones too."""
    open_ = next((name for name in STEPS[:-2] if name not in draft.done), None)
    if open_ is not None:
        raise web.HTTPSeeOther(f"/found/{open_}")


async def sign(request: web.Request) -> web.StreamResponse:
    """The next sitting: the cooperative first; then the texts and the invitations, which
    name what stands by then.
    """
    owner = await owner_of(request)
    if owner is None:
        raise web.HTTPSeeOther("/found")
    service = request.app[FOUNDING]
    draft = await service.draft(owner)
    _answered(draft)
    if not draft.key:
        raise web.HTTPSeeOther("/found/key")
    wanted = await service.constitution(owner, draft, _proposed(request, draft))
    if wanted:
        await shell.ask(request, "sign", wanted, back="/found/sign", cancel="/found/sign", ticket=owner)
    wanted = await service.gathering(draft, labels(request, draft))
    await shell.ask(request, "sign", wanted, back="/found/result", cancel="/found/sign", ticket=owner)


def labels(request: web.Request, draft: Draft) -> list[str]:
    """What stands on the invitation cards."""
    if draft.kind == "existing":
        return [
            f"{shell.gettext(request, 'Seat %(number)s', number=number)}: {shell.roles(request, seat.roles)}"
            f" · {seat.person}"
            for number, seat in enumerate(draft.seats, 1)
        ]
    own = shell.gettext(request, "Founder 1 · you")
    rest = [
        f"{shell.gettext(request, 'Founder %(number)s', number=number)} · {name}"
        for number, name in enumerate(draft.founders, 2)
    ]
    return [own, *rest]
