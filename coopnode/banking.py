"""Russian bank details: form of BIC and accounts, and the control key inside an account number.

The key is the ninth digit of an account (Bank of Russia, rule No. 515 of 08.09.1997): three digits of the BIC
before the twenty of the account, weights 7, 1, 3 repeated, and the last digits of the products add up to a
multiple of ten. No register of banks is asked.
"""

from __future__ import annotations

import re
from typing import Final

_BIC: Final = re.compile(r"[0-9]{9}", re.ASCII)
_ACCOUNT: Final = re.compile(r"[0-9]{20}", re.ASCII)
_WEIGHTS: Final = (7, 1, 3) * 8
#: Last three digits of the BIC of the Bank of Russia's own divisions.
_CENTRAL: Final = frozenset({"000", "001", "002"})


def bic(text: str) -> bool:
    """Nine digits, the first says how the bank takes part in the payment system: 0, 1 or 2."""
    return _BIC.fullmatch(text) is not None and text[0] in "012"


def of_central_bank(bic: str) -> bool:
    """Whether accounts there have no correspondent account."""
    return bic[6:] in _CENTRAL


def account(text: str, bic: str) -> bool:
    """An account of a client. `bic` is well-formed."""
    return _fits(text, f"0{bic[4:6]}" if of_central_bank(bic) else bic[6:])


def correspondent(text: str, bic: str) -> bool:
    """The bank's own account at the Bank of Russia: begins with 301 and ends with the BIC's last three."""
    return text.startswith("301") and text.endswith(bic[6:]) and _fits(text, f"0{bic[4:6]}")


def _fits(text: str, head: str) -> bool:
    if _ACCOUNT.fullmatch(text) is None:
        return False
    products = (int(digit) * weight for digit, weight in zip(head + text, _WEIGHTS, strict=False))
    return sum(product % 10 for product in products) % 10 == 0
