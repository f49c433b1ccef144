"""The store alone: vault, heads, tree, buckets, configuration, keys."""

from __future__ import annotations

import os
import sqlite3
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coopnode import config, keystore
from coopnode.admission import Buckets
from coopnode.clock import ClockDoubtful
from coopnode.store import state_store
from coopnode.store.database import Database, StoreError, driver, open_database
from coopnode.store.heads import HeadConflict, Heads, HeadsMissing, StoredHead
from coopnode.store.rows import insert_rows
from coopnode.store.schema import meta
from coopnode.store.sql import IntegrityError, insert, select
from coopnode.store.tree_store import TreeStore
from coopnode.store.vault import Erased, Sealed, Vault, VaultError
from coopnode.testing import START, FixedClock
from protocol import merkle
from protocol.state import state_digest
from tests.postgresql import Cluster

DIGEST = bytes(range(32))


# -- vault ------------------------------------------------------------------------------------------------


def test_a_record_opens_until_its_key_is_erased(tmp_path: Path) -> None:
    vault = Vault(tmp_path, os.urandom(32))
    sealed = vault.seal(DIGEST, b"private")
    vault.keep([sealed])
    assert b"private" not in sealed.box
    assert vault.open(DIGEST, sealed.box) == b"private"
    assert vault.erase([DIGEST]) == 1
    with pytest.raises(Erased):
        vault.open(DIGEST, sealed.box)
    vault.close()
    held = (tmp_path / "vault-keys.db").read_bytes() + (tmp_path / "vault-keys.db").read_bytes()
    assert sealed.wrapped not in held


def test_a_box_is_bound_to_its_document(tmp_path: Path) -> None:
    vault = Vault(tmp_path, os.urandom(32))
    first, second = vault.seal(DIGEST, b"one"), vault.seal(bytes(32), b"two")
    vault.keep([first, second])
    with pytest.raises(VaultError):
        vault.open(DIGEST, second.box)
    with pytest.raises(VaultError):
        vault.open(DIGEST, first.box[:-1])
    vault.close()


def test_another_master_key_opens_nothing(tmp_path: Path) -> None:
    vault = Vault(tmp_path, os.urandom(32))
    sealed = vault.seal(DIGEST, b"private")
    vault.keep([sealed])
    vault.close()
    other = Vault(tmp_path, os.urandom(32))
    with pytest.raises(VaultError):
        other.open(DIGEST, sealed.box)
    other.close()


def test_attachments_are_named_by_their_ciphertext(tmp_path: Path) -> None:
    vault = Vault(tmp_path, os.urandom(32))
    one, two = vault.attach(b"scan"), vault.attach(b"scan")
    assert one != two, "equal files must not be recognisable"
    assert vault.attachment(one) == b"scan"
    (tmp_path / "attachments" / two.hex()).write_bytes(b"changed")
    with pytest.raises(VaultError):
        vault.attachment(two)
    assert vault.attachments() == {one, two}
    vault.close()


def test_keys_of_records_never_committed_are_swept(tmp_path: Path) -> None:
    vault = Vault(tmp_path, os.urandom(32))
    vault.keep([vault.seal(DIGEST, b"a"), vault.seal(bytes(32), b"b")])
    assert vault.sweep([DIGEST]) == 1
    assert vault.sweep([DIGEST]) == 0
    with pytest.raises(ValueError, match="ascend"):
        vault.sweep([b"\xff" * 32, DIGEST])
    assert vault.sweep([]) == 1
    vault.close()


def test_a_sweep_holds_no_list_of_all_records(tmp_path: Path) -> None:
    vault, peaks = Vault(tmp_path, bytes(32)), []
    for count in (2_000, 20_000):
        digests = sorted(os.urandom(32) for _ in range(count))
        vault.keep([Sealed(digest, b"", bytes(60)) for digest in digests])
        held = sorted(row[0] for row in vault._keys.execute("SELECT digest FROM keys"))
        tracemalloc.start()
        assert vault.sweep(held) == 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0] + 100_000
    vault.close()


def test_an_erasure_that_fails_leaves_the_keys_to_other_processes(tmp_path: Path) -> None:
    ours, theirs = Vault(tmp_path, bytes(32)), Vault(tmp_path, bytes(32))
    ours.keep([ours.seal(bytes(32), b"one")])
    ours._keys.execute("CREATE TRIGGER fails BEFORE DELETE ON keys BEGIN SELECT RAISE(ABORT, 'no room'); END")
    with pytest.raises(sqlite3.Error, match="no room"):
        ours.erase([bytes(32)])
    theirs._keys.execute("PRAGMA busy_timeout = 200")
    theirs.keep([theirs.seal(b"2" * 32, b"two")])
    ours.keep([ours.seal(b"3" * 32, b"three")])
    ours.close()
    theirs.close()


# -- heads (P15) ------------------------------------------------------------------------------------------


