"""Carrying out `vault.erase/1` (SPEC §8.5, P21).

The boxes go in the log's own transaction, the keys right after it. A crash in between leaves keys that open
nothing: they are swept at the next start. What is erased follows from the log's state, so it is done again at
every start: a box that a backup brought back does not stay.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Final

from coopnode.store.database import Database
from coopnode.store.schema import private_records
from coopnode.store.sql import Connection, delete
from coopnode.store.state_store import SnapshotState
from protocol.contract import View
from protocol.contracts import vault
from protocol.identifiers import parse_identifier
from protocol.log import Accepted

_KIND: Final = "erased/"
_AT_ONCE: Final = 500


def named(accepted: Iterable[Accepted]) -> list[bytes]:
    """Digests of the documents whose records these entries erase."""
    return [
        parse_identifier(key.removeprefix(_KIND))
        for entry in accepted
        for domain, key in entry.writes
        if domain == vault.DOMAIN and key.startswith(_KIND)
    ]


def drop(connection: Connection, digests: Collection[bytes]) -> int:
    """The boxes, within the caller's transaction; returns how many there were."""
    waiting, done = iter(digests), 0
    while part := list(islice(waiting, _AT_ONCE)):
        done += connection.execute(delete(private_records).where(private_records.c.digest.in_(part))).rowcount
    return done


def again(database: Database) -> int:
    """Everything the log has ever erased; returns how many boxes had come back."""
    erased = list(_erased(View(SnapshotState(database.raw_reader), vault.DOMAIN)))
    return database.write_now(lambda connection: drop(connection, erased)) if erased else 0


def _erased(view: View) -> Iterator[bytes]:
    for id, _ in view.scan("erased", "", vault.Erased):
        yield parse_identifier(id)
