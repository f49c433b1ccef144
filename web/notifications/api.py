"""`/api/v1/inbox`: what a person was told, for programs of theirs, and devices that want to be woken."""

from __future__ import annotations

from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from coopnode import letters
from coopnode.notifications import devices, inbox, push
from coopnode.notifications.devices import Devices
from coopnode.notifications.push import BadSubscription
from web import i18n, openapi, sessions
from web.keys import NODE, session
from web.notifications.inbox import place
from web.openapi import Route


class NewsItem(BaseModel):
    id: int
    at: int
    read_at: int | None = None
    group: Literal["votes", "membership", "desk", "security"]
    title: str
    text: str
    path: str = Field(description="page of this node that it is about")
    concerns: bool = Field(description="false once the person has acted, or it was settled")
    urgent: bool
    until: int | None = Field(None, description="moment by which something has to be done")


class InboxModel(BaseModel):
    """Without those whose subject is gone."""

    items: list[NewsItem]
    unread: int = Field(description=f"at most {inbox.MOST_UNREAD}")
    before: int | None = Field(None, description="the next page: `?before=` this number")


class ReadIn(BaseModel):
    """One, or all up to one."""

    id: int | None = Field(None, ge=1, lt=2**53)
    upto: int | None = Field(None, ge=1, lt=2**53)


class ReadDone(BaseModel):
    read: int


class DeviceKeys(BaseModel):
    p256dh: str = Field(max_length=100)
    auth: str = Field(max_length=30)


class DeviceIn(BaseModel):
    """A PushSubscription (W3C Push API). `renew`: only if the device stands on the person's list already;
    `replaces`: only if that address of it does."""

    endpoint: str = Field(max_length=2_000)
    keys: DeviceKeys
    renew: bool = False
    replaces: str | None = Field(None, max_length=2_000)


class EndpointIn(BaseModel):
    endpoint: str = Field(max_length=2_000)


class DeviceOn(BaseModel):
    on: bool


async def listed(request: web.Request) -> web.StreamResponse:
    account = await sessions.account(request)
    if account is None:
        return openapi.refused(request, "not_entitled")
    node, locale = request.app[NODE], i18n.locale_of(request)
    before = place(request.query.get("before"))

    def query(connection: Any) -> inbox.Page:
        return inbox.page(connection, node, account, locale, before)

    found = await node.database.read(query)
    unread = await node.in_thread(inbox.unread, node, account)
    items = [
        NewsItem(
            id=item.id,
            at=item.at,
            read_at=item.read_at,
            group=item.news.group,
            title=letters.title(item.news.said),
            text=letters.sentence(item.news.said),
            path=item.news.said.path,
            concerns=item.news.concerns,
            urgent=item.news.urgent,
            until=item.news.date.at if item.news.date is not None else None,
        )
        for item in found.items
        if item.news is not None
    ]
    return openapi.answer(InboxModel(items=items, unread=unread, before=found.before))


async def read(request: web.Request) -> web.StreamResponse:
    account = await sessions.account(request)
    if account is None:
        return openapi.refused(request, "not_entitled")
    body: Any = await openapi.read(request, ReadIn)
    if isinstance(body, web.Response):
        return body
    if (body.id is None) == (body.upto is None):
        return openapi.refused(request, "invalid_field", at="id")
    now, id, upto = i18n.now_of(request), body.id, body.upto or 0
    done = await request.app[NODE].database.write(
        lambda connection: inbox.read(connection, account, now, id=id, upto=upto)
    )
    return openapi.answer(ReadDone(read=done))


async def device(request: web.Request) -> web.StreamResponse:
    mine = session(request)
    account = mine.account if mine else None
    if mine is None or account is None:
        return openapi.refused(request, "not_entitled")
    body: Any = await openapi.read(request, DeviceIn)
    if isinstance(body, web.Response):
        return body
    node, now = request.app[NODE], i18n.now_of(request)
    try:
        given = push.subscription(body.endpoint, body.keys.p256dh, body.keys.auth, node.config.push)
    except BadSubscription:
        return openapi.refused(request, "invalid_field", at="endpoint")
    box = Devices(node.keys.session)

    def change(connection: Any) -> bool:
        if body.renew:
            return box.renew(connection, account, mine.digest, given)
        if body.replaces is not None and not devices.forget_endpoint(connection, account, body.replaces):
            return False
        box.add(connection, account, mine.digest, given, now)
        return True

    return openapi.answer(DeviceOn(on=await node.database.write(change)))


async def forget(request: web.Request) -> web.StreamResponse:
    account = await sessions.account(request)
    if account is None:
        return openapi.refused(request, "not_entitled")
    body: Any = await openapi.read(request, EndpointIn)
    if isinstance(body, web.Response):
        return body
    await request.app[NODE].database.write(
        lambda connection: devices.forget_endpoint(connection, account, body.endpoint)
    )
    return openapi.answer(DeviceOn(on=False))


_ERRORS: Final = ("not_entitled", "invalid_field", "bad_request")
ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/inbox",
        "What the person was told, newest first",
        answer=InboxModel,
        handler=listed,
        errors=("not_entitled",),
        query=("before",),
    ),
    Route(
        "POST",
        "/api/v1/inbox/read",
        "Marks as read",
        body=ReadIn,
        answer=ReadDone,
        handler=read,
        errors=_ERRORS,
    ),
    Route(
        "POST",
        "/api/v1/inbox/devices",
        "This browser wants to be woken",
        body=DeviceIn,
        answer=DeviceOn,
        handler=device,
        errors=_ERRORS,
    ),
    Route(
        "POST",
        "/api/v1/inbox/devices/forget",
        "This browser does not want to be woken any more",
        body=EndpointIn,
        answer=DeviceOn,
        handler=forget,
        errors=_ERRORS,
    ),
)
