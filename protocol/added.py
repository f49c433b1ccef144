"""Folders beside the release that add a country or a language: packs, words, texts, catalogues.

    packs/*.toml                      methodology packs, as in `protocol/methodology/data`
    words/<language>.json             English words of rules and documents → those of the language
    texts/<language>/[<pack>/]*.md    what members sign, as in `coopnode/texts`
    locale/<language>/LC_MESSAGES/    catalogues of the pages, as in `web/locale`

Only lists paths; whoever reads such a file does it where it reads its own.
"""

from __future__ import annotations

from importlib.resources.abc import Traversable
from typing import Final

#: In the order they were added; what the release has itself comes first.
FOLDERS: Final[list[Traversable]] = []


def add(folder: Traversable) -> None:
    """Once per folder, before the first page."""
    if folder not in FOLDERS:
        FOLDERS.append(folder)


def languages() -> tuple[str, ...]:
    """Those that some folder brings a catalogue for, in the order found."""
    places = [place for folder in FOLDERS if (place := folder / "locale").is_dir()]
    found = [each.name for place in places for each in place.iterdir() if each.is_dir()]
    return tuple(sorted(dict.fromkeys(found)))
