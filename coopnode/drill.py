"""`coopnode drill`: would we get everything back? The newest backup with its newest increment restored beside
the node, rolled forward, checked and opened, with times and sizes; afterwards nothing of it is left.

The copy never writes: it is opened, not started, so that it signs nothing.
"""

from __future__ import annotations

import asyncio
import importlib
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from coopnode import backups, increments
from coopnode.app import Node
from coopnode.audit import audit
from coopnode.audit.sources import Directory, Missing, Source, SourceError, read_checkpoint
from coopnode.backups import BackupError, Secret
from coopnode.config import Config
from coopnode.inspection import inspect
from coopnode.projections import Projection
from coopnode.store import fsck
from coopnode.store.database import StoreError
from coopnode.store.heads import FILE as HEAD
from coopnode.store.heads import FOLDER as HEADS
from protocol.contract import View
from protocol.contracts import vault

_PROGRAM: Final = ("web.app", "web.server")
#: Pages asked for, each of which reads another part of the copy.
_PAGES: Final = ("/", "/checkpoint", "/cooperatives")


@dataclass(slots=True)
class Drilled:
    """`problem` is the first thing that went wrong, in words; figures of steps not reached are None."""

    backup: Path
    #: the newest increment of it
    increment: Path | None
    #: seconds since the last of them was made; bytes of both
    age: int
    bytes: int
    backed_up: int | None = None
    #: entries after the increment, and after rolling forward
    incremented: int | None = None
    entries: int | None = None
    source: str | None = None
    state_digest: str | None = None
    erased: int | None = None
    records_missing: int | None = None
    texts_missing: int | None = None
    pages: dict[str, int] = field(default_factory=dict)
    #: seconds of each step
    seconds: dict[str, float] = field(default_factory=dict)
    problem: str | None = None

    @property
    def ok(self) -> bool:
        return self.problem is None


def drill(
    config: Config,
    place: Path,
    secret: Secret,
    scratch: Path,
    *,
    keys: Path | None = None,
    sources: Sequence[Source] = (),
    projections: Sequence[Projection] = (),
) -> Drilled:
    """`scratch` is a folder on a disk with room; it is left as it was. Raises BackupError when there is
    nothing to drill with."""
    backup = increments.newest_base(place)
    increment = next(reversed(increments.increments_of(backup)), None)
    files = [path.stat() for path in (backup, increment) if path is not None]
    age, size = time.time() - max(each.st_mtime for each in files), sum(each.st_size for each in files)
    found = Drilled(backup, increment, int(age), size)
    folder = scratch / f"coopnode-drill-{time.time_ns()}"
    folder.mkdir(mode=0o700, parents=True)
    try:
        _run(
            found, config, folder / "data", keys or backup.with_suffix(".keys"), secret, sources, projections
        )
    except (BackupError, StoreError, SourceError) as error:
        found.problem = str(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _run(
    found: Drilled,
    config: Config,
    data: Path,
    keys: Path,
    secret: Secret,
    sources: Sequence[Source],
    projections: Sequence[Projection],
) -> None:
    survived = Directory(config.data)
    head = config.data / HEADS / HEAD
    with _timed(found, "restore"):
        done = backups.restore(
            found.backup,
            keys,
            data,
            secret,
            increment=found.increment,
            # A running node moves its head between the two: the copy of the head is taken first, so the tiles
            # lead at least as far.
            head=_copied(head, data) if head.exists() else None,
            nothing_newer=not head.exists(),
            sources=[source for source in (survived, *sources) if _readable(source)],
            projections=projections,
        )
    found.backed_up, found.entries = done.backed_up, done.entries
    found.records_missing = found.texts_missing = 0
    if done.rolled is not None:
        found.source, found.incremented = done.rolled.source, done.rolled.increment
        found.records_missing = len(done.rolled.records_missing)
        found.texts_missing = len(done.rolled.texts_missing)
    if done.missing is not None:
        found.problem = f"entries {done.missing[0]} to {done.missing[1]} were signed and are nowhere"
        return
    with _timed(found, "verify"):
        # What was restored stands on a file, whichever database settings and environment name.
        report = inspect(data, None, projections=projections)
    if report.problem is not None:
        found.problem = report.problem.sentence("en")
        return
    found.state_digest = report.state_digest.hex() if report.state_digest else None
    with _timed(found, "audit"):
        checked = audit(Directory(data), expect=report.cooperative) if _readable(Directory(data)) else None
    if checked is not None and checked.problem is not None:
        found.problem = checked.problem.sentence("en")
        return
    with _timed(found, "pages"):
        found.pages, found.erased, doubt = asyncio.run(_open(config, data, projections))
    wrong = [path for path, status in found.pages.items() if status != 200]
    found.problem = doubt or (f"{wrong[0]} did not open" if wrong else None)


def _copied(head: Path, data: Path) -> Path:
    target = data.with_name(HEAD)
    fsck.copy(head, target)
    return target


def _readable(source: Source) -> bool:
    try:
        read_checkpoint(source)
    except Missing:
        return False
    return True


async def _open(
    config: Config, data: Path, projections: Sequence[Projection]
) -> tuple[dict[str, int], int, str | None]:
    """(status by page, records erased for good, what keeps the node from starting)."""
    import aiohttp
    from aiohttp import web

    # The database of the node itself is not touched.
    own = {"data": data, "database_url": None, "backup": None, "mail_dir": None}
    node = Node.open(config.model_copy(update=own), projections=projections)
    pages, server = map(importlib.import_module, _PROGRAM)
    runner = server.create_runner(pages.create_app(node))
    try:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found: dict[str, int] = {}
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as browser:
            for path in _PAGES:
                async with browser.get(path) as answer:
                    await answer.read()
                    found[path] = answer.status
        erased = await node.in_thread(lambda: vault.tally(View(node.state, vault.DOMAIN)))
        return found, erased, node.standing.doubt
    finally:
        await runner.cleanup()
        node.close()


@contextmanager
def _timed(found: Drilled, step: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    found.seconds[step] = round(time.perf_counter() - started, 2)


def as_json(found: Drilled) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "backup": str(found.backup),
        "increment": str(found.increment) if found.increment else None,
        **{name: getattr(found, name) for name in found.__slots__ if name not in ("backup", "increment")},
    }
