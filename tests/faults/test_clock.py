"""Clocks that step while a node runs, and that are wrong when it starts (P16, P17)."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.faults import page
from tests.faults.living import Society

HOUR = 3600


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """Seconds by which the node's clock is wrong."""
    return tmp_path / "clock"


def program(clock: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.faults.stepped", str(clock))


async def test_two_hours_ahead(society: Society, clock: Path) -> None:
    async with society.living(program=program(clock)) as life:
        await life.give(3)
        clock.write_text(str(2 * HOUR))
        ((status, body),) = await life.give()
        assert (status, body["code"]) == (503, "read_only")
        found = await life.standing()
        assert not found["writing"] and (await life.get("/"))[0] == 200
        clock.write_text("0")
        assert [body["code"] for _, body in await life.give()] == ["read_only"], "a person looks first"
    async with society.living(program=program(clock)) as life:
        await life.remembers()
        assert [status for status, _ in await life.give(2)] == [200, 200]
    await society.sound()
    page.says(
        "clock two hours ahead",
        found["reason"],
        "statements are answered with 503 `read_only`; no time later than the true one enters the log",
        "starts when the clock is right",
    )


async def test_two_hours_back(society: Society, clock: Path) -> None:
    async with society.living(program=program(clock)) as life:
        await life.give(3)
        before = await life.standing()
        clock.write_text(str(-2 * HOUR))
        assert [status for status, _ in await life.give()] == [200]
        found = await life.standing()
        assert found["writing"] and "behind the log's time" in found["reason"]
        clock.write_text("0")
        assert [status for status, _ in await life.give(2)] == [200, 200]
        await life.until(lambda found: found["reason"] is None and found["published"] > before["size"])
        await life.remembers()
    await society.sound()
    page.says(
        "clock two hours back",
        re.sub(r"\d+ minutes", "120 minutes", found["reason"]),
        "statements are judged by the log's time: for five minutes they are taken, then refused as coming"
        " from the future",
        "goes on by itself when the clock is right; no restart, and no jump is seen in it",
    )


@pytest.mark.long
async def test_wrong_at_the_start(society: Society, clock: Path) -> None:
    async with society.living() as life:
        await life.give(3)
    clock.write_text(str(24 * HOUR))
    async with society.living(program=program(clock)) as life:
        ((status, body),) = await life.give()
        found = await life.standing()
        assert (status, body["code"]) == (503, "read_only")
    async with society.living() as life:
        await life.remembers()
        assert [status for status, _ in await life.give(2)] == [200, 200]
    await society.sound()
    page.says(
        "clock wrong at the start",
        found["reason"],
        "statements are answered with 503 `read_only`",
        "starts when the clock is right, or is confirmed (`time_confirmed`)",
    )
