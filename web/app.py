"""The web application of a node: middlewares, then each slice's `setup`.

Order of the middlewares is order of work, outermost first. A slice adds its `setup` to `SLICES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from coopnode.app import Node
from web.cors import cors
from web.keys import NODE
from web.log import routes as log

MIDDLEWARES: Final[tuple[Middleware, ...]] = (cors,)
SLICES: Final[tuple[Callable[[web.Application], None], ...]] = (log.setup,)


def create_app(node: Node) -> web.Application:
    """The application of the public origin. Bodies are bounded where they are read (`web.log.submission`)."""
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=2**20)
    app[NODE] = node
    for setup in SLICES:
        setup(app)
    return app
