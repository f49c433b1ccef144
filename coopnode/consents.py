"""Consents a cooperative asks for: their texts and the fields they name, however somebody joins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Purpose → kind of the text that explains it.
TEXTS: Final[Mapping[str, str]] = {"membership": "consent-membership", "contacts": "consent-contacts"}
#: Purpose → fields it covers, as the text lists them. Somebody invited gives fewer at first; a document or
#: an entrepreneur's numbers may be asked for later under the same consent.
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "membership": ("name", "birth_date", "address", "phone", "email", "document", "inn", "ogrn"),
    "contacts": ("phone", "email"),
}
#: Without it a cooperative cannot keep its register; others may be refused.
REQUIRED: Final = "membership"
