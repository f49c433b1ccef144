"""The web application of a node: middlewares, then each slice's `setup`.

Order of the middlewares is order of work, outermost first. A slice adds its `setup` to `SLICES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from coopnode.admission import Buckets
from coopnode.app import Node
from coopnode.sessions import Sessions
from coopnode.signing import Signing
from web import middleware, static_files
from web.accounts import routes as accounts
from web.cors import cors
from web.council import routes as council
from web.demo import routes as demo
from web.founding import routes as founding
from web.home import routes as home
from web.importing import routes as importing
from web.keys import EVENTS, NODE, SESSIONS, SIGNING, TASKS
from web.lane import Lane
from web.log import routes as log
from web.membership import routes as membership
from web.notifications import routes as notifications
from web.operating import routes as operating
from web.robot import routes as robot
from web.search import routes as search
from web.server import DIRECT
from web.sessions import sessions
from web.signing import routes as signing
from web.signing_origin import create_signing_app

__all__ = ["create_app", "create_signing_app"]

MIDDLEWARES: Final[tuple[Middleware, ...]] = (
    middleware.express,
    middleware.access,
    middleware.headers,
    cors,
    middleware.placed,
    middleware.errors,
    middleware.same_origin,
    middleware.rationed,
    sessions,
)
SLICES: Final[tuple[Callable[[web.Application], None], ...]] = (
    static_files.setup,
    log.setup,
    signing.setup,
    home.setup,
    founding.setup,
    membership.setup,
    importing.setup,
    council.setup,
    robot.setup,
    accounts.setup,
    operating.setup,
    search.setup,
    demo.setup,
    notifications.setup,
)


def create_app(node: Node) -> web.Application:
    """The application of the public origin. Bodies are bounded where they are read (`web.log.submission`,
    `web.forms`)."""
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=2**20)
    limits = node.config.limits
    app[NODE] = node
    app.on_response_prepare.append(middleware.before_streaming)
    app[SESSIONS] = Sessions(node)
    app[SIGNING] = Signing(node)
    app[TASKS] = []
    app[EVENTS] = []
    app[middleware.RATION] = Buckets(limits.stranger_burst * 3, limits.stranger_rate * 2)
    for setup in SLICES:
        setup(app)
    app[DIRECT] = Lane(node, app[log.ROOM])
    return app
