"""What the hot path asks of a driver's connection; the same on both databases.

SQL on this path is written once, in words that SQLite and PostgreSQL share: `?` for values, `ON CONFLICT`
instead of `OR REPLACE`. A `sqlite3.Connection` satisfies `Driver` as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol


class Cursor(Protocol):
    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Driver(Protocol):
    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor: ...


class Streaming(Protocol):
    def stream(self, sql: str, parameters: Sequence[Any] = ..., /) -> Iterator[Any]: ...


def stream(connection: Driver, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
    """Rows of a result of any size, few of them in memory at a time."""
    if isinstance(connection, sqlite3.Connection):
        return iter(connection.execute(sql, parameters))
    found: Any = connection
    streaming: Streaming = found
    return streaming.stream(sql, parameters)
