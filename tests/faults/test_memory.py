"""Too little memory for a check ends it with a sentence and status 2: no verdict, and none that is wrong."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from pathlib import Path

import pytest

from tests.audit import logs
from tests.faults import page
from tests.faults.living import ROOT, Society

#: Enough for Python and not for the work, in bytes mapped.
VERIFY, AUDIT = 100 * 2**20, 45 * 2**20


async def test_short_in_verify(society: Society) -> None:
    told = await society.command("verify", limits={resource.RLIMIT_AS: VERIFY})
    assert told.status == 2 and not told.out, told.out
    assert "Traceback" not in told.err, told.err
    page.says("memory short in verify", told.sentence, "no verdict, status 2", "the check with more memory")
    await society.sound()


async def test_short_in_an_audit(tmp_path: Path) -> None:
    society = Society(tmp_path, None)  # type: ignore[arg-type]
    folder = logs.example().write(tmp_path / "log")
    told = await society.audit(str(folder), limits={resource.RLIMIT_AS: AUDIT})
    assert told.status == 2 and not told.out, told.out
    assert "Traceback" not in told.err, told.err
    page.says("memory short in an audit", told.sentence, "no verdict, status 2", "the check with more memory")
    assert (await society.audit(str(folder))).status == 0


@pytest.mark.long
async def test_a_checker_killed(tmp_path: Path) -> None:
    """What the system does when memory runs out: it ends the process it likes least."""
    log = logs.example("large")
    while len(log.entries) < 12_000:
        log.tick()
    folder = log.write(tmp_path / "log")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "coopnode", "audit", str(folder), "--workers", "2"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    checker = await _child(process)
    os.kill(checker, signal.SIGKILL)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2 and not out, out
    (line,) = err.decode().splitlines()
    page.says(
        "a checker of signatures killed",
        line.removeprefix("coopnode: "),
        "no verdict, status 2",
        "the check with more memory or fewer processes",
    )


async def _child(process: asyncio.subprocess.Process) -> int:
    """A process that it started, as soon as there is one."""
    async with asyncio.timeout(30):
        while True:
            for each in Path(f"/proc/{process.pid}/task").glob("*/children"):
                if found := each.read_text().split():
                    return int(found[0])
            await asyncio.sleep(0.005)
