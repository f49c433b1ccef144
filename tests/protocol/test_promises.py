"""The node's promise (SPEC §9.3, P13)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import documents, merkle, promises, signatures
from protocol.encoding import Value, encode
from protocol.errors import ProofError, StatementError
from protocol.promises import Promise

SEED = bytes(range(32))
PUB = signatures.public_key(SEED)


def signed(payload: bytes, seed: bytes = SEED) -> bytes:
    header = documents.message_header(documents.COMMITTED, PUB)
    return documents.assemble(
        header, payload, signatures.sign(seed, documents.sig_structure(header, payload))
    )


def made(entries: list[bytes], index: int) -> tuple[bytes, list[bytes]]:
    root, paths = merkle.inclusion_paths([merkle.leaf_hash(entry) for entry in entries])
    return signed(promises.payload(Promise("coopnode/x/0", index, len(entries), root, 7, 67))), paths


@given(st.integers(1, 70), st.integers(0, 2**40))
def test_every_entry_of_a_commit_is_covered_by_one_signature(count: int, index: int) -> None:
    entries = [b"entry %d" % number for number in range(count)]
    message, paths = made(entries, index)
    for number, (entry, path) in enumerate(zip(entries, paths, strict=True)):
        kid, promise = promises.check(message, path, entry, index + number)
        assert (kid, promise.index, promise.count) == (PUB, index, count)


@given(st.integers(0, 40))
def test_paths_are_those_of_rfc_9162(count: int) -> None:
    leaves = [merkle.leaf_hash(bytes((number,))) for number in range(count)]
    root, paths = merkle.inclusion_paths(leaves)
    assert root == merkle.root(leaves)
    hash_at = merkle.subtrees(leaves)
    assert paths == [b"".join(merkle.inclusion_path(hash_at, index, count)) for index in range(count)]


def test_a_promise_of_something_else_is_none() -> None:
    entries = [b"a", b"b", b"c"]
    message, paths = made(entries, 5)
    for path, entry, index in (
        (paths[0], b"x", 5),
        (paths[0], b"a", 6),
        (paths[1], b"a", 5),
        (paths[2], b"c", 4),
        (paths[2], b"c", 8),
        (b"", b"a", 5),
        (paths[0] + bytes(32), b"a", 5),
    ):
        with pytest.raises(ProofError):
            promises.check(message, path, entry, index)
    forged = message[:-1] + bytes((message[-1] ^ 1,))
    with pytest.raises(ProofError):
        promises.check(forged, paths[0], b"a", 5)


def test_a_malformed_promise_is_refused() -> None:
    leaf = merkle.leaf_hash(b"a")
    good: dict[str, Value] = {
        "root": leaf,
        "tick": 7,
        "count": 1,
        "index": 5,
        "origin": "coopnode/x/0",
        "publish_by": 67,
    }
    assert promises.check(signed(encode(good)), b"", b"a", 5)[0] == PUB
    for bad in (
        {**good, "more": 1},
        {name: value for name, value in good.items() if name != "tick"},
        {**good, "index": "5"},
        {**good, "count": 0},
        {**good, "root": leaf[:-1]},
    ):
        with pytest.raises((StatementError, ProofError)):
            promises.check(signed(encode(bad)), b"", b"a", 5)
    with pytest.raises(StatementError):
        promises.check(signed(encode(good)), b"\0" * 31, b"a", 5)
