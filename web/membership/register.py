"""`/members`: the register, as it is or as it was at the end of any past day."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from coopnode import places
from coopnode.importing import queries as imports
from coopnode.membership import queries
from coopnode.membership.people import Viewer
from coopnode.search import queries as search
from web import i18n
from web.accounts.shell import ACCOUNTS
from web.lists import row
from web.membership import forms, shell
from web.membership.shell import MEMBERSHIP
from web.search.asking import ask, reading

_CSV_PAGE: Final = 1000
#: What may be asked for alone; who has left stands in the list only then.
_STATUSES: Final = ("member", "invited", "left")
_LISTED: Final = ("member", "invited")


def setup(app: web.Application) -> None:
    app.router.add_get("/members", page)
    app.router.add_get("/members.csv", export)
    app.router.add_get("/members/{number:[0-9]{1,10}}", card)


async def _viewer(request: web.Request) -> Viewer:
    viewer = await request.app[MEMBERSHIP].viewer(await shell.need_account(request))
    if not viewer.officer:
        raise shell.forbidden(request)
    return viewer


def _moment(request: web.Request) -> tuple[int | None, str, str | None]:
    """(end of the day asked for or None, what was typed, code of what is wrong)."""
    typed = request.query.get("at", "").strip()
    if not typed:
        return None, "", None
    day = forms.day(typed)
    today = i18n.place().at(request.app[MEMBERSHIP].node.clock.peek()).date()
    if day is None:
        return None, typed, "date_wrong"
    if day >= today:
        return None, "", None
    return forms.end_of(day), day.isoformat(), None


async def page(request: web.Request) -> web.StreamResponse:
    viewer = await _viewer(request)
    service = request.app[MEMBERSHIP]
    at, typed, wrong = _moment(request)
    after = shell.integer(request.query.get("after")) or 0
    status = request.query.get("status")
    only = status if status in _STATUSES else None
    statuses = (only,) if only is not None else _LISTED
    number = shell.integer(request.query.get("number"))
    if number is not None:
        after = max(0, number - 1)
    asked = ask(request)

    def query(connection: Any) -> tuple[list[queries.RegisterLine], dict[str, int]]:
        if asked.question is not None:
            own = search.Search(service.node.people, service.names, viewer, places.of(service.node.state))
            asked.take(
                search.members(connection, own, asked.question, at=at, statuses=statuses, before=asked.before)
            )
        if asked.typed:
            return list(asked.lines), queries.register_counts(connection, at)
        lines = queries.register_page(
            connection,
            service.names,
            viewer,
            at=at,
            after=after,
            statuses=statuses,
            limit=queries.PAGE + 1,
        )
        return lines, queries.register_counts(connection, at)

    lines, counts = await reading(service.read, query)
    found = bool(asked.typed)
    return shell.render(
        request,
        "membership/members.html",
        status=422 if wrong or asked.wrong else 200,
        lines=lines if found else lines[: queries.PAGE],
        more=lines[queries.PAGE - 1].number if len(lines) > queries.PAGE and not found else None,
        search=asked,
        counts=counts,
        at=at,
        asked=typed,
        errors={"at": wrong} if wrong else {},
        only=only,
        after=after,
    )


async def export(request: web.Request) -> web.StreamResponse:
    """CSV for a spreadsheet: semicolons and a byte order mark, as Russian offices open it."""
    viewer = await _viewer(request)
    service = request.app[MEMBERSHIP]
    at, typed, wrong = _moment(request)
    if wrong:
        raise web.HTTPSeeOther("/members")
    day = typed or i18n.place().at(service.node.clock.peek()).date().isoformat()
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="members-{day}.csv"',
            "Cache-Control": "no-store",
        }
    )
    await response.prepare(request)
    t = shell.translator(request)
    heads = (
        t("No."),
        t("Name"),
        t("Kind"),
        t("Member since"),
        t("State"),
        t("In the log since"),
        t("Document"),
    )
    await response.write(("\ufeff" + row(heads)).encode())
    after = 0
    while True:
        start = after

        def query(connection: Any, start: int = start) -> list[queries.RegisterLine]:
            return queries.register_page(
                connection, service.names, viewer, at=at, after=start, limit=_CSV_PAGE
            )

        lines = await service.read(query)
        text = "".join(row(_cells(request, line)) for line in lines)
        if text:
            await response.write(text.encode())
        if len(lines) < _CSV_PAGE:
            break
        after = lines[-1].number
    await response.write_eof()
    return response


def _cells(request: web.Request, line: queries.RegisterLine) -> tuple[str, ...]:
    since = i18n.place().at(line.since).date().isoformat() if line.since is not None else ""
    return (
        str(line.number),
        line.name or "",
        shell.person_word(request, line.person or "person"),
        since,
        shell.register_word(request, line.status),
        i18n.place().at(line.from_at).date().isoformat(),
        line.digest.hex() if line.digest else "",
    )


async def card(request: web.Request) -> web.StreamResponse:
    """One number with everything that ever stood at it, and the statements of its holder's membership."""
    viewer = await _viewer(request)
    service = request.app[MEMBERSHIP]
    number = int(request.match_info["number"])

    def query(connection: Any) -> dict[str, Any] | None:
        lines = queries.member_lines(connection, service.names, viewer, number)
        if not lines:
            return None
        account = lines[0].account
        found: dict[str, Any] = {"lines": lines, "line": lines[0], "index": None}
        # of somebody invited there is an account only when they have confirmed
        found["paid"] = imports.paid(service.node.state, lines)
        found |= {"applications": [], "who": None, "consents": [], "roles": []}
        if account is not None:
            found["applications"] = queries.applications_of(connection, account)
            found["who"] = queries.who_is(connection, service.node.vault, account, viewer)
            found["consents"] = queries.consents_of(connection, service.node.state, account, queries.PAGE)
            found["roles"] = sorted(Viewer.of(service.node.state, account).roles)
        # of whoever has left it has to be returned
        found["share"] = queries.share_paid(lines, found["applications"])
        if found["paid"] is not None and found["paid"].share is not None:
            found["share"] = found["paid"].share
        if lines[0].digest is not None:
            found["index"] = queries.entry_index(connection, lines[0].digest)
        return found

    found = await service.read(query)
    if found is None:
        raise web.HTTPNotFound
    published = found["index"] is not None and service.published(found["index"])
    account = found["line"].account
    chain = await request.app[ACCOUNTS].chain(account) if account is not None else None
    return shell.render(
        request,
        "membership/member.html",
        viewer=viewer,
        number=number,
        published=published,
        chain=chain,
        **found,
    )
