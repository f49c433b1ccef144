"""How to pay: purpose line, and the payment string that banks' applications read from a QR code.

The string is that of ГОСТ Р 56042-2014, format ST0001, encoding 2 (UTF-8). Bank details stand in the node's
configuration; without them the page gives the purpose and says whom to ask.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

from coopnode import qr
from coopnode.config import Bank
from coopnode.places import Place
from protocol.wording import translated

_LONGEST_PURPOSE: Final = 210
_HEAD: Final = "ST00012"


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
        """As SVG for a page."""
        out = io.BytesIO()
        qr.code(self.text()).save(
            out, kind="svg", border=4, xmldecl=False, svgclass=None, lineclass=None, omitsize=True
        )
        return out.getvalue().decode()

    def png(self) -> bytes:
        """As a picture to be kept: whoever reads the page on a telephone cannot point it at itself."""
        out = io.BytesIO()
        qr.code(self.text()).save(out, kind="png", border=4, scale=8)
        return out.getvalue()


def purpose(number: int, member: str, place: Place) -> str:
    """What the payer writes: by this line the accountant finds the application. In the country's language, as
    banks ask."""
    if place.language != "ru":
        said = translated("Entrance fee and share, application No. {number}.", place.language)
        return " ".join(filter(None, (said.format(number=number), member)))[:_LONGEST_PURPOSE]
    said = f"Вступительный и паевой взносы по заявлению № {number}."
    end = " НДС не облагается"
    who = f" {member}"[: _LONGEST_PURPOSE - len(said) - len(end) - 1] + "." if member else ""
    return f"{said}{who}{end}"
