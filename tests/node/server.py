"""A node in a process of its own, for tests that kill it.

`live` is forked off a process that has imported everything (`multiprocessing`'s fork server), so that a life
costs no start of an interpreter.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop
from aiohttp import web

from coopnode import faults, logs, testing
from coopnode.app import Node
from web.app import create_app
from web.server import create_runner


def live(data: Path, fault: str | None, told: Connection) -> None:
    """Until SIGTERM, SIGKILL or the fault. Tells its port when it listens."""
    logs.configure("warning", json=True)
    if fault is not None:
        faults.arm(fault)
    uvloop.run(_live(data, told.send))


async def _live(data: Path, tell: Callable[[int], None]) -> None:
    seconds = float(os.environ.get("CHECKPOINT_SECONDS", "0.1"))
    node = Node.open(testing.config(data, checkpoint_seconds=seconds))
    await node.start()
    runner = create_runner(create_app(node))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    tell(site._server.sockets[0].getsockname()[1])  # type: ignore[attr-defined]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await runner.cleanup()
    await node.stop()
