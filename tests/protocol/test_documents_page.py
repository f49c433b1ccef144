"""docs/documents.md is what the registry says."""

from __future__ import annotations

from protocol import registry
from tools.documents_page import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: .venv/bin/python -m tools.documents_page"


def test_the_page_names_every_type() -> None:
    text = PAGE.read_text("utf-8")
    assert all(f"### `{name}`" in text for name in registry.TYPES)


def test_choices_and_optional_fields_are_named() -> None:
    text = PAGE.read_text("utf-8")
    assert "| choice | choice: `for`, `against`, `abstain` | Голос | Vote | as the statement |" in text
    assert "| outcome | choice: `adopted`, `rejected` |" in text, "of shared words only what the type knows"
    assert "| purpose | choice, such as `membership`, `contacts` |" in text
    assert "| basis.minutes | digest; *optional* |" in text
    assert "| *document* | text; *optional* |" in text and "| *name* | text |" in text
