"""docs/documents.md is what the registry says."""

from __future__ import annotations

from protocol import registry
from tools.documents_page import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: .venv/bin/python -m tools.documents_page"


def test_the_page_names_every_type() -> None:
    text = PAGE.read_text("utf-8")
    assert all(f"### `{name}`" in text for name in registry.TYPES)
