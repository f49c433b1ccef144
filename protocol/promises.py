"""The node's promise *committed* (SPEC §9.3, P13).

One signature stands for all entries of one commit: the promise names the range of the log they fill and the
Merkle tree hash over their leaf hashes, and each submitter gets the same message with the path of his own
leaf. So a promise costs a fraction of a signature, and shows nothing of the others' statements.
"""

from __future__ import annotations

import msgspec

from protocol import documents, merkle, signatures
from protocol.encoding import Value, encode
from protocol.errors import ProofError, StatementError


class Promise(msgspec.Struct, frozen=True):
    """Entries `index` to `index + count - 1` of `origin` are those with the tree hash `root`, in the log for
    good at the legal time `tick`, and will be under a signed checkpoint by `publish_by` (seconds)."""

    origin: str
    index: int
    count: int
    root: bytes
    tick: int
    publish_by: int


def payload(promise: Promise) -> bytes:
    # Keys in canonical order: shortest first.
    content: dict[str, Value] = {
        "root": promise.root,
        "tick": promise.tick,
        "count": promise.count,
        "index": promise.index,
        "origin": promise.origin,
        "publish_by": promise.publish_by,
    }
    return encode(content)


def check(message: bytes, path: bytes, statement: bytes, index: int) -> tuple[bytes, Promise]:
    """The signing key and the promise, when its signature holds and `path` (32-byte hashes, leaf's sibling
    first) shows that it covers these bytes at `index`. Whose key it is, is for the caller to know.

    Raises:
        StatementError: not the form of a promise.
        ProofError: signature or path do not hold: no promise about these bytes.
    """
    kid, content, signed, signature = documents.parse_message(message, documents.COMMITTED)
    try:
        promise = msgspec.convert(content, Promise, strict=True)
    except msgspec.ValidationError as error:
        raise StatementError("malformed") from error
    if set(content) != set(Promise.__struct_fields__) or len(path) % merkle.HASH_BYTES:
        raise StatementError("malformed")
    hashes = [path[at : at + merkle.HASH_BYTES] for at in range(0, len(path), merkle.HASH_BYTES)]
    place, leaf = index - promise.index, merkle.leaf_hash(statement)
    try:
        covered = merkle.verify_inclusion(leaf, place, promise.count, hashes, promise.root)
    except ProofError:
        covered = False
    if not covered or not signatures.verify(kid, signed, signature):
        raise ProofError("the promise is not about these bytes, or its signature does not hold")
    return kid, promise
