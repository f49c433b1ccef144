"""How often a database is asked: each statement is a way to the server and back where there is one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg
from sqlalchemy import event

from coopnode.store.database import Database


@contextmanager
def questions(database: Database) -> Iterator[list[str]]:
    """Statements of the readers of `database`, as they are sent."""
    asked: list[str] = []
    readers: set[Any] = set()
    raw, execute = database.raw_reader, psycopg.Cursor.execute

    def traced(connection: Any) -> Any:
        if isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(asked.append)
        else:
            readers.add(getattr(connection, "connection", connection))
        return connection

    def counted(cursor: Any, query: Any, *arguments: Any, **more: Any) -> Any:
        if cursor.connection in readers:
            asked.append(str(query))
        return execute(cursor, query, *arguments, **more)

    def on_connect(connection: Any, record: Any) -> None:
        traced(connection)

    database._reader.dispose()
    event.listen(database._reader, "connect", on_connect)
    with (
        patch.object(database, "raw_reader", lambda: traced(raw())),
        patch.object(psycopg.Cursor, "execute", counted),
    ):
        yield asked
    event.remove(database._reader, "connect", on_connect)
    database._reader.dispose()
