"""From committed to published: head, files, signature, in this order (P15)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import structlog

from coopnode import faults
from coopnode.clock import Clock, ClockDoubtful
from coopnode.store.heads import HeadConflict, Heads, StoredHead
from coopnode.store.log_store import LogStore
from coopnode.store.tree_store import TreeStore
from coopnode.store.troubles import in_words
from coopnode.tiles_writer import LogFiles
from protocol import checkpoints
from protocol.checkpoints import Checkpoint
from protocol.identifiers import origin
from protocol.log import Head

log = structlog.get_logger()

_ALIVE_EVERY = 60


class Publishing(Protocol):
    """How far the log is published, as pages see it."""

    @property
    def published(self) -> int: ...

    @property
    def problem(self) -> str | None: ...


class Publisher:
    """Signs the head of what the engine has committed, every `seconds` if it grew.

    `published` is the size of the signed checkpoint, `tiles` up to where the files have been made.
    """

    def __init__(
        self,
        store: LogStore,
        files: LogFiles,
        heads: Heads,
        log_key: bytes,
        clock: Clock,
        *,
        seconds: float,
        published: int,
        tiles: int,
    ) -> None:
        self._store, self._files, self._heads, self._key = store, files, heads, log_key
        self._clock = clock
        self._tree = TreeStore(store.database.raw_reader)
        self._seconds = seconds
        self.published, self._tiles = published, tiles
        self._problem: str | None = None
        self._trouble: Callable[[], str | None] = lambda: None
        self._thread = ThreadPoolExecutor(1, "coopnode-publish")
        self._task: asyncio.Task[None] | None = None
        self._grown = asyncio.Condition()

    @property
    def problem(self) -> str | None:
        """What went wrong the last time here or where the log is written; None when all is well."""
        return self._problem or self._trouble()

    def start(
        self,
        head: Callable[[], Head],
        stop_writing: Callable[[str], None],
        trouble: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._trouble = trouble
        self._task = asyncio.create_task(self._run(head, stop_writing), name="publisher")

    async def stop(self, head: Head | None = None) -> None:
        """With `head`, publishes it before leaving."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if head is not None and head.size > self.published:
            await asyncio.get_running_loop().run_in_executor(self._thread, self.publish, head)
        self._thread.shutdown(wait=True)

    async def wait_for(self, size: int, seconds: float = 10.0) -> bool:
        """Until the checkpoint covers `size` entries."""
        try:
            async with asyncio.timeout(seconds), self._grown:
                await self._grown.wait_for(lambda: self.published >= size)
        except TimeoutError:
            return False
        return True

    async def _run(self, head: Callable[[], Head], stop_writing: Callable[[str], None]) -> None:
        loop, alive = asyncio.get_running_loop(), 0.0
        while True:
            started = loop.time()
            now = head()
            try:
                if now.size > self.published:
                    await loop.run_in_executor(self._thread, self.publish, now)
                    async with self._grown:
                        self._grown.notify_all()
                await loop.run_in_executor(self._thread, self._store.database.checkpoint)
                if started - alive >= _ALIVE_EVERY:
                    alive = started
                    await loop.run_in_executor(self._thread, self.remember_time)
                self._problem = None
            except HeadConflict as error:
                self._problem = (
                    f"{error}: another copy of this node is running, or the head database was changed"
                )
                stop_writing(self._problem)
                return
            except Exception as error:
                # Nothing was signed; the files are made again the next time.
                self._problem = f"the log could not be published: {in_words(error)}"
                log.exception("publishing failed", size=now.size)
            await asyncio.sleep(max(0.05, self._seconds - (loop.time() - started)))

    def remember_time(self) -> None:
        """That this node is running now. A moment in doubt is left out: the next start would believe it
        (P16)."""
        with contextlib.suppress(ClockDoubtful):
            self._heads.set_alive(self._clock.now())

    def publish(self, head: Head) -> None:
        """In the publisher's thread. Raises HeadConflict and OSError; then nothing was signed."""
        assert head.cooperative is not None
        name, root = origin(head.cooperative, head.generation), head.tree.root()
        if self._tree.root_at(head.size) != root:
            raise HeadConflict(f"the tree in the database differs from the one in memory at size {head.size}")
        before = self._heads.get(name)
        after = StoredHead(head.size, root)
        if before is None or before.size < after.size:
            self._heads.swap(name, before, after)
            self._store.signed = after.size
        elif before != after:
            raise HeadConflict(f"the head database knows {before.size} entries, this log has {head.size}")
        self._files.write(self._tiles, head.size, self._tree.read_tile, self._store.raw)
        note = checkpoints.sign_checkpoint(Checkpoint(name, head.size, root), self._key)
        faults.point("checkpoint.signed")
        self._files.write_checkpoint(note)
        old, self._tiles, self.published = self._tiles, head.size, head.size
        self._files.drop_partials(old, head.size)
