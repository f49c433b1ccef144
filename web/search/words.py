"""What kinds of documents are called in lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from web.forms import N_

KINDS: Final[Mapping[str, str]] = {
    "applications": N_("Applications and checks of them"),
    "payments": N_("Receipts of fees"),
    "register": N_("The paper register"),
    "matters": N_("Matters for the council"),
    "requests": N_("Petitions of members, and leaving"),
    "decisions": N_("Decisions and minutes"),
    "council": N_("Composition of the council"),
    "rules": N_("Charter, texts and rules"),
    "founding": N_("Founding"),
    "erasures": N_("Erasing of personal data"),
    "node": N_("The node"),
}
