"""`/api/v1`: people by words and numbers, documents by filters, for programs of officers."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel, Field

from coopnode import places
from coopnode.membership.people import Viewer
from coopnode.search import documents, queries
from coopnode.search.people import NotReady, Page
from web import openapi
from web.membership import shell
from web.membership.shell import MEMBERSHIP
from web.openapi import Route
from web.search.asking import ask, place
from web.search.filters import typed


class PersonFound(BaseModel):
    account: str | None = Field(None, description="none until somebody of a paper register has confirmed")
    number: int | None = Field(None, description="in the register, of somebody who has not confirmed")
    name: str | None = None
    type: str = Field(description="of the document by which they last said who they are")
    digest: str
    index: int


class PeopleFound(BaseModel):
    items: list[PersonFound]
    before: int | None = Field(None, description="the next page: `?before=` this number")
    vague: bool = Field(description="the words fit so much that not all of it was looked at")


class DocumentFound(BaseModel):
    index: int
    at: int
    type: str
    digest: str
    by: str
    by_name: str | None = None
    about: str | None = None
    about_name: str | None = None
    number: int | None = None
    title: str | None = None


class DocumentsFound(BaseModel):
    items: list[DocumentFound]
    before: int | None = Field(None, description="the next page: `?before=` this number")
    vague: bool = Field(description="the words fit so much that not all of it was looked at")


async def _viewer(request: web.Request, *, council: bool) -> Viewer | None:
    account = await shell.account(request)
    if account is None:
        return None
    viewer = await request.app[MEMBERSHIP].viewer(account)
    return viewer if viewer.officer or (council and "council" in viewer.roles) else None


async def people(request: web.Request) -> web.StreamResponse:
    viewer = await _viewer(request, council=False)
    if viewer is None:
        return openapi.refused(request, "not_entitled")
    asked, service = ask(request), request.app[MEMBERSHIP]
    question = asked.question
    if question is None:
        return openapi.refused(request, "invalid_field", at="q")

    def query(connection: Any) -> Page:
        index = service.node.people
        return index.find(
            connection,
            viewer,
            question.asked,
            country=places.of(service.node.state),
            before=asked.before,
            limit=queries.PAGE,
        )

    try:
        found = await service.read(query)
    except NotReady:
        return openapi.refused(request, "busy")
    items = [
        PersonFound(
            account=each.account,
            number=each.number,
            name=each.name,
            type=each.type,
            digest=each.digest.hex(),
            index=each.idx,
        )
        for each in found.found
    ]
    return openapi.answer(PeopleFound(items=items, before=found.next, vague=found.vague))


async def listed(request: web.Request) -> web.StreamResponse:
    viewer = await _viewer(request, council=True)
    if viewer is None:
        return openapi.refused(request, "not_entitled")
    asked, service = typed(request), request.app[MEMBERSHIP]
    wanted = asked.filter()
    if asked.errors:
        return openapi.refused(request, "invalid_field", at=next(iter(asked.errors)))
    before = place(request.query.get("before", ""))

    def query(connection: Any) -> queries.Lines[documents.DocumentLine]:
        search = queries.Search(service.node.people, service.names, viewer, places.of(service.node.state))
        return documents.documents(connection, search, service.node.vault, wanted, before=before)

    found = await service.read(query)
    items = [
        DocumentFound(
            index=line.idx,
            at=line.at,
            type=line.paper.type,
            digest=line.paper.digest.hex(),
            by=line.by,
            by_name=line.by_name,
            about=line.about,
            about_name=line.about_name,
            number=line.number,
            title=line.title,
        )
        for line in found.lines
    ]
    return openapi.answer(DocumentsFound(items=items, before=found.next, vague=found.vague))


_PARAMETERS: Final = ("q", "kind", "from", "to", "person", "number", "fingerprint", "before")
ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/people",
        "People by words of what they wrote of themselves",
        answer=PeopleFound,
        handler=people,
        errors=("not_entitled", "invalid_field", "busy"),
        who="officer",
        query=("q", "before"),
    ),
    Route(
        "GET",
        "/api/v1/documents",
        "Documents of officers and the council",
        answer=DocumentsFound,
        handler=listed,
        errors=("not_entitled", "invalid_field"),
        who="officer",
        query=_PARAMETERS,
    ),
)
