"""A fresh clone has what a node imports: the developers' environment holds more and would hide a gap."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
OWN = {"protocol", "federation", "coopnode", "web"}


def imported(folder: str) -> set[str]:
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - OWN - set(sys.stdlib_module_names)


def named(lock: str) -> set[str]:
    lines = (ROOT / "locks" / lock).read_text("utf-8").splitlines()
    return {re.split(r"[=<>;\s]", line)[0].lower().replace("_", "-") for line in lines if line[:1].isalnum()}


def test_what_a_node_imports_is_in_its_lock() -> None:
    distributions = packages_distributions()
    locked = named("run.txt")
    missing = {
        module
        for folder in OWN & {path.name for path in ROOT.iterdir()}
        for module in imported(folder)
        if not {name.lower().replace("_", "-") for name in distributions.get(module, [])} & locked
    }
    assert not missing


def test_locks_carry_no_addresses() -> None:
    for path in [*(ROOT / "locks").glob("*.txt"), ROOT / "package-lock.json"]:
        assert "://" not in path.read_text("utf-8"), path.name
