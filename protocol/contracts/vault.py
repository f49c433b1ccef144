"""Erasing private records (SPEC §8.5, P21): which, on what ground, by whom. The log keeps the documents and
this statement; the node destroys the keys of the records named, again at every start and after every restore.

    ground      records of                          when
    ──────────────────────────────────────────────────────────────────────────────────────────────
    retention   an application that came to         member.retain_days after its end
                nothing
    consent     the same                            the person's consent for membership holds no longer
    mistake     a voided enrolment                  at once

Everything else is kept: who became a member, what the council decided, what was paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta

from protocol import acts
from protocol.acts import DAY, Act, Digest
from protocol.contract import (
    Changes,
    Context,
    Deadline,
    DocumentType,
    Effect,
    Record,
    Rejection,
    View,
    Write,
)
from protocol.documents import Statement
from protocol.identifiers import identifier

DOMAIN = "vault"

CODES: Final[Mapping[str, str]] = {
    "own_record": "Nobody erases the records of their own application.",
    "record_erased": "The private record is erased already, or named twice.",
    "record_kept": "The record belongs to no application or enrolment that came to nothing; law keeps it.",
    "term_running": "The time for which the record is kept has not passed.",
    "wrong_ground": "The ground named does not hold for this record.",
}

CONSENT: Final = "membership"
_CURRENT: Final = "current"
#: Key of the record that changes with every erasure.
TALLY: Final = f"tally/{_CURRENT}"
MOST: Final = 64


class VaultErase(Act, frozen=True):
    #: documents whose private records are erased
    re: Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=MOST)]
    ground: Literal["retention", "consent", "mistake"]


class Erased(Record, frozen=True):
    """By document identifier: the entry that asked for it."""

    index: int


class Tally(Record, frozen=True):
    erased: int


STATE: Mapping[str, type[Record]] = {"erased": Erased, "tally": Tally}

TYPES = (DocumentType("vault.erase/1", VaultErase),)


# --- what others may ask --------------------------------------------------------------------------


def is_erased(view: View, document: bytes) -> bool:
    return view.get("erased", identifier(document), Erased) is not None


def tally(view: View) -> int:
    """How many records have been erased."""
    found = view.get("tally", _CURRENT, Tally)
    return found.erased if found else 0


# --- deciding -------------------------------------------------------------------------------------


def decide(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    return acts.about(statement, context.cooperative) or acts.decide(_HANDLERS, view, statement, context)


def due(view: View, deadline: Deadline, context: Context) -> Changes:
    raise KeyError(deadline.kind)


def react(view: View, effect: Effect, context: Context) -> Changes | Rejection:
    raise KeyError(effect.name)


def _erase(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """All of them or none."""
    body: VaultErase = statement.body
    if refused := acts.lacks_office(context, statement.iss, "secretary", "chair"):
        return refused
    named: set[bytes] = set()
    for document in body.re:
        if document in named or is_erased(view, document):
            return Rejection("record_erased", "re")
        named.add(document)
        if refused := _kept(document, body.ground, statement.iss, context):
            return refused
    erased = (Write("erased", identifier(document), Erased(context.index)) for document in body.re)
    return Changes((*erased, Write("tally", _CURRENT, Tally(tally(view) + len(body.re)))))


def _kept(document: bytes, ground: str, officer: str, context: Context) -> Rejection | None:
    """Why the record of this document is not erased, on this ground, by this officer."""
    case = context.facts.record_case(document)
    if case is None or case.ended_at is None:
        return Rejection("record_kept", "re")
    if case.subject == officer:
        return Rejection("own_record", "re")
    if (case.kind == "enrolment") != (ground == "mistake"):
        return Rejection("wrong_ground", "ground")
    if ground == "consent" and context.facts.has_consent(case.subject or "", CONSENT):
        return Rejection("wrong_ground", "ground")
    if ground == "retention":
        until = case.ended_at + context.facts.parameter("member.retain_days") * DAY
        if context.tick < until:
            return Rejection("term_running", "re", {"from": until})
    return None


_HANDLERS = {"vault.erase/1": _erase}