def test_the_head_moves_by_compare_and_swap(tmp_path: Path) -> None:
    heads = Heads(tmp_path, create=True)
    one, two = StoredHead(1, b"a" * 32), StoredHead(2, b"b" * 32)
    heads.swap("log", None, one)
    heads.swap("log", one, two)
    for old in (None, one):
        with pytest.raises(HeadConflict):
            heads.swap("log", old, StoredHead(3, b"c" * 32))
    assert heads.get("log") == two
    heads.close()


def test_a_lost_head_database_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(HeadsMissing):
        Heads(tmp_path, create=False)


# -- on both databases ------------------------------------------------------------------------------------

BOTH = pytest.mark.databases("sqlite", "postgresql")
Open = Callable[[], Database]


@pytest.fixture
def opening(tmp_path: Path, database: str, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens the same database each time."""
    url: str | None = None
    if database == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.database(empty=True)
    opened: list[Database] = []

    def open_() -> Database:
        opened.append(open_database(tmp_path, url))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


def put(database: Database, into: str, rows: list[tuple[Any, ...]]) -> None:
    database.write_now(lambda connection: insert_rows(driver(connection), into, rows))


@BOTH
def test_the_tree_in_rows_is_the_tree_of_its_leaves(opening: Open) -> None:
    database = opening()
    tree = TreeStore(database.raw_reader)
    leaves = [merkle.leaf_hash(str(number).encode()) for number in range(700)]
    size = 0
    for step in (1, 254, 1, 1, 255, 188):
        old, new = size, leaves[size : size + step]
        database.write_now(lambda c, old=old, new=new: tree.write(driver(c), old, new))  # type: ignore[misc]
        size += step
        assert tree.root_at(size) == merkle.root(leaves[:size]) == tree.edge(size).root()
    for earlier in (0, 1, 255, 256, 257, 512, 699):
        assert tree.root_at(earlier) == merkle.root(leaves[:earlier])


@BOTH
@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 127, 200])
def test_rows_go_in_whole(opening: Open, count: int) -> None:
    database = opening()
    rows = [(number, 2**62 - number, os.urandom(number % 40)) for number in range(count)]
    put(database, "INSERT INTO tree (level, number, hashes)", rows)
    found = database.raw_reader().execute("SELECT level, number, hashes FROM tree ORDER BY level").fetchall()
    assert [tuple(row) for row in found] == rows


@BOTH
def test_state_is_in_the_order_of_code_points(opening: Open) -> None:
    """SPEC §9.2: whatever the language of the server."""
    database = opening()
    keys = ["", " ", "-", "/", "0", "A", "Z", "_", "a", "a/b", "ab", "b", "é", "Ё", "А", "я", "ё", "ﬀ", "𝒂"]
    rows = [(domain, key, key.encode()) for domain in ("b", "A", "ё") for key in keys]
    put(database, "INSERT INTO state (domain, key, value)", rows)
    assert state_store.digest(database.raw_reader()) == state_digest(iter(sorted(rows)))
    scan = "SELECT key FROM state WHERE domain = ? AND key >= ? AND key < ? ORDER BY key"
    found = [row[0] for row in database.raw_reader().execute(scan, ("b", "A", "ё"))]
    assert found == sorted(key for key in keys if "A" <= key < "ё")


@BOTH
def test_pages_cannot_write(opening: Open) -> None:
    database = opening()
    change = "INSERT INTO meta (name, value) VALUES ('a', 'b')"
    with pytest.raises(Exception, match=r"read-?only"):
        database.raw_reader().execute(change)
    with pytest.raises(Exception, match=r"read-?only"):
        database.read_now(lambda connection: connection.exec_driver_sql(change))


@BOTH
def test_a_reading_sees_one_moment_and_a_failed_writing_leaves_nothing(opening: Open) -> None:
    database = opening()
    names = select(meta.c.name).order_by(meta.c.name)

    def write(*given: str) -> None:
        rows = [{"name": name, "value": ""} for name in given]
        database.write_now(lambda connection: connection.execute(insert(meta), rows))

    def look(connection: Any) -> tuple[list[str], list[str]]:
        before = list(connection.execute(names).scalars())
        write("b")
        return before, list(connection.execute(names).scalars())

    write("a")
    assert database.read_now(look) == (["a"], ["a"])
    with pytest.raises(IntegrityError):
        write("c", "a")
    assert list(database.read_now(lambda connection: connection.execute(names).scalars().all())) == ["a", "b"]


def test_point_reads_see_the_moment_of_their_page(tmp_path: Path) -> None:
    """On SQLite: PostgreSQL's reader is a connection of its own."""
    database = open_database(tmp_path)

    def count() -> int:
        found: int = database.raw_reader().execute("SELECT count(*) FROM state").fetchone()[0]
        return found

    def look(_: Any) -> list[int]:
        before = count()
        put(database, "INSERT INTO state (domain, key, value)", [("a", "b", b"c")])
        return [before, count()]

    try:
        assert database.read_now(look) == [0, 0]
        assert count() == 1
    finally:
        database.close()


def test_the_writing_connection_is_kept_until_something_fails(tmp_path: Path) -> None:
    database = open_database(tmp_path)

    def failing(connection: Any) -> None:
        connection.execute(insert(meta).values(name="half", value="x"))
        raise ValueError

    first = database.write_now(driver)
    assert database.write_now(driver) is first
    with pytest.raises(ValueError):
        database.write_now(failing)
    assert (
        database.write_now(lambda found: found.execute(select(meta).where(meta.c.name == "half")).all()) == []
    )
    database.close()


def test_a_closing_waits_for_the_transaction_in_progress(tmp_path: Path) -> None:
    """Else what comes after it in the same transaction would be written alone."""
    database = open_database(tmp_path)
    begun, closing = threading.Event(), threading.Event()

    def change(connection: Any) -> None:
        connection.execute(insert(meta).values(name="first", value="x"))
        begun.set()
        assert not closing.wait(0.2)
        connection.execute(insert(meta).values(name="second", value="x"))

    def close() -> None:
        database.close()
        closing.set()

    writing = threading.Thread(target=database.write_now, args=(change,))
    writing.start()
    assert begun.wait(10)
    close()
    writing.join(10)
    with sqlite3.connect(tmp_path / "coopnode.db") as found:
        names = found.execute("SELECT name FROM meta WHERE name IN ('first', 'second')").fetchall()
    assert len(names) == 2


@BOTH
def test_the_database_of_a_newer_program_is_refused(opening: Open) -> None:
    change = "UPDATE alembic_version SET version_num = '9999'"
    opening().write_now(lambda connection: connection.exec_driver_sql(change))
    with pytest.raises(StoreError, match="newer"):
        opening()


# -- keys, configuration, clock, buckets ------------------------------------------------------------------


def test_keys_are_private_files(tmp_path: Path) -> None:
    made = keystore.create(tmp_path / "keys")
    assert keystore.load(tmp_path / "keys") == made
    assert made.log.hex() not in repr(made)
    with pytest.raises(keystore.KeystoreError, match="already"):
        keystore.create(tmp_path / "keys")
    (tmp_path / "keys" / "node").chmod(0o644)
    with pytest.raises(keystore.KeystoreError, match="chmod"):
        keystore.load(tmp_path / "keys")


def test_configuration_from_file_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "coopnode.toml").write_text('# ours\nport = 9000\n\n[smtp]\nhost = "mail.example"\n')
    monkeypatch.setenv("COOPNODE_SMTP__PORT", "25")
    found = config.load(tmp_path)
    assert (found.port, found.smtp.host, found.smtp.port, found.data) == (9000, "mail.example", 25, tmp_path)
    config.write(tmp_path, {"port": 9001, "public_url": "https://coop.example"})
    assert config.load(tmp_path).public_url == "https://coop.example"
    assert "# ours" in (tmp_path / "coopnode.toml").read_text()
    config.write(tmp_path, {"smtp.host": "", "smtp.sender": "office@coop.example"})
    smtp = config.load(tmp_path).smtp
    assert (smtp.host, smtp.sender) == (None, "office@coop.example"), "no server: letters are files"
    assert (tmp_path / "coopnode.toml").read_text().count("[smtp]") == 1
    with pytest.raises(ValueError, match="origin"):
        config.load(tmp_path, public_url="https://coop.example/path")


