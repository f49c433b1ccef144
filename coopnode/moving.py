"""`coopnode migrate-database`: a stopped node's facts from SQLite into PostgreSQL, or back (ADR 9).

The copy is one transaction, compared with the original, and only then the configuration names it. Whatever
ends this before leaves the old database in force; the same command again goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coopnode import config, faults
from coopnode.app import NodeError, lock_data
from coopnode.search.people import discard
from coopnode.store import fsck, transfer
from coopnode.store.database import FILE, STORAGE_ERRORS, Database, StoreError, exists, open_database
from coopnode.store.log_store import LogStore
from coopnode.store.tree_store import TreeStore
from protocol.errors import TileError

SQLITE: Final = "sqlite"


class MoveError(Exception):
    """Nothing has changed; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Moved:
    entries: int
    rows: int
    state_digest: str
    root: str
    #: where the old database is now; it is not needed any more
    old: str


def move(data: Path, to: str | None, progress: Callable[[int, int], None]) -> Moved:
    """`to` is an address of PostgreSQL, or None for a file in the data directory. Raises MoveError."""
    url = config.database_of(data)
    if config.database_in_environment():
        raise MoveError(
            "COOPNODE_DATABASE_URL goes before coopnode.toml, where the new address would stand: put that "
            f"address into {data / config.FILE} as database_url, and take the variable away"
        )
    if url == to:
        raise MoveError("the node stands on that database already")
    if not data.is_dir() or not exists(data, url):
        raise MoveError(f"{data} holds no node")
    try:
        with lock_data(data):
            return _move(data, url, to, progress)
    except (NodeError, StoreError, TileError, transfer.NotEmpty, ValueError) as error:
        raise MoveError(str(error)) from error
    except STORAGE_ERRORS as error:
        raise MoveError(f"the database could not be copied: {error}") from error


def _move(data: Path, url: str | None, to: str | None, progress: Callable[[int, int], None]) -> Moved:
    source = open_database(data, url, lead=True)
    try:
        if to is None and (data / FILE).exists():
            _set_aside(data)  # of an earlier attempt, or from before the node moved to PostgreSQL
        target = open_database(data, to, lead=True)
        try:
            with fsck.snapshot(data, url) as facts:
                known = transfer.fingerprint(facts)
                if transfer.is_empty(target):
                    transfer.copy_facts(facts, target, progress)
            faults.point("move.copied")
            with fsck.snapshot(data, to) as copy:
                found = transfer.fingerprint(copy)
            differing = [name for name, value in known.items() if found[name] != value]
            if differing:
                raise MoveError(
                    f"{target.name} is not empty and differs from {source.name} ({', '.join(differing)}); "
                    "give an empty database"
                )
            size, root = _log(source)
            if _log(target) != (size, root):
                raise MoveError(f"{target.name} has another log root than {source.name}")
            if url is not None:
                source.write_now(discard)  # what is left behind is a copy (ADR 11)
        finally:
            target.close()
    finally:
        source.close()
    faults.point("move.compared")
    if to is None:
        config.remove(data, "database_url")
    else:
        config.write(data, {"database_url": to})
    rows = sum(int(value.split()[0]) for name, value in known.items() if name != transfer.STATE_DIGEST)
    old = source.name if url is not None else str(_set_aside(data))
    return Moved(size, rows, known[transfer.STATE_DIGEST], root.hex(), old)


def _log(database: Database) -> tuple[int, bytes]:
    size = LogStore(database).size()
    return size, TreeStore(database.raw_reader).edge(size).root()


def _set_aside(data: Path) -> Path:
    """The file is not opened again by a node that has lost its configuration."""
    fsck.fold(data / FILE)
    fsck.strip(data / FILE)
    aside = data / time.strftime("coopnode-before-%Y%m%d-%H%M%S.db", time.gmtime())
    return (data / FILE).rename(aside)
