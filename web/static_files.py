"""Static files of the main origin: what was built, kept for ever under its digest, and a few fixed ones."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from aiohttp import web

from web.rendering import BUILD, FOLDER, static

_KINDS: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain",
    ".json": "application/json",
}

#: Of no use to a search engine.
_PRIVATE: Final = ("/now", "/inbox", "/desk", "/me", "/signed/")


def setup(app: web.Application) -> None:
    app.router.add_get("/static/build/{name}", built)
    app.router.add_get("/static/{name}", fixed)
    app.router.add_get("/favicon.ico", favicon)
    app.router.add_get("/manifest.webmanifest", manifest)
    app.router.add_get("/robots.txt", robots)


async def built(request: web.Request) -> web.StreamResponse:
    return _file(request, BUILD / request.match_info["name"], BUILD)


async def fixed(request: web.Request) -> web.StreamResponse:
    return _file(request, FOLDER / "static" / request.match_info["name"], FOLDER / "static")


def _file(request: web.Request, path: Path, folder: Path) -> web.StreamResponse:
    if path.parent != folder or path.suffix not in _KINDS:
        raise web.HTTPNotFound
    try:
        data = path.read_bytes()
    except (OSError, ValueError):  # no such file, a name too long, a NUL in it
        raise web.HTTPNotFound from None
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    # The address carries the digest (rendering.static), so what is under it never changes.
    kept = "public, max-age=31536000, immutable" if request.query_string else "no-cache"
    headers = {"ETag": tag, "Cache-Control": kept}
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    answer = web.Response(body=data, content_type=_KINDS[path.suffix], headers=headers)
    answer.enable_compression()
    return answer


async def favicon(request: web.Request) -> web.StreamResponse:
    raise web.HTTPMovedPermanently("/static/logo.svg")


async def manifest(request: web.Request) -> web.StreamResponse:
    icons = [{"src": static("logo.svg"), "sizes": "any", "type": "image/svg+xml"}]
    content = {
        "name": "coopnode",
        "short_name": "coopnode",
        "start_url": "/now",
        "display": "standalone",
        "icons": icons,
    }
    return web.Response(text=json.dumps(content), content_type="application/manifest+json")


async def robots(request: web.Request) -> web.StreamResponse:
    lines = ("User-agent: *", *(f"Disallow: {path}" for path in _PRIVATE))
    return web.Response(text="".join(f"{line}\n" for line in lines))
