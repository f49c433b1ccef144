"""An older copy rolls forward from what survived, and never into a second history (P15, P16, P18)."""

from __future__ import annotations

import shutil
import sqlite3
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coopnode import backups, exports, testing
from coopnode.app import Node
from coopnode.audit.sources import Directory
from coopnode.backups import BackupError, Restored, Secret
from coopnode.cli.node import all_projections
from coopnode.inspection import verify
from coopnode.recovery import fetched
from coopnode.store import fsck
from coopnode.store.heads import StoredHead
from coopnode.testing import FixedClock
from coopnode.tiles_writer import LogFiles
from protocol import documents, merkle, tiles
from protocol.errors import TileError
from protocol.identifiers import identifier
from protocol.tiles import Tile
from tests.node import fsck as second_opinion
from tests.node.society import DAY, Society

SECRET = Secret(key_file=bytes(range(32)))


@dataclass
class Lost:
    """A node that was backed up, went on, and lies closed in `data`; its state at the end."""

    society: Society
    data: Path
    backup: Path
    #: entries in the backup, and at the end
    backed_up: int
    size: int
    digest: bytes
    entries: list[bytes]

    def restore(self, target: Path, **more: Any) -> Restored:
        keys = self.backup.with_suffix(".keys")
        more = {"projections": all_projections()} | more
        return backups.restore(self.backup, keys, target, SECRET, **more)

    def open(self, data: Path) -> Any:
        return Node.open(
            testing.config(data, time_confirmed=True),
            clock=FixedClock(time=self.society.coop.now),
            projections=all_projections(),
        )

    def head(self) -> Path:
        return self.data / "head/head.db"


@pytest.fixture
async def lost(tmp_path: Path) -> Lost:
    return await lose(tmp_path)


async def lose(tmp_path: Path) -> Lost:
    data = tmp_path / "node"
    society = await Society.make(data, clock=FixedClock(), projections=all_projections())
    first = await society.coop.person("first")
    gone = (await society.apply(first)).digest
    await society.coop.must(first, "membership.withdraw/1", {"re": [gone]}, sub=identifier(gone))
    assert await society.node.publisher.wait_for(society.node.engine.head.size)
    made = backups.make(data, tmp_path / "b.backup", SECRET, lambda done, total: None)
    # What comes after the backup: a whole admission (the chair's approval names a `seen` of these entries),
    # a text, an erasure of what the backup still holds.
    await society.join(await society.coop.person("second"), "Пайщикова Вера")
    for number in range(300):
        purpose = f"p{number % 40}"
        await testing.accepted(
            society.node.engine.submit(society.coop.consent(society.officers["chair"], purpose))
        )
    text: dict[str, Any] = {"kind": "privacy", "edition": 2, "title": "Privacy"}
    await society.coop.publish(society.officers["chair"], "cooperative.agreement/1", "# later", text)
    society.move(30 * DAY)
    fields: dict[str, Any] = {"re": [gone], "ground": "retention"}
    await society.coop.must(society.officers["secretary"], "vault.erase/1", fields, sub=society.coop.id)
    node = society.node
    digest = await node.in_thread(testing.state_digest, node)
    await node.stop()
    with fsck.snapshot(data) as snapshot:
        entries = [row.raw for row in snapshot.entries()]
    return Lost(society, data, made.backup, made.entries, len(entries), digest, entries)


def same(lost: Lost, data: Path) -> None:
    """The same log, state and answers, and it goes on."""
    with fsck.snapshot(data) as snapshot:
        assert [row.raw for row in snapshot.entries()] == lost.entries
    assert second_opinion.verify(data).problems == []
    found = verify(data, projections=all_projections())
    assert found.problem is None and found.state_digest == lost.digest
    node = lost.open(data)
    assert node.standing.doubt is None
    node.close()


class _Whole(Directory):
    """Its reads take no more memory than the file has."""

    def read(self, path: str, limit: int) -> bytes:
        return (self.folder / path).read_bytes()


