"""The head database: how large this node's log has ever been, kept apart from everything that is backed up
(P15).

A restored backup or a rolled-back disk brings back an old database; this file, which is not in it, then
knows more. A size is written here, by compare-and-swap and with full sync, before the checkpoint over it is
signed.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import NamedTuple

from coopnode import faults

FOLDER, FILE = "head", "head.db"


class StoredHead(NamedTuple):
    size: int
    root: bytes


class HeadConflict(Exception):
    """Somebody else has moved the head: another process, or a copy of this node."""


class HeadsMissing(Exception):
    """There is no head database where one must be."""


class Heads:
    """`data/head/head.db`. One small file, one connection, a few writes a second at most."""

    def __init__(self, data: Path, *, create: bool) -> None:
        """Raises HeadsMissing unless `create`: a log that exists must not get a new, empty memory."""
        folder = data / FOLDER
        path = folder / FILE
        if not path.exists() and not create:
            raise HeadsMissing(str(path))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.execute("PRAGMA synchronous = EXTRA")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS head"
            " (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL) WITHOUT ROWID"
        )
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS alive"
            " (one INTEGER PRIMARY KEY CHECK (one = 1), time INTEGER NOT NULL)"
        )

    @staticmethod
    def exist(data: Path) -> bool:
        return (data / FOLDER / FILE).exists()

    def get(self, origin: str) -> StoredHead | None:
        with self._lock:
            row = self._connection.execute(
                "SELECT size, root FROM head WHERE origin = ?", (origin,)
            ).fetchone()
        return StoredHead(row[0], row[1]) if row else None

    def origins(self) -> list[str]:
        with self._lock:
            return [row[0] for row in self._connection.execute("SELECT origin FROM head ORDER BY origin")]

    def swap(self, origin: str, old: StoredHead | None, new: StoredHead) -> None:
        """Raises HeadConflict when the stored head is not `old`."""
        faults.point("heads.before_swap")
        with self._lock:
            if old is None:
                done = self._connection.execute(
                    "INSERT INTO head (origin, size, root)"
                    " SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM head WHERE origin = ?)",
                    (origin, new.size, new.root, origin),
                )
            else:
                # The old value stands in the condition: two writers cannot both believe they moved it.
                done = self._connection.execute(
                    "UPDATE head SET size = ?, root = ? WHERE origin = ? AND size = ? AND root = ?",
                    (new.size, new.root, origin, old.size, old.root),
                )
        if done.rowcount != 1:
            raise HeadConflict(f"the head of {origin} is not {old}")
        faults.point("heads.after_swap")

    def alive_at(self) -> int:
        """The last moment this node recorded that it was running; 0 when never (P16)."""
        with self._lock:
            row = self._connection.execute("SELECT time FROM alive").fetchone()
        return int(row[0]) if row else 0

    def set_alive(self, time: int) -> None:
        with self._lock:
            self._connection.execute("INSERT OR REPLACE INTO alive (one, time) VALUES (1, ?)", (time,))

    def close(self) -> None:
        self._connection.close()
