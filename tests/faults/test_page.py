"""docs/faults.md has a line for every fault; that each says what was seen, its own test checks."""

from __future__ import annotations

from tests.faults import page


def test_the_page_has_every_fault() -> None:
    assert list(page.written()) == list(page.KINDS)


def test_the_page_is_as_it_is_made() -> None:
    assert page.PAGE.read_text("utf-8") == page.whole(page.written())
