"""PostgreSQL by one URL, through psycopg 3 (ADR 9).

What SQLite gives by being one file is kept by two advisory locks. `_WRITE` is held by every writing
transaction to its end, as BEGIN IMMEDIATE does it: what one transaction reads before it writes stays true, in
however many processes. `_LEAD` is held by the node that writes the log, on a connection of its own, for its
whole life; its mark in `meta` is compared in each of the log's transactions, so that a node that lost the
lock without noticing writes nothing after another has taken it.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from coopnode.store.backend import InUse, StoreError, Superseded
from coopnode.store.driver import Driver, pipelined

_WRITE: Final = 0x636F6F70_00000001
_LEAD: Final = 0x636F6F70_00000002
_MARK: Final = "leader"
#: How long a transaction waits for another one, and a page for an answer.
_LOCK_SECONDS: Final = 10
_READ_SECONDS: Final = 60
_AGAIN_SECONDS: Final = 0.25
_FETCH: Final = 500


class Session:
    """A psycopg connection in the words of `coopnode.store.driver`. Errors are SQLAlchemy's, as on the other
    ways to the database."""

    __slots__ = ("connection",)

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Any:
        try:
            return self.connection.cursor(binary=True).execute(_translated(sql), parameters)
        except psycopg.Error as error:
            raise _wrapped(sql, error) from error

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Any:
        cursor = self.connection.cursor(binary=True)
        try:
            cursor.executemany(_translated(sql), parameters)
        except psycopg.Error as error:
            raise _wrapped(sql, error) from error
        return cursor

    def stream(self, sql: str, parameters: Sequence[Any] = (), /) -> Iterator[Any]:
        with contextlib.ExitStack() as ending:
            try:
                if self.connection.autocommit and not self.connection.info.transaction_status:
                    ending.enter_context(self.connection.transaction())
                name = f"rows_{secrets.token_hex(8)}"
                cursor = ending.enter_context(self.connection.cursor(name, binary=True))
                cursor.itersize = _FETCH
                cursor.execute(_translated(sql), parameters)
                yield from cursor
            except psycopg.Error as error:
                raise _wrapped(sql, error) from error

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]], /) -> None:
        names = ", ".join(f'"{name}"' for name in columns)
        sql = f'COPY "{table}" ({names}) FROM STDIN'
        try:
            with self.connection.cursor() as cursor, cursor.copy(sql.encode()) as copying:
                for row in rows:
                    copying.write_row(row)
        except psycopg.Error as error:
            raise _wrapped(sql, error) from error

    @contextlib.contextmanager
    def pipelined(self) -> Iterator[None]:
        try:
            with self.connection.pipeline():
                yield
        except psycopg.Error as error:
            raise _wrapped("", error) from error

    def close(self) -> None:
        self.connection.close()


class _Reader(Session):
    """Connects again by itself: what it does is repeatable."""

    __slots__ = ("_connect",)

    def __init__(self, connect: Callable[[], psycopg.Connection]) -> None:
        super().__init__(connect())
        self._connect = connect

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Any:
        if not self.connection.closed:
            try:
                return super().execute(sql, parameters)
            except DBAPIError:
                if not self.connection.closed:
                    raise
        try:
            self.connection = self._connect()
        except psycopg.Error as error:
            raise _wrapped(sql, error) from error
        return super().execute(sql, parameters)


class PostgreSQL:
    """Satisfies `coopnode.store.backend.Backend`."""

    threads = 4
    one_connection = False
    #: a lost one is found by the pool, when it is taken from it
    keeps_writer = False

    def __init__(self, url: str) -> None:
        self._url = url
        self.name = describe(url)
        self._writer: Engine | None = None
        self._lead: psycopg.Connection | None = None
        self._lead_lock = threading.Lock()
        self._token = ""

    # -- connections ----------------------------------------------------------------------------------

    def engine(self, *, read_only: bool) -> Engine:
        engine = create_engine(
            "postgresql+psycopg://",
            creator=self._page_connection if read_only else self._write_connection,
            poolclass=QueuePool,
            pool_size=self.threads if read_only else 1,
            max_overflow=4 if read_only else 1,
            # A transaction that writes is not simply tried again; so its connection is looked at first.
            pool_pre_ping=not read_only,
            use_native_hstore=False,
            hide_parameters=True,  # the text of an error would carry rows
        )
        if not read_only:

            @event.listens_for(engine, "begin")
            def _begin(connection: Connection) -> None:
                raw = self.driver(connection)
                with pipelined(raw):  # together with BEGIN
                    raw.execute(f"SELECT pg_advisory_xact_lock({_WRITE})")

            self._writer = engine
        return engine

    def reader(self) -> _Reader:
        try:
            return _Reader(lambda: self._read_connection(autocommit=True))
        except psycopg.Error as error:
            raise _wrapped("", error) from error

    def driver(self, connection: Connection) -> Driver:
        found: Any = connection.connection.driver_connection
        assert isinstance(found, psycopg.Connection)
        return Session(found)

    def _page_connection(self) -> psycopg.Connection:
        found = self._read_connection(autocommit=False)
        found.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        found.read_only = True
        return found

    def _read_connection(self, *, autocommit: bool) -> psycopg.Connection:
        found = _connect(self._url)
        found.execute("SET default_transaction_read_only = on")
        found.execute(f"SET statement_timeout = '{_READ_SECONDS}s'")
        found.autocommit = autocommit
        return found

    def _write_connection(self) -> psycopg.Connection:
        found = _connect(self._url)
        found.execute("SET default_transaction_read_only = off")
        found.execute(f"SET lock_timeout = '{_LOCK_SECONDS}s'")
        # An answer is a promise: it waits for the disk, whatever the server's habit is. What asks for more
        # (a copy on another machine) stays as it is.
        row = found.execute("SHOW synchronous_commit").fetchone()
        if row is None or row[0] in ("off", "local"):
            found.execute("SET synchronous_commit = on")
        found.autocommit = False
        return found

    # -- one node writes ------------------------------------------------------------------------------

    def prepare(self) -> None:
        try:
            with _connect(self._url) as connection:
                found = {name: _show(connection, name) for name in ("fsync", "server_encoding")}
                version = connection.info.server_version
        except psycopg.Error as error:
            raise StoreError(f"{self.name} cannot be reached: {_words(error)}") from error
        if version < 13_00_00:
            raise StoreError(f"{self.name} runs PostgreSQL {version // 10_000}; 13 is the oldest that serves")
        if found["server_encoding"] != "UTF8":
            raise StoreError(
                f"{self.name} keeps text as {found['server_encoding']}; make it with "
                "createdb --encoding=UTF8 --template=template0"
            )
        if found["fsync"] != "on":
            raise StoreError(
                f"the server of {self.name} runs with fsync = off: what was acknowledged would not "
                "survive a power cut. Switch it on in postgresql.conf"
            )

    def keep(self, schema: str) -> None:
        """Who runs a server has backups of it: DDL is undone with its transaction here too."""

    def lead(self) -> None:
        with self._lead_lock:
            try:
                self._lead = _connect(self._url)
                taken = _try_lead(self._lead)
            except psycopg.Error as error:
                raise StoreError(f"{self.name} cannot be reached: {_words(error)}") from error
            if not taken:
                self._lead.close()
                self._lead = None
                raise InUse(
                    f"{self.name} is in use by another coopnode node; stop that one first, or let this one "
                    "wait for it: coopnode run --standby"
                )

    def mark(self) -> None:
        assert self._writer is not None
        self._token = secrets.token_hex(16)
        with self._writer.begin() as connection:
            self.driver(connection).execute(
                "INSERT INTO meta (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (_MARK, self._token),
            )

    def fence(self, connection: Driver) -> None:
        if self._token:
            row = connection.execute("SELECT value FROM meta WHERE name = ?", (_MARK,)).fetchone()
            if row is None or row[0] != self._token:
                raise Superseded(f"another node has taken over {self.name}; this one writes nothing more")

    def settle(self, seconds: float) -> None:
        assert self._writer is not None
        end = time.monotonic() + seconds
        while True:
            try:
                # The transaction waits for `_WRITE`, which the lost one holds as long as it is under way.
                with self._writer.begin() as connection:
                    self.fence(self.driver(connection))
                if self._lead_again():
                    return
                problem: Exception = InUse(f"the lock on {self.name} is held by somebody else")
            except (DBAPIError, psycopg.Error) as error:
                problem = error
            if time.monotonic() >= end:
                raise problem
            time.sleep(_AGAIN_SECONDS)

    def still_leads(self) -> bool:
        with self._lead_lock:
            if self._lead is None:
                return not self._token
            try:
                self._lead.execute("SELECT 1")
            except psycopg.Error:
                return False
            return True

    def _lead_again(self) -> bool:
        """The lock, on a new connection when the old one is lost."""
        if not self._token or self.still_leads():
            return True
        with self._lead_lock:
            if self._lead is not None:
                self._lead.close()
            self._lead = _connect(self._url)
            taken = _try_lead(self._lead)
            if not taken:
                self._lead.close()
            return taken

    def checkpoint(self) -> None:
        """The server does it."""

    def sizes(self, reader: Driver) -> tuple[int, int]:
        """The log of the server belongs to all its databases."""
        row = reader.execute("SELECT pg_database_size(current_database())").fetchone()
        return int(row[0]), 0

    def kind(self, reader: Driver) -> str:
        row = reader.execute("SHOW server_version").fetchone()
        return f"PostgreSQL {row[0]}"

    def close(self) -> None:
        with self._lead_lock:
            if self._lead is not None:
                self._lead.close()


def is_led(url: str) -> bool:
    """Whether a node writes this database. Raises StoreError when it cannot be asked."""
    try:
        with _connect(url) as connection:
            return not _try_lead(connection)
    except psycopg.Error as error:
        raise StoreError(f"{describe(url)} cannot be reached: {_words(error)}") from error


@contextlib.contextmanager
def moment(url: str) -> Iterator[Session]:
    """Everything as it stands at one moment, for as long as it is read. Raises StoreError."""
    try:
        with _connect(url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            connection.autocommit = False
            connection.execute("SELECT count(*) FROM meta")
            yield Session(connection)
    except (psycopg.Error, DBAPIError) as error:
        found = error.orig if isinstance(error, DBAPIError) else error
        raise StoreError(f"{describe(url)} cannot be read: {_words(found)}") from error


def describe(url: str) -> str:
    """For sentences: without user and password. Raises StoreError when it is no address of PostgreSQL."""
    try:
        found = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise StoreError(f"the address of the database is wrong: {_words(error)}") from error
    host = found.get("host") or "this machine"
    return f"PostgreSQL database {found.get('dbname') or found.get('user') or '(unnamed)'} on {host}"


def _connect(url: str) -> psycopg.Connection:
    """In autocommit. Keepalives: a machine that has gone is noticed in half a minute."""
    return psycopg.connect(
        url,
        autocommit=True,
        client_encoding="utf8",
        connect_timeout=10,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        context=_CONTEXT,
        fallback_application_name="coopnode",
    )


def _adapters() -> psycopg.adapt.AdaptersMap:
    """Integers go as 64 bits whatever their size: else one statement is prepared anew for each mixture of
    sizes."""
    found = psycopg.adapt.AdaptersMap(psycopg.adapters)
    found.register_dumper(int, Int8Dumper)
    found.register_dumper(int, Int8BinaryDumper)
    return found


class _Context:
    adapters = _adapters()
    connection = None


_CONTEXT: Final = _Context()


def _show(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    return str(row[0]) if row else ""


def _try_lead(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LEAD,)).fetchone()
    return row is not None and bool(row[0])


def _wrapped(sql: str, error: psycopg.Error) -> Exception:
    if isinstance(error, psycopg.DataError):
        return ValueError(f"PostgreSQL cannot keep a value: {_words(error)}")
    return OperationalError(sql, None, error, hide_parameters=True)


def _words(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


@cache
def _translated(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")
