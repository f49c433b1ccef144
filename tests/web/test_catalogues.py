"""Every word a page shows has its Russian; nothing in the catalogues is left over or half done (R9)."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from web.rendering import environment

WEB = Path(__file__).resolve().parent.parent.parent / "web"
CATALOGUES = sorted((WEB / "locale" / "ru" / "LC_MESSAGES").glob("*.po"))
#: Calls in Python whose literal arguments are message ids; `request` may stand first.
FUNCTIONS = {"gettext": 1, "ngettext": 2, "flash": 1, "_": 1, "_n": 2, "N_": 1}


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="ru")


def singular(id: object) -> str:
    return str(id[0]) if isinstance(id, list | tuple) else str(id)


def known() -> dict[str, Path]:
    return {singular(message.id): path for path in CATALOGUES for message in catalogue(path) if message.id}


def extracted(path: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(line, the literal message ids) of a template."""
    extract: Any = environment("ru").extract_translations  # type: ignore[attr-defined]
    for line, _, found in extract(path.read_text("utf-8")):
        yield line, tuple(part for part in (found if isinstance(found, tuple) else (found,)) if part)


def template_ids() -> Iterator[tuple[str, str]]:
    for path in sorted((WEB / "templates").rglob("*.html")):
        for line, ids in extracted(path):
            if ids:
                yield ids[0], f"{path.relative_to(WEB)}:{line}"


def python_ids() -> Iterator[tuple[str, str]]:
    for path in sorted(WEB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            literals = [item.value for item in node.args[:2] if isinstance(item, ast.Constant)]
            if name in FUNCTIONS and literals and isinstance(literals[0], str):
                yield literals[0], f"{path.relative_to(WEB)}:{node.lineno}"
            # `read.wrong(field, words)`; in some forms the words are a code, which stands in a table
            if name == "wrong" and len(literals) == 2 and " " in str(literals[1]):
                yield str(literals[1]), f"{path.relative_to(WEB)}:{node.lineno}"


def literals() -> set[str]:
    """Every string in the sources: message ids also stand in tables, translated where they are shown."""
    found = set()
    for path in (*WEB.rglob("*.py"), *(WEB.parent / "coopnode").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    for path in (WEB / "templates").rglob("*.html"):
        for _, ids in extracted(path):
            found.update(ids)
    return found


def test_every_message_has_its_russian() -> None:
    there = known()
    missing = sorted(
        {f"{id!r} ({place})" for id, place in (*template_ids(), *python_ids()) if id not in there}
    )
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_catalogue_is_whole(path: Path) -> None:
    used = literals()
    for message in catalogue(path):
        if not message.id:
            continue
        id = singular(message.id)
        strings = [message.string] if isinstance(message.string, str) else list(message.string or ())
        assert all(strings), f"{id!r} has no translation"
        assert not message.fuzzy, f"{id!r} is fuzzy"
        assert id in used, f"{id!r} is not used any more"
        if message.pluralizable:
            assert len(strings) == 3, f"{id!r} needs three plural forms"
        for text in strings:
            assert places(text) <= places(id) | {"num"}, f"{id!r}: the translation names {places(text)}"


def places(text: str) -> set[str]:
    return {part.partition(")")[0] for part in text.split("%(")[1:]}


def test_catalogues_agree() -> None:
    """They are read as one: a message in two of them must say the same."""
    said: dict[str, tuple[object, str]] = {}
    for path in CATALOGUES:
        for message in catalogue(path):
            if message.id and isinstance(message.string, str):
                id = singular(message.id)
                before = said.setdefault(id, (message.string, path.stem))
                assert before[0] == message.string, f"{id!r}: {before[1]} and {path.stem} differ"


def test_no_foreign_words_on_a_members_page() -> None:
    """ui, Words: no «хеш», «нода», «блокчейн»."""
    for path in CATALOGUES:
        for message in catalogue(path):
            if not message.id:
                continue
            text = (
                " ".join(message.string) if isinstance(message.string, tuple) else str(message.string or "")
            )
            words = {word.strip(string.punctuation + "«»").lower() for word in text.split()}
            assert not words & {"хеш", "хэш", "нода", "ноды", "ноду", "блокчейн"}, text
            assert "!" not in text, text
