"""Everything the main database holds, read at one moment for `coopnode verify` and `coopnode export`.
Writes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from coopnode.store import schema, state_store
from coopnode.store.backend import StoreError
from coopnode.store.database import analyze, driver
from coopnode.store.driver import Driver, stream
from coopnode.store.migrating import without_index
from coopnode.store.rows import add_rows
from coopnode.store.sql import Connection
from coopnode.store.sqlite import FILE
from coopnode.store.state_store import SnapshotState
from coopnode.store.tree_store import TreeStore


class EntryRow(NamedTuple):
    idx: int
    digest: bytes
    entry_digest: bytes
    type: str
    iss: str
    sub: str
    tick: int
    iat: int
    exp: int
    cti: bytes
    raw: bytes


class StateRow(NamedTuple):
    domain: str
    key: str
    value: bytes


class RecordRow(NamedTuple):
    digest: bytes
    idx: int
    type: str
    box: bytes


class BlobRow(NamedTuple):
    digest: bytes
    media_type: str
    bytes: bytes


class Snapshot:
    """One read transaction: a running node does not disturb it, nor it the node."""

    def __init__(self, connection: Driver) -> None:
        self._connection = connection

    def size(self) -> int:
        """One more than the largest index."""
        row = self._connection.execute("SELECT max(idx) FROM entries").fetchone()
        return 0 if row[0] is None else int(row[0]) + 1

    def first(self) -> bytes:
        """Bytes of the first entry of a log that has one."""
        row = self._connection.execute("SELECT raw FROM entries WHERE idx = 0").fetchone()
        return bytes(row[0])

    def tick(self) -> int:
        """Of the last entry of a log that has one."""
        row = self._connection.execute("SELECT tick FROM entries ORDER BY idx DESC LIMIT 1").fetchone()
        return int(row[0])

    def tree(self) -> TreeStore:
        return TreeStore(lambda: self._connection)

    def standing(self) -> SnapshotState:
        """The state for those who look up single records."""
        return SnapshotState(lambda: self._connection)

    def entries(self, start: int = 0) -> Iterator[EntryRow]:
        query = (
            "SELECT idx, digest, entry_digest, type, iss, sub, tick, iat, exp, cti, raw FROM entries"
            " WHERE idx >= ? ORDER BY idx"
        )
        for row in stream(self._connection, query, (start,)):
            yield EntryRow(*row)

    def tile(self, level: int, number: int) -> bytes:
        """Hashes of the tree as the database keeps them; empty when there is no such row."""
        query = "SELECT hashes FROM tree WHERE level = ? AND number = ?"
        row = self._connection.execute(query, (level, number)).fetchone()
        return bytes(row[0]) if row else b""

    def state(self) -> Iterator[StateRow]:
        """Ascending by (domain, key) as text, the order of the state digest."""
        query = "SELECT domain, key, value FROM state ORDER BY domain, key"
        for row in stream(self._connection, query):
            yield StateRow(*row)

    def records(self) -> Iterator[RecordRow]:
        query = "SELECT digest, idx, type, box FROM private_records ORDER BY idx"
        for row in stream(self._connection, query):
            yield RecordRow(*row)

    def blobs(self) -> Iterator[BlobRow]:
        query = "SELECT digest, media_type, bytes FROM blobs ORDER BY digest"
        for row in stream(self._connection, query):
            yield BlobRow(*row)

    def meta(self, name: str) -> str | None:
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def part(
        self, table: str, columns: Sequence[str], where: str, parameters: Sequence[Any]
    ) -> Iterator[tuple[Any, ...]]:
        """Some rows of a table, in no order."""
        names = ", ".join(f'"{name}"' for name in columns)
        yield from stream(self._connection, f'SELECT {names} FROM "{table}" WHERE {where}', parameters)

    def records_of(self, start: int) -> Iterator[RecordRow]:
        """Those that came with the entries from `start` on, found by these: no index leads to them."""
        query = (
            "SELECT found.digest, found.idx, found.type, found.box"
            " FROM entries CROSS JOIN private_records found"
            " WHERE entries.idx >= ? AND found.digest = entries.digest AND found.idx = entries.idx"
        )
        for row in stream(self._connection, query, (start,)):
            yield RecordRow(*row)

    def tables(self) -> list[str]:
        query = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            if isinstance(self._connection, sqlite3.Connection)
            else "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
        )
        return [str(row[0]) for row in self._connection.execute(query)]

    def columns(self, table: str) -> list[str]:
        query = (
            "SELECT name FROM pragma_table_info(?) ORDER BY cid"
            if isinstance(self._connection, sqlite3.Connection)
            else "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position"
        )
        return [str(row[0]) for row in self._connection.execute(query, (table,))]

    def table(
        self, table: str, columns: Sequence[str], order: Sequence[str] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """All of a table, ascending by `order`; nothing comes before everything else."""
        names = ", ".join(f'"{name}"' for name in columns)
        by = ", ".join(f'"{name}" NULLS FIRST' for name in order)
        sql = f'SELECT {names} FROM "{table}"' + (f" ORDER BY {by}" if by else "")
        yield from stream(self._connection, sql)

    def rows(self, table: str) -> Iterator[tuple[object, ...]]:
        """All of a table, ascending by all columns."""
        columns = self.columns(table)
        yield from self.table(table, columns, columns)

    def state_digest(self) -> bytes:
        return state_store.digest(self._connection)

    def count(self, table: str) -> int:
        return int(self._connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])

    def integrity(self) -> str | None:
        """What SQLite itself finds wrong with the file, or None; PostgreSQL's server checks its own."""
        if not isinstance(self._connection, sqlite3.Connection):
            return None
        rows = [str(row[0]) for row in self._connection.execute("PRAGMA quick_check(1)")]
        return None if rows == ["ok"] else rows[0]


@contextmanager
def snapshot(folder: Path, url: str | None = None) -> Iterator[Snapshot]:
    """Of the node in `folder`; `url` where its database is PostgreSQL. Raises StoreError when there is no
    database of ours."""
    if url is not None:
        from coopnode.store import postgresql

        with postgresql.moment(url) as found:
            yield Snapshot(found)
        return
    path = folder / FILE
    if not path.is_file():
        raise StoreError(f"{folder} holds no {FILE}")
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be opened: {error}") from error
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM meta").fetchone()
        yield Snapshot(connection)
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    finally:
        connection.close()


def copy(source: Path, target: Path) -> None:
    """A consistent copy of one SQLite file while others write to it, without the blind index. Raises
    StoreError."""
    try:
        with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as origin, sqlite3.connect(target) as made:
            origin.backup(made, pages=2048)
        origin.close()
        made.close()
        fold(target)
        strip(target)
    except sqlite3.Error as error:
        raise StoreError(f"{source} cannot be copied: {error}") from error


def fold(path: Path) -> None:
    """Leaves one file, without a write-ahead log beside it."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


def strip(path: Path) -> None:
    """Takes the blind index out of a file that is only kept (ADR 11)."""
    connection = sqlite3.connect(path)
    without_index(connection)
    connection.close()


def replace_state(connection: Connection, items: Sequence[tuple[str, str, bytes]]) -> None:
    """The whole state table anew, within the caller's transaction."""
    raw = driver(connection)
    raw.execute("DELETE FROM state")
    add_rows(raw, schema.state.name, ("domain", "key", "value"), items)
    analyze(connection, (schema.state,))
