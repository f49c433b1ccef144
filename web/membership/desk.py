"""`/desk`: what waits for chair, secretary and accountant, with its clocks; the pages of one application."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from coopnode import places
from coopnode.membership import queries
from coopnode.membership.people import Viewer
from coopnode.membership.queries import ApplicationLine
from coopnode.membership.service import NotPossible
from coopnode.search import queries as search
from web import i18n
from web.accounts.shell import ACCOUNTS
from web.membership import forms, shell
from web.membership.forms import Read
from web.membership.shell import MEMBERSHIP
from web.search.asking import ask, reading

#: Lists of the desk: name → statuses, who works on it, and whether the oldest comes first.
LISTS: Final = {
    "new": (("applied",), ("secretary", "chair")),
    "papers": (("identified",), ("secretary",)),
    "council": (("complete",), ("secretary", "chair")),
    "payments": (("admitted",), ("accountant",)),
    "ended": (("member", "refused", "withdrawn", "lapsed", "undecided", "incomplete"), ()),
}
_ON_DESK: Final = 8
_SOON: Final = 3 * 86_400


def setup(app: web.Application) -> None:
    app.router.add_get("/desk", overview)
    app.router.add_get("/desk/applications", listing)
    app.router.add_get("/desk/applications/{number:[0-9]{1,12}}", one)
    path = "/desk/applications/{number:[0-9]{1,12}}"
    for step, page in (("identify", identify), ("return", send_back), ("pay", pay)):
        app.router.add_get(f"{path}/{step}", page)
        app.router.add_post(f"{path}/{step}", page)
    app.router.add_post(f"{path}/complete", complete)
    app.router.add_get("/desk/erasure", erasing)
    app.router.add_post("/desk/erasure", erase)


async def _viewer(request: web.Request) -> Viewer:
    """An officer; everybody else is told what a desk is."""
    account = await shell.need_account(request)
    viewer = await request.app[MEMBERSHIP].viewer(account)
    if not viewer.officer and "council" not in viewer.roles:
        raise shell.forbidden(request)
    return viewer


async def _line(request: web.Request) -> ApplicationLine:
    number = int(request.match_info["number"])
    found = await request.app[MEMBERSHIP].read(lambda connection: queries.application(connection, number))
    if found is None:
        raise web.HTTPNotFound
    return found


# --- lists ----------------------------------------------------------------------------------------


async def overview(request: web.Request) -> web.StreamResponse:
    viewer = await _viewer(request)
    service = request.app[MEMBERSHIP]
    # those who meet people and establish who they are (P7, P11)
    asked = viewer.roles & {"secretary", "chair"}
    recovering = await request.app[ACCOUNTS].recovering() if asked else []
    others = [chain for chain in recovering if chain.account != viewer.account]

    def query(connection: Any) -> dict[str, Any]:
        recovered = [chain.account for chain in others]
        rows = {
            name: queries.list_applications(
                connection, service.names, viewer, statuses, limit=_ON_DESK, oldest_first=True
            )
            for name, (statuses, _) in LISTS.items()
            if name in ("new", "papers", "payments")
        }
        return {
            "applications": rows["new"] + rows["papers"],
            "payments": rows["payments"],
            "counts": queries.counts(connection),
            "register": queries.register_counts(connection),
            "rules": queries.rules(service.node.state),
            "names": service.names.of_accounts(connection, recovered, viewer),
            "numbers": queries.member_of(connection, recovered),
        }

    found = await service.read(query)
    now = service.node.clock.peek()
    lines = [*found["applications"], *found["payments"]]
    dues = [line.due for line in lines if line.due is not None]
    return shell.render(
        request,
        "membership/desk.html",
        viewer=viewer,
        now=now,
        soon=now + _SOON,
        total=len(lines),
        next_due=min(dues, default=None),
        may_erase=_may_erase(viewer),
        erasable=await service.erasable(viewer) if _may_erase(viewer) else 0,
        recovering=others,
        **found,
    )


async def listing(request: web.Request) -> web.StreamResponse:
    """One list, the oldest first while something is to be done; continued by place in the log."""
    viewer = await _viewer(request)
    service = request.app[MEMBERSHIP]
    chosen = request.query.get("list", "new")
    if chosen not in LISTS:
        raise web.HTTPNotFound
    statuses, _ = LISTS[chosen]
    only = request.query.get("status")
    if only in statuses:
        statuses = (only,)
    person = request.query.get("person")
    person = person if person in ("person", "entrepreneur", "organisation") else None
    after = shell.integer(request.query.get("after"))
    asked = ask(request)

    def query(connection: Any) -> tuple[list[ApplicationLine], dict[str, int]]:
        if asked.question is not None:
            own = search.Search(service.node.people, service.names, viewer, places.of(service.node.state))
            asked.take(
                search.found_applications(connection, own, asked.question, person=person, before=asked.before)
            )
        if asked.typed:
            return list(asked.lines), queries.counts(connection)
        lines = queries.list_applications(
            connection,
            service.names,
            viewer,
            statuses,
            person=person,
            before=after,
            limit=queries.PAGE + 1,
            oldest_first=chosen != "ended",
        )
        return lines, queries.counts(connection)

    lines, counts = await reading(service.read, query)
    more = lines[queries.PAGE - 1].idx if len(lines) > queries.PAGE and not asked.typed else None
    now = service.node.clock.peek()
    return shell.render(
        request,
        "membership/desk_list.html",
        status=422 if asked.wrong else 200,
        search=asked,
        viewer=viewer,
        chosen=chosen,
        lists={name: sum(counts.get(status, 0) for status in item[0]) for name, item in LISTS.items()},
        only=only,
        person=person,
        lines=lines[: queries.PAGE],
        more=more,
        after=after,
        now=now,
        soon=now + _SOON,
    )


# --- what need not be kept any longer -------------------------------------------------------------


def _may_erase(viewer: Viewer) -> bool:
    return not viewer.roles.isdisjoint(("secretary", "chair"))


async def _eraser(request: web.Request) -> Viewer:
    viewer = await _viewer(request)
    if not _may_erase(viewer):
        raise shell.forbidden(request)
    return viewer


async def erasing(request: web.Request) -> web.StreamResponse:
    viewer = await _eraser(request)
    service = request.app[MEMBERSHIP]
    cases = await service.ended(viewer)
    due = [case for case in cases if case.ground]
    return shell.render(
        request,
        "membership/erasure.html",
        viewer=viewer,
        due=due,
        waiting=[case for case in cases if not case.ground],
        records=sum(len(case.documents) for case in due),
        days=(await service.rules()).retain_days,
    )


async def erase(request: web.Request) -> web.StreamResponse:
    viewer = await _eraser(request)
    await shell.form(request)
    items = await request.app[MEMBERSHIP].erasing(viewer)
    if not items:
        raise web.HTTPSeeOther("/desk/erasure")
    here = "/desk/erasure"
    return await shell.sign(request, items, account=viewer.account, return_to=here, cancel=here)


# --- one application ------------------------------------------------------------------------------


async def one(request: web.Request) -> web.StreamResponse:
    viewer = await _viewer(request)
    line = await _line(request)
    return await _application(request, viewer, line)


async def _application(
    request: web.Request, viewer: Viewer, line: ApplicationLine, **more: Any
) -> web.StreamResponse:
    service = request.app[MEMBERSHIP]

    def query(connection: Any) -> dict[str, Any]:
        papers = queries.papers_of(connection, service.node.vault, line, viewer)
        steps = queries.history(connection, line.id, service.names, viewer)
        names = service.names.of_accounts(connection, {paper.by for paper in papers}, viewer)
        return {
            "papers": papers,
            "steps": steps,
            "names": names,
            "name": names.get(line.applicant),
            "earlier": [
                item for item in queries.applications_of(connection, line.applicant) if item.id != line.id
            ],
            "next": queries.acts_next(service.node.state, line.status),
            "rules": queries.rules(service.node.state),
            "attachments": service.attachments_in(connection, line.id),
        }

    found = await service.read(query)
    now = service.node.clock.peek()
    return shell.render(
        request,
        "membership/application.html",
        viewer=viewer,
        line=line,
        may=_may(viewer, line, found["rules"]),
        own=line.applicant == viewer.account,
        published=service.published(line.idx),
        now=now,
        soon=now + _SOON,
        **found,
        **more,
    )


def _may(viewer: Viewer, line: ApplicationLine, rules: queries.Rules) -> frozenset[str]:
    """What this officer can do now. Nobody attests their own."""
    if line.applicant == viewer.account:
        return frozenset()
    found = set()
    if line.status == "applied" and not viewer.roles.isdisjoint(rules.identify_roles):
        found.add("identify")
    if line.status == "identified" and "secretary" in viewer.roles:
        found.add("complete")
    if line.status in ("applied", "identified") and "secretary" in viewer.roles:
        found.add("return")
    if line.status == "admitted" and "accountant" in viewer.roles:
        found.add("pay")
    return frozenset(found)


async def _step(request: web.Request, name: str) -> tuple[Viewer, ApplicationLine]:
    """The officer whose turn it is; others read on the application's page why it is not theirs."""
    viewer, line = await _viewer(request), await _line(request)
    rules = await request.app[MEMBERSHIP].rules()
    if name not in _may(viewer, line, rules):
        raise web.HTTPSeeOther(f"/desk/applications/{line.number}")
    return viewer, line


