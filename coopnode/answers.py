"""What a submitter hears (SPEC §9.3, P13). The web turns these into status and text; nothing here knows
HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec
from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

from protocol import documents, merkle, promises
from protocol.encoding import Value, encode
from protocol.promises import Promise


class Committed(msgspec.Struct, frozen=True):
    """The statement is in the log for good. `message` is the node's signed promise, `path` leads to it from
    this entry (`protocol.promises`); `again` when the same bytes were there before."""

    index: int
    entry: bytes
    digest: bytes
    tick: int
    message: bytes
    path: bytes = b""
    again: bool = False


class Refusal(msgspec.Struct, frozen=True):
    """Nothing was logged. `message` is the node's signed *refused* when a valid key of a known account was
    behind the statement."""

    code: str
    at: str | None = None
    facts: Mapping[str, Value] = msgspec.field(default_factory=dict)
    message: bytes | None = None


class Busy(msgspec.Struct, frozen=True):
    """Come back in `retry_after` seconds; the same bytes may be sent again without harm. `reason` when this
    node has stopped writing."""

    retry_after: int
    code: str = "busy"
    reason: str = ""


Answer: TypeAlias = Committed | Refusal | Busy

#: The promise of publication in *committed*: this long after the tick (P13).
PUBLISH_WITHIN = 60


class Signer:
    """The node key's messages that are no statements."""

    def __init__(self, seed: bytes, pub: bytes) -> None:
        # Derived once: `protocol.signatures.sign` does it anew for each signature, which would double the
        # cost of an answer.
        derived, self._secret = crypto_sign_seed_keypair(seed)
        if derived != pub:
            raise ValueError("the public key is not the seed's")
        self._committed = documents.message_header(documents.COMMITTED, pub)
        self._refused = documents.message_header(documents.REFUSED, pub)

    def committed(
        self, origin: str, index: int, leaf_hashes: Sequence[bytes], tick: int
    ) -> tuple[bytes, list[bytes]]:
        """One promise for entries that follow each other from `index` on and share a tick, and the path to it
        from each."""
        root, paths = merkle.inclusion_paths(leaf_hashes)
        promise = Promise(origin, index, len(leaf_hashes), root, tick, tick + PUBLISH_WITHIN)
        return self._sign(self._committed, promises.payload(promise)), paths

    def refused(self, digest: bytes, code: str, at: str | None, size: int, root: bytes, tick: int) -> bytes:
        payload: dict[str, Value] = {"code": code, "root": root, "size": size, "tick": tick, "digest": digest}
        if at is not None:
            payload["field"] = at
        return self._sign(self._refused, encode(payload))

    def _sign(self, header: bytes, payload: bytes) -> bytes:
        signed: bytes = crypto_sign(documents.sig_structure(header, payload), self._secret)
        return documents.assemble(header, payload, signed[:64])
