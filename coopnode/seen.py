"""What a text looks like on paper and on a page, whoever wrote it and by whatever way it came.

Forms refuse what cannot be seen (`web.forms`), but a statement may be made by any program. On a page, in a
PDF, a letter or a table such marks are shown as U+FFFD: a name must neither rearrange the line it is in nor
pass for another.
"""

from __future__ import annotations

import re
from typing import Any, Final

#: Controls, marks of direction, zero-width characters but for the joiners of emoji, blanks that count as
#: letters, characters that only annotate.
_HIDDEN: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
_UNSEEN: Final = re.compile(f"[{_HIDDEN}]")
#: More marks on one letter than any language puts there climb over the lines above.
_ABOVE: Final = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
_PILE: Final = re.compile(f"([{_ABOVE}]{{4}})[{_ABOVE}]+")
#: What almost no text has: one look instead of three passes.
_RARE: Final = re.compile(f"[{_HIDDEN}{_ABOVE}]")
_MARK: Final = "\N{REPLACEMENT CHARACTER}"


def visible(text: str) -> str:
    """`text` with U+FFFD for what cannot be seen; line breaks and tabs stay."""
    if (text.isascii() and text.isprintable()) or not _RARE.search(text):
        return text
    return _PILE.sub("\\1" + _MARK, _UNSEEN.sub(_MARK, text.replace("\r\n", "\n")))


def all_visible(value: Any) -> Any:
    """The same for every text in lists and maps of plain values."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {name: all_visible(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [all_visible(item) for item in value]
    return value
