"""The main database: SQLite in WAL mode with full sync (design §10).

Two engines over one file. The writer's transactions begin IMMEDIATE and are serialised by a lock, because
all of them are in this process; pages read through read-only connections with plain BEGIN and never wait.
Queries are plain functions of a connection, one hop to a thread for all queries of a request (`stack.md` §5
has the traps this avoids).
"""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from coopnode.store import schema

R = TypeVar("R")

FILE = "coopnode.db"
_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_SECONDS = 10.0
_READ_SECONDS = 3.0


class StoreError(Exception):
    """The database cannot be used; the text says why."""


class Database:
    """One open database. `write` and `read` are for everything but the log, which `log_store` writes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.write_lock = threading.Lock()
        self._writer = self._engine(read_only=False)
        self._reader = self._engine(read_only=True)
        self._threads = ThreadPoolExecutor(4, "coopnode-db")
        self._local = threading.local()
        self._raw: list[sqlite3.Connection] = []

    def _engine(self, *, read_only: bool) -> Engine:
        uri = f"file:{self.path}?mode={'ro' if read_only else 'rwc'}"

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

        size = 4 if read_only else 1
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
            connection.exec_driver_sql(begin)

        return engine

    def writer(self) -> Connection:
        """A connection for a transaction of its own; take `write_lock` first."""
        return self._writer.connect()

    def raw_reader(self) -> sqlite3.Connection:
        """This thread's read-only driver connection, for point reads of a few microseconds."""
        found: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if found is None:
            found = sqlite3.connect(
                f"file:{self.path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
            _pragmas(found, read_only=True)
            self._local.reader = found
            self._raw.append(found)
        return found

    def read_now(self, query: Callable[[Connection], R]) -> R:
        """Runs `query` on a read-only connection in this thread."""
        with self._reader.begin() as connection:
            return query(connection)

    def write_now(self, change: Callable[[Connection], R]) -> R:
        """Runs `change` in one durable transaction in this thread."""
        with self.write_lock, self._writer.begin() as connection:
            return change(connection)

    async def read(self, query: Callable[[Connection], R]) -> R:
        """All queries of one request in one hop to a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_now, query)

    async def write(self, change: Callable[[Connection], R]) -> R:
        """For sessions, drafts, tickets: what is not the log's. Waits for a batch that is being committed."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.write_now, change)

    async def in_thread(self, work: Callable[..., R], *arguments: Any) -> R:
        """For work with `raw_reader`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def checkpoint(self) -> None:
        """Copies the write-ahead log into the database without stopping the writer."""
        with self._writer.connect() as connection:
            driver(connection).execute("PRAGMA wal_checkpoint(PASSIVE)")

    async def unreadable(self) -> str | None:
        """Why nothing can be read now, or None. A disk that hangs is no answer either."""
        try:
            async with asyncio.timeout(_READ_SECONDS):
                await self.read(lambda connection: connection.exec_driver_sql("SELECT 1 FROM meta LIMIT 1"))
        except TimeoutError:
            return "the database does not answer"
        except STORAGE_ERRORS as error:
            return f"the database cannot be read: {type(error).__name__}"
        return None

    def sizes(self) -> tuple[int, int]:
        """Bytes of (the database, its write-ahead log)."""
        found = (self.path, self.path.with_name(FILE + "-wal"))
        return tuple(path.stat().st_size if path.exists() else 0 for path in found)  # type: ignore[return-value]

    def kind(self) -> str:
        """Name and version of what keeps the rows."""
        return f"SQLite {sqlite3.sqlite_version}"

    def revision(self) -> str:
        """Of the tables."""
        return self.read_now(lambda found: MigrationContext.configure(found).get_current_revision()) or ""

    def backup(self, target: Path) -> None:
        """A consistent copy while the node runs. The vault's keys and the head database are not in it, on
        purpose."""
        with sqlite3.connect(target) as copy:
            self.raw_reader().backup(copy, pages=2048)
        copy.close()

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        for found in self._raw:
            found.close()
        self._reader.dispose()
        self._writer.dispose()


def open_database(folder: Path) -> Database:
    """Opens and migrates. Raises StoreError when the file is not ours or of a newer program."""
    folder.mkdir(parents=True, exist_ok=True)
    created = not (folder / FILE).exists()
    if created:
        sqlite3.connect(folder / FILE, isolation_level=None).close()
    database = Database(folder)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def migrate(database: Database) -> None:
    """Forward only, at every start."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    head = ScriptDirectory.from_config(config).get_current_head()
    try:
        with database.write_lock, database.writer() as connection, connection.begin():
            current = MigrationContext.configure(connection).get_current_revision()
            if current is not None and current not in known:
                raise StoreError(
                    f"{database.path} was written by a newer coopnode (schema {current}); install that one"
                )
            if current != head:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{database.path} is not a usable database: {error}") from error


def get_meta(connection: Connection, name: str) -> str | None:
    found = connection.execute(
        select(schema.meta.c.value).where(schema.meta.c.name == name)
    ).scalar_one_or_none()
    return None if found is None else str(found)


def set_meta(connection: Connection, name: str, value: str) -> None:
    connection.exec_driver_sql("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def driver(connection: Connection) -> sqlite3.Connection:
    """The driver's connection under a SQLAlchemy one, inside its transaction."""
    found: Any = connection.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)
    return found


def _pragmas(connection: sqlite3.Connection, *, read_only: bool) -> None:
    if read_only:
        connection.execute("PRAGMA query_only = 1")
    else:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # The publisher checkpoints every second, beside the writer; only a log under constant load gets
        # this far.
        connection.execute("PRAGMA wal_autocheckpoint = 16000")
    connection.execute("PRAGMA cache_size = -32000")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA mmap_size = 268435456")


#: What the driver, SQLAlchemy or the file system raise when a disk or a file lets us down.
STORAGE_ERRORS = (sqlite3.Error, SQLAlchemyError, OSError)


def is_transient(error: BaseException) -> bool:
    """Whether the transaction certainly did not happen and the next one may well: the disk is full, or
    another process holds the lock."""
    found = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(found, sqlite3.Error):
        return getattr(found, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_LOCKED,
            sqlite3.SQLITE_FULL,
        )
    return isinstance(found, OSError) and found.errno == errno.ENOSPC
