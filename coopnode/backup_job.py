"""Backups by the clock of a running node, whole ones and increments between them: made, read back and
checked, old ones pruned. The operator's page shows the last one, and why one failed (`condition`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from coopnode import backups, increments
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
_INCREMENTS: Final = f"coopnode-*+*{increments.SUFFIX}"
#: Increments of one backup that stay: the last holds all that is in those before it.
_KEPT_INCREMENTS: Final = 2


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
    whole = sorted(wanted.folder.glob(_BACKUPS))
    recent = _is_recent(whole, wanted.every, now)
    if recent:
        parts = [*whole, *wanted.folder.glob(_INCREMENTS)]
        if wanted.increments is None or _is_recent(parts, wanted.increments, now):
            return None
    secret = backups.Secret(key_file=wanted.key_file.read_bytes())
    made = _increment(data, whole[-1], secret, wanted) if recent else None
    if made is None:
        made = backups.make(data, wanted.folder, secret, keys_folder=wanted.keys_folder)
    prune(wanted.folder, wanted.keys_folder or wanted.folder, wanted.keep, now)
    return made


def _is_recent(found: Iterable[Path], hours: float, now: int) -> bool:
    return any(-HOUR < now - path.stat().st_mtime < hours * HOUR for path in found)


def _increment(data: Path, base: Path, secret: backups.Secret, wanted: Backup) -> backups.Made | None:
    """None when the last whole backup is no base: it was made under another key file, or the log was
    continued since. Raises BackupError."""
    try:
        return increments.make(data, base, secret, keys_folder=wanted.keys_folder)
    except increments.NotBase as reason:
        log.info("a whole backup is made instead of an increment", reason=str(reason))
        return None


def prune(folder: Path, keys_folder: Path, keep: int, now: int) -> None:
    """Leaves the newest `keep` backups that the clock has made with their last increments, and no copy of
    keys older than 35 days."""
    whole = sorted(folder.glob(_BACKUPS))
    old, kept = whole[:-keep], whole[-keep:]
    last = {path for base in kept for path in increments.increments_of(base)[-_KEPT_INCREMENTS:]}
    old += [path for path in folder.glob(_INCREMENTS) if path not in last]
    gone = [*old, *(keys_folder / path.with_suffix(".keys").name for path in old)]
    gone += [path for path in keys_folder.glob("*.keys") if path.stat().st_mtime < now - KEYS_LIVE]
    for place in (folder, keys_folder):  # of attempts that were killed
        gone += [path for path in place.glob("coopnode-*.new") if path.stat().st_mtime < now - _DAY]
    for path in gone:
        path.unlink(missing_ok=True)
