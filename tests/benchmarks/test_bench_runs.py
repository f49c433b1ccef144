"""The benchmark itself works: every figure is there. How large they are is for docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import GROUPS
from tests.benchmarks.processes import ROOT


@pytest.mark.long
def test_quick_run_writes_every_figure(tmp_path: Path) -> None:
    found = tmp_path / "figures.json"
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks",
        "--quick",
        "--json",
        str(found),
        "--folder",
        str(tmp_path),
    ]
    env = {**os.environ, "COOPNODE_BENCH_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(found.read_text())["figures"]
    assert {each["group"] for each in figures} == set(GROUPS)
    assert all(each["ratio"] > 0 and each["value"] > 0 and each["limit"] > 0 for each in figures)
    names = " ".join(each["name"] for each in figures)
    for wanted in (
        "64 clients",
        "one client that waits",
        "all checked",
        "signatures trusted",
        "parse",
        "Merkle",
        "vault",
        "tiles",
        "p99 of",
    ):
        assert wanted in names, wanted
