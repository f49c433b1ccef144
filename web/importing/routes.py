"""Routes of an import: `setup` registers them. After those of membership, whose names it shows."""

from __future__ import annotations

from aiohttp import web

from coopnode.importing.service import Importing
from web.importing import keys, pages
from web.importing.shell import IMPORTING
from web.keys import NODE
from web.membership.shell import MEMBERSHIP


def setup(app: web.Application) -> None:
    app[IMPORTING] = Importing(app[NODE], app[MEMBERSHIP].names)
    pages.setup(app)
    keys.setup(app)
