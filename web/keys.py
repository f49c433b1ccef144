"""Keys of what the application and a request carry (aiohttp `AppKey`, `RequestKey`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from aiohttp import web

from coopnode.app import Node
from coopnode.sessions import Session, Sessions
from coopnode.signing import Signing

if TYPE_CHECKING:
    from web.home import Event, Task

NODE: Final = web.AppKey("node", Node)
SESSIONS: Final = web.AppKey("sessions", Sessions)
SIGNING: Final = web.AppKey("signing", Signing)

#: Slices add what waits for a person and what happened: `app[TASKS].append(provider)`.
TaskProvider = Callable[[web.Request, str], Awaitable["list[Task]"]]
EventProvider = Callable[[web.Request, str], Awaitable["list[Event]"]]
TASKS: Final = web.AppKey("tasks", list[TaskProvider])
EVENTS: Final = web.AppKey("events", list[EventProvider])

#: In `request`: the browser's session or None; the token of a cookie to be set; whether to drop it.
SESSION: Final = "coopnode.session"
NEW_TOKEN: Final = "coopnode.new-token"
ENDED: Final = "coopnode.ended"
LOCALE: Final = "coopnode.locale"


def session(request: web.Request) -> Session | None:
    found: Session | None = request.get(SESSION)
    return found


def node(request: web.Request) -> Node:
    return request.app[NODE]
