"""Writes docs/tampering.md: does everything the tests of the audit do, and notes what was found.

`.venv/bin/python -m tools.tampering_page`; the same tests keep the page current.
"""

from __future__ import annotations

import sys

import pytest

from tests.audit import page


def main() -> int:
    page.recording = {section: {} for section in page.SECTIONS}
    status = pytest.main(
        ["tests/audit", "--quiet", "--deselect", "tests/audit/test_page.py", "-p", "no:cacheprovider"]
    )
    if status == pytest.ExitCode.OK:
        page.PAGE.write_text(page.whole(page.recording), "utf-8")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
