"""`coopnode verify` against a data directory that somebody or something has changed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coopnode import keystore
from coopnode.audit import Report, SourceError
from coopnode.cli.node import all_projections
from coopnode.inspection import verify
from coopnode.store.vault import Vault
from protocol import checkpoints, documents, encoding, merkle, signatures, tiles
from protocol.notes import parse_note
from protocol.tiles import Tile
from tests.audit import page
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


def value(node: Made, statement: str, *values: Any, file: str = "coopnode.db") -> Any:
    connection = sqlite3.connect(node.data / file)
    found = connection.execute(statement, values).fetchone()[0]
    connection.close()
    return found


def rows(node: Made, statement: str) -> list[Any]:
    connection = sqlite3.connect(node.data / "coopnode.db")
    found = connection.execute(statement).fetchall()
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


def entry_resigned(node: Made) -> None:
    """The same statement under another key, with digests and tree to match."""
    raw = value(node, "SELECT raw FROM entries WHERE idx = ?", node.size - 1)
    found = documents.parse(raw)
    forged = documents.assemble(
        found.protected,
        found.payload_bytes,
        signatures.sign(bytes(32), documents.sig_structure(found.protected, found.payload_bytes)),
    )
    digest = documents.parse(forged).entry_digest
    sql(node, "UPDATE entries SET raw = ?, entry_digest = ? WHERE idx = ?", forged, digest, node.size - 1)
    hashes = bytearray(value(node, "SELECT hashes FROM tree WHERE level = 0 AND number = 0"))
    hashes[-32:] = merkle.leaf_hash(forged)
    sql(node, "UPDATE tree SET hashes = ? WHERE level = 0 AND number = 0", bytes(hashes))


def entry_added(node: Made) -> None:
    columns = "digest, entry_digest, type, iss, sub, tick, iat, exp, cti, raw"
    sql(
        node,
        f"INSERT INTO entries (idx, {columns}) SELECT ?, {columns} FROM entries WHERE idx = 7",
        node.size,
    )


def entry_digest(node: Made) -> None:
    sql(node, "UPDATE entries SET digest = ? WHERE idx = 7", bytes(32))


def tree_gone(node: Made) -> None:
    sql(node, "DELETE FROM tree WHERE level = 0 AND number = 0")


def database_of_yesterday(node: Made) -> None:
    """Everything but the head database is from an older copy: only it knows better."""
    for table in ("entries", "private_records"):
        sql(node, f"DELETE FROM {table} WHERE idx = ?", node.size - 1)
    shutil.rmtree(node.data / "log")


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


def state_moved(node: Made) -> None:
    sql(node, "UPDATE state SET key = 'council/former' WHERE domain = 'council' AND key = 'council/current'")


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


def record_key_damaged(node: Made) -> None:
    wrapped = value(node, "SELECT wrapped FROM keys", file="vault-keys.db")
    sql(node, "UPDATE keys SET wrapped = ?", flipped(wrapped, 20), file="vault-keys.db")


def vault_key_exchanged(node: Made) -> None:
    (node.data / "keys" / "vault").write_bytes(bytes(32))


def record_rewritten(node: Made) -> None:
    """P20: whoever holds the vault's keys writes another name and encrypts it properly."""
    vault = Vault(node.data, keystore.load(node.data / "keys").vault)
    digest = value(node, "SELECT digest FROM private_records")
    record: Any = encoding.decode(vault.open(digest, value(node, "SELECT box FROM private_records")))
    record["fields"]["name"]["value"] = "Other Person"
    sealed = vault.seal(digest, encoding.encode(record))
    vault.keep([sealed])
    vault.close()
    sql(node, "UPDATE private_records SET box = ?", sealed.box)


def read_model(node: Made) -> None:
    sql(node, "UPDATE membership_register SET from_at = from_at + 1")


def blob(node: Made) -> None:
    sql(node, "UPDATE blobs SET bytes = ? WHERE bytes = ?", b"another charter", b"the charter")


def row_invented(node: Made) -> None:
    table = "membership_register"
    columns = [row[1] for row in rows(node, f"PRAGMA table_info({table})") if row[1] != "number"]
    names = ", ".join(f'"{name}"' for name in columns)
    sql(
        node,
        f"INSERT INTO {table} (number, {names}) SELECT number + 1, {names} FROM {table}",
    )


def row_hidden(node: Made) -> None:
    sql(node, "DELETE FROM membership_register")


def table_gone(node: Made) -> None:
    connection = sqlite3.connect(node.data / "coopnode.db")
    connection.execute("DROP TABLE membership_register")
    connection.close()


def blob_gone(node: Made) -> None:
    sql(node, "DELETE FROM blobs WHERE bytes = ?", b"the charter")


def bundle_cut(node: Made) -> None:
    path = node.data / "log" / Tile("entries", 0, node.size).path
    path.write_bytes(path.read_bytes()[:-1])


def tile_gone(node: Made) -> None:
    (node.data / "log" / Tile(0, 0, node.size).path).unlink()


def checkpoint_of_another_key(node: Made) -> None:
    path = node.data / "log/checkpoint"
    head = checkpoints.parse(parse_note(path.read_bytes())[0])
    path.write_bytes(checkpoints.sign_checkpoint(head, bytes(32)))


