"""What the hot path asks of a driver's connection; the same on both databases.

SQL on this path is written once, in words that SQLite and PostgreSQL share: `?` for values, `ON CONFLICT`
instead of `OR REPLACE`. A `sqlite3.Connection` satisfies `Driver` as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol


class Cursor(Protocol):
    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Driver(Protocol):
    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor: ...


class Streaming(Protocol):
    """What PostgreSQL's does besides."""

    def stream(self, sql: str, parameters: Sequence[Any] = ..., /) -> Iterator[Any]: ...

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]], /) -> None: ...

    def pipelined(self) -> AbstractContextManager[None]: ...


def stream(connection: Driver, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
    """Rows of a result of any size, few of them in memory at a time."""
    if isinstance(connection, sqlite3.Connection):
        return iter(connection.execute(sql, parameters))
    found: Any = connection
    streaming: Streaming = found
    return streaming.stream(sql, parameters)


def pipelined(connection: Driver) -> AbstractContextManager[None]:
    """Statements in it are sent one after another without waiting for answers; who fetches a row waits.
    What fails is raised there, or at the end. SQLAlchemy's connection is not to be used meanwhile. On SQLite
    it makes no difference."""
    if isinstance(connection, sqlite3.Connection):
        return nullcontext()
    found: Any = connection
    streaming: Streaming = found
    return streaming.pipelined()


def copy_into(
    connection: Driver, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> bool:
    """COPY, where there is such a thing; False where not: nothing has been done then."""
    if isinstance(connection, sqlite3.Connection):
        return False
    found: Any = connection
    streaming: Streaming = found
    streaming.copy(table, columns, rows)
    return True
