"""`/me/membership` with the certificate, and `/me/data`: what is kept about me, and taking it along."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from coopnode.membership import export, queries
from coopnode.membership.attachments import LARGEST
from coopnode.membership.people import Viewer
from coopnode.membership.service import NotPossible
from web.membership import forms, shell
from web.membership.shell import MEMBERSHIP

_PAGE: Final = 50


def setup(app: web.Application) -> None:
    app.router.add_get("/me/membership", membership)
    app.router.add_get("/me/membership/certificate.pdf", certificate)
    app.router.add_get("/me/data", data)
    app.router.add_get("/me/data/export.zip", take_along)
    app.router.add_post("/me/data/consents/{digest:[0-9a-f]{64}}/withdraw", withdraw)
    app.router.add_post("/me/data/consents/{purpose:[a-z_]{1,32}}/give", give)
    app.router.add_get("/me/texts/{kind:[a-z-]{1,64}}", text)
    app.router.add_post("/me/texts/{kind:[a-z-]{1,64}}", sign_text)
    app.router.add_post("/join/copies", add_copy)
    app.router.add_post("/join/copies/{digest:[0-9a-f]{64}}/remove", remove_copy)
    app.router.add_get("/desk/applications/{number:[0-9]{1,12}}/copies/{digest:[0-9a-f]{64}}", show_copy)


# --- membership -----------------------------------------------------------------------------------


async def membership(request: web.Request) -> web.StreamResponse:
    service = request.app[MEMBERSHIP]
    account = await shell.need_account(request)
    found = await service.member(account)
    former = await service.former(account) if found is None else None
    if found is None:
        known = await service.status(account)
        if known is not None and (former is None or known.line.changed_at > former.until):
            raise web.HTTPSeeOther("/join/status")
    return shell.render(request, "membership/card.html", found=found, former=former)


async def certificate(request: web.Request) -> web.StreamResponse:
    """A PDF made from the log and the member's own record; the same bytes on the same day."""
    service = request.app[MEMBERSHIP]
    account = await shell.need_account(request)
    locale = shell.locale(request)
    made = await service.certificate(account, locale)
    if made is None:
        raise web.HTTPSeeOther("/me/membership")
    number, pdf = made
    headers = {
        "Content-Disposition": f'inline; filename="membership-{number}.pdf"',
        "Cache-Control": "private, no-store",
    }
    return web.Response(body=pdf, content_type="application/pdf", headers=headers)


# --- what is kept about me ------------------------------------------------------------------------


async def data(request: web.Request) -> web.StreamResponse:
    service = request.app[MEMBERSHIP]
    account = await shell.need_account(request)
    before = shell.integer(request.query.get("before"))

    def query(connection: Any) -> dict[str, Any]:
        papers = queries.statements_about(
            connection, service.node.vault, account, before=before, limit=_PAGE + 1
        )
        state = service.node.state
        viewer_names = service.names.of_accounts(
            connection, {paper.by for paper in papers}, Viewer.of(state, account)
        )
        lines = queries.applications_of(connection, account)
        return {
            "papers": papers[:_PAGE],
            "more": papers[_PAGE - 1].idx if len(papers) > _PAGE else None,
            "names": viewer_names,
            "who": queries.who_is(connection, service.node.vault, account, Viewer(account)),
            "consents": queries.consents_of(connection, state, account, queries.PAGE * 2),
            "sessions": queries.sessions_of(connection, account, service.node.clock.peek()),
            "copies": [item for line in lines for item in service.copies.of(connection, line.id)],
        }

    found = await service.read(query)
    offers = [offer for offer in await service.offers(account) if not offer.given]
    return shell.render(
        request, "membership/data.html", account=account, offers=offers, before=before, **found
    )


async def take_along(request: web.Request) -> web.StreamResponse:
    service = request.app[MEMBERSHIP]
    account = await shell.need_account(request)
    locale, now = shell.locale(request), service.node.clock.peek()

    def query(connection: Any) -> bytes | None:
        state = service.node.state
        house = queries.house(state)
        if house is None:
            return None
        records = queries.records_of(connection, service.node.vault, account)
        consents = queries.consents_of(connection, state, account)
        sessions = queries.sessions_of(connection, account, now)
        return export.archive(house, account, records, consents, sessions, locale, now)

    made = await service.read(query)
    if made is None:
        raise web.HTTPNotFound
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    headers = {
        "Content-Disposition": f'attachment; filename="my-data-{day}.zip"',
        "Cache-Control": "private, no-store",
    }
    return web.Response(body=made, content_type="application/zip", headers=headers)


