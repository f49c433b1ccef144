"""A second opinion on a data directory that is not in use, independent of `coopnode verify`.

Entries, tree, state, head, files, checkpoint and vault (design §5). Everything is compared with a replay of
the entries from nothing. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from coopnode import keystore
from coopnode.app import NodeError, lock_data
from coopnode.config import database_of
from coopnode.startup import examine
from coopnode.store import state_store
from coopnode.store.database import Database, open_database
from coopnode.store.heads import Heads, HeadsMissing
from coopnode.store.log_store import LogStore
from coopnode.store.schema import private_records
from coopnode.store.sql import Connection, select
from coopnode.store.tree_store import TreeStore
from coopnode.store.vault import Erased, Vault, VaultError
from coopnode.tiles_writer import LogFiles
from protocol import documents, tiles
from protocol.contracts import cooperative
from protocol.errors import ProtocolError
from protocol.log import Accepted, Replica
from protocol.tiles import Tile

_CHUNK = 4096


@dataclass
class Report:
    size: int = 0
    published: int = 0
    erased: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.problems


def verify(data: Path, *, signatures: bool = True) -> Report:
    """Checks the node in `data`. Signatures may be left out: they were checked when the entries came."""
    report = Report()
    try:
        lock = lock_data(data)
        keys = keystore.load(data / "keys")
        heads = Heads(data, create=False)
    except HeadsMissing as error:
        report.problems.append(f"the head database {error} is missing")
        return report
    except (NodeError, keystore.KeystoreError) as error:
        report.problems.append(str(error))
        return report
    database = open_database(data, database_of(data))
    vault = Vault(data, keys.vault)
    try:
        store, files, tree = LogStore(database), LogFiles(data / "log"), TreeStore(database.raw_reader)
        standing = examine(store, tree, files, heads, keys)
        report.size, report.published = standing.head.size, standing.published
        report.notes.extend(standing.notes)
        if standing.doubt is not None:
            report.problems.append(standing.doubt)
        if database_of(data) is None:
            report.problems.extend(_database(database))
        report.problems.extend(_replay(store, tree, database, signatures=signatures))
        report.problems.extend(_files(files, store, tree, standing.published))
        report.problems.extend(database.read_now(lambda connection: list(_vault(connection, vault, report))))
    finally:
        lock.close()
        heads.close()
        vault.close()
        database.close()
    return report


def _database(database: Database) -> Iterator[str]:
    found = [row[0] for row in database.raw_reader().execute("PRAGMA integrity_check(10)")]
    if found != ["ok"]:
        yield from (f"database: {line}" for line in found)


def _replay(store: LogStore, tree: TreeStore, database: Database, *, signatures: bool) -> Iterator[str]:
    size = store.size()
    if size == 0:
        return
    replica, name = Replica(), cooperative.genesis_id(documents.parse(store.raw(0, 1)[0]))
    for start in range(0, size, _CHUNK):
        for raw in store.raw(start, min(size, start + _CHUNK)):
            entry = replica.append(raw, verified=not signatures)
            if not isinstance(entry, Accepted):
                yield f"entry {replica.head.size} is refused by the rules: {entry.code}"
                return
            held = store.tick_at(entry.index)
            if entry.tick != held:
                yield f"entry {entry.index} has tick {held} in the database, {entry.tick} by the rules"
    if replica.head.cooperative != name:
        yield "the cooperative's id is not that of its genesis"
    if replica.head.tree.root() != tree.root_at(size):
        yield "the tree in the database is not that of its entries"
    if replica.digest() != state_store.digest(database.raw_reader()):
        yield "the state in the database is not the one the entries lead to"


def _files(files: LogFiles, store: LogStore, tree: TreeStore, size: int) -> Iterator[str]:
    for tile in tiles.tiles_for(size):
        if files.read(tile) != tree.read_tile(tile):
            yield f"the file {tile.path} is missing or differs"
        if tile.level == 0:
            bundle = Tile("entries", tile.index, tile.width)
            expected = tiles.encode_bundle(store.raw(tile.start, tile.start + tile.width))
            if files.read(bundle) != expected:
                yield f"the file {bundle.path} is missing or differs"


def _vault(connection: Connection, vault: Vault, report: Report) -> Iterator[str]:
    for row in connection.execute(
        select(private_records.c.digest, private_records.c.idx, private_records.c.box)
    ):
        try:
            vault.open(row.digest, row.box)
        except Erased:
            report.erased += 1
        except (VaultError, ProtocolError) as error:
            yield f"the private record of entry {row.idx} does not open: {error}"
