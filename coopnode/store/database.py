"""The main database: a SQLite file in the data directory, or PostgreSQL by a URL (design §10, ADR 9).

Two engines over it: one for the writer, whose transactions are serialised, one for pages, which never wait.
Queries are plain functions of a connection, one hop to a thread for all queries of a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from coopnode.store import schema
from coopnode.store.backend import Backend, InUse, Reader, StoreError, Superseded
from coopnode.store.driver import Driver
from coopnode.store.migrating import upgrade
from coopnode.store.sql import upsert
from coopnode.store.sqlite import FILE, SQLite
from coopnode.store.troubles import in_words, known

__all__ = [
    "FILE",
    "STORAGE_ERRORS",
    "Database",
    "InUse",
    "StoreError",
    "Superseded",
    "analyze",
    "driver",
    "exists",
    "get_meta",
    "is_led",
    "is_transient",
    "migrate",
    "open_database",
    "set_meta",
]

R = TypeVar("R")

_MIGRATIONS = Path(__file__).parent / "migrations"
#: How long a database that went away is waited for before writing stops for good.
_SETTLE_SECONDS: Final = 60.0
_READ_SECONDS: Final = 3.0


class Database:
    """One open database. `write` and `read` are for everything but the log, which `log_store` writes."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self._backend: Backend = backend(folder, url)
        self.name = self._backend.name
        self.write_lock = threading.Lock()
        self._writer = self._backend.engine(read_only=False)
        self._reader = self._backend.engine(read_only=True)
        self._threads = ThreadPoolExecutor(self._backend.threads, "coopnode-db")
        self._local = threading.local()
        self._raw: list[Reader] = []
        self._kept: Connection | None = None

    def writer(self) -> Connection:
        """A connection for a transaction of its own; take `write_lock` first."""
        return self._writer.connect()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A durable transaction in this thread; another one waits for it."""
        with self.write_lock:
            if not self._backend.keeps_writer:
                with self._writer.begin() as connection:
                    yield connection
                return
            # Taking a connection from the pool and giving it back costs more than the rows of a small batch.
            if self._kept is None:
                self._kept = self._writer.connect()
            try:
                with self._kept.begin():
                    yield self._kept
            except BaseException:
                kept, self._kept = self._kept, None
                kept.close()
                raise

    def raw_reader(self) -> Driver:
        """This thread's read-only driver connection, for point reads of a few microseconds."""
        inside: Driver | None = getattr(self._local, "inside", None)
        if inside is not None:
            return inside
        found: Reader | None = getattr(self._local, "reader", None)
        if found is None:
            found = self._backend.reader()
            self._local.reader = found
            self._raw.append(found)
        return found

    def read_now(self, query: Callable[[Connection], R]) -> R:
        """Runs `query` on a read-only connection in this thread. All of it sees one moment."""
        try:
            return self._read(query)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        # The connection was lost, maybe long ago: a new one, once.
        return self._read(query)

    def _read(self, query: Callable[[Connection], R]) -> R:
        with self._reader.begin() as connection:
            outside = getattr(self._local, "inside", None)
            if self._backend.one_connection:
                self._local.inside = self._backend.driver(connection)
            try:
                return query(connection)
            finally:
                self._local.inside = outside

    def write_now(self, change: Callable[[Connection], R]) -> R:
        """Runs `change` in one durable transaction in this thread."""
        with self.transaction() as connection:
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
        self._backend.checkpoint()

    def fence(self, connection: Driver) -> None:
        """In the log's transaction. Raises Superseded when another node writes this log now."""
        self._backend.fence(connection)

    def settle(self) -> None:
        """After a commit that failed: returns when it has taken place or never will. Raises Superseded, or a
        storage error when the database does not come back."""
        self._backend.settle(_SETTLE_SECONDS)

    def still_leads(self) -> bool:
        """Whether the lock on the database is still held; when not, `settle` gets it back or says why not."""
        return self._backend.still_leads()

    async def unreadable(self) -> str | None:
        """Why nothing can be read now, or None. A disk that hangs is no answer either."""
        try:
            async with asyncio.timeout(_READ_SECONDS):
                await self.read(lambda connection: connection.exec_driver_sql("SELECT 1 FROM meta LIMIT 1"))
        except TimeoutError:
            return "the database does not answer"
        except STORAGE_ERRORS as error:
            return f"the database cannot be read: {known(error) or type(error).__name__}"
        return None

    def sizes(self) -> tuple[int, int]:
        """Bytes of (the database, its write-ahead log); 0 for what this database does not tell."""
        return self._backend.sizes(self.raw_reader())

    def kind(self) -> str:
        """Name and version of what keeps the rows."""
        return self._backend.kind(self.raw_reader())

    def revision(self) -> str:
        """Of the tables."""
        return self.read_now(lambda found: MigrationContext.configure(found).get_current_revision()) or ""

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        with self.write_lock:  # never in the middle of somebody's transaction
            if self._kept is not None:
                self._kept.close()
                self._kept = None
        for found in self._raw:
            found.close()
        self._reader.dispose()
        self._writer.dispose()
        self._backend.close()


