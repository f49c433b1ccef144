"""SQLite in WAL mode with full sync: one file in the data directory (design §10).

Two engines over it. The writer's transactions begin IMMEDIATE; pages read through read-only connections with
plain BEGIN and never wait (`stack.md` §5 has the traps this avoids).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from coopnode.store.driver import Driver
from coopnode.store.migrating import keep_copy

FILE = "coopnode.db"
_BUSY_SECONDS = 10.0
#: More costs memory: of a database of two gigabytes the system maps sixteen pages around each that is read.
_MAPPED = 268_435_456


class SQLite:
    """Satisfies `coopnode.store.backend.Backend`. That one node writes is the lock of its directory."""

    #: They compute more than they wait: more of them would only take the interpreter from each other.
    threads = 2
    one_connection = True
    keeps_writer = True

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self.name = str(self._path)
        self._writer: Engine | None = None

    def engine(self, *, read_only: bool) -> Engine:
        uri = f"file:{self._path}?mode={'ro' if read_only else 'rwc'}"

        def connect() -> sqlite3.Connection:
            # isolation_level=None: the driver must not begin transactions of its own (lost updates
            # otherwise).
            found = sqlite3.connect(
                uri,
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=_BUSY_SECONDS,
                cached_statements=256,
            )
            _pragmas(found, read_only=read_only)
            return found

        size = self.threads if read_only else 1
        engine = create_engine(
            "sqlite://",
            creator=connect,
            poolclass=QueuePool,
            pool_size=size,
            max_overflow=4 if read_only else 1,
            hide_parameters=True,  # the text of an error would carry rows
        )
        begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            # Not by way of SQLAlchemy, which takes longer than some pages' queries do.
            self.driver(connection).execute(begin)

        if not read_only:
            self._writer = engine
        return engine

    def reader(self) -> sqlite3.Connection:
        found = sqlite3.connect(
            f"file:{self._path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        _pragmas(found, read_only=True)
        return found

    def driver(self, connection: Connection) -> Driver:
        found: Any = connection.connection.driver_connection
        assert isinstance(found, sqlite3.Connection)
        return found

    def prepare(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._path.exists():
            sqlite3.connect(self._path, isolation_level=None).close()

    def keep(self, schema: str) -> None:
        keep_copy(self._path, schema)

    def lead(self) -> None: ...

    def mark(self) -> None: ...

    def fence(self, connection: Driver) -> None: ...

    def settle(self, seconds: float) -> None: ...

    def still_leads(self) -> bool:
        return True

    def checkpoint(self) -> None:
        if self._writer is not None:
            with self._writer.connect() as connection:
                self.driver(connection).execute("PRAGMA wal_checkpoint(PASSIVE)")

    def sizes(self, reader: Driver) -> tuple[int, int]:
        log = self._path.with_name(FILE + "-wal")
        return self._path.stat().st_size, log.stat().st_size if log.exists() else 0

    def kind(self, reader: Driver) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    def close(self) -> None: ...


def _pragmas(connection: sqlite3.Connection, *, read_only: bool) -> None:
    if read_only:
        connection.execute("PRAGMA query_only = 1")
        # There are many, each with a cache of its own; what it lacks the system's has.
        connection.execute("PRAGMA cache_size = -8000")
    else:
        connection.execute("PRAGMA cache_size = -32000")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # The publisher checkpoints every second, beside the writer; only a log under constant load gets
        # this far.
        connection.execute("PRAGMA wal_autocheckpoint = 16000")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
