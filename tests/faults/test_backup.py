"""A backup that is killed leaves node and later backups alone, a whole one and an increment."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.faults import page
from tests.faults.living import ROOT, Society


@pytest.mark.long
async def test_killed(society: Society, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(range(32)))
    folder = tmp_path / "backups"
    folder.mkdir()
    options = ("--key-file", str(tmp_path / "key"))
    async with society.living() as life:
        await life.give(20)
        for _ in range(3):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "coopnode", "backup", str(folder), *options),
                *("--data", str(society.data)),
                cwd=ROOT,
            )
            async with asyncio.timeout(30):
                while not any(folder.rglob("*")):  # noqa: ASYNC110  (another process's doing)
                    await asyncio.sleep(0.001)
            process.kill()
            await process.wait()
            left = [path.name for path in folder.iterdir() if path.suffix in (".backup", ".keys")]
            assert len(left) < 2, "the kill came too late"
            await asyncio.sleep(1)  # another second, another name
        told = await society.command("backup", str(folder), *options)
        assert told.status == 0, told.err
        await life.give(2)
        await life.remembers()
    await society.sound()
    (keys,) = folder.glob("*.keys")
    backup = keys.with_suffix(".backup")
    restored = Society(tmp_path / "restored", society.made)
    survived = ("--head", str(society.data / "head" / "head.db"), "--from", str(society.data / "log"))
    again = await restored.command("restore", str(backup), *options, *survived)
    assert again.status == 0, again.err
    page.says(
        "killed while backing up",
        "nothing",
        "the node does not notice; what was written carries another name than a backup",
        "the next backup is whole and can be restored and rolled forward",
    )


@pytest.mark.long
async def test_an_increment_killed(society: Society, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(range(32)))
    folder = tmp_path / "backups"
    options = ("--key-file", str(tmp_path / "key"))
    async with society.living() as life:
        await life.give(20)
        told = await society.command("backup", str(folder), *options)
        assert told.status == 0, told.err
        (base,) = folder.glob("*.backup")
        await life.give(20)
        for point in ("backup.written", "backup.checked"):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "coopnode", "backup", str(base), "--increment", *options),
                *("--data", str(society.data)),
                cwd=ROOT,
                env={**os.environ, "COOPNODE_FAULT": f"{point}:kill"},
            )
            assert await process.wait() == -signal.SIGKILL
            assert not list(folder.glob("*.increment"))
        told = await society.command("backup", str(base), "--increment", *options)
        assert told.status == 0, told.err
        await life.give(2)
        await life.remembers()
    await society.sound()
    (increment,) = folder.glob("*.increment")
    restored = Society(tmp_path / "restored", society.made)
    survived = ("--head", str(society.data / "head" / "head.db"), "--from", str(society.data / "log"))
    again = await restored.command("restore", str(base), "--json", *options, *survived)
    assert again.status == 0, again.err
    assert json.loads(again.out)["increment"] == str(increment)
    page.says(
        "killed while making an increment",
        "nothing",
        "the node does not notice; what was written carries another name than an increment",
        "the next increment is whole; backup and increment are restored and rolled forward",
    )
