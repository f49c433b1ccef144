"""Read models of the slices, written in the log's own transaction (design §5).

A projection holds no fact that is not in log or vault. When its version changes, or `coopnode rebuild`
asks, its tables are dropped and every entry is judged again in memory to fill them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from coopnode.store.database import Database, analyze, driver
from coopnode.store.driver import stream
from coopnode.store.schema import projection_versions
from coopnode.store.sql import Connection, Table, select, upsert
from coopnode.store.work import Work
from protocol.contract import Record
from protocol.log import Accepted, Replica

Project = Callable[[Work, Accepted], None]
R = TypeVar("R", bound=Record)
#: Entries whose rows are written together when tables are filled.
_AT_ONCE: Final = 2_000


def written(entry: Accepted, domain: str, kind: str, type: type[R]) -> Iterator[tuple[str, R]]:
    """Records of this kind that the entry put into the state, by id."""
    prefix = f"{kind}/"
    for (where, key), value in entry.writes.items():
        if where == domain and key.startswith(prefix) and isinstance(value, type):
            yield key[len(prefix) :], value


@dataclass(frozen=True)
class Projection:
    """`project` is called for every accepted statement of `types` (all when None); it also finds there what
    deadlines set off, as the effects of a `node.tick/1`. Private fields are not in it: pages open them from
    the vault when somebody entitled asks."""

    name: str
    version: int
    tables: tuple[Table, ...]
    project: Project
    types: frozenset[str] | None = None


class Projections:
    def __init__(self, projections: Sequence[Projection] = ()) -> None:
        self._all = tuple(projections)

    def apply(self, connection: Connection, accepted: Iterable[Accepted]) -> None:
        if not self._all:
            return
        work = Work(connection)
        for entry in accepted:
            self._project(work, entry)
        work.flush()

    def _project(self, work: Work, entry: Accepted) -> None:
        for projection in self._all:
            if projection.types is None or entry.statement.type in projection.types:
                projection.project(work, entry)

    def prepare(self, database: Database, *, rebuild: bool = False) -> list[str]:
        """Brings every projection to its version before the node starts; returns the names that were filled
        anew."""

        def work(connection: Connection) -> list[str]:
            held = {row.name: row.version for row in connection.execute(select(projection_versions))}
            stale = [found for found in self._all if rebuild or held.get(found.name) != found.version]
            for projection in stale:
                for table in reversed(projection.tables):
                    table.drop(connection, checkfirst=True)
                for table in projection.tables:
                    table.create(connection)
                row = {"name": projection.name, "version": projection.version, "size": 0}
                connection.execute(
                    upsert(projection_versions).values(row).on_conflict_do_update(["name"], set_=row)
                )
            if stale:
                Projections(stale)._fill(connection)
            return [projection.name for projection in stale]

        return database.write_now(work)

    def _fill(self, connection: Connection) -> None:
        replica, tables = Replica(), [table for projection in self._all for table in projection.tables]
        work = Work(connection, tables)
        for (raw,) in stream(driver(connection), "SELECT raw FROM entries ORDER BY idx"):
            entry = replica.append(raw, verified=True)
            if not isinstance(entry, Accepted):
                raise RuntimeError(f"entry {replica.head.size} of the log does not replay: {entry.code}")
            self._project(work, entry)
            if replica.head.size % _AT_ONCE == 0:
                work.flush()
        work.flush()
        if replica.head.size:
            analyze(connection, tables)
