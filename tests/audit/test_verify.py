"""`coopnode verify` against a data directory that somebody or something has changed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coopnode.audit import Report, SourceError
from coopnode.cli.node import all_projections
from coopnode.inspection import verify
from protocol import encoding, merkle, tiles
from protocol.tiles import Tile
from tests.cli.nodes import Made, furnish


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return furnish(tmp_path_factory.mktemp("node") / "data")


@pytest.fixture
def node(original: Made, tmp_path: Path) -> Made:
    shutil.copytree(original.data, tmp_path / "data")
    return Made(tmp_path / "data", original.id, original.founder, original.size)


def run(node: Made) -> Report:
    return verify(node.data, projections=all_projections())


def sql(node: Made, statement: str, *values: Any, file: str = "coopnode.db") -> None:
    connection = sqlite3.connect(node.data / file)
    with connection:
        done = connection.execute(statement, values)
        assert done.rowcount != 0, "nothing was changed"
    connection.close()


def value(node: Made, statement: str, *values: Any) -> Any:
    connection = sqlite3.connect(node.data / "coopnode.db")
    found = connection.execute(statement, values).fetchone()[0]
    connection.close()
    return found


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def test_untouched_directory_passes(node: Made) -> None:
    found = run(node)
    assert found.ok, found.problem
    assert found.entries == found.size == node.size
    assert found.cooperative == node.id
    assert found.notes == ()


def test_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        verify(tmp_path)


def entry_byte(node: Made) -> None:
    raw = value(node, "SELECT raw FROM entries WHERE idx = 7")
    sql(node, "UPDATE entries SET raw = ? WHERE idx = 7", flipped(raw, 100))


def entry_dropped(node: Made) -> None:
    sql(node, "DELETE FROM entries WHERE idx = 7")


def entry_moved(node: Made) -> None:
    sql(node, "UPDATE entries SET idx = -1 WHERE idx = 7")
    sql(node, "UPDATE entries SET idx = 7 WHERE idx = 8")
    sql(node, "UPDATE entries SET idx = 8 WHERE idx = -1")


def entry_and_hash(node: Made) -> None:
    """Bytes, digests and the tree changed consistently: the signature still gives it away."""
    raw = bytearray(value(node, "SELECT raw FROM entries WHERE idx = 7"))
    raw[-1] ^= 1
    hashes = bytearray(value(node, "SELECT hashes FROM tree WHERE level = 0 AND number = 0"))
    hashes[7 * 32 : 8 * 32] = merkle.leaf_hash(bytes(raw))
    sql(node, "UPDATE entries SET raw = ? WHERE idx = 7", bytes(raw))
    sql(node, "UPDATE tree SET hashes = ? WHERE level = 0 AND number = 0", bytes(hashes))


def entry_time(node: Made) -> None:
    sql(node, "UPDATE entries SET tick = tick - 1 WHERE idx = 7")


def entry_account(node: Made) -> None:
    sql(node, "UPDATE entries SET iss = 'somebody' WHERE idx = 7")


def tree_byte(node: Made) -> None:
    hashes = value(node, "SELECT hashes FROM tree WHERE level = 0 AND number = 0")
    sql(node, "UPDATE tree SET hashes = ? WHERE level = 0 AND number = 0", flipped(hashes, 5 * 32))


def last_entry_taken_back(node: Made) -> None:
    """An older copy of the database under the newer head."""
    sql(node, "DELETE FROM entries WHERE idx = ?", node.size - 1)


def office(node: Made) -> None:
    data: Any = encoding.decode(
        value(node, "SELECT value FROM state WHERE domain = 'council' AND key = 'council/current'")
    )
    data["chair"] = "a" * 52
    sql(
        node,
        "UPDATE state SET value = ? WHERE domain = 'council' AND key = 'council/current'",
        encoding.encode(data),
    )


def member_added(node: Made) -> None:
    data = value(node, "SELECT value FROM state WHERE domain = 'membership' AND key LIKE 'member/%'")
    sql(node, "INSERT INTO state VALUES ('membership', ?, ?)", "member/" + "b" * 52, data)


def member_removed(node: Made) -> None:
    sql(node, "DELETE FROM state WHERE domain = 'membership' AND key LIKE 'member/%'")


def head_root(node: Made) -> None:
    sql(node, "UPDATE head SET root = ?", bytes(32), file="head/head.db")


def head_larger(node: Made) -> None:
    sql(node, "UPDATE head SET size = size + 5", file="head/head.db")


def head_gone(node: Made) -> None:
    (node.data / "head/head.db").unlink()


def checkpoint_byte(node: Made) -> None:
    path = node.data / "log/checkpoint"
    path.write_bytes(flipped(path.read_bytes(), -20))


def tile_file(node: Made) -> None:
    path = node.data / "log" / Tile(0, 0, node.size).path
    path.write_bytes(flipped(path.read_bytes(), 3 * 32))


def bundle_file(node: Made) -> None:
    path = node.data / "log" / Tile("entries", 0, node.size).path
    entries = tiles.decode_bundle(path.read_bytes())
    entries[4] = flipped(entries[4], -3)
    path.write_bytes(tiles.encode_bundle(entries))


def bundle_gone(node: Made) -> None:
    (node.data / "log" / Tile("entries", 0, node.size).path).unlink()


def record_byte(node: Made) -> None:
    box = value(node, "SELECT box FROM private_records")
    sql(node, "UPDATE private_records SET box = ?", flipped(box, 40))


def record_of_another_entry(node: Made) -> None:
    sql(node, "UPDATE private_records SET digest = ?", bytes(32))


def record_gone(node: Made) -> None:
    sql(node, "DELETE FROM private_records")


def record_rewritten(node: Made) -> None:
    """P20: whoever holds the vault's keys writes another name and encrypts it properly."""
    from coopnode import keystore
    from coopnode.store.vault import Vault

    vault = Vault(node.data, keystore.load(node.data / "keys").vault)
    digest = value(node, "SELECT digest FROM private_records")
    record: Any = encoding.decode(vault.open(digest, value(node, "SELECT box FROM private_records")))
    record["fields"]["name"]["value"] = "Other Person"
    sealed = vault.seal(digest, encoding.encode(record))
    vault.keep([sealed])
    vault.close()
    sql(node, "UPDATE private_records SET box = ?", sealed.box)


