"""A real node with both its origins, serving from a thread, for tests with browsers."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from coopnode import jobs, testing
from coopnode.app import Leader, Node
from coopnode.cli.node import all_projections
from coopnode.clock import Clock
from coopnode.scheduler import Scheduler
from protocol import registry, wording
from tests.browser.signing_kit import ROOT, build
from web import rendering, signing_origin
from web.app import create_app, create_signing_app
from web.server import create_runner


@dataclass
class Site:
    """`url` is the main origin, `signing_url` the other. `call` runs a coroutine on the node's loop."""

    node: Leader
    url: str
    signing_url: str
    loop: asyncio.AbstractEventLoop

    @property
    def founding_link(self) -> str:
        return f"{self.url}/found?token={self.node.founding_token}"

    def call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


def built(folder: Path) -> Path:
    """What the signing origin serves, made from the sources of this tree."""
    build(ROOT / "assets" / "signing" / "main.js", folder / "signing.js")
    words = wording.registry_json(registry.TYPES.values())
    (folder / "registry.json").write_text(json.dumps(words, ensure_ascii=False), "utf-8")
    return folder


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def site(data: Path, files: Path, *, clock: Clock | None = None, **more: Any) -> Iterator[Site]:
    """`data` of the node, new or existing; `files` from `built`."""
    ports = _free_port(), _free_port()
    urls = [f"http://localhost:{port}" for port in ports]
    kinds = {"signing.js": "text/javascript", "signing.css": "text/css", "registry.json": "application/json"}
    files_before = signing_origin._FILES
    signing_origin._FILES = {f"/build/{name}": (files / name, kind) for name, kind in kinds.items()}  # type: ignore[misc]
    rendering.environment.cache_clear()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def here(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    async def start() -> tuple[Leader, list[web.AppRunner], Scheduler]:
        config = testing.config(data, public_url=urls[0], signing_url=urls[1], **more)
        node = Node.open(config, clock=clock, projections=all_projections())
        await node.start()
        work = jobs.scheduler(node)
        work.start()
        runners = []
        for app, port in zip((create_app(node), create_signing_app(node)), ports, strict=True):
            runner = create_runner(app, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "localhost", port).start()
            runners.append(runner)
        return node, runners, work

    async def stop() -> None:
        for runner in runners:
            await runner.cleanup()
        await work.stop()
        await node.stop()

    node, runners, work = here(start())
    try:
        yield Site(node, urls[0], urls[1], loop)
    finally:
        here(stop())
        signing_origin._FILES = files_before  # type: ignore[misc]
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
