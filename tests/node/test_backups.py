"""Backups: made under load, read back, pruned by the clock, never half; and the whole way back (P15, P21)."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from coopnode import backups, faults, testing
from coopnode.app import Node
from coopnode.audit import audit
from coopnode.audit.sources import Directory
from coopnode.backup_job import HOUR, BackupJob
from coopnode.backups import BackupError, Secret
from coopnode.cli.node import all_projections
from coopnode.condition import troubles
from coopnode.config import Backup
from coopnode.continuing import carry_out, draft
from coopnode.drill import drill
from coopnode.inspection import verify
from coopnode.store import fsck
from coopnode.testing import FixedClock
from tests.node import server
from tests.node.crash import Crash
from tests.node.test_recovery import SECRET, Lost, lost

__all__ = ["lost"]
_CONTEXT = multiprocessing.get_context("forkserver")


def test_a_missing_folder_is_made_and_nothing_private_is_in_clear(lost: Lost, tmp_path: Path) -> None:
    made = backups.make(lost.data, tmp_path / "usb" / "copies", SECRET)
    assert made.backup.parent == tmp_path / "usb" / "copies" and made.keys.exists()
    assert sorted(path.suffix for path in made.backup.parent.iterdir()) == [".backup", ".keys"]
    for path in (made.backup, made.keys):
        data = path.read_bytes()
        assert not any(word.encode() in data for word in ("SQLite", "council.accept", "Пайщикова", "ivanova"))
    assert not (lost.data / backups.SCRATCH).exists()


def test_keys_may_lie_elsewhere(lost: Lost, tmp_path: Path) -> None:
    made = backups.make(lost.data, tmp_path / "a", SECRET, keys_folder=tmp_path / "b")
    assert made.keys.parent == tmp_path / "b"
    done = backups.restore(made.backup, made.keys, tmp_path / "c", SECRET, head=lost.head())
    assert done.startable and done.entries == lost.size


@pytest.mark.parametrize(
    "point", ["backup.written", "2:backup.written", "backup.checked", "2:backup.checked"]
)
def test_a_kill_leaves_nothing_that_looks_finished(lost: Lost, tmp_path: Path, point: str) -> None:
    folder = tmp_path / "copies"
    number, _, name = point.rpartition(":")
    process = _CONTEXT.Process(target=_dies, args=(lost.data, folder, f"{name}:{number or 1}:kill"))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert list(folder.glob("*.backup")) == []
    made = backups.make(lost.data, folder, SECRET)
    assert made.entries == lost.size and list(folder.glob("*.backup")) == [made.backup]
    assert not (lost.data / backups.SCRATCH).exists(), "what the killed one had copied is gone"


def _dies(data: Path, folder: Path, fault: str) -> None:
    faults.arm(fault)
    backups.make(data, folder, SECRET)


def test_what_does_not_read_back_is_no_backup(
    lost: Lost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that loses what was written: nothing gets the name of a backup."""
    whole = os.fsync

    def torn(descriptor: int) -> None:
        whole(descriptor)
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if path.endswith(".backup.new"):
            os.truncate(path, os.path.getsize(path) - 100)

    monkeypatch.setattr(os, "fsync", torn)
    with pytest.raises(BackupError, match="damaged"):
        backups.make(lost.data, tmp_path / "copies", SECRET)
    assert list((tmp_path / "copies").iterdir()) == []


def _size(path: Path) -> int:
    return path.stat().st_size