def backend(folder: Path, url: str | None) -> Backend:
    if url is None:
        return SQLite(folder)
    from coopnode.store.postgresql import PostgreSQL  # psycopg only where it is used

    return PostgreSQL(url)


def exists(folder: Path, url: str | None) -> bool:
    """Whether there may be a database to open: a file, or an address."""
    return url is not None or (folder / FILE).is_file()


def is_led(url: str | None) -> bool:
    """Whether a node writes the database at this address. Raises StoreError."""
    if url is None:
        return False
    from coopnode.store import postgresql

    return postgresql.is_led(url)


def open_database(folder: Path, url: str | None = None, *, lead: bool = False) -> Database:
    """Opens and migrates; with `lead` as the node that writes the log.

    Raises StoreError when the database cannot be used or is of a newer program, InUse when another node
    leads.
    """
    database = Database(folder, url)
    try:
        database._backend.prepare()
        if lead:
            database._backend.lead()
        migrate(database)
        if lead:
            database._backend.mark()
    except BaseException:
        database.close()
        raise
    return database


def migrate(database: Database) -> None:
    """Forward only, at every start: all of it in one transaction, and before it a copy of the file."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    head = ScriptDirectory.from_config(config).get_current_head()
    try:
        with database.write_lock, database.writer() as connection, connection.begin():
            current = MigrationContext.configure(connection).get_current_revision()
            if current is not None and current not in known:
                raise StoreError(
                    f"{database.name} was written by a newer coopnode (schema {current}); install that one"
                )
            if current != head:
                config.attributes["connection"] = connection
                if current is None:
                    command.upgrade(config, "head")
                else:
                    upgrade(database._backend, current, str(head), lambda: command.upgrade(config, "head"))
    except (sqlite3.DatabaseError, DBAPIError) as error:
        raise StoreError(f"{database.name}: {in_words(error)}") from error


def get_meta(connection: Connection, name: str) -> str | None:
    found = connection.execute(
        select(schema.meta.c.value).where(schema.meta.c.name == name)
    ).scalar_one_or_none()
    return None if found is None else str(found)


def set_meta(connection: Connection, name: str, value: str) -> None:
    row = {"name": name, "value": value}
    connection.execute(upsert(schema.meta).values(row).on_conflict_do_update(["name"], set_=row))


def analyze(connection: Connection, tables: Iterable[Table]) -> None:
    """After tables were filled. PostgreSQL plans by what it last saw in a table, and looks by itself only
    minutes later, or never where that is switched off; until then searches in large tables take seconds."""
    if connection.dialect.name == "postgresql":
        for table in tables:
            connection.exec_driver_sql(f'ANALYZE "{table.name}"')


def driver(connection: Connection) -> Driver:
    """The driver's connection under a SQLAlchemy one, inside its transaction."""
    found: Any = connection.connection.driver_connection
    if isinstance(found, sqlite3.Connection):
        return found
    from coopnode.store.postgresql import Session

    return Session(found)


#: What the driver, SQLAlchemy or the file system raise when a disk or a file lets us down.
STORAGE_ERRORS = (sqlite3.Error, SQLAlchemyError, OSError)


#: SQLSTATE: values out of range, a constraint.
_VALUES: Final = ("22", "23")


def is_disk(error: BaseException) -> bool:
    """Whether a disk or a file is the cause, and not the values that were to be written."""
    found = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(found, (sqlite3.IntegrityError, sqlite3.DataError)):
        return False
    if (getattr(found, "sqlstate", None) or "").startswith(_VALUES):
        return False
    return isinstance(error, STORAGE_ERRORS)


#: SQLSTATE: no connection, no disk or memory, a lock or a deadlock, the server told to end or not yet up.
_TRANSIENT: Final = ("08", "53", "40", "55P03", "57P01", "57P02", "57P03", "57014", "25006")


def is_transient(error: BaseException) -> bool:
    """Whether the next transaction may well succeed, now that it is certain that this one did not happen: the
    disk is full, another process holds the lock, the database was away."""
    if isinstance(error, DBAPIError):
        found: BaseException | None = error.orig
    else:
        found = error
    if isinstance(found, sqlite3.Error):
        return getattr(found, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_LOCKED,
            sqlite3.SQLITE_FULL,
        )
    if isinstance(error, DBAPIError):  # PostgreSQL; what was cut off has no state
        state = getattr(found, "sqlstate", None)
        return state is None or state.startswith(_TRANSIENT)
    return isinstance(found, OSError) and found.errno == errno.ENOSPC
