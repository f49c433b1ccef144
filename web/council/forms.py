"""Forms of the council, read within limits: what was typed comes back with the reason beside its field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from coopnode.council.service import CHOICES, MAX_TEXT, MAX_TITLE, Proposal
from protocol.contracts.council import GIVEN_OFFICES
from web.forms import Fields, text

MAX_REASON: Final = 4_000
_ACCOUNT: Final = re.compile(r"[a-z2-7]{52}")


@dataclass
class Read:
    """`errors` by field: English msgids. `codes` by field: the stable code for programs."""

    typed: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def wrong(self, name: str, words: str) -> None:
        self.errors.setdefault(name, words)


def ballot(fields: Mapping[str, Any]) -> Read:
    """Nothing is chosen until somebody chooses."""
    read = Read({"choice": text(fields, "choice", 16)})
    if read.typed["choice"] not in CHOICES:
        read.wrong("choice", "Choose for, against or abstain. Nothing has been recorded yet.")
    return read


def comment(fields: Mapping[str, Any]) -> Read:
    read = Read({"text": text(fields, "text", MAX_TEXT)})
    if not read.typed["text"]:
        read.wrong("text", "Write your comment first.")
    return read


def reason(fields: Mapping[str, Any], *, required: bool) -> Read:
    read = Read({"reason": text(fields, "reason", MAX_REASON)})
    if required and not read.typed["reason"]:
        read.wrong("reason", "Write the reason: the people concerned will read it.")
    return read


def proposal(fields: Fields) -> tuple[Read, Proposal]:
    """The kind may be one of the general meeting: then the service says so, with the way that is open."""
    kind = text(fields, "kind", 64)
    roles = tuple(
        sorted({str(item) for item in fields.getall("roles", []) if item in (*GIVEN_OFFICES, "chair")})
    )
    typed: dict[str, Any] = {
        "kind": kind,
        "title": text(fields, "title", MAX_TITLE),
        "text": text(fields, "text", MAX_TEXT),
        "subject": text(fields, "subject", 64),
        "roles": roles,
        "ends": fields.get("ends") == "yes",
    }
    read = Read(typed)
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
