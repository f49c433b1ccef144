"""All facts of one database put into another: from SQLite to PostgreSQL and back, and into a backup.

Read models are not among them: they are filled anew when a node opens the copy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from coopnode.store import fsck, schema
from coopnode.store.database import FILE, Database, analyze, driver, open_database
from coopnode.store.driver import Driver
from coopnode.store.fsck import Snapshot
from coopnode.store.rows import insert_rows
from coopnode.store.sql import Connection, Table, func, select

#: Rows of one statement; fewer where a row may be of megabytes.
_BATCH: Final = 64
_LARGE: Final = {"blobs": 1, "drafts": 4, "private_records": 8}
STATE_DIGEST: Final = "state digest"
#: Which node writes a database is no fact of another one (`coopnode.store.postgresql`).
OWN: Final = "leader"
#: Not a fact: without it every read model is filled anew.
_LEFT_OUT: Final = frozenset((schema.projection_versions.name,))


def facts() -> list[Table]:
    return [table for table in schema.metadata.sorted_tables if table.name not in _LEFT_OUT]


class NotEmpty(Exception):
    """There is something in the target already."""


def is_empty(database: Database) -> bool:
    def look(connection: Connection) -> bool:
        asked = (select(func.count()).select_from(table) for table in facts() if table is not schema.meta)
        return not any(connection.execute(query).scalar_one() for query in asked)

    return database.read_now(look)


def copy_node(folder: Path, url: str | None, into: Path) -> None:
    """What the node in `folder` has, as a SQLite database in another folder, while others write. Raises
    StoreError."""
    if url is None:
        fsck.copy(folder / FILE, into / FILE)
        return
    with fsck.snapshot(folder, url) as source:
        made = open_database(into)
        try:
            copy_facts(source, made, lambda done, total: None)
        finally:
            made.close()
        fsck.fold(into / FILE)


def copy_facts(source: Snapshot, target: Database, progress: Callable[[int, int], None]) -> None:
    """In one transaction: all of it or nothing. Raises NotEmpty."""
    if not is_empty(target):
        raise NotEmpty(f"{target.name} is not empty")
    total, done = sum(source.count(table.name) for table in facts()), 0

    def work(connection: Connection) -> None:
        nonlocal done
        raw = driver(connection)
        raw.execute("DELETE FROM meta WHERE name <> ?", (OWN,))
        for table in facts():
            for count in put(raw, table, _rows(source, table, names_of(table))):
                done += count
                progress(done, total)
        _continue_numbers(connection)
        analyze(connection, facts())

    target.write_now(work)


def names_of(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def put(raw: Driver, table: Table, rows: Iterable[Sequence[object]], then: str = "") -> Iterator[int]:
    """Inserts whole rows, a few at a time; yields how many each time."""
    quoted, waiting = ", ".join(f'"{name}"' for name in names_of(table)), iter(rows)
    while batch := list(islice(waiting, _LARGE.get(table.name, _BATCH))):
        insert_rows(raw, f'INSERT INTO "{table.name}" ({quoted})', batch, then)
        yield len(batch)


def _continue_numbers(connection: Connection) -> None:
    """PostgreSQL counts new rows by itself; it has to go on after those that came with their numbers."""
    if connection.dialect.name != "postgresql":
        return
    for table in facts():
        column = table.autoincrement_column
        if column is None:
            continue
        name = connection.execute(select(func.pg_get_serial_sequence(table.name, column.name))).scalar()
        last = connection.execute(select(func.max(column))).scalar()
        if name is not None and last:
            connection.execute(select(func.setval(name, last)))


def _rows(
    source: fsck.Snapshot, table: Table, names: Sequence[str], order: Sequence[str] = ()
) -> Iterator[tuple[object, ...]]:
    for row in source.table(table.name, names, order):
        if table is not schema.meta or row[0] != OWN:
            yield row


def fingerprint(source: Snapshot) -> dict[str, str]:
    """What has to be the same in a copy: the rows of each table with a digest over them, and the state digest
    of SPEC §9.2."""
    found: dict[str, str] = {}
    for table in facts():
        names = names_of(table)
        keys = [column.name for column in table.primary_key.columns]
        hasher, count = hashlib.sha256(), 0
        for row in _rows(source, table, names, keys):
            hasher.update(repr(tuple(row)).encode())
            count += 1
        found[table.name] = f"{count} rows, {hasher.hexdigest()}"
    return {**found, STATE_DIGEST: source.state_digest().hex()}
