"""The next generation of a log whose end is lost (SPEC §9.6, P18).

What survived stays as it was: the same entries at the same places of the new tree. The statement stands at
the place of the first entry that is lost, names what is known of the old log's end, and opens the next
generation: another origin, so that nothing under the old one is contradicted. It takes two: the chair and
another voter of the council; until the second has signed the log takes nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta

from protocol import acts, checkpoints
from protocol.acts import Act, Count, Digest, Proof
from protocol.checkpoints import Checkpoint
from protocol.contract import (
    Changes,
    Context,
    Deadline,
    DocumentType,
    Effect,
    Payload,
    Record,
    Rejection,
    View,
    Write,
)
from protocol.documents import Statement
from protocol.identifiers import origin

DOMAIN = "log"
TYPE: Final = "log.continue/1"

CODES: Final[Mapping[str, str]] = {
    "not_continued": "The log waits for the second signature of its continuation.",
    "wrong_known": "The head named as the old log's last is smaller than what survived, or not signed by it.",
    "wrong_tree": "The statement does not name this log as it stands, or not what was signed first.",
}

_CURRENT: Final = "current"


class Known(Payload, frozen=True):
    """The largest head of the old log that anybody has; `signature` is the log key's, when it was signed."""

    size: Count
    root: Digest
    signature: Proof | None = None


class LogContinue(Act, frozen=True):
    #: of the generation that ends
    origin: Annotated[str, Meta(max_length=96)]
    #: what survived: entries, their root, the digest of the state they lead to
    size: Count
    root: Digest
    state: Digest
    known: Known
    cause: Literal["machine_lost", "disk_damaged", "stolen", "second_history"]
    #: who was asked for a larger head or the entries
    asked: Annotated[tuple[Annotated[str, Meta(max_length=200)], ...], Meta(max_length=64)] = ()


class Continuation(Record, frozen=True):
    """By generation, ten digits."""

    size: int
    root: bytes
    known_size: int
    known_root: bytes
    cause: str
    #: entry of the first signature, and who gave it
    index: int
    by: str
    #: the other voter of the council; absent while it is waited for, or when there is none
    confirmed: str | None = None


class Generation(Record, frozen=True):
    number: int
    #: the continuation that waits for its second signature: its payload
    waits: LogContinue | None = None


STATE: Mapping[str, type[Record]] = {"continuation": Continuation, "generation": Generation}

TYPES = (DocumentType(TYPE, LogContinue, public=True, founding=True),)


# --- what others may ask --------------------------------------------------------------------------


def standing(view: View) -> Generation:
    return view.get("generation", _CURRENT, Generation) or Generation(0)


def continuation(view: View, generation: int) -> Continuation | None:
    """How this generation began."""
    return view.get("continuation", _key(generation), Continuation)


# --- deciding -------------------------------------------------------------------------------------


def decide(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    return acts.about(statement, context.cooperative) or acts.decide(_HANDLERS, view, statement, context)


def due(view: View, deadline: Deadline, context: Context) -> Changes:
    raise KeyError(deadline.kind)


def react(view: View, effect: Effect, context: Context) -> Changes | Rejection:
    raise KeyError(effect.name)


def _continue(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    now = standing(view)
    return _confirmed(view, statement, now, context) if now.waits else _begun(now, statement, context)


def _begun(now: Generation, statement: Statement, context: Context) -> Changes | Rejection:
    """The kernel has compared size and root with the tree (`protocol.log`)."""
    body: LogContinue = statement.body
    facts = context.facts
    chair = facts.chair() if facts.constituted() else facts.founder()
    if statement.iss != chair:
        return Rejection("not_allowed", "iss", {"role": "chair"})
    old = origin(context.cooperative, now.number)
    if body.origin != old:
        return Rejection("wrong_tree", "origin")
    known = body.known
    if known.size < body.size or (known.size == body.size and known.root != body.root):
        return Rejection("wrong_known", "known")
    claimed = Checkpoint(old, known.size, known.root)
    if known.signature is not None and not checkpoints.signed_by(claimed, facts.log_key(), known.signature):
        return Rejection("wrong_known", "known")
    found = Continuation(
        body.size, body.root, known.size, known.root, body.cause, context.index, statement.iss
    )
    others = facts.constituted() and any(account != statement.iss for account in facts.council())
    after = Generation(now.number, body) if others else Generation(now.number + 1)
    return Changes((Write("continuation", _key(now.number + 1), found), Write("generation", _CURRENT, after)))


def _confirmed(view: View, statement: Statement, now: Generation, context: Context) -> Changes | Rejection:
    if statement.body != now.waits:
        return Rejection("wrong_tree", "root")
    found = view.need("continuation", _key(now.number + 1), Continuation)
    if statement.iss == found.by or statement.iss not in context.facts.council():
        return Rejection("not_allowed", "iss", {"role": "council"})
    confirmed = Continuation(
        found.size, found.root, found.known_size, found.known_root, found.cause, found.index, found.by,
        statement.iss,
    )  # fmt: skip
    return Changes(
        (
            Write("continuation", _key(now.number + 1), confirmed),
            Write("generation", _CURRENT, Generation(now.number + 1)),
        )
    )


def _key(generation: int) -> str:
    """Ascending keys are ascending generations."""
    return f"{generation:010d}"


_HANDLERS = {TYPE: _continue}