def test_entries_taken_over_wait_on_the_disk(tmp_path: Path) -> None:
    """All are held against the signed head before one is taken; memory holds one block of them."""
    entries = [number.to_bytes(4, "big") * 500 for number in range(20 * 256 + 7)]
    leaves = [merkle.leaf_hash(raw) for raw in entries]
    begun, whole = merkle.CompactRange(), merkle.CompactRange()
    for number, leaf in enumerate(leaves):
        whole.append(leaf)
        if number < 300:
            begun.append(leaf)
    files = LogFiles(tmp_path / "log")
    files.write(0, whole.size, lambda tile: b"", lambda start, stop: entries[start:stop])
    head = StoredHead(whole.size, whole.root())
    source = _Whole(tmp_path)
    tracemalloc.start()
    with fetched(source, begun, head, tmp_path) as blocks:
        number = 300
        for block in blocks:
            assert block == entries[number : number + len(block)]
            number += len(block)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert number == len(entries) and peak < 4_000_000 < sum(map(len, entries))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"], "nothing is left"
    wrong = fetched(source, begun, StoredHead(whole.size, bytes(32)), tmp_path)
    with pytest.raises(TileError, match="not those of its tree"), wrong:
        raise AssertionError("given out before it was compared")


def test_a_disk_of_which_only_the_tiles_and_the_head_survive(lost: Lost, tmp_path: Path) -> None:
    data = tmp_path / "machine"
    data.mkdir()
    for name in ("log", "head"):
        shutil.copytree(lost.data / name, data / name)
    done = lost.restore(data)
    assert done.startable and done.missing is None
    assert (done.backed_up, done.entries) == (lost.backed_up, lost.size)
    assert done.rolled is not None and done.aside is not None
    assert sorted(path.name for path in done.aside.iterdir()) == ["head", "log"]
    same(lost, data)
    # Private records of what came later went with the machine, and are named; the erasure was carried out.
    lost_types = {type for _, type in done.rolled.records_missing}
    assert lost_types == {
        "membership.apply/1",
        "membership.identify/1",
        "membership.payment/1",
        "council.approve/1",
    }
    assert all(index >= lost.backed_up for index, _ in done.rolled.records_missing)
    assert [documents.parse(lost.entries[index]).type for index in done.rolled.texts_missing] == [
        "cooperative.agreement/1"
    ]
    assert "records_lost" in verify(data, projections=all_projections()).notes
    with sqlite3.connect(data / "coopnode.db") as database:
        kept = database.execute("SELECT count(*) FROM private_records WHERE type = 'membership.apply/1'")
        assert kept.fetchone() == (0,)
        letters = "SELECT done_at IS NULL, due_at FROM outbox WHERE idx >= ?"
        later = database.execute(letters, (lost.backed_up,)).fetchall()
        assert later, "an admission writes letters"
        tick = done.tick
        assert not any(open and due <= tick for open, due in later), "those have left"
        assert database.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    database.close()


def test_a_copied_log_brings_its_texts(lost: Lost, tmp_path: Path) -> None:
    exports.export(lost.data, tmp_path / "mirror", lambda done, total: None)
    data, source = tmp_path / "machine", Directory(tmp_path / "mirror")
    done = lost.restore(data, sources=[source])
    assert not done.startable and done.entries == lost.size, "nobody said how far the log was signed"
    assert done.rolled is not None and done.rolled.texts_missing == []
    shutil.rmtree(data)
    assert lost.restore(data, sources=[source], nothing_newer=True).startable
    same(lost, data)


def test_a_database_of_yesterday_is_brought_forward_in_place(lost: Lost, tmp_path: Path) -> None:
    older = tmp_path / "older"
    lost.restore(older, nothing_newer=True)
    shutil.copyfile(older / "coopnode.db", lost.data / "coopnode.db")
    for name in ("coopnode.db-wal", "coopnode.db-shm"):
        (lost.data / name).unlink(missing_ok=True)
    node = lost.open(lost.data)
    assert node.standing.doubt is not None and "coopnode restore" in node.standing.doubt
    node.close()
    done = backups.forward(lost.data, [], projections=all_projections())
    assert done.startable and done.entries == lost.size
    same(lost, lost.data)


