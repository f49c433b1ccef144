"""What has come since a whole backup: made, refused, and put back with nothing private missing (ADR 12)."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shutil
import signal
import sqlite3
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coopnode import backups, faults, increments, testing
from coopnode.app import Node
from coopnode.audit.sources import Directory
from coopnode.backup_file import scratch
from coopnode.backup_job import BackupJob, prune
from coopnode.backups import BackupError, Restored, Secret
from coopnode.cli.node import all_projections
from coopnode.condition import troubles
from coopnode.config import Backup, database_of
from coopnode.continuing import carry_out, draft
from coopnode.drill import drill
from coopnode.inspection import verify
from coopnode.store import fsck, schema, transfer
from coopnode.store.vault import Erased
from coopnode.testing import FixedClock
from protocol.identifiers import identifier
from tests.node import fsck as second_opinion
from tests.node.society import DAY, Society
from tests.node.test_recovery import SECRET, Lost, lose, same

_CONTEXT = multiprocessing.get_context("forkserver")


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Lost:
    return asyncio.run(lose(tmp_path_factory.mktemp("lost")))


@pytest.fixture
def lost(once: Lost, tmp_path: Path) -> Lost:
    """A copy of its own for each test."""
    shutil.copytree(once.data, tmp_path / "node")
    for path in (once.backup, once.backup.with_suffix(".keys")):
        shutil.copy2(path, tmp_path)
    return replace(once, data=tmp_path / "node", backup=tmp_path / once.backup.name)


def incremented(lost: Lost) -> Path:
    """An increment with everything that came after the backup."""
    made = increments.make(lost.data, lost.backup, SECRET)
    assert made.entries == lost.size
    return made.backup


def facts(data: Path, url: str | None = None) -> dict[str, str]:
    """Fingerprints of all tables but those that a restore empties or that name the machine."""
    with fsck.snapshot(data, url) as snapshot:
        found = transfer.fingerprint(snapshot)
    return {name: value for name, value in found.items() if name not in ("sessions", "signing_requests")}


# --- there and back -------------------------------------------------------------------------------


def test_nothing_private_is_missing(lost: Lost, tmp_path: Path) -> None:
    made = incremented(lost)
    assert made.name.startswith("b+") and made.suffix == ".increment"
    done = lost.restore(tmp_path / "machine", increment=made, head=lost.head())
    assert done.startable and done.missing is None and done.increment == made
    assert done.rolled is not None and done.rolled.source is None
    assert done.rolled.increment == lost.size and done.backed_up == lost.backed_up
    assert done.rolled.records_missing == [] and done.rolled.texts_missing == []
    same(lost, tmp_path / "machine")
    assert "records_lost" not in verify(tmp_path / "machine", projections=all_projections()).notes
    assert facts(tmp_path / "machine") == facts(lost.data)
    assert not (tmp_path / "machine/increment").exists()
    node = lost.open(tmp_path / "machine")
    with fsck.snapshot(tmp_path / "machine") as snapshot:
        rows = list(snapshot.records())
    plain = [node.vault.open(row.digest, row.box).decode(errors="replace") for row in rows]
    assert any("Пайщикова" in text for text in plain), "what came after the backup can be read"
    node.close()


async def test_tiles_lead_further_and_what_is_in_neither_is_named(tmp_path: Path) -> None:
    data = tmp_path / "node"
    society = await Society.make(data, clock=FixedClock(), projections=all_projections())
    made = backups.make(data, tmp_path / "b.backup", SECRET)
    await society.join(await society.coop.person("first"), "Пайщикова Вера")
    part = increments.make(data, made.backup, SECRET)
    await society.join(await society.coop.person("second"), "Пайщикова Нина")
    digest = await society.node.in_thread(testing.state_digest, society.node)
    size = society.node.engine.head.size
    assert await society.node.publisher.wait_for(size)
    await society.node.stop()
    done = backups.restore(
        made.backup, made.keys, tmp_path / "machine", SECRET, increment=part.backup,
        head=data / "head/head.db", sources=[Directory(data)], projections=all_projections(),
    )  # fmt: skip
    assert done.startable and done.rolled is not None
    assert (done.backed_up, done.rolled.increment, done.entries) == (made.entries, part.entries, size)
    assert done.rolled.source == str(data)
    missing = [index for index, _ in done.rolled.records_missing]
    assert missing and all(index >= part.entries for index in missing)
    found = verify(tmp_path / "machine", projections=all_projections())
    assert found.problem is None and found.state_digest == digest and "records_lost" in found.notes


def test_what_was_lost_before_stays_named(lost: Lost, tmp_path: Path) -> None:
    """A node that lives on without some records, and its next increment."""
    lost.restore(tmp_path / "poorer", nothing_newer=True, sources=[Directory(lost.data)])
    made = increments.make(tmp_path / "poorer", lost.backup, SECRET)
    done = lost.restore(tmp_path / "machine", increment=made.backup, head=lost.head())
    assert done.rolled is not None and done.rolled.records_missing and done.rolled.texts_missing
    same(lost, tmp_path / "machine")
    assert "records_lost" in verify(tmp_path / "machine", projections=all_projections()).notes


@pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))
async def test_what_follows_from_no_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attachments, minutes, drafts, login keys, tickets and letters; what was taken away stays away."""
    data = tmp_path / "node"
    society = await Society.make(data, clock=FixedClock(), projections=all_projections())
    node = society.node
    before = [node.vault.attach(f"scan {number}".encode()) for number in range(3)]
    await node.database.write(lambda connection: _fill(connection, 1, society.coop.now))
    made = backups.make(data, tmp_path / "b.backup", SECRET)
    society.move(DAY)
    after = [node.vault.attach(f"later {number}".encode()) for number in range(2)]
    node.vault.erase([before[0]])
    await node.database.write(lambda connection: _fill(connection, 2, society.coop.now))
    await society.join(await society.coop.person("second"), "Пайщикова Вера")
    part = await asyncio.to_thread(increments.make, data, made.backup, SECRET)  # beside the running node
    digest = await node.in_thread(testing.state_digest, node)
    await node.stop()
    done = backups.restore(
        made.backup, made.keys, tmp_path / "machine", SECRET,
        increment=part.backup, nothing_newer=True, projections=all_projections(),
    )  # fmt: skip
    assert done.rolled is not None and done.rolled.records_missing == []
    monkeypatch.setattr(testing, "furnish", None)  # what is restored stands on a file
    assert verify(tmp_path / "machine", projections=all_projections()).state_digest == digest
    ours, theirs = facts(tmp_path / "machine"), facts(data, database_of(data))
    assert {name for name in ours if ours[name] != theirs[name]} <= {"meta"}  # `signed` was noted later
    node = Node.open(testing.config(tmp_path / "machine"), clock=FixedClock(society.coop.now))
    assert [node.vault.attachment(each) for each in (*before[1:], *after)] == [
        b"scan 1", b"scan 2", b"later 0", b"later 1"
    ]  # fmt: skip
    with pytest.raises(Erased):
        node.vault.attachment(before[0])
    node.close()


