"""Russian registration numbers: ИНН, КПП, ОГРН, ОГРНИП. Form and check digits; no register is asked.

The check-digit rules are those of the tax service: ИНН — weighted sums modulo 11 modulo 10; ОГРН — the first
twelve digits modulo 11 modulo 10; ОГРНИП — the first fourteen modulo 13 modulo 10. КПП has no check digit.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["inn_of_organisation", "inn_of_person", "kpp", "ogrn", "ogrnip"]

_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_KPP: Final = re.compile(r"[0-9]{4}[0-9A-Z]{2}[0-9]{3}", re.ASCII)
_WEIGHTS_10: Final = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_WEIGHTS_11: Final = (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_WEIGHTS_12: Final = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)


def inn_of_organisation(text: str) -> bool:
    """Ten digits, the last one checks; codes of the tax office are never 0000."""
    return _number(text, 10) and text[:4] != "0000" and text[9] == _weighted(text, _WEIGHTS_10)


def inn_of_person(text: str) -> bool:
    """Twelve digits, the last two check. Entrepreneurs keep the number they had as persons."""
    return (
        _number(text, 12)
        and text[:4] != "0000"
        and text[10] == _weighted(text, _WEIGHTS_11)
        and text[11] == _weighted(text, _WEIGHTS_12)
    )


def kpp(text: str) -> bool:
    """Tax office (4), reason (2, digits or capital Latin letters), number (3)."""
    return _KPP.fullmatch(text) is not None and text[:4] != "0000"


def ogrn(text: str) -> bool:
    """Thirteen digits of an organisation; the first one is never 3, which marks entrepreneurs, nor 0."""
    return _number(text, 13) and text[0] not in "03" and text[12] == str(int(text[:12]) % 11 % 10)


def ogrnip(text: str) -> bool:
    """Fifteen digits of an entrepreneur, beginning with 3 (or 4, other state numbers of an entrepreneur)."""
    return _number(text, 15) and text[0] in "34" and text[14] == str(int(text[:14]) % 13 % 10)


def _number(text: str, length: int) -> bool:
    return len(text) == length and _DIGITS.fullmatch(text) is not None


def _weighted(text: str, weights: tuple[int, ...]) -> str:
    return str(sum(int(digit) * weight for digit, weight in zip(text, weights, strict=False)) % 11 % 10)
