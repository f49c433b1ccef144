"""A page costs as much with many people as with few: counted in steps of the database, not in seconds.

`EXPLAIN QUERY PLAN` would not do: a search by an index that finds all the statements of a busy secretary is
as long as a scan.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import event

from coopnode import testing
from coopnode.app import Node
from coopnode.cli.node import all_projections
from coopnode.store.backend import Reader
from coopnode.store.database import Database
from tests.benchmarks import million, visits
from tests.web.hostile_kit import RATIONS
from web.app import create_app

#: Steps of SQLite's machine between two counts.
_EVERY = 10
_SMALL, _LARGE = 2_500, 7_500
#: A list that has become full and a tree one level higher may cost this; a step more for every row that came
#: would be thousands.
_MORE, _ROOM = 1.5, 500
#: Of a search, which looks at more the more there is that fits, up to bounds of its own; to look through all
#: words of the larger log would take several times as many.
_SEARCH = 40_000


class Steps:
    """What the readers of one database do."""

    def __init__(self, database: Database) -> None:
        self.done = 0
        self._raw, self._counted = database.raw_reader, set[sqlite3.Connection]()
        # Not when they connect: the start has made some already.
        event.listen(database._reader, "checkout", lambda found, *_: self._count(found))
        database.raw_reader = self._reader  # type: ignore[method-assign]

    def _reader(self) -> Reader:
        found = self._raw()
        assert isinstance(found, sqlite3.Connection)
        self._count(found)
        return found

    def _count(self, connection: sqlite3.Connection) -> None:
        def step() -> int:
            self.done += _EVERY
            return 0

        if connection not in self._counted:
            self._counted.add(connection)
            connection.set_progress_handler(step, _EVERY)


async def _visited(data: Path, size: int) -> dict[str, int]:
    """Steps by page."""
    million.generate(data, size, lambda done, total: None)
    today = million.freshen(data, 30)
    node = Node.open(testing.config(data, time_confirmed=True), projections=all_projections())
    steps, app = Steps(node.database), create_app(node)
    for ration in RATIONS:
        app[ration]._burst = app[ration]._rate = 1e9
    found: dict[str, int] = {}
    try:
        pages = await visits.prepare(node, today)
        async with TestClient(TestServer(app)) as client:
            for page in pages:
                before = steps.done
                headers = {"Accept": "text/html", "Cookie": page.cookie}
                answer = await client.get(page.path, headers=headers, allow_redirects=False)
                assert answer.status == 200, (page, await answer.text())
                found[page.name] = steps.done - before
    finally:
        node.close()
    return found


async def test_pages_do_not_grow_with_the_log(tmp_path: Path) -> None:
    small = await _visited(tmp_path / "small", _SMALL)
    large = await _visited(tmp_path / "large", _LARGE)
    del small["chair: propose"]  # offers the first five hundred members, and the small log has fewer
    searches = {name: large[name] for name in small if "find" in name or "documents by" in name}
    assert {name: steps for name, steps in searches.items() if steps > _SEARCH} == {}
    pages = {name: few for name, few in small.items() if name not in searches}
    assert len(pages) >= 32
    grown = {name: (few, large[name]) for name, few in pages.items() if large[name] > _MORE * few + _ROOM}
    assert grown == {}
