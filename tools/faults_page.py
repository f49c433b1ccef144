"""Writes docs/faults.md: does everything the tests of faults do, and notes what was seen.

`.venv/bin/python -m tools.faults_page` as root, who may mount disks, for all of them; with names of tests for
some. The same tests keep the page current.
"""

from __future__ import annotations

import sys

import pytest

from tests.faults import page


def main(arguments: list[str]) -> int:
    page.recording = page.written() if arguments else {}
    options = [
        "--quiet",
        "--deselect",
        "tests/faults/test_page.py",
        "-p",
        "no:cacheprovider",
        "--durations=30",
    ]
    status = pytest.main([*options, *(arguments or ["tests/faults"])])
    if status == pytest.ExitCode.OK:
        page.PAGE.write_text(page.whole(page.recording), "utf-8")
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