def _fill(connection: Any, number: int, now: int) -> None:
    """A row of each table; the second time draft, ticket, device and calendar of the first are gone or
    changed."""
    connection.execute(schema.drafts.delete())
    row: dict[str, Any] = {
        "id": bytes([number]) * 16,
        "owner": "o",
        "form": "f",
        "box": b"",
        "updated_at": now,
    }
    connection.execute(schema.drafts.insert().values(row))
    connection.execute(schema.tickets.update().values(used_at=now))
    row = {"digest": bytes([number]) * 32, "kind": "account", "created_at": now, "expires_at": now + 9}
    connection.execute(schema.tickets.insert().values(row))
    row = {"key": bytes([number]) * 32, "account": "a", "kid": bytes(32), "created_at": now}
    connection.execute(schema.login_keys.insert().values(row))
    row = {"kind": "k", "idx": number, "body": b"", "created_at": now, "due_at": now + 9 * DAY}
    connection.execute(schema.outbox.update().values(done_at=now))
    connection.execute(schema.outbox.insert().values(row))
    connection.execute(schema.push_devices.delete())
    row = {
        "account": "a",
        "endpoint": bytes([number]) * 32,
        "box": b"",
        "session": bytes(32),
        "created_at": now,
    }
    connection.execute(schema.push_devices.insert().values(row))
    connection.execute(schema.calendar_feeds.delete())
    row = {"account": "a", "nonce": bytes([number]) * 16, "digest": bytes([number]) * 32, "created_at": now}
    connection.execute(schema.calendar_feeds.insert().values(row))
    row = {"account": f"a{number}", "body": b"", "updated_at": now}
    connection.execute(schema.notification_settings.insert().values(row))
    connection.execute(schema.meta.insert().values({"name": f"minutes/{number}", "value": "x"}))


@pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))
async def test_an_erasure_between_the_two(tmp_path: Path) -> None:
    """A record of the base, and one that came and went after it: neither comes back or is called lost."""
    data = tmp_path / "node"
    society = await Society.make(data, clock=FixedClock(), projections=all_projections())
    gone = []
    for name in ("first", "second"):
        person = await society.coop.person(name)
        gone.append((await society.apply(person)).digest)
        await society.coop.must(person, "membership.withdraw/1", {"re": [gone[-1]]}, sub=identifier(gone[-1]))
        if name == "first":
            made = backups.make(data, tmp_path / "b.backup", SECRET)
    society.move(30 * DAY)
    fields: dict[str, Any] = {"re": gone, "ground": "retention"}
    await society.coop.must(society.officers["secretary"], "vault.erase/1", fields, sub=society.coop.id)
    part = increments.make(data, tmp_path, SECRET)
    await society.node.stop()
    done = backups.restore(
        made.backup, made.keys, tmp_path / "machine", SECRET, increment=part.backup, nothing_newer=True
    )
    assert done.rolled is not None and done.rolled.records_missing == []
    assert verify(tmp_path / "machine").problem is None
    with fsck.snapshot(tmp_path / "machine") as snapshot:
        assert not {row.digest for row in snapshot.records()} & set(gone)
    with sqlite3.connect(tmp_path / "machine/vault-keys.db") as keys:
        assert not {row[0] for row in keys.execute("SELECT digest FROM keys")} & set(gone)


def test_new_keys_of_the_node_come_along(lost: Lost, tmp_path: Path) -> None:
    (lost.data / "keys/session").write_bytes(bytes(range(32)))
    made = incremented(lost)
    lost.restore(tmp_path / "machine", increment=made, head=lost.head())
    for name in ("session", "node", "log", "vault"):
        assert (tmp_path / "machine/keys" / name).read_bytes() == (lost.data / "keys" / name).read_bytes()
        assert (tmp_path / "machine/keys" / name).stat().st_mode & 0o777 == 0o600


def test_an_increment_of_nothing(lost: Lost, tmp_path: Path) -> None:
    lost.restore(tmp_path / "a", nothing_newer=True)
    made = increments.make(tmp_path / "a", lost.backup, SECRET)
    assert made.entries == lost.backed_up
    done = lost.restore(tmp_path / "b", increment=made.backup, nothing_newer=True)
    assert done.startable and done.rolled is not None and done.rolled.increment == lost.backed_up
    assert facts(tmp_path / "a") == facts(tmp_path / "b")


# --- refused --------------------------------------------------------------------------------------


def refused(lost: Lost, tmp_path: Path, said: str, **more: Any) -> None:
    with pytest.raises(BackupError, match=said):
        lost.restore(tmp_path / "machine", **more)
    assert not (tmp_path / "machine").exists() and not (tmp_path / "machine.restoring").exists()


def test_swapped_files_are_refused(lost: Lost, tmp_path: Path) -> None:
    first, second = incremented(lost), incremented(lost)
    keys = first.with_suffix(".keys")
    whole = keys.read_bytes()
    keys.write_bytes(second.with_suffix(".keys").read_bytes())
    refused(lost, tmp_path, "keys of another increment", increment=first)
    keys.write_bytes(lost.backup.with_suffix(".keys").read_bytes())
    refused(lost, tmp_path, "is no increment", increment=first)
    keys.unlink()
    refused(lost, tmp_path, "does not exist", increment=first)
    keys.write_bytes(whole)
    refused(lost, tmp_path, "is no increment", increment=lost.backup)
    other = tmp_path / "other"
    other.mkdir()
    again = backups.make(lost.data, other / "b.backup", SECRET)
    with pytest.raises(BackupError, match=r"increment of another backup: of b\.backup"):
        backups.restore(again.backup, again.keys, tmp_path / "machine", SECRET, increment=first)
    assert lost.restore(tmp_path / "machine", increment=first, head=lost.head()).startable


