"""The process dies at every named point of a commit and its publication, one test each (design §2.8, P15)."""

from __future__ import annotations

from pathlib import Path

import pytest

from coopnode import faults
from tests.node.crash import Crash

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))


@pytest.mark.parametrize("point", faults.POINTS)
async def test_death_at(point: str, tmp_path: Path) -> None:
    crash = await Crash.prepare(tmp_path / "data")
    assert await crash.round(fault=f"{point}:3:kill"), "the point was never passed"
    await crash.round()
    assert crash.acknowledged


def test_names_are_checked() -> None:
    for text in ("nowhere:kill", "store.begin", "store.begin:hang", "store.begin:1:2:kill"):
        with pytest.raises(ValueError, match="COOPNODE_FAULT"):
            faults.arm(text)
