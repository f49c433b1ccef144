"""The scanned minutes by which an existing cooperative's council was elected, for those entitled."""

from __future__ import annotations

from aiohttp import web

from coopnode.membership.attachments import MEDIA_TYPES
from web import sessions
from web.founding.shell import FOUNDING


def setup(app: web.Application) -> None:
    app.router.add_get("/documents/{digest:[0-9a-f]{64}}/minutes", minutes)


async def minutes(request: web.Request) -> web.StreamResponse:
    account = await sessions.need_account(request)
    digest = request.match_info["digest"]
    found = await request.app[FOUNDING].minutes_scan(bytes.fromhex(digest), account)
    if found is None:
        raise web.HTTPNotFound
    media_type, data = found
    name = f"minutes-{digest[:8]}{MEDIA_TYPES.get(media_type, '')}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return web.Response(body=data, content_type=media_type, headers=headers)
