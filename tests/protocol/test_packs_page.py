"""docs/packs.md is what the packs say."""

from __future__ import annotations

from protocol import methodology
from tools.packs_page import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: .venv/bin/python -m tools.packs_page"


def test_every_value_stands_there_with_its_source_and_doubt() -> None:
    sections = PAGE.read_text("utf-8").split("\n## ")[1:]
    assert [section.split("\n")[0] for section in sections] == list(methodology.available())
    for section in sections:
        pack = methodology.load(section.split("\n")[0])
        rows = [line for line in section.split("\n") if line.startswith("| `")]
        assert len(rows) == len(pack.parameters)
        assert sum("**?**" in line for line in rows) == len(methodology.unconfirmed(pack))
