"""The web application of a node: middlewares, then each slice's `setup`.

Order of the middlewares is order of work, outermost first. A slice adds its `setup` to `SLICES`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from coopnode import cleaning
from coopnode.accounts import letters as accounts_letters
from coopnode.admission import Buckets
from coopnode.app import Node
from coopnode.council import letters as council_letters
from coopnode.membership import letters as membership_letters
from coopnode.membership.attachments import Copies
from coopnode.outbox import Kind, Outbox
from coopnode.scheduler import Job, Scheduler, every
from coopnode.sessions import Sessions
from coopnode.signing import Signing
from web import middleware, static_files
from web.accounts import routes as accounts
from web.cors import cors
from web.council import routes as council
from web.founding import routes as founding
from web.home import routes as home
from web.keys import EVENTS, NODE, SESSIONS, SIGNING, TASKS
from web.log import routes as log
from web.membership import routes as membership
from web.sessions import sessions
from web.signing import routes as signing
from web.signing_origin import create_signing_app

__all__ = ["create_app", "create_signing_app"]

MIDDLEWARES: Final[tuple[Middleware, ...]] = (
    middleware.access,
    middleware.headers,
    cors,
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
    council.setup,
    accounts.setup,
)
#: The letters that slices write.
KINDS: Final[tuple[Kind, ...]] = (membership_letters.KIND, council_letters.KIND, accounts_letters.KIND)


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
    app.cleanup_ctx.append(_jobs)
    return app


async def _jobs(app: web.Application) -> AsyncIterator[None]:
    """What runs beside requests."""
    node = app[NODE]
    copies = Copies(node.keys.session, node.vault)
    scheduler = Scheduler(
        node,
        (
            Job("letters", 30.0, Outbox(node, KINDS).work, ("account", "membership", "council")),
            every(node, "copies", 600.0, lambda connection, now: copies.sweep(connection), ("membership",)),
            every(node, "cleaning", 3600.0, cleaning.clean),
        ),
    )
    scheduler.start()
    yield
    await scheduler.stop()
