"""A node in a process of its own, for tests that kill it: `python -m tests.node.server DATA PORT`. Prints
one line when it listens."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from coopnode import logs, testing
from coopnode.app import Node
from web.app import create_app
from web.server import create_runner


async def main(data: Path, port: int) -> None:
    node = Node.open(
        testing.config(data, port=port, checkpoint_seconds=float(os.environ.get("CHECKPOINT_SECONDS", "0.1")))
    )
    await node.start()
    runner = create_runner(create_app(node))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    assert site._server is not None
    print("listening", site._server.sockets[0].getsockname()[1], flush=True)  # type: ignore[attr-defined]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await runner.cleanup()
    await node.stop()


if __name__ == "__main__":
    logs.configure("warning", json=True)
    uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2])))
