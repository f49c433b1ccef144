"""Texts a person reads and signs: rules of the electronic signature, privacy, use (SPEC §8.3).

The text itself is a `cooperative.agreement/1`; here stands who signed which edition. A new edition asks for
a new signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from protocol import acts
from protocol.acts import Act, Digest, Number, Word
from protocol.contract import Changes, Context, Deadline, DocumentType, Effect, Record, Rejection, View, Write
from protocol.documents import Statement
from protocol.identifiers import identifier

DOMAIN = "agreement"

CODES: Final[Mapping[str, str]] = {
    "already_signed": "The person has signed this edition.",
    "edition_outdated": "Another edition of the text is in force.",
    "unknown_agreement": "The cooperative has no text of this kind.",
}


class AgreementSign(Act, frozen=True):
    agreement: Digest
    kind: Word
    edition: Number


class Signed(Record, frozen=True):
    kind: str
    edition: int
    index: int
    #: document digest of the signature
    digest: bytes


STATE: Mapping[str, type[Record]] = {"signed": Signed}

TYPES = (DocumentType("agreement.sign/1", AgreementSign, founding=True),)


def has_signed(view: View, account: str, edition_digest: bytes) -> bool:
    return view.get("signed", _key(account, edition_digest), Signed) is not None


def decide(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    return acts.decide(_HANDLERS, view, statement, context)


def due(view: View, deadline: Deadline, context: Context) -> Changes:
    raise KeyError(deadline.kind)


def react(view: View, effect: Effect, context: Context) -> Changes | Rejection:
    raise KeyError(effect.name)


def _sign(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: AgreementSign = statement.body
    in_force = context.facts.edition(body.kind)
    if refused := acts.about(statement, statement.iss):
        return refused
    if in_force is None:
        return Rejection("unknown_agreement", "kind")
    if body.agreement != in_force:
        return Rejection("edition_outdated", "agreement")
    if has_signed(view, statement.iss, body.agreement):
        return Rejection("already_signed", "agreement")
    record = Signed(body.kind, body.edition, context.index, statement.digest)
    return Changes((Write("signed", _key(statement.iss, body.agreement), record),))


def _key(account: str, edition: bytes) -> str:
    return f"{account}/{identifier(edition)}"


_HANDLERS = {"agreement.sign/1": _sign}