def page(node: Made) -> None:
    sql(node, "UPDATE membership_register SET from_at = from_at + 1")


def blob(node: Made) -> None:
    sql(node, "UPDATE blobs SET bytes = ? WHERE bytes = ?", b"another charter", b"the charter")


def attachment(node: Made) -> None:
    (node.data / "attachments" / ("ab" * 32)).write_bytes(b"not it")


ATTACKS: list[tuple[str, Callable[[Made], None], int | None, str]] = [
    ("flipped-byte-in-entry", entry_byte, 7, "entry_changed"),
    ("dropped-entry", entry_dropped, 7, "entry_missing"),
    ("swapped-entries", entry_moved, 7, "entry_changed"),
    ("entry-with-its-hash", entry_and_hash, 7, "bad_signature"),
    ("time-of-an-entry", entry_time, 7, "entry_row"),
    ("account-of-an-entry", entry_account, 7, "entry_row"),
    ("flipped-byte-in-tree", tree_byte, 5, "entry_changed"),
    ("P15-last-entry-taken-back", last_entry_taken_back, -1, "rolled_back"),
    ("state-row-changed", office, -1, "state_row"),
    ("state-row-added", member_added, None, "state_extra"),
    ("state-row-removed", member_removed, -1, "state_missing"),
    ("P15-head-database-of-another-history", head_root, None, "head_file_mismatch"),
    ("P15-head-database-larger", head_larger, 0, "head_file_mismatch"),
    ("P15-head-database-gone", head_gone, None, "head_file_missing"),
    ("flipped-byte-in-checkpoint", checkpoint_byte, None, "checkpoint_signature"),
    ("flipped-byte-in-tile-file", tile_file, 3, "tile_mismatch"),
    ("flipped-byte-in-bundle-file", bundle_file, 4, "entry_not_in_tree"),
    ("bundle-file-gone", bundle_gone, 0, "bundle_malformed"),
    ("P20-record-damaged", record_byte, -1, "record_unreadable"),
    ("P20-record-of-another-entry", record_of_another_entry, -1, "record_mismatch"),
    ("P20-record-gone", record_gone, -1, "record_missing"),
    ("P20-record-rewritten", record_rewritten, -1, "record_mismatch"),
    ("read-model-changed", page, None, "projection_mismatch"),
    ("text-changed", blob, None, "blob_mismatch"),
    ("attachment-damaged", attachment, None, "attachment_mismatch"),
]


@pytest.mark.parametrize(
    ("attack", "index", "code"), [row[1:] for row in ATTACKS], ids=[row[0] for row in ATTACKS]
)
def test_changed_directory(node: Made, attack: Callable[[Made], None], index: int | None, code: str) -> None:
    attack(node)
    problem = run(node).problem
    assert problem is not None
    if index == -1:  # the last entry is the one that seated the chair
        index = node.size - 1
    elif code == "head_file_mismatch" and index == 0:
        index = node.size
    assert (problem.code, problem.index) == (code, index)
    assert problem.sentence("ru") != problem.sentence("en")
