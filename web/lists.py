"""Tables to take away: CSV as Russian offices open it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final

from coopnode.seen import visible

#: Beginnings of formulas, also as East Asian keyboards type them.
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def row(cells: Sequence[str]) -> str:
    """Semicolons; a cell that begins like a formula would be run by a spreadsheet, so it is made text."""
    out = io.StringIO()
    seen = [visible(cell) for cell in cells]
    safe = [f"'{cell}" if cell.lstrip()[:1] in _FORMULA else cell for cell in seen]
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerow(safe)
    return out.getvalue()