async def _page(
    request: web.Request, template: str, viewer: Viewer, line: ApplicationLine, read: Read, **more: Any
) -> web.StreamResponse:
    service = request.app[MEMBERSHIP]

    def query(connection: Any) -> dict[str, Any]:
        return {
            "paper": queries.paper(connection, service.node.vault, line.digest, viewer, line.applicant),
            "name": service.names.of_accounts(connection, [line.applicant], viewer)[line.applicant],
            "rules": queries.rules(service.node.state),
        }

    found = await service.read(query)
    return shell.render(
        request,
        template,
        status=422 if read.errors else 200,
        line=line,
        viewer=viewer,
        typed=read.typed,
        errors=read.errors,
        **found,
        **more,
    )


async def _sign(request: web.Request, viewer: Viewer, line: ApplicationLine, item: Any) -> web.StreamResponse:
    here = f"/desk/applications/{line.number}"
    return await shell.sign(request, [item], account=viewer.account, return_to=here, cancel=here)


async def identify(request: web.Request) -> web.StreamResponse:
    viewer, line = await _step(request, "identify")
    service = request.app[MEMBERSHIP]
    if request.method == "GET":
        return await _page(request, "membership/identify.html", viewer, line, Read())
    read = forms.identification(await shell.form(request), (await service.rules()).identify_methods)
    if read.errors:
        return await _page(request, "membership/identify.html", viewer, line, read)
    try:
        item = await service.identification(line, viewer, **read.values)
    except NotPossible as error:
        return shell.refused(request, error, back=f"/desk/applications/{line.number}")
    return await _sign(request, viewer, line, item)


