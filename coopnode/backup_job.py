"""Backups by the clock of a running node: made, read back and checked, old ones pruned; the result is a row
that `Node.status` shows.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from coopnode import backup_status, backups

if TYPE_CHECKING:
    from coopnode.app import Leader

log = structlog.get_logger()

HOUR: Final = 3600
_DAY: Final = 86_400
#: How long a copy of the vault's keys may live (P21).
KEYS_LIVE: Final = 35 * 86_400


class BackupJob:
    """Looks every few minutes whether one is due: the node may have slept through the moment."""

    def __init__(self, node: Leader) -> None:
        self._node = node

    async def work(self) -> None:
        wanted = self._node.config.backup
        if wanted is None:
            return
        now = int(time.time())
        last = await self._node.database.read(backup_status.read)
        if last is not None and last["at"] <= now < last["at"] + wanted.every * HOUR:
            return
        found = await asyncio.to_thread(self._make, now)
        await self._node.database.write(lambda connection: backup_status.write(connection, found))
        if "problem" in found:
            log.error("no backup was made", **found)
        else:
            log.info("backup made and checked", **found)

    def _make(self, now: int) -> dict[str, Any]:
        wanted = self._node.config.backup
        assert wanted is not None
        started = time.perf_counter()
        try:
            secret = backups.Secret(key_file=wanted.key_file.read_bytes())
            made = backups.make(self._node.config.data, wanted.folder, secret, keys_folder=wanted.keys_folder)
            pruned = prune(wanted.folder, wanted.keys_folder or wanted.folder, wanted.keep, now)
        except (backups.BackupError, OSError) as error:
            return {"at": now, "problem": str(error)}
        seconds = round(time.perf_counter() - started, 1)
        size = made.backup.stat().st_size
        return {
            "at": now,
            "file": str(made.backup),
            "entries": made.entries,
            "bytes": size,
            "seconds": seconds,
            "pruned": pruned,
        }


def prune(folder: Path, keys_folder: Path, keep: int, now: int) -> int:
    """Leaves the newest `keep` backups that the clock has made, and no copy of keys older than 35 days;
    returns how many files went."""
    old = sorted(folder.glob("coopnode-*.backup"))[:-keep]
    gone = [*old, *(keys_folder / path.with_suffix(".keys").name for path in old)]
    gone += [path for path in keys_folder.glob("*.keys") if path.stat().st_mtime < now - KEYS_LIVE]
    for place in (folder, keys_folder):  # of attempts that were killed
        gone += [path for path in place.glob("coopnode-*.new") if path.stat().st_mtime < now - _DAY]
    done = 0
    for path in dict.fromkeys(gone):
        if path.exists():
            path.unlink()
            done += 1
    return done
