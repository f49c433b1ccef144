"""What was acknowledged survives `kill -9` at any moment (design §2.8)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.node.crash import Crash
from tests.node.forks import Forks

#: Kills of one data directory: a round replays its whole log, so many short lives cost less than one long.
LIFE = 20
QUICK = 10
LONG = int(os.environ.get("COOPNODE_CRASHES", "1000")) // LIFE


async def _kill_again_and_again(data: Path) -> None:
    """The first life of each directory is started from the command line."""
    crash = await Crash.prepare(data)
    async with Forks.open() as forks:
        await crash.round()
        for _ in range(LIFE - 1):
            await crash.round(forks=forks)
    assert crash.acknowledged


@pytest.mark.parametrize("life", range(QUICK))
async def test_acknowledged_statements_survive_kills(tmp_path: Path, life: int) -> None:
    await _kill_again_and_again(tmp_path / "data")


@pytest.mark.long
@pytest.mark.parametrize("life", range(QUICK, LONG))
async def test_acknowledged_statements_survive_many_kills(tmp_path: Path, life: int) -> None:
    await _kill_again_and_again(tmp_path / "data")
