"""The signing origin (P28): a port or host of its own that serves a few static files and nothing else.

No cookies, no user content, no way to post. Which files there are is fixed at start; their digests stand in
`node.assets/1`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from aiohttp import web

from coopnode.app import Node
from coopnode.config import Config
from web.rendering import BUILD, FOLDER

_FILES: Final = {
    "/build/signing.js": (BUILD / "signing.js", "text/javascript"),
    "/build/signing.css": (BUILD / "signing.css", "text/css"),
    "/build/registry.json": (BUILD / "registry.json", "application/json"),
}


def files(node: Node) -> dict[str, tuple[bytes, str]]:
    """Every address of the origin with its bytes and media type."""
    found = {address: (path.read_bytes(), kind) for address, (path, kind) in _FILES.items() if path.exists()}
    index = (FOLDER / "signing" / "index.html").read_bytes()
    found["/"] = (index, "text/html")
    found["/config.json"] = (json.dumps({"main": node.config.public_url}).encode(), "application/json")
    return found


def digests() -> dict[str, bytes]:
    """What `node.assets/1` logs (P29): the files that do not depend on the node."""
    index = FOLDER / "signing" / "index.html"
    paths = {address.lstrip("/"): path for address, (path, _) in _FILES.items()} | {"index.html": index}
    return {name: hashlib.sha256(path.read_bytes()).digest() for name, path in paths.items() if path.exists()}


def _headers(config: Config) -> dict[str, str]:
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        f"connect-src 'self' {config.public_url}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    fixed = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "geolocation=(), microphone=(), payment=()",
    }
    if config.signing_url.startswith("https:"):
        fixed["Strict-Transport-Security"] = "max-age=31536000"
    return fixed


def create_signing_app(node: Node) -> web.Application:
    """The application of the second port."""
    fixed: dict[str, str] = {}
    served: dict[str, tuple[bytes, str]] = {}
    made_for: Config | None = None

    def renew() -> None:
        """The addresses in headers and files may change until a cooperative is founded."""
        nonlocal made_for
        if made_for is not node.config:
            made_for = node.config
            fixed.clear()
            fixed.update(_headers(made_for))
            served.update(files(node))

    renew()

    async def serve(request: web.Request) -> web.StreamResponse:
        renew()
        found = served.get(request.path)
        if found is None:
            return web.Response(status=404, text="", headers=fixed)
        data, kind = found
        tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        extra = {**fixed, "ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=extra)
        charset = "utf-8" if kind.startswith("text/") else None
        return web.Response(body=data, content_type=kind, charset=charset, headers=extra)

    async def guard(request: web.Request, response: web.StreamResponse) -> None:
        """Refusals of aiohttp, such as 405 and 417, too."""
        for name, value in fixed.items():
            response.headers.setdefault(name, value)

    app = web.Application(client_max_size=1)
    app.on_response_prepare.append(guard)
    app.router.add_get("/{path:.*}", serve)
    return app
