"""What an audit found: a `Report`, and in it the first `Problem`, in words and as JSON."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any, Literal

from coopnode.audit import wording
from protocol.encoding import Value

Language = Literal["en", "ru"]


@dataclass(frozen=True, slots=True)
class Problem:
    """The first thing that contradicts the protocol. `index` is the entry at fault where one can be named."""

    code: str
    index: int | None = None
    type: str | None = None
    field: str | None = None
    facts: Mapping[str, Value] = default(default_factory=dict)
    #: account id of who signed the entry
    signer: str | None = None
    #: file or table in which it was found
    where: str | None = None
    #: in the node's own directory, not in what others carry
    own: bool = False

    def sentence(self, language: Language = "en") -> str:
        return wording.sentence(self.code, language, self.field)

    def culprit(self, language: Language = "en") -> str:
        """Who could have done it."""
        return wording.culprit(self.code, self.type, language, own=self.own)

    def to_json(self, language: Language = "en") -> dict[str, Any]:
        return {
            "code": self.code,
            "index": self.index,
            "type": self.type,
            "field": self.field,
            "signer": self.signer,
            "where": self.where,
            "facts": _plain(dict(self.facts)),
            "sentence": self.sentence(language),
            "culprit": self.culprit(language),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """`size` and `root` are the log's own claim; `state_digest` and `counts` follow from the entries
    replayed.
    """

    source: str
    cooperative: str | None = None
    origin: str | None = None
    name: str | None = None
    size: int = 0
    root: bytes = b""
    #: legal time of the last entry replayed
    tick: int = 0
    #: entries replayed without a contradiction
    entries: int = 0
    signatures: int = 0
    state_digest: bytes | None = None
    counts: Mapping[str, int] = default(default_factory=dict)
    #: approvals and minutes whose counts and result digest were computed anew and agree
    results: int = 0
    seconds: float = 0.0
    problem: Problem | None = None
    #: further things a person should know, as codes of `wording.NOTES`
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.problem is None

    def to_json(self, language: Language = "en") -> dict[str, Any]:
        return {
            "ok": self.ok,
            "source": self.source,
            "cooperative": self.cooperative,
            "origin": self.origin,
            "name": self.name,
            "size": self.size,
            "root": base64.b64encode(self.root).decode() or None,
            "tick": self.tick,
            "entries": self.entries,
            "signatures": self.signatures,
            "state_digest": self.state_digest.hex() if self.state_digest else None,
            "counts": dict(sorted(self.counts.items())),
            "results": self.results,
            "seconds": round(self.seconds, 3),
            "problem": self.problem.to_json(language) if self.problem else None,
            "notes": [wording.note(code, language) for code in self.notes],
        }

    def to_text(self, language: Language = "en") -> str:
        """For people, plain lines without colour."""
        return "\n".join(wording.report(self, language)) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
