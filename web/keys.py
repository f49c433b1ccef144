"""Keys of what the application and a request carry (aiohttp `AppKey`, `RequestKey`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, cast

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

#: Of a request: the browser's session; the token of a cookie to be set; whether to drop it; language; number
#: in the logs.
SESSION: Final = cast("web.RequestKey[Session | None]", web.RequestKey("session", Session))
NEW_TOKEN: Final = web.RequestKey("new-token", str)
ENDED: Final = web.RequestKey("ended", bool)
LOCALE: Final = web.RequestKey("locale", str)
REQUEST_ID: Final = web.RequestKey("request-id", str)
#: The page that was rendered shows the waiting message.
FLASH_SHOWN: Final = web.RequestKey("flash-shown", bool)


def session(request: web.Request) -> Session | None:
    found: Session | None = request.get(SESSION)
    return found


def node(request: web.Request) -> Node:
    return request.app[NODE]
