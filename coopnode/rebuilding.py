"""`coopnode rebuild`: state and read models dropped and computed anew from the log's entries, in one
transaction each.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from coopnode.app import LOCK
from coopnode.audit.replay import replaying
from coopnode.audit.report import Problem
from coopnode.config import database_of
from coopnode.projections import Projection, Projections
from coopnode.search import people
from coopnode.store import fsck
from coopnode.store.database import StoreError, open_database
from protocol import registry
from protocol.tiles import TILE_WIDTH


class RebuildError(Exception):
    """The directory cannot be used."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    entries: int
    records: int = 0
    projections: tuple[str, ...] = ()
    problem: Problem | None = None


def rebuild(data: Path, projections: Sequence[Projection], progress: Callable[[int, int], None]) -> Rebuilt:
    """Changes nothing when an entry does not replay. Signatures are checked too: this is no moment to trust.

    Raises:
        RebuildError: no database, or a node is running on it.
    """
    with locked(data):
        try:
            url = database_of(data)
            with fsck.snapshot(data, url) as snapshot:
                size = snapshot.size()
                rows = snapshot.entries()
                with replaying(size) as replayer:
                    while block := [row.raw for row in islice(rows, TILE_WIDTH)]:
                        if replayer.feed(block) is not None:
                            break
                        progress(replayer.head.size, size)
                    problem = replayer.finish()
            if problem is not None:
                return Rebuilt(replayer.head.size, problem=problem)
            database = open_database(data, url, lead=True)
            try:
                items = [
                    (domain, key, registry.encode_record(value))
                    for domain, key, value in replayer.state.items()
                ]
                database.write_now(lambda connection: fsck.replace_state(connection, items))
                filled = Projections(projections).prepare(database, rebuild=True)
                # Needs the vault's key, which is not asked for here: the next start fills it.
                database.write_now(people.discard)
            finally:
                database.close()
        except StoreError as error:
            raise RebuildError(str(error)) from error
    return Rebuilt(size, len(items), tuple(filled))


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Holds the node's own lock. Raises RebuildError when a node runs, or there is no data directory."""
    if not data.is_dir():
        raise RebuildError(f"{data} is no data directory")
    with open(data / LOCK, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RebuildError(
                f"{data} is in use by another coopnode process; stop that one first"
            ) from error
        yield
