"""`/desk/documents`: the documents officers and the council work with, found by kind, day, person, number and
words (ADR 11)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from aiohttp import web

from coopnode import places
from coopnode.membership.people import Viewer
from coopnode.search import documents, queries
from coopnode.search.documents import DocumentLine
from coopnode.search.people import Found
from web import i18n, openapi
from web.council.words import Words
from web.membership import shell
from web.membership.shell import MEMBERSHIP
from web.rendering import render
from web.search import api
from web.search.asking import place, reading
from web.search.filters import Typed, typed
from web.search.words import KINDS

#: People to choose from when a name fits several.
_CHOICES: Final = 9


def setup(app: web.Application) -> None:
    app.router.add_get("/desk/documents", page)
    openapi.register(app, api.ROUTES)


async def viewer_of(request: web.Request) -> Viewer:
    """Officers and the council, as on the desk."""
    viewer = await request.app[MEMBERSHIP].viewer(await shell.need_account(request))
    if not viewer.officer and "council" not in viewer.roles:
        raise shell.forbidden(request)
    return viewer


@dataclass
class Answer:
    lines: queries.Lines[DocumentLine] = field(default_factory=queries.Lines)
    #: whose documents they are, when one person was asked for
    person: str | None = None
    name: str | None = None
    #: of several whom the words fit, one has to be chosen
    people: tuple[Found, ...] = ()
    more_people: bool = False
    nobody: bool = False


def answer(connection: Any, request: web.Request, viewer: Viewer, asked: Typed) -> Answer:
    """Called in one hop to a thread, with all its queries."""
    service = request.app[MEMBERSHIP]
    country = places.of(service.node.state)
    search = queries.Search(service.node.people, service.names, viewer, country)
    wanted = asked.filter()
    found = Answer()
    if asked.errors:
        return found
    if wanted.account is None and asked.question is not None:
        page = service.node.people.find(
            connection, viewer, asked.question.asked, country=country, before=None, limit=_CHOICES
        )
        account = _only(connection, asked.question, page.found)
        if account is None:
            found.people, found.more_people = page.found, page.next is not None
            found.nobody = not page.found
            return found
        wanted = replace(wanted, account=account)
    if wanted.account is not None:
        found.person = wanted.account
        found.name = service.names.of_accounts(connection, (wanted.account,), viewer)[wanted.account]
    before = place(request.query.get("before", ""))
    found.lines = documents.documents(connection, search, service.node.vault, wanted, before=before)
    return found


def _only(connection: Any, asked: queries.Question, people: tuple[Found, ...]) -> str | None:
    """The one account that is meant, if it is one."""
    if len(people) == 1:
        return people[0].account
    if people or asked.account is None:
        return None
    accounts = queries.accounts_from(connection, asked.account)
    return accounts[0] if len(accounts) == 1 else None


async def page(request: web.Request) -> web.StreamResponse:
    viewer = await viewer_of(request)
    asked = typed(request)
    service = request.app[MEMBERSHIP]
    found = await reading(service.read, lambda connection: answer(connection, request, viewer, asked))
    locale = i18n.locale_of(request)
    kept = {name: value for name, value in asked.values.items() if value and name not in ("who", "person")}
    if found.person is not None:
        kept["person"] = found.person
    return render(
        request,
        "search/documents.html",
        status=422 if asked.errors else 200,
        typed=asked.values,
        errors=asked.errors,
        found=found,
        kept=kept,
        filtered=any(asked.values.values()),
        paged="before" in request.query,
        kinds=KINDS,
        words=Words(request),
        day=lambda seconds: i18n.day(seconds, locale),
        published=service.node.publisher.published,
    )
