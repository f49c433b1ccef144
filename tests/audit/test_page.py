"""docs/tampering.md has a line for every kind and no other; that each says what was found, its own test
checks."""

from __future__ import annotations

from tests.audit import page, test_tampering, test_verify


def test_the_page_has_every_kind() -> None:
    kinds = {**test_tampering.KINDS, **test_verify.KINDS}
    found = {section: list(lines) for section, lines in page.written().items()}
    assert found == {section: kinds[section] for section in page.SECTIONS}
    assert all(len(set(names)) == len(names) for names in kinds.values())


def test_the_page_is_as_it_is_made() -> None:
    assert page.PAGE.read_text("utf-8") == page.whole(page.written())
