"""QR codes: addresses on paper, payment strings on a page."""

from __future__ import annotations

from typing import Final

import segno

__all__ = ["code"]

#: Any of the eight reads equally well with clean print (ISO/IEC 18004, 7.8). To try and to
#: score them all, as the standard asks, takes five times as long as all the rest, and finds this one for nine
#: addresses of ten.
_MASK: Final = 2


def code(text: str) -> segno.QRCode:
    """Error correction M: about 15 % of it may be unreadable. UTF-8 without an ECI mark, which banks
    do not expect (GOST R 56042)."""
    return segno.make(text, error="m", micro=False, encoding="utf-8", eci=False, mask=_MASK)
