"""The slice's one entry."""

from __future__ import annotations

from aiohttp import web

from web import openapi
from web.notifications import api, calendar, desk, inbox, me


def setup(app: web.Application) -> None:
    inbox.setup(app)
    me.setup(app)
    calendar.setup(app)
    desk.setup(app)
    openapi.register(app, api.ROUTES)
