"""The form over the list of documents: what was typed, and which documents it means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import time
from typing import Final

from aiohttp import web

from coopnode.search import queries, words
from coopnode.search.documents import Filter
from coopnode.search.projection import KINDS
from web.forms import N_, text
from web.i18n import place
from web.membership import forms
from web.search.asking import LONG, SHORT

_ACCOUNT: Final = re.compile("[a-z2-7]{52}")
_FINGERPRINT: Final = re.compile("[0-9a-f]{8,64}")
_DAY = N_("Type the day as 18.05.2026.")
_NUMBER = N_("A number has digits only.")
_PRINT = N_("A fingerprint begins with eight characters at least: digits and the letters a to f.")


@dataclass
class Typed:
    """The form as it came, and what it means; `errors` by field."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    question: queries.Question | None = None

    def filter(self) -> Filter:
        kind = self.values["kind"]
        number = self._number()
        fingerprint = "".join(self.values["fingerprint"].lower().split())
        if fingerprint and not _FINGERPRINT.fullmatch(fingerprint):
            self.errors["fingerprint"] = _PRINT
        person = self.values["person"]
        return Filter(
            kind=kind if kind in KINDS else None,
            since=self._moment("from", time.min),
            until=self._moment("to", time(23, 59, 59)),
            account=person if _ACCOUNT.fullmatch(person) else None,
            number=number,
            fingerprint=fingerprint or None,
            text=self.values["q"],
        )

    def _number(self) -> int | None:
        typed = re.sub(r"^\s*№\s*", "", self.values["number"])
        if not typed:
            return None
        if not re.fullmatch("[0-9]{1,15}", typed):
            self.errors["number"] = _NUMBER
            return None
        return int(typed)

    def _moment(self, name: str, at: time) -> int | None:
        if not self.values[name]:
            return None
        day = forms.day(self.values[name])
        if day is None:
            self.errors[name] = _DAY
            return None
        return place().seconds(day, at)


FIELDS: Final = ("q", "kind", "from", "to", "who", "person", "number", "fingerprint")


def typed(request: web.Request) -> Typed:
    query = request.query
    found = Typed({name: text(query, name, 2 * words.LONGEST_QUESTION) for name in FIELDS})
    for name in ("q", "who"):
        given = query.get(name, "")
        if len(given) > words.LONGEST_QUESTION or len(words.stems(found.values[name])) > words.MOST_ASKED:
            found.values[name] = found.values[name][: words.LONGEST_QUESTION]
            found.errors[name] = LONG
    if found.values["who"] and "who" not in found.errors:
        try:
            found.question = queries.question(found.values["who"])
        except words.TooMuch:
            found.errors["who"] = LONG
        else:
            if found.question.empty:
                found.question = None
                found.errors["who"] = SHORT
    return found
