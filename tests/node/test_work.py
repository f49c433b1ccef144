"""The unit of work under read models, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coopnode import config, testing
from coopnode.store import work
from coopnode.store.database import Database, driver, open_database
from coopnode.store.sql import Column, Connection, Integer, LargeBinary, Table, Text, projections, select
from coopnode.store.state_store import ReadAhead, SnapshotState
from coopnode.store.state_store import write as write_state
from coopnode.store.work import Rows, Work
from protocol.contracts.vault import Erased
from tests.node.questions import questions

pytestmark = pytest.mark.databases("sqlite", "postgresql")

_places = Table(
    "test_places",
    projections,
    Column("number", Integer, primary_key=True),
    Column("since", Integer, primary_key=True),
    Column("by", Text),
    Column("digest", LargeBinary),
    sqlite_with_rowid=False,
)
_news = Table(
    "test_news",
    projections,
    Column("id", Integer, primary_key=True),
    Column("idx", Integer, nullable=False),
    Column("kind", Text, nullable=False),
)
PLACES = Rows(_places, by=("number",))
LATEST = Rows(_places, by=("by",), last="since")
NEWS = Rows(_news, only=("idx", "kind"), once=("idx", "kind"))


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Database]:
    testing.config(tmp_path)
    opened = open_database(tmp_path, config.database_of(tmp_path))

    def make(connection: Connection) -> None:
        for table in (_places, _news):
            table.create(connection)

    opened.write_now(make)
    yield opened
    opened.close()


def rows_of(database: Database, table: Table) -> list[Any]:
    query = select(table).order_by(*table.primary_key.columns)
    return database.read_now(lambda connection: [tuple(row) for row in connection.execute(query)])


def place(number: int, since: int, by: str | None = "a", digest: bytes | None = None) -> dict[str, Any]:
    return {"number": number, "since": since, "by": by, "digest": digest}


def test_what_is_changed_is_found_before_and_after_it_is_written(found: Database) -> None:
    def first(connection: Connection) -> None:
        made = Work(connection)
        made.add(PLACES, place(1, 10))
        made.change(PLACES, made.find(PLACES, 1)[0], by="b")
        made.flush()

    def second(connection: Connection) -> None:
        made = Work(connection)
        (row,) = made.find(PLACES, 1)
        made.change(PLACES, row, digest=b"\\\t\n\0")
        made.add(PLACES, {"number": 1, "since": 11})
        assert [each["since"] for each in made.find(PLACES, 1)] == [10, 11]
        made.flush()
        made.change(PLACES, row, by="ё'\"%?")
        made.flush()

    found.write_now(first)
    assert rows_of(found, _places) == [(1, 10, "b", None)]
    found.write_now(second)
    assert rows_of(found, _places) == [(1, 10, "ё'\"%?", b"\\\t\n\0"), (1, 11, None, None)]


def test_a_row_is_added_once(found: Database) -> None:
    def twice(connection: Connection) -> None:
        made = Work(connection)
        made.add(PLACES, place(1, 10))
        made.add(PLACES, place(1, 10))

    with pytest.raises(ValueError, match="twice"):
        found.write_now(twice)
    assert rows_of(found, _places) == []


def test_the_last_row(found: Database) -> None:
    def count(*moments: int) -> list[int]:
        def work(connection: Connection) -> list[int]:
            made, seen = Work(connection), []
            for since in moments:
                last = made.find(LATEST, "a")
                seen.append(last[0]["number"] if last else 0)
                made.add(LATEST, place(seen[-1] + 1, since))
            made.flush()
            return seen

        return found.write_now(work)

    assert count(1, 2, 3) == [0, 1, 2]
    assert count(4, 5) == [3, 4]


def test_news_of_an_entry_are_told_once(found: Database) -> None:
    def tell(last: int) -> None:
        def work(connection: Connection) -> None:
            made = Work(connection)
            for idx in range(last):
                made.add(NEWS, {"idx": idx, "kind": "a"})
                made.add(NEWS, {"idx": idx, "kind": "a"})
            made.flush()

        found.write_now(work)

    tell(2)
    tell(3)
    assert [row[1] for row in rows_of(found, _news)] == [0, 0, 1, 1, 2, 2]


def test_thousands_of_rows_and_few_of_them_in_memory(
    found: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that was made here is asked for what it holds only when that was let go."""
    monkeypatch.setattr(work, "_HELD", 100)

    def fill(connection: Connection) -> None:
        made = Work(connection, [_places])
        for since in range(3):
            for number in range(700):
                before = made.find(PLACES, number)
                assert len(before) == since
                for row in before[-1:]:
                    made.change(PLACES, row, by=f"until {since}")
                made.add(PLACES, place(number, since, None, bytes([since])))
            made.flush()
        made.delete(PLACES, "number", [5, 6])
        assert made.find(PLACES, 5) == [] and len(made.find(PLACES, 7)) == 3

    found.write_now(fill)
    rows = rows_of(found, _places)
    assert len(rows) == 3 * 698
    assert rows[:3] == [(0, 0, "until 1", b"\0"), (0, 1, "until 2", b"\1"), (0, 2, None, b"\2")]


def test_many_records_of_the_state_in_one_question(found: Database) -> None:
    held = {("vault", f"erased/{number}"): Erased(number) for number in range(1000)}
    found.write_now(lambda connection: write_state(driver(connection), held))
    keys = [f"erased/{number}" for number in range(0, 2000, 3)]
    with questions(found) as asked:
        state = ReadAhead(SnapshotState(found.raw_reader))
        state.bring("vault", keys)
        for key in keys:
            assert state.get("vault", key) == held.get(("vault", key))
        assert len(asked) == 1
        assert state.get("vault", "erased/1") == state.get("vault", "erased/1") == held["vault", "erased/1"]
        assert len(asked) == 2
    assert len(list(state.scan("vault", "erased/", "erased0"))) == 1000
    assert SnapshotState(found.raw_reader).many("vault", []) == {}
