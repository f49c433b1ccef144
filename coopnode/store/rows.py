"""Many rows with few steps.

The driver gives up the interpreter lock at every step of a statement, and a busy event loop then keeps it
for a while: with `executemany` a batch of 64 rows waits 64 times (measured: 30 ms instead of 3). So rows go
in by statements of 1, 2, 4 … 64 rows, which the driver's cache keeps prepared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from coopnode.store.driver import Driver, copy_into

_LARGEST: Final = 64
#: From here on PostgreSQL takes rows faster as a stream than by statements.
MANY: Final = 256
_MOST_ASKED: Final = 4096


def into(table: str, columns: Iterable[str]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({names})'


def add_rows(
    connection: Driver, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """New rows, whose keys are not there yet, however many."""
    if len(rows) < MANY or not copy_into(connection, table, columns, rows):
        insert_rows(connection, into(table, columns), rows)


def insert_rows(connection: Driver, into: str, rows: Sequence[Sequence[object]], then: str = "") -> None:
    """`into` is the statement up to VALUES, `then` what follows them; all rows have one length."""
    start, count = 0, len(rows)
    while start < count:
        size = min(_LARGEST, 1 << (count - start).bit_length() - 1)
        chunk = rows[start : start + size]
        sql = _statement(into, len(chunk[0]), size, then)
        connection.execute(sql, [value for row in chunk for value in row])
        start += size


def rows_in(
    connection: Driver, query: str, keys: Iterable[Any], parameters: Sequence[Any] = ()
) -> Iterator[Any]:
    """Rows by many keys, in one question up to thousands of them. `query` ends before IN, `parameters` are
    those of what stands there."""
    wanted = sorted(set(keys))
    for start in range(0, len(wanted), _MOST_ASKED):
        part = wanted[start : start + _MOST_ASKED]
        # In a few lengths only, so that the driver keeps the statements prepared.
        part += part[-1:] * ((1 << (len(part) - 1).bit_length()) - len(part))
        yield from connection.execute(f"{query} IN ({', '.join('?' * len(part))})", (*parameters, *part))


@cache
def _statement(into: str, width: int, rows: int, then: str) -> str:
    row = f"({', '.join('?' * width)})"
    return f"{into} VALUES {', '.join([row] * rows)} {then}".rstrip()