async def test_by_the_clock_with_the_result_in_the_condition(
    lost: Lost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_bytes(bytes(range(32)))
    folder, keys = tmp_path / "copies", tmp_path / "keys"
    wanted = Backup(folder=folder, keys_folder=keys, key_file=key, every=24, keep=2)
    node = Node.open(testing.config(lost.data, backup=wanted), clock=FixedClock(time=lost.society.coop.now))
    folder.mkdir()
    keys.mkdir()
    for day in range(3):  # left by earlier days; a hand-made one is nobody's to delete
        (folder / f"coopnode-2020010{day}-000000.backup").write_bytes(b"old")
        os.utime(folder / f"coopnode-2020010{day}-000000.backup", (day, day))
        (keys / f"coopnode-2020010{day}-000000.keys").write_bytes(b"old")
    (folder / "coopnode-20200101-000000.backup.new").write_bytes(b"killed")
    os.utime(folder / "coopnode-20200101-000000.backup.new", (0, 0))
    (folder / "mine.backup").write_bytes(b"by hand")
    (keys / "mine.keys").write_bytes(b"by hand")
    os.utime(keys / "mine.keys", (0, 0))
    job = BackupJob(node)
    await job.work()
    found = await node.watch.condition()
    assert found.backup is not None and found.backup_problem is None
    assert found.backup.entries == lost.size
    made = Path(found.backup.path)
    assert made.parent == folder, "the one made by hand lies elsewhere"
    assert found.backup.size == _size(made) > 0
    assert len(list(folder.glob("coopnode-*.backup"))) == 2 and (folder / "mine.backup").exists()
    assert sorted(path.name for path in keys.iterdir())[0] == "coopnode-20200102-000000.keys"
    assert not list(folder.glob("*.new"))
    assert not (keys / "mine.keys").exists(), "copies of keys live at most 35 days"
    await job.work()  # not due
    assert (await node.watch.condition()).backup == found.backup
    os.utime(made, (0, 0))
    whole = key.read_bytes()
    key.unlink()
    await job.work()
    failed = await node.watch.condition()
    assert failed.backup == found.backup and "key" in (failed.backup_problem or "")
    assert "backup_failed" in {trouble.code for trouble in troubles(failed)}
    key.write_bytes(whole)
    await job.work()
    assert (await node.watch.condition()).backup_problem is not None, "not within the hour"
    with monkeypatch.context() as later:
        later.setattr(time, "time", lambda now=time.time: now() + HOUR)
        await job.work()
    healed = await node.watch.condition()
    assert healed.backup_problem is None and healed.backup != found.backup
    node.close()


def test_a_drill(lost: Lost, tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    config = testing.config(lost.data)
    found = drill(config, tmp_path, SECRET, tmp_path / "room", projections=all_projections())
    assert found.problem is None, found.problem
    assert (found.backed_up, found.entries) == (lost.backed_up, lost.size)
    assert found.state_digest == lost.digest.hex() and found.erased == 1 and found.records_missing
    assert set(found.pages.values()) == {200} and set(found.seconds) == {
        "restore",
        "verify",
        "audit",
        "pages",
    }
    assert list((tmp_path / "room").iterdir()) == [], "nothing is left"
    assert verify(lost.data, projections=all_projections()).problem is None, "the node was not touched"
    with fsck.snapshot(lost.data) as snapshot:
        assert snapshot.size() == lost.size
    shutil.rmtree(lost.data / "log")
    found = drill(config, lost.backup, SECRET, tmp_path / "room", projections=all_projections())
    assert found.problem is not None and "nowhere" in found.problem
    with pytest.raises(BackupError, match="no finished backup"):
        drill(config, tmp_path / "room", SECRET, tmp_path / "room")
    found = drill(config, lost.backup, Secret(key_file=bytes(32)), tmp_path / "room")
    assert found.problem is not None and "key file is wrong" in found.problem
    assert found.entries is None and found.erased is None and found.records_missing is None


def test_a_drill_leaves_the_database_of_the_node_alone(lost: Lost, tmp_path: Path) -> None:
    """It is for the day when that database is gone."""
    (tmp_path / "room").mkdir()
    config = testing.config(lost.data, database_url="postgresql://nobody@/nowhere?host=/nonexistent")
    found = drill(config, lost.backup, SECRET, tmp_path / "room", projections=all_projections())
    assert found.problem is None and set(found.pages.values()) == {200}


def test_a_drill_checks_what_it_restored_whatever_the_environment_names(
    lost: Lost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COOPNODE_DATABASE_URL", "postgresql://nobody@/nowhere?host=/nonexistent")
    (tmp_path / "room").mkdir()
    config = testing.config(lost.data)
    found = drill(config, lost.backup, SECRET, tmp_path / "room", projections=all_projections())
    assert found.problem is None and found.state_digest == lost.digest.hex()


async def test_the_whole_way_back(tmp_path: Path) -> None:
    """A node under load is backed up, goes on, is killed; its disk is lost but for the tiles and the head.
    What it had published is all there; the log goes on and stands an audit."""
    crash = await Crash.prepare(tmp_path / "node")
    ours, theirs = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=server.live, args=(crash.data, None, theirs))
    await asyncio.to_thread(process.start)
    theirs.close()
    port = await asyncio.to_thread(ours.recv)
    load = asyncio.create_task(crash._load(port))
    await asyncio.sleep(0.5)
    made = await asyncio.to_thread(backups.make, crash.data, tmp_path / "copies", SECRET)
    await asyncio.sleep(1.0)
    process.kill()
    await load
    await asyncio.to_thread(process.join, 15.0)
    ours.close()
    data = tmp_path / "machine"
    data.mkdir()
    for name in ("log", "head"):
        shutil.copytree(crash.data / name, data / name)
    note = (data / "log/checkpoint").read_bytes()
    published = int(note.split()[1])
    done = await asyncio.to_thread(backups.restore, made.backup, made.keys, data, SECRET)
    assert made.entries < published <= done.entries
    if done.missing is not None:
        # Killed between the head and the files: nobody was shown these entries, but the node cannot know.
        payload: Any = draft(data, "machine_lost", [])
        now = testing.START + 2**30
        signed = [
            person.sign("log.continue/1", payload, aud=crash.id, sub=crash.id, now=now)
            for person in crash.people[:2]
        ]
        carry_out(data, signed, ())
    with fsck.snapshot(data) as snapshot:
        kept = [row.raw for row in snapshot.entries()]
    for index, sent in crash.acknowledged.items():
        if index < done.entries:
            assert kept[index] == sent.statement
    node = Node.open(testing.config(data, time_confirmed=True))
    assert node.standing.doubt is None
    await node.start()
    coop = testing.Cooperative(node, crash.id, crash.people[0])
    await testing.accepted(node.engine.submit(coop.consent(crash.people[0], "afterwards")))
    await node.stop()
    found = await asyncio.to_thread(audit, Directory(data), expect=crash.id, since=note)
    assert found.ok, found.problem
    assert verify(data).problem is None
