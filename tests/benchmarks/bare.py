"""The bare pipeline, the limit of accepting over HTTP: aiohttp, signature check, a row, durable group commit.

It does with the bytes what any durable server of signed statements has to do, and nothing of what ours is
for: no parsing, no contract, no tree, no state, no signed answer. `python -m tests.benchmarks.bare FOLDER`
prints its port.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvloop
from aiohttp import web
from nacl.bindings import crypto_sign_open

from coopnode.store.rows import insert_rows
from protocol import documents

_KID = len(documents.message_header(documents.STATEMENT, bytes(32))) - 32


class Bare:
    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "bare.db", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("PRAGMA wal_autocheckpoint = 16000")
        self._database.execute("CREATE TABLE entries (idx INTEGER PRIMARY KEY, digest BLOB UNIQUE, raw BLOB)")
        self._waiting: list[tuple[bytes, bytes, asyncio.Future[int]]] = []
        self._wake = asyncio.Event()
        self._size = 0
        self._writer = ThreadPoolExecutor(1)

    async def post(self, request: web.Request) -> web.Response:
        raw = await request.read()
        protected, payload, signature = documents.split(raw)
        crypto_sign_open(signature + documents.sig_structure(protected, payload), protected[_KID : _KID + 32])
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((hashlib.sha256(raw).digest(), raw, future))
        self._wake.set()
        return web.Response(body=b'{"index":%d}' % await future, content_type="application/json")

    async def write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:256], self._waiting[256:]
                rows = [(self._size + place, digest, raw) for place, (digest, raw, _) in enumerate(batch)]
                await loop.run_in_executor(self._writer, self._commit, rows)
                for place, (_, _, future) in enumerate(batch):
                    future.set_result(self._size + place)
                self._size += len(batch)

    def _commit(self, rows: list[tuple[int, bytes, bytes]]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        insert_rows(self._database, "INSERT INTO entries (idx, digest, raw)", rows)
        self._database.execute("COMMIT")


async def main(folder: Path) -> None:
    bare = Bare(folder)
    app = web.Application()
    app.router.add_post("/entries", bare.post)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    print(site._server.sockets[0].getsockname()[1], flush=True)  # type: ignore[attr-defined]
    writer = asyncio.create_task(bare.write())
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    writer.cancel()
    await runner.cleanup()


if __name__ == "__main__":
    sys.setswitchinterval(0.0005)  # as our node: with the usual 5 ms the writer would wait for the loop
    uvloop.run(main(Path(sys.argv[1])))
