"""`/api/v1`: what the pages of joining do, for programs. Models and routes are declared, so that a
description can be generated from `ROUTES`.

Nothing here signs: an answer to a command is the list of documents to sign (`Prepared`), made into statements
by the caller's own key and submitted to `/entries`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiohttp import web

from coopnode.membership import queries
from coopnode.membership.people import Viewer
from coopnode.membership.queries import ApplicationLine, Paper
from coopnode.membership.service import NotPossible
from web.membership import forms, shell
from web.membership.models import (
    ApplicationFullOut,
    ApplicationOut,
    ApplicationsOut,
    ConsentOut,
    FeesOut,
    IdentifyIn,
    MemberFullOut,
    MembersOut,
    Model,
    MyDataOut,
    PaymentIn,
    Prepared,
    ReturnIn,
    RulesOut,
    StepOut,
    application_out,
    member_out,
    paper_out,
    prepared,
)
from web.membership.shell import MEMBERSHIP
from web.openapi import read
from web.problems import problem

# --- handlers -------------------------------------------------------------------------------------


async def _who(request: web.Request) -> Viewer:
    account = await shell.account(request)
    if account is None:
        raise shell.ApiProblem("not_entitled")
    return await request.app[MEMBERSHIP].viewer(account)


async def _officer(request: web.Request) -> Viewer:
    viewer = await _who(request)
    if not viewer.officer:
        raise shell.ApiProblem("not_entitled")
    return viewer


async def _line(request: web.Request, viewer: Viewer) -> ApplicationLine:
    number = int(request.match_info["number"])
    found = await request.app[MEMBERSHIP].read(lambda connection: queries.application(connection, number))
    if found is None or (found.applicant != viewer.account and not viewer.officer):
        raise shell.ApiProblem("not_found")
    return found


async def rules(request: web.Request, body: None) -> RulesOut:
    found = await request.app[MEMBERSHIP].rules()
    fees = {
        kind: FeesOut(entrance=item.entrance, share=item.share, currency=item.currency)
        for kind, item in found.fees.items()
    }
    return RulesOut(
        fees=fees,
        decide_days=found.decide_days,
        pay_days=found.pay_days,
        min_age=found.min_age,
        identify_methods=list(found.identify_methods),
        charter=found.charter.hex() if found.charter else None,
        pack=found.pack,
    )


async def applications(request: web.Request, body: None) -> ApplicationsOut:
    viewer = await _officer(request)
    service = request.app[MEMBERSHIP]
    asked = request.query.get("status")
    statuses = (asked,) if asked else queries.OPEN
    after = shell.integer(request.query.get("after"))

    def query(connection: Any) -> list[ApplicationLine]:
        return queries.list_applications(
            connection,
            service.names,
            viewer,
            statuses,
            before=after,
            limit=queries.PAGE + 1,
            oldest_first=True,
        )

    lines = await service.read(query)
    more = lines[queries.PAGE - 1].idx if len(lines) > queries.PAGE else None
    return ApplicationsOut(items=[application_out(line) for line in lines[: queries.PAGE]], next=more)


async def application(request: web.Request, body: None) -> ApplicationFullOut:
    viewer = await _who(request)
    line = await _line(request, viewer)
    service = request.app[MEMBERSHIP]

    def query(connection: Any) -> tuple[list[queries.Step], list[Paper], tuple[str, ...]]:
        return (
            queries.history(connection, line.id, service.names, viewer),
            queries.papers_of(connection, service.node.vault, line, viewer),
            queries.acts_next(service.node.state, line.status),
        )

    steps, papers, following = await service.read(query)
    return ApplicationFullOut(
        **application_out(line).model_dump(),
        steps=[
            StepOut(
                index=item.idx,
                status=item.status,
                at=item.at,
                type=item.type,
                by=item.by,
                digest=item.digest.hex(),
            )
            for item in steps
        ],
        papers=[paper_out(item) for item in papers],
        next=list(following),
    )


async def my_application(request: web.Request, body: None) -> ApplicationOut:
    viewer = await _who(request)
    assert viewer.account is not None
    found = await request.app[MEMBERSHIP].status(viewer.account)
    if found is None:
        raise shell.ApiProblem("not_found")
    return application_out(found.line, found.name)


async def withdraw(request: web.Request, body: None) -> Prepared:
    viewer = await _who(request)
    assert viewer.account is not None
    return prepared(await request.app[MEMBERSHIP].withdrawal(await _line(request, viewer), viewer.account))


async def identify(request: web.Request, body: IdentifyIn) -> Prepared:
    viewer = await _officer(request)
    line = await _line(request, viewer)
    service = request.app[MEMBERSHIP]
    return prepared(await service.identification(line, viewer, body.method, body.level, body.details))


async def complete(request: web.Request, body: None) -> Prepared:
    viewer = await _officer(request)
    return prepared(await request.app[MEMBERSHIP].completion(await _line(request, viewer), viewer))


async def send_back(request: web.Request, body: ReturnIn) -> Prepared:
    viewer = await _officer(request)
    line = await _line(request, viewer)
    return prepared(await request.app[MEMBERSHIP].return_(line, viewer, body.reason))


async def pay(request: web.Request, body: PaymentIn) -> Prepared:
    viewer = await _officer(request)
    line = await _line(request, viewer)
    amounts = (body.entrance, body.share)
    service = request.app[MEMBERSHIP]
    return prepared(await service.payment(line, viewer, amounts, body.received_at, body.reference))


async def members(request: web.Request, body: None) -> MembersOut:
    viewer = await _officer(request)
    service = request.app[MEMBERSHIP]
    day = forms.day(request.query.get("at", ""))
    at = forms.end_of(day) if day else None
    after = shell.integer(request.query.get("after")) or 0

    def query(connection: Any) -> tuple[list[queries.RegisterLine], dict[str, int]]:
        lines = queries.register_page(
            connection, service.names, viewer, at=at, after=after, limit=queries.PAGE + 1
        )
        return lines, queries.register_counts(connection, at)

    lines, counts = await service.read(query)
    more = lines[queries.PAGE - 1].number if len(lines) > queries.PAGE else None
    return MembersOut(items=[member_out(line) for line in lines[: queries.PAGE]], counts=counts, next=more)


async def member(request: web.Request, body: None) -> MemberFullOut:
    viewer = await _officer(request)
    service = request.app[MEMBERSHIP]
    number = int(request.match_info["number"])

    def query(connection: Any) -> tuple[list[queries.RegisterLine], list[int]]:
        lines = queries.member_lines(connection, service.names, viewer, number)
        account = lines[0].account if lines else None
        found = queries.applications_of(connection, account) if account else []
        return lines, [item.number for item in found]

    lines, numbers = await service.read(query)
    if not lines:
        raise shell.ApiProblem("not_found")
    return MemberFullOut(history=[member_out(line) for line in lines], applications=numbers)


async def my_data(request: web.Request, body: None) -> MyDataOut:
    viewer = await _who(request)
    account = viewer.account
    assert account is not None
    service = request.app[MEMBERSHIP]
    before = shell.integer(request.query.get("after"))

    def query(connection: Any) -> tuple[list[Paper], list[queries.ConsentLine]]:
        vault = service.node.vault
        return (
            queries.statements_about(connection, vault, account, before=before, limit=queries.PAGE + 1),
            queries.consents_of(connection, service.node.state, account),
        )

    papers, consents = await service.read(query)
    more = papers[queries.PAGE - 1].idx if len(papers) > queries.PAGE else None
    return MyDataOut(
        account=account,
        documents=[paper_out(item) for item in papers[: queries.PAGE]],
        consents=[
            ConsentOut(
                digest=item.digest.hex(),
                purpose=item.purpose,
                operator=item.operator,
                fields=list(item.fields),
                text=item.text.hex(),
                given_at=item.given_at,
                until=item.until,
                status=item.status,
            )
            for item in consents
        ],
        next=more,
    )


async def withdraw_consent(request: web.Request, body: None) -> Prepared:
    viewer = await _who(request)
    assert viewer.account is not None
    digest = bytes.fromhex(request.match_info["digest"])
    return prepared(await request.app[MEMBERSHIP].consent_withdrawal(digest, viewer.account))


# --- the table ------------------------------------------------------------------------------------

Handler = Callable[[web.Request, Any], Awaitable[Model]]


@dataclass(frozen=True, slots=True)
class Route:
    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    body: type[Model] | None
    answer: type[Model]
    summary: str
    #: who may: everybody, whoever is signed in, an officer
    access: Literal["public", "self", "officer"] = "self"


_N: Final = "{number:[0-9]{1,12}}"
ROUTES: Final = (
    Route("GET", "/api/v1/membership/rules", rules, None, RulesOut, "Fees and terms in force", "public"),
    Route("GET", "/api/v1/applications", applications, None, ApplicationsOut, "Applications", "officer"),
    Route("GET", "/api/v1/applications/mine", my_application, None, ApplicationOut, "My newest application"),
    Route("GET", f"/api/v1/applications/{_N}", application, None, ApplicationFullOut, "One application"),
    Route("POST", f"/api/v1/applications/{_N}/withdraw", withdraw, None, Prepared, "Withdraw my application"),
    Route(
        "POST",
        f"/api/v1/applications/{_N}/identify",
        identify,
        IdentifyIn,
        Prepared,
        "Attest an identity",
        "officer",
    ),
    Route(
        "POST",
        f"/api/v1/applications/{_N}/complete",
        complete,
        None,
        Prepared,
        "Pass to the council",
        "officer",
    ),
    Route(
        "POST",
        f"/api/v1/applications/{_N}/return",
        send_back,
        ReturnIn,
        Prepared,
        "Return with a reason",
        "officer",
    ),
    Route(
        "POST",
        f"/api/v1/applications/{_N}/payment",
        pay,
        PaymentIn,
        Prepared,
        "Attest a payment",
        "officer",
    ),
    Route("GET", "/api/v1/members", members, None, MembersOut, "The register, also of a past day", "officer"),
    Route(
        "GET", "/api/v1/members/{number:[0-9]{1,10}}", member, None, MemberFullOut, "One number", "officer"
    ),
    Route("GET", "/api/v1/me/data", my_data, None, MyDataOut, "What is kept about me"),
    Route(
        "POST",
        "/api/v1/me/consents/{digest:[0-9a-f]{64}}/withdraw",
        withdraw_consent,
        None,
        Prepared,
        "Withdraw a consent",
    ),
)


def setup(app: web.Application) -> None:
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _serve(route))


def _serve(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            # Who may not ask learns nothing of what a good question looks like.
            if route.access != "public":
                await (_officer if route.access == "officer" else _who)(request)
            body: Any = await read(request, route.body) if route.body else None
            if isinstance(body, web.Response):
                return body
            answer = await route.handler(request, body)
        except NotPossible as error:
            return problem(error.code, facts=error.facts, locale=shell.locale(request))
        except shell.ApiProblem as error:
            return problem(error.code, locale=shell.locale(request))
        headers = {"Cache-Control": "no-store"}
        return web.Response(text=answer.model_dump_json(), content_type="application/json", headers=headers)

    return serve