@pytest.mark.parametrize("suffix", [".increment", ".keys"])
def test_damaged_bytes_are_refused(lost: Lost, tmp_path: Path, suffix: str) -> None:
    made = incremented(lost)
    path = made.with_suffix(suffix)
    whole = path.read_bytes()
    for place in (0, 30, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        refused(lost, tmp_path, path.name.replace("+", "."), increment=made)
    path.write_bytes(whole[:-1])
    refused(lost, tmp_path, "damaged", increment=made)


def test_another_secret_is_no_way_in(lost: Lost, tmp_path: Path) -> None:
    other = Secret(key_file=bytes(32))
    with pytest.raises(increments.NotBase, match="key file is wrong"):
        increments.make(lost.data, lost.backup, other)
    assert increments.increments_of(lost.backup) == []
    with pytest.raises(BackupError, match="no finished backup"):
        increments.make(lost.data, tmp_path / "none", SECRET)


async def test_another_log_or_history_is_no_base(lost: Lost, tmp_path: Path) -> None:
    stranger = await testing.cooperative(tmp_path / "stranger", name="Другой", founder="someone")
    await stranger.node.stop()
    with pytest.raises(increments.NotBase, match="make a whole backup"):
        increments.make(tmp_path / "stranger", lost.backup, SECRET)
    whole = backups.make(lost.data, tmp_path / "late.backup", SECRET)
    lost.restore(tmp_path / "older", nothing_newer=True)
    with pytest.raises(increments.NotBase, match="no beginning of this log"):
        increments.make(tmp_path / "older", whole.backup, SECRET)
    assert increments.increments_of(whole.backup) == increments.increments_of(lost.backup) == []


async def test_a_second_history_in_an_increment_is_found_by_what_was_signed(
    lost: Lost, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    lost.restore(other, nothing_newer=True)
    node = lost.open(other)
    await node.start()
    forked = testing.Cooperative(node, lost.society.coop.id, lost.society.coop.founder)
    await testing.accepted(node.engine.submit(forked.consent(lost.society.officers["chair"], "other")))
    await node.stop()
    made = increments.make(other, lost.backup, SECRET)
    refused(lost, tmp_path, "another history", increment=made.backup, sources=[Directory(lost.data)])


async def test_after_a_continuation_a_whole_one_is_due(lost: Lost, tmp_path: Path) -> None:
    data = tmp_path / "machine 1"
    lost.restore(data, head=lost.head())
    coop, now = lost.society.coop, lost.society.coop.now
    payload: Any = draft(data, "machine_lost", [])
    signed = [
        lost.society.officers[name].sign("log.continue/1", payload, aud=coop.id, sub=coop.id, now=now)
        for name in ("chair", "secretary")
    ]
    carry_out(data, signed, all_projections())
    with pytest.raises(increments.NotBase, match="/1; make a whole backup"):
        increments.make(data, lost.backup, SECRET)
    whole = backups.make(data, tmp_path / "c.backup", SECRET)
    part = increments.make(data, whole.backup, SECRET)
    refused(lost, tmp_path, "of another backup", increment=part.backup)
    done = backups.restore(
        whole.backup, whole.keys, tmp_path / "again", SECRET,
        increment=part.backup, head=data / "head/head.db", projections=all_projections(),
    )  # fmt: skip
    assert done.startable and done.missing is None
    assert verify(tmp_path / "again", projections=all_projections()).problem is None


def test_one_backup_at_a_time(lost: Lost, tmp_path: Path) -> None:
    """Both copy into the same folder of the node."""
    with scratch(lost.data) as place:
        for work in (increments.make, backups.make):
            with pytest.raises(BackupError, match="wait for it"):
                work(lost.data, lost.backup if work is increments.make else tmp_path / "c", SECRET)
        assert place.is_dir()
    incremented(lost)


# --- killed, torn, by the clock -------------------------------------------------------------------


@pytest.mark.parametrize(
    "point",
    [
        *(pytest.param(each, marks=pytest.mark.long) for each in ("backup.written", "2:backup.written")),
        pytest.param("backup.checked", marks=pytest.mark.long),
        "2:backup.checked",
    ],
)
def test_a_kill_leaves_nothing_that_looks_finished(lost: Lost, point: str) -> None:
    number, _, name = point.rpartition(":")
    process = _CONTEXT.Process(target=_dies, args=(lost.data, lost.backup, f"{name}:{number or 1}:kill"))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert increments.increments_of(lost.backup) == []
    made = incremented(lost)
    assert increments.increments_of(lost.backup) == [made]
    assert not (lost.data / backups.SCRATCH).exists(), "what the killed one had copied is gone"


def _dies(data: Path, base: Path, fault: str) -> None:
    faults.arm(fault)
    increments.make(data, base, SECRET)


def test_a_full_disk_leaves_nothing(lost: Lost) -> None:
    for point in ("backup.written", "backup.checked"):
        faults.arm(f"{point}:full")
        with pytest.raises(BackupError, match="No space left"):
            increments.make(lost.data, lost.backup, SECRET)
        assert sorted(path.suffix for path in lost.backup.parent.glob("b*")) == [".backup", ".keys"]


def test_what_does_not_read_back_is_no_increment(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.fsync

    def torn(descriptor: int) -> None:
        whole(descriptor)
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if path.endswith(".increment.new"):
            os.truncate(path, os.path.getsize(path) - 100)

    monkeypatch.setattr(os, "fsync", torn)
    with pytest.raises(BackupError, match="damaged"):
        increments.make(lost.data, lost.backup, SECRET)
    assert sorted(path.suffix for path in lost.backup.parent.glob("b*")) == [".backup", ".keys"]


async def test_by_the_clock(lost: Lost, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(bytes(range(32)))
    folder, keys = tmp_path / "copies", tmp_path / "keys"
    wanted = Backup(folder=folder, keys_folder=keys, key_file=key, every=24, increments=1, keep=1)
    node = Node.open(testing.config(lost.data, backup=wanted), clock=FixedClock(time=lost.society.coop.now))
    job = BackupJob(node)

    async def found() -> tuple[int, int, int]:
        await job.work()
        return tuple(len(list(place.glob(name))) for place, name in (
            (folder, "*.backup"), (folder, "*.increment"), (keys, "*.keys")
        ))  # type: ignore[return-value]  # fmt: skip

    def age(hours: float) -> None:
        for path in folder.iterdir():
            os.utime(path, (time.time() - hours * 3600,) * 2)

    assert await found() == (1, 0, 1)
    assert await found() == (1, 0, 1), "nothing is due"
    age(1.1)
    assert await found() == (1, 1, 2)
    assert await found() == (1, 1, 2)
    last = (await node.watch.condition()).backup
    assert last is not None and last.path.endswith(".increment") and last.entries == lost.size
    assert last.at - last.whole_at >= 3600
    for _ in range(2):
        age(1.1)
        made = await found()
    assert made == (1, 2, 3), "two stay"
    (base,) = folder.glob("*.backup")
    age(1.1)
    key.unlink()
    assert await found() == (1, 2, 3)
    failed = await node.watch.condition()
    assert "key" in (failed.backup_problem or "")
    assert "backup_failed" in {trouble.code for trouble in troubles(failed)}
    key.write_bytes(bytes(32))  # another one: the base does not open
    job._failed_at = None
    assert await found() == (1, 0, 1), "a whole one instead; the old one has gone with its increments"
    assert not base.exists()
    age(25)
    assert await found() == (1, 0, 1)
    node.close()


def test_copies_of_keys_live_35_days(tmp_path: Path) -> None:
    for name in ("coopnode-20260101-000000.backup", "coopnode-20260101-000000+20260102-000000.increment"):
        path = tmp_path / name
        path.write_bytes(b"old")
        path.with_suffix(".keys").write_bytes(b"old")
        os.utime(path.with_suffix(".keys"), (0, 0))
    prune(tmp_path, tmp_path, 1, int(time.time()))
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".backup", ".increment"]


@pytest.mark.long
def test_a_drill_takes_the_newest_increment(lost: Lost, tmp_path: Path) -> None:
    incremented(lost)
    made = incremented(lost)
    (tmp_path / "room").mkdir()
    config = testing.config(lost.data)
    found = drill(config, tmp_path, SECRET, tmp_path / "room", projections=all_projections())
    assert found.problem is None, found.problem
    assert (found.increment, found.incremented, found.backed_up) == (made, lost.size, lost.backed_up)
    assert (found.records_missing, found.texts_missing) == (0, 0) and found.erased == 1
    assert found.state_digest == lost.digest.hex()
    made.write_bytes(made.read_bytes()[:-1])
    found = drill(config, tmp_path, SECRET, tmp_path / "room", projections=all_projections())
    assert found.problem is not None and "damaged" in found.problem


@pytest.mark.parametrize("whole", [True, False])
async def test_a_copy_may_be_ahead_of_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """Under load the log is signed on between the moment the checkpoint is read and the copy."""
    data = tmp_path / "node"
    society = await Society.make(data, clock=FixedClock(), projections=all_projections())
    node, coop = society.node, Coop(society)
    assert await node.publisher.wait_for(node.engine.head.size)
    base = await asyncio.to_thread(backups.make, data, tmp_path / "b.backup", SECRET)
    note = (data / "log/checkpoint").read_bytes()
    for _ in range(2):  # the second writes down that the first was signed
        await coop.step("consents")
        assert await node.publisher.wait_for(node.engine.head.size)
    monkeypatch.setattr(backups if whole else increments, "read_checkpoint", lambda source: note)
    if whole:
        base = await asyncio.to_thread(backups.make, data, tmp_path / "c.backup", SECRET)
        part = None
    else:
        part = (await asyncio.to_thread(increments.make, data, base.backup, SECRET)).backup
    await node.stop()
    done = backups.restore(
        base.backup, base.keys, tmp_path / "machine", SECRET,
        increment=part, nothing_newer=True, projections=all_projections(),
    )  # fmt: skip
    assert done.startable
    again = Node.open(testing.config(tmp_path / "machine"), clock=FixedClock(society.coop.now))
    assert again.standing.doubt is None
    again.close()


# --- any log, any moment --------------------------------------------------------------------------


@dataclass
class Coop:
    society: Society
    number: int = 0
    edition: int = 1

    async def step(self, kind: str) -> None:
        self.number += 1
        society, coop = self.society, self.society.coop
        if kind == "join":
            await society.join(await coop.person(f"p{self.number}"), f"Пайщикова {self.number}")
        elif kind == "attach":
            society.node.vault.attach(str(self.number).encode())
        elif kind == "text":
            self.edition += 1
            text: dict[str, Any] = {"kind": "consent-contacts", "edition": self.edition, "title": "C"}
            await coop.publish(society.officers["chair"], "cooperative.agreement/1", f"# {self.number}", text)
        else:
            for each in range(12):  # of one account 64 at most
                statement = coop.consent(society.officers["chair"], f"c{self.number}-{each}")
                await testing.accepted(society.node.engine.submit(statement))


@pytest.mark.long
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    steps=st.lists(st.sampled_from(["join", "attach", "text", "consents"]), min_size=1, max_size=5),
    base=st.integers(0, 4),
)
def test_any_log_comes_back(tmp_path_factory: pytest.TempPathFactory, steps: list[str], base: int) -> None:
    asyncio.run(_there_and_back(tmp_path_factory.mktemp("log"), steps, min(base, len(steps) - 1)))


async def _there_and_back(folder: Path, steps: list[str], base: int) -> None:
    data = folder / "node"
    society = await Society.make(data, clock=FixedClock(), projections=all_projections())
    coop = Coop(society)
    for number, step in enumerate(steps):
        if number == base:
            made = await asyncio.to_thread(backups.make, data, folder / "b.backup", SECRET)
        await coop.step(step)
    part = await asyncio.to_thread(increments.make, data, folder, SECRET)
    digest = await society.node.in_thread(testing.state_digest, society.node)
    attached = {each: society.node.vault.attachment(each) for each in society.node.vault.attachments()}
    await society.node.stop()
    done: Restored = backups.restore(
        made.backup, made.keys, folder / "machine", SECRET,
        increment=part.backup, nothing_newer=True, projections=all_projections(),
    )  # fmt: skip
    assert done.rolled is not None and not done.rolled.records_missing and not done.rolled.texts_missing
    found = verify(folder / "machine", projections=all_projections())
    assert found.problem is None and found.state_digest == digest
    assert second_opinion.verify(folder / "machine").problems == []
    node = Node.open(testing.config(folder / "machine"), clock=FixedClock(society.coop.now))
    assert {each: node.vault.attachment(each) for each in node.vault.attachments()} == attached
    node.close()
    shutil.rmtree(folder)
