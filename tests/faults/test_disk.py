"""Disks that are full, read-only, slow, gone or damaged under a running node (design §2.8, §10)."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from coopnode import faults, testing
from coopnode.answers import Busy, Committed
from tests.faults import page
from tests.faults.conftest import placed
from tests.faults.living import Life, Society
from tests.faults.places import Place
from tests.node import fsck


async def _until_refused(life: Life) -> str:
    """The code of the first statement that is not taken."""
    for _ in range(200):
        ((status, body),) = await life.give()
        if status != 200:
            assert status == 503, body
            return f"503 `{body['code']}`"
    raise AssertionError("the disk was never full")


async def _published(life: Life) -> None:
    await life.until(lambda found: found["published"] == found["size"])


@pytest.mark.mounts
async def test_full_while_running(small: Place, template: testing.Cooperative) -> None:
    society = placed(small, template)
    async with society.living() as life:
        await life.give(3)
        for leave in (0, 100_000, 300_000):
            small.fill(leave=leave)
            answer = await _until_refused(life)
            found = await life.standing()
            assert (await life.get("/"))[0] == (await life.get("/checkpoint"))[0] == 200
            small.empty()
            assert [status for status, _ in await life.give(2)] == [200, 200]
        await life.until(lambda found: found["reason"] is None and found["published"] == found["size"])
        await life.remembers()
    async with society.living() as life:
        await life.remembers()
    await society.sound()
    page.says(
        "disk full while running",
        found["reason"],
        f"statements are answered with {answer}; pages and the published log are served",
        "goes on by itself as soon as there is room",
    )


@pytest.mark.parametrize("point", faults.POINTS)
async def test_full_at_a_write(point: str, tmp_path: Path) -> None:
    """At each point in turn; the node is not even restarted."""
    made = await testing.cooperative(tmp_path / "data", more={"checkpoint_seconds": 0.05})
    private = await made.constitute(3)
    matter = await made.matter(private[0])
    root, record = testing.commit("council.comment/1", {"text": "за"})
    raw = private[1].sign(
        "council.comment/1", {"matter": matter}, aud=made.id, sub=matter, now=made.now, private=root
    )
    node = made.node
    faults.arm(f"{point}:full")
    try:
        answer = await node.engine.submit(raw, record)
        if point.startswith(("heads.", "tiles.", "checkpoint.", "store.after")):
            assert isinstance(answer, Committed)
        else:
            assert isinstance(answer, Busy) and answer.code == "storage"
            assert node.sequencer.trouble and "no room is left" in node.sequencer.trouble
        again = await node.engine.submit(raw, record)
        assert isinstance(again, Committed)
        if isinstance(answer, Committed):
            assert again.index == answer.index
        assert await node.publisher.wait_for(again.index + 1)
    finally:
        faults.arm(None)
    assert node.engine.stopped is None
    await node.stop()
    assert fsck.verify(tmp_path / "data").problems == []
    page.says(
        "disk full at a write",
        "as above",
        "the statement is committed, or answered with 503 `storage` and not there",
        "goes on by itself; the same bytes get one index",
    )


@pytest.mark.mounts
@pytest.mark.long
async def test_full_at_the_start(small: Place, template: testing.Cooperative) -> None:
    society = placed(small, template)
    async with society.living() as life:
        await life.give(3)
    small.fill(leave=0)
    sentence = await society.refused()
    small.empty()
    async with society.living() as life:
        await life.remembers()
    await society.sound()
    page.says("disk full at the start", sentence, "does not start (status 2)", "starts when there is room")


@pytest.mark.mounts
@pytest.mark.long
async def test_full_at_a_backup(society: Society, small: Place, tmp_path: Path) -> None:
    society.enter = small.enter
    async with society.living() as life:
        await life.give(3)
        small.fill(leave=60_000)
        (tmp_path / "passphrase").write_text("correct horse battery")
        options = ("--passphrase-file", str(tmp_path / "passphrase"))
        told = await society.command("backup", str(small.folder), *options)
        assert told.status == 2 and "Traceback" not in told.err, told.err
        assert small.run("find", str(small.folder), "-type", "f").split() == [f"{small.folder}/ballast"]
        small.empty()
        again = await society.command("backup", str(small.folder), *options)
        assert again.status == 0, again.err
        await life.remembers()
    await society.sound()
    page.says(
        "disk full at a backup",
        re.sub(r"coopnode-\d+-\d+", "NAME", told.sentence),
        "the command ends with status 2 and leaves nothing behind; the node does not notice",
        "the next backup is whole",
    )


@pytest.mark.mounts
@pytest.mark.long
async def test_read_only(disk: Place, template: testing.Cooperative) -> None:
    society = placed(disk, template)
    async with society.living() as life:
        await life.give(3)
        await _published(life)
        disk.fail()
        answer = await _until_refused(life)
        found = await life.standing()
        assert not found["writing"]
        assert (await life.get("/"))[0] == (await life.get("/checkpoint"))[0] == 200
        assert [body["code"] for _, body in await life.give(2)] == ["read_only"] * 2
    sentence = await society.refused()
    assert "can only be read" in sentence
    disk.unmount()
    disk.mount()
    async with society.living() as life:
        await life.remembers()
    await society.sound()
    page.says(
        "disk read-only",
        found["reason"],
        f"the statement is answered with {answer}, later ones with 503 `read_only`; pages and the published"
        " log are served; another start ends with status 2 and the same advice",
        "starts when the disk can be written",
    )


@pytest.mark.mounts
async def test_gone(disk: Place, template: testing.Cooperative) -> None:
    """What a loss of power does to a disk: only what was synced is there afterwards."""
    society = placed(disk, template)
    async with society.living() as life:
        await life.give(20)
        disk.shut_down()
        answer = await _until_refused(life)
        found = await life.until(lambda found: not found["writing"])
        status, text = await life.get("/")
        assert status == 503 and "не может прочитать" in text and "cannot read its data" in text
    sentence = await society.refused()
    assert "answers with errors" in sentence
    disk.unmount()
    disk.mount()
    async with society.living() as life:
        assert life.said["reading_only"] is None
        await life.remembers()
    await society.sound()
    assert "disk" in found["reason"]
    page.says(
        "disk gone",
        sentence,
        f"statements are answered with {answer}, pages with 503 in both languages; another start ends with"
        " status 2",
        "starts when the disk is back; nothing synced is missing",
    )


@pytest.mark.long
async def test_slow(society: Society) -> None:
    async with society.living(more={"COOPNODE_FAULT": "store.before_commit:slow"}) as life:
        answers = await life.give(6)
        assert [status for status, _ in answers] == [200] * 6
        found = await life.standing()
        assert found["reason"] is None
        assert (await life.get("/livez"))[0] == (await life.get("/"))[0] == 200
    async with society.living() as life:
        await life.remembers()
    await society.sound()
    page.says(
        "slow disk",
        "nothing",
        "statements wait longer and are taken, what queues goes into one commit; pages do not wait",
        "nothing to do",
    )


async def test_write_ahead_log_cut_off(society: Society) -> None:
    held = sqlite3.connect(society.data / "coopnode.db", isolation_level=None)
    async with society.living() as life:
        held.execute("BEGIN")
        held.execute("SELECT count(*) FROM entries").fetchone()  # nothing newer is copied into the database
        await life.give(10)
        await _published(life)
        life.process.kill()
        await life.ended()
    wal = society.data / "coopnode.db-wal"
    kept = wal.read_bytes()
    held.close()
    wal.write_bytes(kept[: len(kept) // 2])
    shutil.copytree(society.data, society.data.with_name("copy"))
    async with society.living() as life:
        sentence = life.said["reading_only"]
        assert sentence and "older copy" in sentence
        ((status, body),) = await life.give()
        assert (status, body["code"]) == (503, "read_only")
        assert (await life.get("/"))[0] == 200
    shutil.rmtree(society.data)
    society.data.with_name("copy").rename(society.data)
    wal.write_bytes(kept)
    (society.data / "coopnode.db-shm").unlink(missing_ok=True)
    async with society.living() as life:
        assert life.said["reading_only"] is None
        await life.remembers()
    await society.sound()
    page.says(
        "write-ahead log cut off",
        _without_numbers(sentence),
        "reading only: statements are answered with 503 `read_only`, nothing is signed",
        "goes on with the whole file, or with a backup and the surviving head database",
    )


@pytest.mark.long
async def test_page_damaged(society: Society) -> None:
    async with society.living() as life:
        await life.give(30)
        await _published(life)
    path = society.data / "coopnode.db"
    kept = path.read_bytes()
    damaged = bytearray(kept)
    for number in range(2, len(kept) // 4096, 3):
        damaged[number * 4096 : number * 4096 + 64] = os.urandom(64)
    path.write_bytes(damaged)
    sentence = await society.refused()
    told = await society.command("verify")
    assert told.status in (1, 2) and "Traceback" not in told.err, told.err
    path.write_bytes(kept)
    async with society.living() as life:
        await life.remembers()
    await society.sound()
    page.says(
        "database page damaged",
        _without_numbers(sentence),
        "does not start (status 2); `coopnode verify` names what is damaged",
        "starts with the restored file",
    )


@pytest.mark.long
async def test_no_database(society: Society) -> None:
    async with society.living() as life:
        await life.give(3)
    path = society.data / "coopnode.db"
    kept = path.read_bytes()
    path.write_bytes(os.urandom(100) + kept[100:])
    sentence = await society.refused()
    told = await society.command("verify")
    assert told.status == 2 and "Traceback" not in told.err, told.err
    path.write_bytes(kept)
    async with society.living() as life:
        await life.remembers()
    await society.sound()
    page.says(
        "database no longer one", sentence, "does not start (status 2)", "starts with the restored file"
    )


def _without_numbers(text: str) -> str:
    return "".join("N" if sign.isdigit() else sign for sign in text).replace("NN", "N").replace("NN", "N")
