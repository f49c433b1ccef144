"""Backups by the clock of a running node: made, read back and checked, old ones pruned. The operator's page
shows the last one, and why one failed (`condition`).
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from coopnode import backups
from coopnode.config import Backup

if TYPE_CHECKING:
    from coopnode.app import Leader

log = structlog.get_logger()

HOUR: Final = 3600
_DAY: Final = 86_400
#: How long a copy of the vault's keys may live (P21).
KEYS_LIVE: Final = 35 * _DAY
#: Names that a backup gets in a folder; others were made by hand and stay.
_BACKUPS: Final = "coopnode-*.backup"


class BackupJob:
    """Looks every few minutes whether one is due: the node may have slept through the moment. After a failure
    it waits an hour: copying a large log again and again would be felt.
    """

    def __init__(self, node: Leader) -> None:
        self._node = node
        self._failed_at: int | None = None

    async def work(self) -> None:
        wanted, watch, now = self._node.config.backup, self._node.watch, int(time.time())
        if wanted is None:
            watch.backup_problem = self._failed_at = None
            return
        if self._failed_at is not None and self._failed_at <= now < self._failed_at + HOUR:
            return
        try:
            made = await asyncio.to_thread(_make, self._node.config.data, wanted, now)
        except (backups.BackupError, OSError) as error:
            watch.backup_problem, self._failed_at = str(error), now
            log.error("no backup was made", problem=str(error))
        else:
            watch.backup_problem = self._failed_at = None
            if made is not None:
                log.info("backup made and checked", file=str(made.backup), entries=made.entries)


def _make(data: Path, wanted: Backup, now: int) -> backups.Made | None:
    """None when none is due. Raises BackupError and OSError."""
    ages = [now - path.stat().st_mtime for path in wanted.folder.glob(_BACKUPS)]
    if any(-HOUR < age < wanted.every * HOUR for age in ages):
        return None
    secret = backups.Secret(key_file=wanted.key_file.read_bytes())
    made = backups.make(data, wanted.folder, secret, keys_folder=wanted.keys_folder)
    prune(wanted.folder, wanted.keys_folder or wanted.folder, wanted.keep, now)
    return made


def prune(folder: Path, keys_folder: Path, keep: int, now: int) -> None:
    """Leaves the newest `keep` backups that the clock has made, and no copy of keys older than 35 days."""
    old = sorted(folder.glob(_BACKUPS))[:-keep]
    gone = [*old, *(keys_folder / path.with_suffix(".keys").name for path in old)]
    gone += [path for path in keys_folder.glob("*.keys") if path.stat().st_mtime < now - KEYS_LIVE]
    for place in (folder, keys_folder):  # of attempts that were killed
        gone += [path for path in place.glob("coopnode-*.new") if path.stat().st_mtime < now - _DAY]
    for path in gone:
        path.unlink(missing_ok=True)
