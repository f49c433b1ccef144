"""The Merkle tree against RFC 9162's own definition, written out naively."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import merkle
from protocol.errors import ProofError

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "merkle.json").read_text())
LARGEST = 300
LEAVES = [merkle.leaf_hash(index.to_bytes(2, "big")) for index in range(LARGEST)]


def largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162 §2.1.1 as it stands, over leaf hashes."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = largest_power_below(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 9162 §2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    """RFC 9162 §2.1.4.1."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = largest_power_below(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def holds_inclusion(*arguments: object) -> bool:
    try:
        return merkle.verify_inclusion(*arguments)  # type: ignore[arg-type]
    except ProofError:
        return False


def holds_consistency(*arguments: object) -> bool:
    try:
        return merkle.verify_consistency(*arguments)  # type: ignore[arg-type]
    except ProofError:
        return False


def test_published_roots() -> None:
    leaves = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS["leaves"]]
    assert merkle.EMPTY_ROOT.hex() == VECTORS["empty_root"]
    for size, expected in enumerate(VECTORS["roots"], 1):
        assert merkle.root(leaves[:size]).hex() == expected


def test_all_roots() -> None:
    edge = merkle.CompactRange()
    hash_at = merkle.subtrees(LEAVES)
    for size in range(LARGEST + 1):
        expected = mth(LEAVES[:size])
        assert merkle.root(LEAVES[:size]) == expected
        assert merkle.root_at(hash_at, size) == expected
        assert edge.size == size and edge.root() == expected
        again = merkle.CompactRange.from_hashes(size, edge.to_hashes())
        assert again.root() == expected and len(edge.to_hashes()) == size.bit_count()
        if size < LARGEST:
            kept = edge.copy()
            edge.append(LEAVES[size])
            assert kept.root() == expected


def test_extend() -> None:
    edge = merkle.CompactRange()
    edge.extend(LEAVES)
    assert edge.root() == mth(LEAVES)


@pytest.mark.parametrize(
    ("size", "hashes"), [(-1, []), (1, []), (0, [bytes(32)]), (3, [bytes(32)]), (1, [b"x"])]
)
def test_broken_compact_ranges(size: int, hashes: list[bytes]) -> None:
    with pytest.raises(ProofError):
        merkle.CompactRange.from_hashes(size, hashes)


def test_all_inclusion_proofs() -> None:
    """Every index of every size up to 300 verifies; a sample is compared with the naive path."""
    hash_at = merkle.subtrees(LEAVES)
    chance = random.Random(1)
    for size in range(1, LARGEST + 1):
        root = merkle.root(LEAVES[:size])
        for index in range(size):
            proof = merkle.inclusion_path(hash_at, index, size)
            assert merkle.verify_inclusion(LEAVES[index], index, size, proof, root)
        index = chance.randrange(size)
        proof = merkle.inclusion_path(hash_at, index, size)
        assert proof == path(index, LEAVES[:size])
        assert not merkle.verify_inclusion(
            LEAVES[index - 1] if size > 1 else bytes(32), index, size, proof, root
        )
        for broken in (
            [*proof, bytes(32)],
            proof[:-1] if proof else [bytes(32)],
            [b"", *proof],
            [b"", *proof[1:]],
        ):
            assert not holds_inclusion(LEAVES[index], index, size, broken, root)
        if size > 1:
            assert not holds_inclusion(LEAVES[index], (index + 1) % size, size, proof, root)


def test_all_consistency_proofs() -> None:
    hash_at = merkle.subtrees(LEAVES)
    roots = [merkle.root(LEAVES[:size]) for size in range(LARGEST + 1)]
    chance = random.Random(2)
    for size in range(LARGEST + 1):
        for old in range(size + 1):
            proof = merkle.consistency_path(hash_at, old, size)
            assert merkle.verify_consistency(old, roots[old], size, roots[size], proof)
        old = chance.randrange(size + 1)
        proof = merkle.consistency_path(hash_at, old, size)
        if old:
            assert proof == subproof(old, LEAVES[:size], True)
        other = sha256(b"other").digest()
        assert not holds_consistency(old, other, size, roots[size], proof)
        if old:
            assert not holds_consistency(old, roots[old], size, other, proof)
        for broken in (
            [*proof, other],
            proof[:-1] if proof else [other],
            [b"", *proof[1:]],
            [other, *proof[1:]],
        ):
            assert not holds_consistency(old, roots[old], size, roots[size], broken)


def test_empty_and_equal_trees() -> None:
    root = merkle.root(LEAVES[:5])
    empty = merkle.EMPTY_ROOT
    assert merkle.verify_consistency(0, empty, 5, root, [])
    assert merkle.verify_consistency(5, root, 5, root, [])
    assert merkle.verify_consistency(0, empty, 0, empty, [])
    assert not merkle.verify_consistency(0, root, 5, root, [])
    assert not merkle.verify_consistency(5, root, 5, empty, [])
    assert not merkle.verify_consistency(0, root, 0, root, [])
    assert not merkle.verify_consistency(0, empty, 0, root, [])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 5), (5, 5), (0, 2**63), (2**70, 2**71)])
def test_inclusion_out_of_range(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        merkle.verify_inclusion(bytes(32), index, size, [], bytes(32))


@pytest.mark.parametrize(("old", "size"), [(6, 5), (-1, 5), (1, 2**63)])
def test_consistency_out_of_range(old: int, size: int) -> None:
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, bytes(32), size, bytes(32), [])


def test_proofs_of_wrong_numbers() -> None:
    hash_at = merkle.subtrees(LEAVES)
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(ValueError, match="within"):
            merkle.inclusion_path(hash_at, index, size)
    with pytest.raises(ValueError, match="larger"):
        merkle.consistency_path(hash_at, 6, 5)


def test_few_questions() -> None:
    """A proof in a tree of a million leaves asks for O(log n) complete subtrees, each within the tree."""
    size = 1_000_003
    for index in (0, 1, 65_535, 524_288, 999_999, 1_000_002):
        asked: list[tuple[int, int]] = []

        def hash_at(level: int, place: int, asked: list[tuple[int, int]] = asked) -> bytes:
            assert (place + 1) << level <= size
            asked.append((level, place))
            return bytes(32)

        merkle.inclusion_path(hash_at, index, size)
        merkle.consistency_path(hash_at, index, size)
        assert len(asked) <= 100


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_random_trees(draw: st.DataObject) -> None:
    leaves = draw.draw(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40))
    size = len(leaves)
    index, old = draw.draw(st.integers(0, size - 1)), draw.draw(st.integers(1, size))
    hash_at = merkle.subtrees(leaves)
    root = mth(leaves)
    proof = merkle.inclusion_path(hash_at, index, size)
    assert proof == path(index, leaves)
    assert merkle.verify_inclusion(leaves[index], index, size, proof, root)
    proof = merkle.consistency_path(hash_at, old, size)
    assert proof == subproof(old, leaves, True)
    assert merkle.verify_consistency(old, mth(leaves[:old]), size, root, proof)


@given(
    st.integers(-2, 2**64),
    st.integers(-2, 2**64),
    st.lists(st.binary(max_size=33) | st.just(bytes(32)), max_size=70),
)
def test_any_proof(one: int, other: int, proof: list[bytes]) -> None:
    assert not holds_inclusion(bytes(32), one, other, proof, bytes(32))
    holds_consistency(one, bytes(32), other, bytes(32), proof)