async def complete(request: web.Request) -> web.StreamResponse:
    viewer, line = await _step(request, "complete")
    form = await shell.form(request)
    if form.get("checked") != "yes":
        errors = {"checked": "confirm_missing"}
        response = await _application(request, viewer, line, errors=errors)
        response.set_status(422)
        return response
    try:
        item = await request.app[MEMBERSHIP].completion(line, viewer)
    except NotPossible as error:
        return shell.refused(request, error, back=f"/desk/applications/{line.number}")
    return await _sign(request, viewer, line, item)


async def send_back(request: web.Request) -> web.StreamResponse:
    viewer, line = await _step(request, "return")
    if request.method == "GET":
        return await _page(request, "membership/return.html", viewer, line, Read())
    read = forms.reason(await shell.form(request))
    if read.errors:
        return await _page(request, "membership/return.html", viewer, line, read)
    try:
        item = await request.app[MEMBERSHIP].return_(line, viewer, read.values["reason"])
    except NotPossible as error:
        return shell.refused(request, error, back=f"/desk/applications/{line.number}")
    return await _sign(request, viewer, line, item)


async def pay(request: web.Request) -> web.StreamResponse:
    viewer, line = await _step(request, "pay")
    service = request.app[MEMBERSHIP]
    now = service.node.clock.peek()
    if request.method == "GET":
        typed = {
            "entrance": forms.money_typed(line.entrance),
            "share": forms.money_typed(line.share),
            "received": i18n.place().at(now).date().isoformat(),
        }
        return await _page(request, "membership/pay.html", viewer, line, Read(typed))
    read = forms.payment(await shell.form(request), (line.entrance, line.share), now)
    if read.errors:
        return await _page(request, "membership/pay.html", viewer, line, read)
    found = read.values
    try:
        item = await service.payment(
            line, viewer, (found["entrance"], found["share"]), found["received_at"], found["reference"]
        )
    except NotPossible as error:
        return shell.refused(request, error, back=f"/desk/applications/{line.number}")
    return await _sign(request, viewer, line, item)
