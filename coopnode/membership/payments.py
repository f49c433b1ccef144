"""How to pay: purpose line, and the payment string that banks' applications read from a QR code.

The string is that of ГОСТ Р 56042-2014, format ST0001, encoding 2 (UTF-8). Bank details stand in the node's
configuration; without them the page gives the purpose and says whom to ask.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final

import segno

_HEAD: Final = "ST00012"


@dataclass(frozen=True, slots=True)
class Bank:
    """Whom a payment reaches. Names as they stand in a payment order."""

    name: str
    account: str
    bank: str
    bic: str
    correspondent: str
    inn: str = ""
    kpp: str = ""

    @classmethod
    def of(cls, config: Any) -> Bank | None:
        """From `[bank]` of the configuration; None while it is not there or not complete."""
        found = getattr(config, "bank", None)
        if found is None:
            return None
        read = {name: str(getattr(found, name, None) or "") for name in cls.__slots__}
        made = cls(**read)
        return made if made.account and made.bic and made.name else None


@dataclass(frozen=True, slots=True)
class Order:
    """One payment that is expected. `amount` in minor units."""

    bank: Bank
    amount: int
    purpose: str
    payer: str = ""

    def text(self) -> str:
        """The string inside the QR code."""
        parts = [
            ("Name", self.bank.name),
            ("PersonalAcc", self.bank.account),
            ("BankName", self.bank.bank),
            ("BIC", self.bank.bic),
            ("CorrespAcc", self.bank.correspondent or "0"),
            ("PayeeINN", self.bank.inn),
            ("KPP", self.bank.kpp),
            ("Purpose", self.purpose),
            ("Sum", str(self.amount)),
        ]
        names = self.payer.split()
        parts += [
            *zip(("LastName", "FirstName"), names[:2], strict=False),
            ("MiddleName", " ".join(names[2:])),
        ]
        # The separator may not occur inside a value, and a value has no line breaks.
        cleaned = ((key, " ".join(value.replace("|", " ").split())) for key, value in parts)
        return "|".join([_HEAD, *(f"{key}={value}" for key, value in cleaned if value)])

    def qr(self) -> str:
        """As SVG for a page. Error correction M, as the standard asks."""
        out = io.BytesIO()
        code = segno.make(self.text(), error="m", micro=False, encoding="utf-8", eci=False)
        code.save(out, kind="svg", border=4, xmldecl=False, svgclass=None, lineclass=None, omitsize=True)
        return out.getvalue().decode()


def purpose(number: int, member: str) -> str:
    """What the payer writes: by this line the accountant finds the application. In Russian, as banks ask."""
    who = f" {member}." if member else ""
    return f"Вступительный и паевой взносы по заявлению № {number}.{who} НДС не облагается"