def test_a_clock_that_jumps_ahead_is_not_believed() -> None:
    class Jumping(FixedClock):
        jump = 0.0

        def _read(self) -> tuple[float, float]:
            wall, monotonic = super()._read()
            return wall + getattr(self, "jump", 0.0), monotonic

    clock = Jumping()
    clock.move(7200)
    assert clock.now() == START + 7200, "time that really passed is no jump"
    clock.jump = 3700
    with pytest.raises(ClockDoubtful):
        clock.now()
    clock.confirm()
    assert clock.now() == START + 7200 + 3700


def test_a_start_far_from_the_last_known_moment_asks(tmp_path: Path) -> None:
    clock = FixedClock()
    clock.check_start(START - 7200, confirmed=False)
    with pytest.raises(ClockDoubtful, match="later"):
        clock.now()
    clock.check_start(START + 7200, confirmed=False)
    with pytest.raises(ClockDoubtful, match="earlier"):
        clock.now()
    clock.check_start(START - 7200, confirmed=True)
    assert clock.now() == START


def test_buckets_refill_and_are_apart() -> None:
    now = 0.0
    buckets = Buckets(2, 1, now=lambda: now)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 1]
    assert buckets.take("b") == 0
    now = 1.0
    assert buckets.take("a") == 0
    buckets.punish("a", 10)
    assert buckets.take("a") > 1
