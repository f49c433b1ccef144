"""Forms of the council, read within limits: what was typed comes back with the reason beside its field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from coopnode.council.service import CHOICES, MAX_TEXT, MAX_TITLE, Proposal
from protocol.contracts.council import GIVEN_OFFICES
from web.forms import FAULTS, Fields, Rule, text, texts

MAX_REASON: Final = 4_000
_ACCOUNT: Final = re.compile(r"[a-z2-7]{52}")


@dataclass
class Read:
    """`errors` by field: English msgids. `codes` by field: the stable code for programs."""

    typed: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def wrong(self, name: str, words: str) -> None:
        """The first reason at a field stands: what cannot be read is judged no further."""
        self.errors.setdefault(name, words)


#: Every text field of these forms, by form.
COMMENT: Final = {"text": Rule("text", MAX_TEXT)}
REASON: Final = {"reason": Rule("text", MAX_REASON)}
PROPOSAL: Final = {"title": Rule("line", MAX_TITLE), "text": Rule("text", MAX_TEXT)}


def _read(fields: Fields, rules: Mapping[str, Rule]) -> Read:
    found, faults = texts(fields, rules)
    return Read(dict(found), {name: FAULTS[code] for name, code in faults.items()})


def ballot(fields: Fields) -> Read:
    """Nothing is chosen until somebody chooses."""
    read = Read({"choice": text(fields, "choice", 16)})
    if len(fields.getall("choice", [])) > 1:
        read.wrong("choice", FAULTS["twice"])
    if read.typed["choice"] not in CHOICES:
        read.wrong("choice", "Choose for, against or abstain. Nothing has been recorded yet.")
    return read


def comment(fields: Fields) -> Read:
    read = _read(fields, COMMENT)
    if not read.typed["text"]:
        read.wrong("text", "Write your comment first.")
    return read


def reason(fields: Fields, *, required: bool) -> Read:
    read = _read(fields, REASON)
    if required and not read.typed["reason"]:
        read.wrong("reason", "Write the reason: the people concerned will read it.")
    return read


def proposal(fields: Fields) -> tuple[Read, Proposal]:
    """The kind may be one of the general meeting: then the service says so, with the way that is open."""
    kind = text(fields, "kind", 64)
    roles = tuple(
        sorted({str(item) for item in fields.getall("roles", []) if item in (*GIVEN_OFFICES, "chair")})
    )
    read = _read(fields, PROPOSAL)
    typed = read.typed
    typed |= {
        "kind": kind,
        "subject": text(fields, "subject", 64),
        "roles": roles,
        "ends": fields.get("ends") == "yes",
    }
    if not re.fullmatch(r"[a-z][a-z0-9_.-]{0,63}", kind):
        read.wrong("kind", "Choose what the council is to decide.")
    if not typed["title"]:
        read.wrong("title", "Write the question in one line, as it will stand in the minutes.")
    if not typed["text"]:
        read.wrong("text", "Write the draft decision: this is what the council votes on.")
    if kind == "officer":
        if not _ACCOUNT.fullmatch(typed["subject"]):
            read.wrong("subject", "Choose the person.")
        if not roles and not typed["ends"]:
            read.wrong("roles", "Choose at least one office, or that the person's offices end.")
    subject = typed["subject"] if kind == "officer" else None
    given = roles if kind == "officer" and not typed["ends"] else ()
    return read, Proposal(kind, typed["title"], typed["text"], subject, given)
