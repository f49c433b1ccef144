"""What was acknowledged survives `kill -9` at any moment (design §2.8)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.node.crash import Crash

QUICK, LONG = 20, int(os.environ.get("COOPNODE_CRASHES", "200"))


async def _kill_again_and_again(data: Path, rounds: int) -> None:
    crash = await Crash.prepare(data)
    for _ in range(rounds):
        await crash.round()
    assert crash.acknowledged


async def test_acknowledged_statements_survive_kills(tmp_path: Path) -> None:
    await _kill_again_and_again(tmp_path / "data", QUICK)


@pytest.mark.long
async def test_acknowledged_statements_survive_many_kills(tmp_path: Path) -> None:
    await _kill_again_and_again(tmp_path / "data", LONG)
