"""The large log of the benchmark: inspection finds nothing wrong, and it is the same every time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coopnode.cli.node import all_projections
from coopnode.inspection import verify
from coopnode.store import fsck
from tests.benchmarks import million
from tests.benchmarks.processes import ROOT


def test_a_thousand_entries(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    million.generate(tmp_path / "first", 1000, lambda done, total: seen.append((done, total)))
    million.generate(tmp_path / "second", 1000, lambda done, total: None, workers=2)
    found = verify(tmp_path / "first", projections=all_projections(), workers=0)
    again = verify(tmp_path / "second", workers=0)
    assert found.problem is None and found.entries == 1000
    assert found.counts["membership.accept/1"] >= 60 and found.counts["membership.payment/1"] >= 8
    assert (found.root, found.state_digest) == (again.root, again.state_digest)
    assert seen[0][0] < seen[-1][0] <= 1000 and {total for _, total in seen} == {1000}


def test_a_copy_leaves_the_cache_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COOPNODE_BENCH_CACHE", str(tmp_path / "cache"))
    made = million.copy(1000, tmp_path / "node")
    today = million.freshen(made, 30)
    found = verify(made, projections=all_projections(), workers=0)
    kept = verify(million.cached(1000), projections=all_projections(), workers=0)
    assert found.problem is None and kept.problem is None
    assert kept.entries == 1000 and found.entries > 1100 and found.tick > time.time() - 600
    assert len(today.applications) == 25 and today.matters
    with fsck.snapshot(made) as snapshot:
        rows = list(snapshot.entries(1000))
    at = {row.idx: row.digest for row in rows}
    assert all(at[index] == digest for index, digest in today.applications)


def test_the_group_of_size_runs(tmp_path: Path) -> None:
    assert {"p99", "memory", "audit", "backup", "increment", "PDF", "start", "inclusion"} <= _group(
        tmp_path, 1000
    )


@pytest.mark.long
def test_the_group_of_size_runs_on_a_larger_log(tmp_path: Path) -> None:
    assert "p99" in _group(tmp_path, 20_000)


def _group(folder: Path, size: int) -> set[str]:
    """First words of the names of its figures."""
    found = folder / "figures.json"
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", "--size", str(size)]
    done = subprocess.run(
        [*command, "--json", str(found), "--folder", str(folder)],
        cwd=ROOT,
        env={**os.environ, "COOPNODE_BENCH_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(found.read_text())["figures"]
    assert {each["group"] for each in figures} == {"size"}
    assert all(each["ratio"] > 0 and each["value"] > 0 for each in figures)
    return set(re.findall(r"\w+", " ".join(each["name"] for each in figures)))
