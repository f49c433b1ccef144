"""Cross-origin calls of the signing origin, and of nobody else (P28): it submits what was signed and
fetches what it shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from web.keys import NODE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_EXACT: Final = frozenset(("/entries", "/checkpoint"))
_PREFIXES: Final = ("/api/v1/log/", "/api/v1/signing/", "/api/v1/accounts/", "/api/v1/devices", "/blobs/")


@web.middleware
async def cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    origin = request.headers.get("Origin")
    if origin is None or origin != request.app[NODE].config.signing_url or not _open(request.path):
        return await handler(request)
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        response: web.StreamResponse = web.Response(status=204)
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type, X-Coopnode-Ticket, Authorization"
        response.headers["Access-Control-Max-Age"] = "600"
    else:
        response = await handler(request)
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = "Retry-After"
    response.headers.add("Vary", "Origin")
    return response


def _open(path: str) -> bool:
    return path in _EXACT or path.startswith(_PREFIXES)