def checkpoint_of_another_tree(node: Made) -> None:
    """Signed with the log's own key, which lies beside it."""
    path = node.data / "log/checkpoint"
    head = checkpoints.parse(parse_note(path.read_bytes())[0])
    path.write_bytes(
        checkpoints.sign_checkpoint(replace(head, root=bytes(32)), keystore.load(node.data / "keys").log)
    )


def checkpoint_ahead(node: Made) -> None:
    path = node.data / "log/checkpoint"
    head = checkpoints.parse(parse_note(path.read_bytes())[0])
    ahead = replace(head, size=head.size + 1, root=bytes(32))
    path.write_bytes(checkpoints.sign_checkpoint(ahead, keystore.load(node.data / "keys").log))


def attachment(node: Made) -> None:
    (node.data / "attachments" / ("ab" * 32)).write_bytes(b"not it")


#: the number of an entry, or where it stands in a log whose length differs from run to run
LAST, NEXT, NONE = "the last", "the one after the last", None
Place = int | str | None

ATTACKS: list[tuple[str, Callable[[Made], None], Place, str]] = [
    ("flipped-byte-in-entry", entry_byte, 7, "entry_changed"),
    ("dropped-entry", entry_dropped, 7, "entry_missing"),
    ("swapped-entries", entry_moved, 7, "entry_changed"),
    ("added-entry", entry_added, NEXT, "entry_changed"),
    ("entry-with-its-hash", entry_and_hash, 7, "bad_signature"),
    ("entry-signed-by-another-key-with-its-hashes", entry_resigned, LAST, "bad_signature"),
    ("time-of-an-entry", entry_time, 7, "entry_row"),
    ("account-of-an-entry", entry_account, 7, "entry_row"),
    ("digest-of-an-entry", entry_digest, 7, "entry_row"),
    ("flipped-byte-in-tree", tree_byte, 5, "entry_changed"),
    ("tree-gone", tree_gone, 0, "entry_changed"),
    ("P15-last-entry-taken-back", last_entry_taken_back, LAST, "rolled_back"),
    ("P15-older-copy-beside-the-head-database", database_of_yesterday, LAST, "head_file_mismatch"),
    ("state-row-changed", office, LAST, "state_row"),
    ("state-row-added", member_added, NONE, "state_extra"),
    ("state-row-removed", member_removed, LAST, "state_missing"),
    ("state-row-moved", state_moved, LAST, "state_missing"),
    ("P15-head-database-of-another-history", head_root, NONE, "head_file_mismatch"),
    ("P15-head-database-larger", head_larger, NEXT, "head_file_mismatch"),
    ("P15-head-database-gone", head_gone, NONE, "head_file_missing"),
    ("flipped-byte-in-checkpoint", checkpoint_byte, NONE, "checkpoint_signature"),
    ("checkpoint-of-another-key", checkpoint_of_another_key, NONE, "checkpoint_signature"),
    ("checkpoint-of-another-tree", checkpoint_of_another_tree, NONE, "root_mismatch"),
    ("checkpoint-of-more-entries", checkpoint_ahead, NEXT, "rolled_back"),
    ("flipped-byte-in-tile-file", tile_file, 3, "tile_mismatch"),
    ("tile-file-gone", tile_gone, 0, "tile_mismatch"),
    ("flipped-byte-in-bundle-file", bundle_file, 4, "entry_not_in_tree"),
    ("bundle-file-cut-off", bundle_cut, 0, "bundle_malformed"),
    ("bundle-file-gone", bundle_gone, 0, "bundle_malformed"),
    ("P20-record-damaged", record_byte, LAST, "record_unreadable"),
    ("P20-record-of-another-entry", record_of_another_entry, LAST, "record_mismatch"),
    ("P20-record-gone", record_gone, LAST, "record_missing"),
    ("P20-record-rewritten", record_rewritten, LAST, "record_mismatch"),
    ("P21-key-of-a-record-damaged", record_key_damaged, LAST, "record_unreadable"),
    ("P21-key-of-the-vault-exchanged", vault_key_exchanged, LAST, "record_unreadable"),
    ("read-model-changed", read_model, NONE, "projection_mismatch"),
    ("read-model-with-an-invented-member", row_invented, NONE, "projection_mismatch"),
    ("read-model-without-a-member", row_hidden, NONE, "projection_mismatch"),
    ("read-model-gone", table_gone, NONE, "projection_mismatch"),
    ("text-changed", blob, NONE, "blob_mismatch"),
    ("text-gone", blob_gone, "the charter's", "blob_missing"),
    ("attachment-damaged", attachment, NONE, "attachment_mismatch"),
]
KINDS = {"A node's own directory": [row[0] for row in ATTACKS]}


@pytest.mark.parametrize(("kind", "attack", "place", "code"), ATTACKS, ids=[row[0] for row in ATTACKS])
def test_changed_directory(
    node: Made, kind: str, attack: Callable[[Made], None], place: Place, code: str
) -> None:
    charter = value(node, "SELECT idx FROM entries WHERE type = 'cooperative.charter/1'")
    numbers = {LAST: node.size - 1, NEXT: node.size, "the charter's": charter}
    attack(node)
    problem = run(node).problem
    assert problem is not None
    index = numbers[place] if isinstance(place, str) else place
    assert (problem.code, problem.index) == (code, index)
    assert problem.sentence("ru") != problem.sentence("en")
    page.says("A node's own directory", kind, problem, place if isinstance(place, str) else None)
