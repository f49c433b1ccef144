"""docs/faults.md: one line for each fault, as a node behaved when a test did it.

`says` is called by the tests with what was seen and compares it with the line that is written there;
`python -m tools.faults_page` lets the same tests write the page anew.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "faults.md"
#: kind → what is done, in the order of the page
KINDS: Final = {
    "disk full while running": "statements until a small disk is full, then room is made",
    "disk full at a write": "no room at each named point of a commit and its publication in turn",
    "disk full at the start": "a node is started on a disk without room",
    "disk full at a backup": "the backup's disk is smaller than the backup",
    "disk read-only": "the file system finds an error in itself and turns read-only under a running node",
    "disk gone": "every access is an I/O error, and what was not synced is lost",
    "slow disk": "every sync takes a second more",
    "write-ahead log cut off": "half of the write-ahead log is lost after a kill",
    "database page damaged": "pages of the database are overwritten",
    "database no longer one": "the head of the database file is overwritten",
    "clock two hours ahead": "the clock jumps ahead while the node runs",
    "clock two hours back": "the clock jumps back while the node runs, and is set right",
    "clock wrong at the start": "a node is started by a clock that is a day ahead",
    "memory short in verify": "the check of the own directory in 100 MB",
    "memory short in an audit": "the check of another's log in 45 MB",
    "a checker of signatures killed": "the system ends one process of an audit",
    "half-open connections": "10,000 connections that say nothing",
    "heads a byte at a time": "connections that begin a request and never end it",
    "bodies that never end": "a body that stops, and one of any length",
    "killed while migrating": "a kill between the migration and its commit",
    "migration that fails": "a migration that breaks half-way",
    "killed while backing up": "a kill while the backup is written",
    "killed while making an increment": "a kill while an increment is written",
    "two processes on one directory": "a second node is started",
}
_HEADING: Final = """# Faults

What a node does when its machine lets it down. Each line is done to a real node, over real sockets and on
disks of its own, by `./dev test tests/faults --all`, which compares what was seen with the line. In every
case each acknowledged statement had its old index afterwards, and `coopnode verify` found nothing wrong.
Written by `.venv/bin/python -m tools.faults_page`.

| fault | what is done | what the operator reads | meanwhile | afterwards |
|---|---|---|---|---|
"""

#: while the page is written: kind → line
recording: dict[str, str] | None = None


def says(kind: str, reads: str, meanwhile: str, afterwards: str) -> None:
    made = f"| {kind} | {KINDS[kind]} | {_plain(reads)} | {meanwhile} | {afterwards} |"
    if recording is not None:
        recording[kind] = made
        return
    assert written().get(kind) == made, "run: .venv/bin/python -m tools.faults_page"


def written() -> dict[str, str]:
    """kind → line, as the page stands."""
    lines = PAGE.read_text("utf-8").splitlines()
    found = {line[2:].split(" |", 1)[0]: line for line in lines if line.startswith("| ")}
    return {kind: line for kind, line in found.items() if kind != "fault"}


def whole(found: dict[str, str]) -> str:
    return _HEADING + "".join(f"{found[kind]}\n" for kind in KINDS if kind in found)


def _plain(text: str) -> str:
    """Without what differs from run to run and from place to place."""
    text = re.sub(r"(/[\w.-]+)+/(data|place)\b", "DATA", text)
    return " ".join(text.split()).replace("|", "\\|")
