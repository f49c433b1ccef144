"""What was acknowledged survives `kill -9` at any moment (design §2.8)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.node.crash import Crash

#: Kills of one data directory: what is checked grows with its log, so short lives cost less than one long.
LIFE = 25
QUICK = 200 // LIFE
LONG = int(os.environ.get("COOPNODE_CRASHES", "1000")) // LIFE


async def _kill_again_and_again(data: Path) -> None:
    crash = await Crash.prepare(data)
    for number in range(1, LIFE + 1):
        await crash.round(whole=number % 5 == 0)
    assert crash.acknowledged


@pytest.mark.databases("postgresql")
async def test_acknowledged_statements_survive_kills_on_postgresql(tmp_path: Path) -> None:
    await _kill_again_and_again(tmp_path / "data")


@pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))
@pytest.mark.parametrize("life", range(QUICK))
async def test_acknowledged_statements_survive_kills(tmp_path: Path, life: int) -> None:
    await _kill_again_and_again(tmp_path / "data")


@pytest.mark.long
@pytest.mark.parametrize("life", range(QUICK, LONG))
async def test_acknowledged_statements_survive_many_kills(tmp_path: Path, life: int) -> None:
    await _kill_again_and_again(tmp_path / "data")
