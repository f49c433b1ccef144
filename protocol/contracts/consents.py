"""Consents to the processing of personal data (SPEC §8.3): a document of its own for each purpose (152-FZ
art. 9), withdrawable at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta
from msgspec.structs import replace

from protocol import acts
from protocol.acts import Act, Digest, Identifier, Seconds, Word
from protocol.contract import Changes, Context, Deadline, DocumentType, Effect, Record, Rejection, View, Write
from protocol.documents import Statement
from protocol.identifiers import identifier

DOMAIN = "consent"

CODES: Final[Mapping[str, str]] = {
    "consent_ended": "The consent was withdrawn, replaced or has run out.",
    "too_many_consents": "The person has as many consents in force as one may have.",
    "field_repeated": "A field is named twice.",
    "not_yours": "The document is another person's.",
    "unknown_consent": "No consent has this digest.",
    "until_passed": "The term lies in the past.",
}


class ConsentGive(Act, frozen=True):
    purpose: Word
    operator: Identifier
    fields: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=64)]
    text: Digest
    until: Seconds | None = None


class ConsentWithdraw(Act, frozen=True):
    re: tuple[Digest]


class Consent(Record, frozen=True):
    """By document digest."""

    account: str
    purpose: str
    operator: str
    index: int
    status: Literal["given", "withdrawn", "replaced", "ended"] = "given"
    until: int | None = None


class Current(Record, frozen=True):
    """By account and purpose (and operator, when it is another cooperative): the consent that holds."""

    consent: str


class Held(Record, frozen=True):
    """By account: how many consents hold."""

    count: int


STATE: Mapping[str, type[Record]] = {"consent": Consent, "current": Current, "held": Held}

TYPES = (
    DocumentType("consent.give/1", ConsentGive, founding=True),
    DocumentType("consent.withdraw/1", ConsentWithdraw, founding=True),
)


def has_consent(view: View, account: str, purpose: str, operator: str | None = None) -> bool:
    """Given to this cooperative, or to the named other one, and neither withdrawn nor run out."""
    return view.get("current", _key(account, purpose, operator), Current) is not None


def decide(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    return acts.about(statement, statement.iss) or acts.decide(_HANDLERS, view, statement, context)


def due(view: View, deadline: Deadline, context: Context) -> Changes:
    """The term of a consent has run out."""
    consent = view.need("consent", deadline.id, Consent)
    if consent.status != "given" or consent.until != deadline.time:
        return Changes()
    return Changes(_end(view, deadline.id, consent, "ended", context))


def react(view: View, effect: Effect, context: Context) -> Changes | Rejection:
    raise KeyError(effect.name)


def _give(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: ConsentGive = statement.body
    if len(set(body.fields)) != len(body.fields):
        return Rejection("field_repeated", "fields")
    if body.until is not None and body.until <= context.tick:
        return Rejection("until_passed", "until")
    id = identifier(statement.digest)
    consent = Consent(statement.iss, body.purpose, body.operator, context.index, "given", body.until)
    place = _place(consent, context)
    writes = [Write("consent", id, consent), Write("current", place, Current(id))]
    cleared: tuple[Deadline, ...] = ()
    before = view.get("current", place, Current)
    if before is None:
        held, limit = _held(view, statement.iss), context.facts.parameter("consent.max_purposes")
        if held >= limit:
            return Rejection("too_many_consents", "purpose", {"limit": limit})
        writes.append(Write("held", statement.iss, Held(held + 1)))
    else:
        replaced = view.need("consent", before.consent, Consent)
        writes.append(Write("consent", before.consent, replace(replaced, status="replaced")))
        cleared = _deadline(before.consent, replaced)
    return Changes(tuple(writes), (), _deadline(id, consent), cleared)


def _withdraw(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: ConsentWithdraw = statement.body
    id = identifier(body.re[0])
    consent = view.get("consent", id, Consent)
    if consent is None:
        return Rejection("unknown_consent", "re")
    if consent.account != statement.iss:
        return Rejection("not_yours", "re")
    if consent.status != "given":
        return Rejection("consent_ended", "re", {"status": consent.status})
    return Changes(_end(view, id, consent, "withdrawn", context), clear_deadlines=_deadline(id, consent))


def _end(
    view: View, id: str, consent: Consent, status: Literal["withdrawn", "ended"], context: Context
) -> tuple[Write, ...]:
    held = _held(view, consent.account) - 1
    return (
        Write("consent", id, replace(consent, status=status)),
        Write("current", _place(consent, context), None),
        Write("held", consent.account, Held(held) if held else None),
    )


def _held(view: View, account: str) -> int:
    found = view.get("held", account, Held)
    return found.count if found else 0


def _deadline(id: str, consent: Consent) -> tuple[Deadline, ...]:
    return () if consent.until is None else (Deadline(consent.until, "consent", id),)


def _place(consent: Consent, context: Context) -> str:
    operator = None if consent.operator == context.cooperative else consent.operator
    return _key(consent.account, consent.purpose, operator)


def _key(account: str, purpose: str, operator: str | None) -> str:
    return f"{account}/{purpose}" if operator is None else f"{account}/{purpose}/{operator}"


_HANDLERS = {"consent.give/1": _give, "consent.withdraw/1": _withdraw}