def test_entries_that_are_nowhere_are_named(lost: Lost, tmp_path: Path) -> None:
    data = tmp_path / "machine"
    done = lost.restore(data, head=lost.head())
    assert not done.startable and done.missing == (lost.backed_up, lost.size - 1)
    node = lost.open(data)
    assert node.standing.doubt is not None and f"Entries {lost.backed_up} to" in node.standing.doubt
    node.close()
    # Later a mirror turns up.
    exports.export(lost.data, tmp_path / "mirror", lambda done, total: None)
    done = backups.forward(data, [Directory(tmp_path / "mirror")], projections=all_projections())
    assert done.startable and done.rolled is not None
    assert done.rolled.notes == [], "its own files are whole as far as they claim to lead"
    same(lost, data)


def test_tiles_that_were_written_and_not_yet_signed_count_when_the_head_says_so(
    lost: Lost, tmp_path: Path
) -> None:
    """Dying between the files and the signature leaves more than is signed (P15)."""
    data = tmp_path / "machine"
    lost.restore(data, nothing_newer=True)
    older = (data / "log/checkpoint").read_bytes()
    shutil.rmtree(data)
    data.mkdir()
    for name in ("log", "head"):
        shutil.copytree(lost.data / name, data / name)
    (data / "log/checkpoint").write_bytes(older)
    done = lost.restore(data)
    assert done.startable and done.entries == lost.size
    same(lost, data)


async def test_a_second_history_is_refused(lost: Lost, tmp_path: Path) -> None:
    """Somebody let an older copy write on: two logs under one key. Neither is rolled over the other."""
    other = tmp_path / "other"
    lost.restore(other, nothing_newer=True)
    node = lost.open(other)
    await node.start()
    forked = testing.Cooperative(node, lost.society.coop.id, lost.society.coop.founder)
    await testing.accepted(node.engine.submit(forked.consent(lost.society.officers["chair"], "other")))
    await node.stop()
    with pytest.raises(BackupError, match="another history"):
        lost.restore(tmp_path / "machine", head=other / "head/head.db", sources=[Directory(lost.data)])
    with pytest.raises(BackupError, match="another history"):
        backups.forward(other, [Directory(lost.data)], projections=all_projections())
    assert not (tmp_path / "machine").exists() and not (tmp_path / "machine.restoring").exists()


def test_a_damaged_source_is_not_used_and_nothing_of_it_is_taken(lost: Lost, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    exports.export(lost.data, bad, lambda done, total: None)
    path = bad / Tile("entries", lost.size // 256, lost.size % 256).path
    entries = tiles.decode_bundle(path.read_bytes())
    entries[-1] = entries[-1][:-1] + bytes([entries[-1][-1] ^ 1])
    path.write_bytes(tiles.encode_bundle(entries))
    done = lost.restore(tmp_path / "machine", head=lost.head(), sources=[Directory(bad)])
    assert done.rolled is not None
    assert done.entries == lost.backed_up and "is not whole" in done.rolled.notes[0]
    exports.export(lost.data, tmp_path / "good", lambda done, total: None)
    both = [Directory(bad), Directory(tmp_path / "good")]
    done = backups.forward(tmp_path / "machine", both, projections=all_projections())
    assert done.startable and done.rolled is not None and done.rolled.source == str(tmp_path / "good")


async def test_a_log_of_somebody_else_is_not_used(lost: Lost, tmp_path: Path) -> None:
    stranger = await testing.cooperative(tmp_path / "stranger", name="Другой", founder="someone")
    await stranger.node.stop()
    done = lost.restore(
        tmp_path / "machine",
        nothing_newer=True,
        sources=[Directory(tmp_path / "stranger"), Directory(tmp_path)],
    )
    assert done.rolled is not None and len(done.rolled.notes) == 2
    with pytest.raises(BackupError, match="another log"):
        lost.restore(tmp_path / "again", head=tmp_path / "stranger/head/head.db")


def test_an_old_head_database_does_not_hide_what_was_signed(lost: Lost, tmp_path: Path) -> None:
    """A head of yesterday beside a checkpoint of today: the larger one counts."""
    lost.restore(tmp_path / "older", nothing_newer=True)
    done = lost.restore(
        tmp_path / "machine", head=tmp_path / "older/head/head.db", sources=[Directory(lost.data)]
    )
    assert done.startable and done.entries == lost.size
    same(lost, tmp_path / "machine")