async def withdraw(request: web.Request) -> web.StreamResponse:
    service = request.app[MEMBERSHIP]
    account = await shell.need_account(request)
    await shell.form(request)
    try:
        item = await service.consent_withdrawal(bytes.fromhex(request.match_info["digest"]), account)
    except NotPossible as error:
        return shell.refused(request, error, back="/me/data")
    return await shell.sign(request, [item], account=account, return_to="/me/data", cancel="/me/data")


async def give(request: web.Request) -> web.StreamResponse:
    service = request.app[MEMBERSHIP]
    account = await shell.need_account(request)
    await shell.form(request)
    try:
        item = await service.consent_giving(request.match_info["purpose"], account)
    except NotPossible as error:
        return shell.refused(request, error, back="/me/data")
    return await shell.sign(request, [item], account=account, return_to="/me/data", cancel="/me/data")


# --- texts in a new edition -----------------------------------------------------------------------


async def text(request: web.Request) -> web.StreamResponse:
    """One text in force, with what this person has signed of it."""
    service = request.app[MEMBERSHIP]
    account = await shell.need_account(request)
    kind = request.match_info["kind"]
    found = next((item for item in await service.texts(account) if item.kind == kind), None)
    body = await service.read(lambda connection: queries.blob(connection, found.blob)) if found else None
    if found is None or body is None:
        raise web.HTTPNotFound
    words = body[1].decode("utf-8", "replace")
    return shell.render(request, "membership/text.html", text=found, body=words)


async def sign_text(request: web.Request) -> web.StreamResponse:
    service = request.app[MEMBERSHIP]
    account = await shell.need_account(request)
    await shell.form(request)
    here = f"/me/texts/{request.match_info['kind']}"
    try:
        item = await service.text_signing(request.match_info["kind"], account)
    except NotPossible as error:
        return shell.refused(request, error, back=here)
    return await shell.sign(request, [item], account=account, return_to=here, cancel=here)


# --- copies of documents --------------------------------------------------------------------------


async def add_copy(request: web.Request) -> web.StreamResponse:
    service = request.app[MEMBERSHIP]
    account = await shell.need_account(request)
    form = await shell.form(request, largest=LARGEST + 2**16)
    found = await service.status(account)
    file = form.get("copy")
    if found is None:
        raise web.HTTPSeeOther("/join")
    wrong: str | None = "file_missing"
    if isinstance(file, web.FileField):
        wrong = await service.attach(found.line, account, file.filename, file.file.read())
    if wrong is None:
        raise web.HTTPSeeOther("/join/status#copies")
    payment = shell.payment_order(request, found.line, found.house, found.name)
    return shell.render(
        request,
        "membership/status.html",
        status=422,
        found=found,
        line=found.line,
        payment=payment,
        errors={"copy": wrong},
    )


async def remove_copy(request: web.Request) -> web.StreamResponse:
    service = request.app[MEMBERSHIP]
    account = await shell.need_account(request)
    await shell.form(request)
    found = await service.status(account)
    if found is not None:
        await service.detach(found.line, account, bytes.fromhex(request.match_info["digest"]))
    raise web.HTTPSeeOther("/join/status#copies")


async def show_copy(request: web.Request) -> web.StreamResponse:
    service = request.app[MEMBERSHIP]
    account = await shell.need_account(request)
    number = int(request.match_info["number"])
    line = await service.read(lambda connection: queries.application(connection, number))
    digest = bytes.fromhex(request.match_info["digest"])
    opened = await service.copy(line, await service.viewer(account), digest) if line else None
    if opened is None:
        raise web.HTTPNotFound
    held, plain = opened
    headers = {
        "Content-Disposition": f'inline; filename="copy{forms.suffix(held.media_type)}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return web.Response(body=plain, content_type=held.media_type, headers=headers)
