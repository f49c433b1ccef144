"""Rows of read models on their way into the database: a unit of work (Fowler, Patterns of Enterprise
Application Architecture, 2002).

A row that is looked for is read once and changed in memory; what was added and what was changed goes in
together, many rows to a statement, before the transaction ends. So a batch of the log asks the database a few
questions instead of several for each entry, and tables that were just made are filled without any.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from coopnode.store.database import driver
from coopnode.store.driver import Driver, pipelined
from coopnode.store.rows import MANY, add_rows, insert_rows, into
from coopnode.store.sql import Connection, Table

Row = dict[str, Any]
#: Values of the columns by which rows are looked for.
Key = tuple[Any, ...]
#: Lists of rows held before they are let go: a table that is filled may have millions.
_HELD: Final = 50_000


@dataclass(frozen=True, eq=False)
class Rows:
    """A table, and how its rows are looked for: by the values of `by`. With `last` only the one is wanted
    that is the greatest in that column. Of a table with `once`, which is kept when read models are filled
    anew, rows are left out whose values of these columns stand there already. `only` are the columns that are
    written where the others are not this program's to give."""

    table: Table
    by: tuple[str, ...] = ()
    last: str | None = None
    once: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return self.only or tuple(each.name for each in self.table.columns)

    @cached_property
    def key(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.table.primary_key.columns)

    @cached_property
    def numbered(self) -> bool:
        """By the database."""
        return not set(self.key) <= set(self.columns)

    @cached_property
    def into(self) -> str:
        return into(self.table.name, self.columns)

    @cached_property
    def over(self) -> str:
        later = ", ".join(f'"{name}" = excluded."{name}"' for name in self.columns if name not in self.key)
        return f"ON CONFLICT ({_quoted(self.key)}) DO UPDATE SET {later}"

    @cached_property
    def look(self) -> str:
        found = f'SELECT {_quoted(self.columns)} FROM "{self.table.name}"'
        if self.by:
            found += " WHERE " + " AND ".join(f'"{name}" = ?' for name in self.by)
        order = f'"{self.last}" DESC LIMIT 1' if self.last else _quoted(self.key)
        return f"{found} ORDER BY {order}"

    @cached_property
    def there(self) -> str:
        first = self.once[0]
        return (
            f'SELECT DISTINCT {_quoted(self.once)} FROM "{self.table.name}" WHERE "{first}" BETWEEN ? AND ?'
        )


class Work:
    """Of one transaction. `made`: tables that it has made itself, so that all their rows have passed here."""

    def __init__(self, connection: Connection, made: Collection[Table] = ()) -> None:
        self._raw: Driver = driver(connection)
        self._made = frozenset(made)
        self._held: dict[tuple[Rows, Key], list[Row]] = {}
        #: of tables that were made: keys whose rows are in the database and not held any more
        self._let_go: set[tuple[Rows, Key]] = set()
        self._added: dict[Rows, dict[Key, Row]] = {}
        self._changed: dict[Rows, dict[Key, Row]] = {}

    def find(self, rows: Rows, *key: Any) -> list[Row]:
        """As they stand, ascending by primary key. To be changed by `change` only."""
        place = (rows, key)
        found = self._held.get(place)
        if found is None:
            found = []
            if rows.table not in self._made or place in self._let_go:
                found = [
                    dict(zip(rows.columns, row, strict=True)) for row in self._raw.execute(rows.look, key)
                ]
            self._held[place] = found
        return found

    def add(self, rows: Rows, row: Mapping[str, Any]) -> None:
        """A new row; columns that are not named are empty. Raises ValueError for one that was just added."""
        made, added = dict.fromkeys(rows.columns) | dict(row), self._added.setdefault(rows, {})
        key = (len(added),) if rows.numbered else _key(rows, made)
        if key in added:
            raise ValueError(f"{rows.table.name} {key} is added twice")
        added[key] = made
        if rows.by or rows.last:
            held = self.find(rows, *(made[name] for name in rows.by))
            if rows.last:
                held.clear()
            held.append(made)

    def change(self, rows: Rows, row: Row, **values: Any) -> None:
        """Not of the primary key."""
        row.update(values)
        key = _key(rows, row)
        if key not in self._added.get(rows, ()):
            self._changed.setdefault(rows, {})[key] = row

    def delete(self, rows: Rows, column: str, values: Iterable[Any]) -> None:
        """Rows with one of these values, those that were just added too."""
        self.flush()
        self._raw.executemany(
            f'DELETE FROM "{rows.table.name}" WHERE "{column}" = ?', [(value,) for value in values]
        )
        self._forget()

    def flush(self) -> None:
        """Writes what was added and changed."""
        if not self._added and not self._changed:  # as for almost every batch
            return
        added = [(rows, self._news(rows, found.values())) for rows, found in self._added.items()]
        for rows, found in added:
            if len(found) >= MANY:
                add_rows(self._raw, rows.table.name, rows.columns, found)
        with pipelined(self._raw):
            for rows, found in added:
                if len(found) < MANY:
                    insert_rows(self._raw, rows.into, found)
            for rows, changed in self._changed.items():
                insert_rows(self._raw, rows.into, _values(rows, changed.values()), rows.over)
        self._added, self._changed = {}, {}
        if len(self._held) > _HELD:
            self._forget()

    def _news(self, rows: Rows, found: Collection[Row]) -> list[Key]:
        if not rows.once:
            return _values(rows, found)
        places = [row[rows.once[0]] for row in found]
        there = {tuple(row) for row in self._raw.execute(rows.there, (min(places), max(places)))}
        return _values(rows, (row for row in found if tuple(row[name] for name in rows.once) not in there))

    def _forget(self) -> None:
        self._let_go.update(place for place in self._held if place[0].table in self._made)
        self._held = {}


def _key(rows: Rows, row: Row) -> Key:
    return tuple(row[name] for name in rows.key)


def _values(rows: Rows, found: Iterable[Row]) -> list[Key]:
    return [tuple(row[name] for name in rows.columns) for row in found]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
