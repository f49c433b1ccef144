"""The log's rows: entries, tree and state in one transaction (P15). The one hot path that goes past
SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from coopnode import faults
from coopnode.store import state_store
from coopnode.store.database import Database, driver
from coopnode.store.driver import Driver, pipelined
from coopnode.store.rows import insert_rows
from coopnode.store.sql import Connection
from coopnode.store.tree_store import TreeStore
from protocol.contract import Record
from protocol.log import Accepted, Head, Nonces

_ENTRY = "INSERT INTO entries (idx, digest, entry_digest, type, iss, sub, tick, iat, exp, cti, raw)"
_BOX = "INSERT INTO private_records (digest, idx, type, box)"
_BLOB = "INSERT INTO blobs (digest, media_type, size, added_at, bytes)"
_UNLESS_THERE = "ON CONFLICT DO NOTHING"
_META = "INSERT INTO meta (name, value)"
_OVER = "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_SIGNED = "signed"
#: A statement is accepted while tick ≤ exp ≤ iat + 24 h and iat ≤ tick + 300: older entries cannot hold a
#: live nonce (P1, P2).
_NONCE_REACH = 86_400 + 300


@dataclass(frozen=True, slots=True)
class StoredEntry:
    index: int
    digest: bytes
    tick: int


@dataclass(frozen=True, slots=True)
class Box:
    """An encrypted private record on its way into the database."""

    digest: bytes
    index: int
    type: str
    box: bytes


@dataclass(frozen=True, slots=True)
class Blob:
    """A public text, named by its SHA-256."""

    digest: bytes
    media_type: str
    data: bytes


class LogConflict(Exception):
    """The table does not end where the writer believes: somebody else has written."""


class LogStore:
    """Reads use the calling thread's read-only connection."""

    def __init__(self, database: Database) -> None:
        self.database = database
        #: how far this node has signed, as its publisher last said
        self.signed = 0
        self._noted = 0

    def size(self) -> int:
        return _size(self.database.raw_reader())

    def settled_size(self) -> int:
        """After a commit that failed: the size once nothing of it can follow any more. Raises Superseded or a
        storage error."""
        self.database.settle()
        return self.size()

    def find(self, digest: bytes, entry_digest: bytes) -> StoredEntry | None:
        """The exact bytes: by document digest, told from other signatures of the document by entry digest."""
        query = "SELECT idx, digest, tick FROM entries WHERE digest = ? AND entry_digest = ?"
        row = self.database.raw_reader().execute(query, (digest, entry_digest)).fetchone()
        return StoredEntry(*row) if row else None

    def find_document(self, digest: bytes) -> tuple[int, bytes] | None:
        """(index, bytes) of the first statement with this document digest."""
        query = "SELECT idx, raw FROM entries WHERE digest = ? ORDER BY idx LIMIT 1"
        row = self.database.raw_reader().execute(query, (digest,)).fetchone()
        return (row[0], row[1]) if row else None

    def raw(self, start: int, stop: int) -> list[bytes]:
        """The bytes of entries start ≤ index < stop. Raises LogConflict when one is missing."""
        query = "SELECT raw FROM entries WHERE idx >= ? AND idx < ? ORDER BY idx"
        found = [row[0] for row in self.database.raw_reader().execute(query, (start, stop))]
        if len(found) != stop - start:
            raise LogConflict(f"entries {start} to {stop - 1}: only {len(found)} are there")
        return found

    def find_blob(self, digest: bytes) -> tuple[str, bytes] | None:
        """(media type, bytes)."""
        query = "SELECT media_type, bytes FROM blobs WHERE digest = ?"
        row = self.database.raw_reader().execute(query, (digest,)).fetchone()
        return (row[0], row[1]) if row else None

    def signed_at_least(self) -> int:
        """A size that some head database of this log has known: who knows less has missed something."""
        row = (
            self.database.raw_reader().execute("SELECT value FROM meta WHERE name = ?", (_SIGNED,)).fetchone()
        )
        return int(row[0]) if row else 0

    def is_ticket_used(self, digest: bytes) -> bool:
        query = "SELECT used_at FROM tickets WHERE digest = ?"
        row = self.database.raw_reader().execute(query, (digest,)).fetchone()
        return row is not None and row[0] is not None

    def tick_at(self, index: int) -> int:
        row = (
            self.database.raw_reader().execute("SELECT tick FROM entries WHERE idx = ?", (index,)).fetchone()
        )
        if row is None:
            raise LogConflict(f"entry {index} is missing")
        return int(row[0])

    def head(self, cooperative: str | None, generation: int, tree: TreeStore) -> Head:
        """Where the log stands according to this database."""
        size = self.size()
        tick = self.tick_at(size - 1) if size else 0
        return Head(cooperative, generation, size, tick, tree.edge(size))

    def nonces(self, head: Head) -> Nonces:
        """Those that a new statement could still collide with."""
        low, high = 0, head.size
        while low < high:  # ticks grow with the index
            middle = (low + high) // 2
            low, high = (
                (middle + 1, high) if self.tick_at(middle) < head.tick - _NONCE_REACH else (low, middle)
            )
        found = Nonces()
        query = (
            "SELECT iss, cti, exp FROM entries WHERE idx >= ? AND exp >= ?"
            " AND (type NOT LIKE 'account.%' OR type = 'account.copy/1')"
        )
        for iss, cti, exp in self.database.raw_reader().execute(query, (low, head.tick)):
            found.add(iss, cti, exp)
        return found

    def append(
        self,
        old_size: int,
        accepted: Sequence[Accepted],
        leaf_hashes: Sequence[bytes],
        writes: Mapping[tuple[str, str], Record | None],
        *,
        boxes: Iterable[Box] = (),
        blobs: Iterable[Blob] = (),
        also: Callable[[Connection], None] | None = None,
    ) -> None:
        """One durable transaction. Raises LogConflict, or whatever the driver raises: then nothing of it is
        to be believed."""
        tree = TreeStore(self.database.raw_reader)
        with self.database.transaction() as connection:
            raw = driver(connection)
            faults.point("store.begin")
            signed = self.signed
            with pipelined(raw):
                self.database.fence(raw)
                if _size(raw) != old_size:
                    raise LogConflict(f"the log has {_size(raw)} entries, the writer knows {old_size}")
                insert_rows(raw, _ENTRY, [_row(entry) for entry in accepted])
                tree.write(raw, old_size, leaf_hashes)
                state_store.write(raw, writes)
                insert_rows(raw, _BOX, [(box.digest, box.index, box.type, box.box) for box in boxes])
                now = accepted[-1].tick
                texts = [(blob.digest, blob.media_type, len(blob.data), now, blob.data) for blob in blobs]
                insert_rows(raw, _BLOB, texts, _UNLESS_THERE)
                if signed != self._noted:
                    insert_rows(raw, _META, [(_SIGNED, str(signed))], _OVER)
            if also is not None:
                also(connection)
            faults.point("store.before_commit")
        self._noted = signed
        faults.point("store.after_commit")


def _size(connection: Driver) -> int:
    row = connection.execute("SELECT max(idx) FROM entries").fetchone()
    return 0 if row[0] is None else int(row[0]) + 1


def _row(entry: Accepted) -> tuple[object, ...]:
    found = entry.statement
    return (
        entry.index,
        found.digest,
        found.entry_digest,
        found.type,
        found.iss,
        found.sub,
        entry.tick,
        found.iat,
        found.exp,
        found.cti,
        found.raw,
    )
