"""The slice's one entry: its pages, its API, its tasks for `/now`."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from coopnode.membership import queries
from coopnode.membership.people import Viewer
from coopnode.membership.service import Membership
from web.home import Event, Task
from web.i18n import day, gettext, locale_of, money
from web.keys import EVENTS, NODE, TASKS
from web.membership import api, desk, join, me, register, requests, shell
from web.membership.shell import MEMBERSHIP

_SOON = 3 * 86_400


def setup(app: web.Application) -> None:
    shell.setup(app, Membership(app[NODE]))
    for part in (join, desk, register, me, requests, api):
        part.setup(app)
    app[TASKS].append(tasks)
    app[EVENTS].append(events)


async def tasks(request: web.Request, account: str) -> list[Task]:
    """What joining asks of this person: of an applicant, of secretary, chair and accountant."""
    service = request.app[MEMBERSHIP]
    if service.node.cooperative is None:
        return []
    found: list[Task] = await service.read(lambda connection: _tasks(connection, request, account))
    return found


def _tasks(connection: Any, request: web.Request, account: str) -> list[Task]:
    service = request.app[MEMBERSHIP]
    state, locale = service.node.state, locale_of(request)
    now = service.node.clock.peek()
    viewer = Viewer.of(state, account)

    def _(words: str, **values: Any) -> str:
        return gettext(request, words, **values)

    found: list[Task] = []
    for line in queries.applications_of(connection, account)[:1]:
        if line.status == "admitted" and line.pay_by:
            found.append(
                Task(
                    title=_("Pay %(amount)s", amount=money(line.total, line.currency, locale)),
                    href="/join/status",
                    action=_("How to pay"),
                    chip=_("by %(day)s", day=day(line.pay_by, locale)),
                    lead=_("The council has admitted you. Membership begins when the fees arrive."),
                    urgent=True,
                    due=line.pay_by,
                )
            )
        elif line.status == "incomplete" and not viewer.member:
            found.append(
                Task(
                    title=_("Complete your application"),
                    href="/join/status",
                    action=_("See what is missing"),
                    lead=_("The secretary returned it with a reason."),
                    urgent=True,
                )
            )
    for text in queries.texts(state, account) if viewer.member else ():
        if text.required and not text.signed:
            found.append(
                Task(
                    title=_("Sign: %(title)s", title=text.title),
                    href=f"/me/texts/{text.kind}",
                    action=_("Read and sign"),
                    chip=_("edition %(edition)s", edition=text.edition),
                )
            )
    stages = (
        ("applied", queries.rules(state).identify_roles if viewer.officer else ()),
        ("identified", ("secretary",)),
        ("admitted", ("accountant",)),
    )
    for status, offices in stages:
        if viewer.roles.isdisjoint(offices):
            continue
        lines = [
            line
            for line in queries.list_applications(
                connection, service.names, viewer, (status,), limit=4, oldest_first=True
            )
            if line.applicant != account
        ]
        found += [_officer_task(request, line, now) for line in lines]
    return found


def _officer_task(request: web.Request, line: queries.ApplicationLine, now: int) -> Task:
    locale = locale_of(request)
    who = line.name or gettext(request, "application No. %(number)s", number=line.number)
    here = f"/desk/applications/{line.number}"
    title, action, href = {
        "applied": ("Check the identity of the applicant: %(who)s", "To the application", here),
        "identified": ("Check the papers: %(who)s", "To the application", here),
        "admitted": ("Confirm the payment: %(who)s", "Confirm the payment", f"{here}/pay"),
    }[line.status]
    due = line.due
    amount = money(line.total, line.currency, locale) if line.status == "admitted" else ""
    return Task(
        title=gettext(request, title, who=who),
        href=href,
        action=gettext(request, action),
        chip=gettext(request, "by %(day)s", day=day(due, locale)) if due else "",
        lead=amount,
        urgent=due is not None and due - now < _SOON,
        due=due,
    )


async def events(request: web.Request, account: str) -> list[Event]:
    """Steps of the person's own application."""
    service = request.app[MEMBERSHIP]
    if service.node.cooperative is None:
        return []
    found = await service.status(account)
    if found is None:
        return []
    words = shell.translator(request)
    href = "/me/membership" if found.line.status == "member" else "/join/status"
    return [
        Event(step.at, f"{words('Your application')}: {shell.status_word(request, step.status)}", href)
        for step in found.steps
    ]
