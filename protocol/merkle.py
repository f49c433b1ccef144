"""The Merkle tree of RFC 9162 §2.1 over SHA-256: roots, inclusion and consistency proofs.

A tree is addressed by its *complete* subtrees: ``hash_at(level, index)`` is the Merkle tree hash of the
2^level leaves from ``index * 2^level`` on, all of which exist. A proof of a tree of n leaves asks for
O(log n) of them, so it can be served from tiles (:mod:`protocol.tiles`) as well as from a list
(:func:`subtrees`).

Verification takes bytes from others: it raises :class:`~protocol.errors.ProofError` on a proof that has not
the form of one for these numbers, and answers False when a well-formed proof leads elsewhere. Making a
proof takes our own numbers and raises ValueError on wrong ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

from protocol.errors import ProofError

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "MAX_SIZE",
    "CompactRange",
    "HashAt",
    "Levels",
    "consistency_path",
    "inclusion_path",
    "inclusion_paths",
    "leaf_hash",
    "node_hash",
    "root",
    "root_at",
    "subtrees",
    "verify_consistency",
    "verify_inclusion",
]

HashAt: TypeAlias = Callable[[int, int], bytes]

HASH_BYTES: Final = 32
# Checkpoints are read by programs with signed 64-bit sizes.
MAX_SIZE: Final = 2**63 - 1
EMPTY_ROOT: Final = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry). The prefixes keep a node from being passed off as an entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of all leaves, in O(n)."""
    if not leaf_hashes:
        return EMPTY_ROOT
    row = list(leaf_hashes)
    while len(row) > 1:
        # An odd last hash moves up unchanged: the same tree as splitting at the largest power of two.
        above = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        if len(row) % 2:
            above.append(row[-1])
        row = above
    return row[0]


class CompactRange:
    """The right edge of a growing tree: the roots of its complete subtrees, largest first.

    At most 63 hashes stand for the whole tree; appending a leaf costs one or two hashes on average.
    ``size`` is the number of leaves; one subtree per set bit of it.
    """

    __slots__ = ("_hashes", "size")

    def __init__(self) -> None:
        self.size = 0
        self._hashes: list[bytes] = []

    @classmethod
    def from_hashes(cls, size: int, hashes: Iterable[bytes]) -> CompactRange:
        """The range saved as ``(size, to_hashes())``.

        Raises:
            ProofError: the number of hashes does not fit the size, or one has not 32 bytes.
        """
        edge = cls()
        edge._hashes = list(hashes)
        edge.size = size
        if not 0 <= size <= MAX_SIZE or len(edge._hashes) != size.bit_count():
            raise ProofError("a compact range has one hash per set bit of its size")
        if any(len(item) != HASH_BYTES for item in edge._hashes):
            raise ProofError("a hash has 32 bytes")
        return edge

    def to_hashes(self) -> tuple[bytes, ...]:
        """The subtree roots, largest subtree first."""
        return tuple(self._hashes)

    def copy(self) -> CompactRange:
        """An independent range of the same tree, for a batch that may be given up."""
        edge = CompactRange()
        edge.size = self.size
        edge._hashes = self._hashes.copy()
        return edge

    def append(self, leaf: bytes) -> None:
        """Add a leaf *hash* at index ``size``."""
        hashes = self._hashes
        size = self.size
        self.size = size + 1
        while size & 1:  # a trailing one bit: a subtree as large as the one in hand stands to the left
            leaf = sha256(b"\x01" + hashes.pop() + leaf).digest()
            size >>= 1
        hashes.append(leaf)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append each leaf hash in turn."""
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves so far."""
        return _join(self._hashes)


class Levels:
    """A growing tree in memory with all its complete subtrees: two hashes for each leaf, and the root of any
    prefix in O(log n)."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: list[list[bytes]] = [[]]

    @property
    def size(self) -> int:
        return len(self._rows[0])

    def append(self, leaf: bytes) -> None:
        """Add a leaf *hash*."""
        rows, level = self._rows, 0
        rows[0].append(leaf)
        while not len(rows[level]) & 1:
            if level + 1 == len(rows):
                rows.append([])
            left, right = rows[level][-2:]
            rows[level + 1].append(node_hash(left, right))
            level += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append each leaf hash in turn."""
        for leaf in leaves:
            self.append(leaf)

    def hash_at(self, level: int, index: int) -> bytes:
        return self._rows[level][index]

    def root_at(self, size: int) -> bytes:
        """The Merkle tree hash of the first ``size`` leaves; IndexError beyond the end."""
        return root_at(self.hash_at, size)


def subtrees(leaf_hashes: Sequence[bytes]) -> HashAt:
    """``hash_at`` over a list of leaf hashes, for tests and small trees: all levels are built at once."""
    rows = [list(leaf_hashes)]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append([node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)])

    def hash_at(level: int, index: int) -> bytes:
        return rows[level][index]

    return hash_at


def root_at(hash_at: HashAt, size: int) -> bytes:
    """The root of the first ``size`` leaves, from complete subtrees."""
    if size == 0:
        return EMPTY_ROOT
    return _root_of(hash_at, 0, size)


def inclusion_path(hash_at: HashAt, index: int, size: int) -> list[bytes]:
    """The hashes that lead from leaf ``index`` to the root of ``size`` leaves, leaf's sibling first.

    RFC 9162 §2.1.3.1.
    """
    if not 0 <= index < size:
        raise ValueError("the index must be within the tree")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_root_of(hash_at, middle, end))
            end = middle
        else:
            path.append(_root_of(hash_at, start, middle))
            start = middle
    path.reverse()
    return path


def inclusion_paths(leaf_hashes: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """The root and, for each leaf, its path as one byte string of 32-byte hashes, leaf's sibling first.

    For the few leaves of one commit: all levels are built at once, in O(n log n).
    """
    rows = [list(leaf_hashes)]
    while len(rows[-1]) > 1:
        row = rows[-1]
        above = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        if len(row) % 2:  # an odd last hash moves up unchanged, see `root`
            above.append(row[-1])
        rows.append(above)
    paths: list[bytes] = []
    for index in range(len(rows[0])):
        path = b""
        for row in rows[:-1]:
            if index ^ 1 < len(row):
                path += row[index ^ 1]
            index >>= 1
        paths.append(path)
    return rows[-1][0] if rows[0] else EMPTY_ROOT, paths


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether leaf hash ``leaf`` stands at ``index`` in the tree (``size``, ``root``).

    RFC 9162 §2.1.3.2.

    Raises:
        ProofError: index out of range, or the wrong number or length of hashes.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofError("the index is not within the tree")
    _check_path((leaf, *path))
    # The path has one hash per level on which both ways are open, then one per set bit to the right.
    inner = (index ^ (size - 1)).bit_length()
    if len(path) != inner + (index >> inner).bit_count():
        raise ProofError("the inclusion proof has the wrong number of hashes")
    result = leaf
    for level, sibling in enumerate(path):
        if level >= inner or index >> level & 1:
            result = node_hash(sibling, result)
        else:
            result = node_hash(result, sibling)
    return result == root


def consistency_path(hash_at: HashAt, old_size: int, size: int) -> list[bytes]:
    """The hashes that show that the tree of ``old_size`` leaves is a prefix of that of ``size``.

    RFC 9162 §2.1.4.1; empty when the sizes are equal or the old tree is empty.
    """
    if not 0 <= old_size <= size:
        raise ValueError("the old tree must not be larger than the new one")
    if old_size in (0, size):
        return []
    path: list[bytes] = []
    start, end = 0, size
    whole = True  # the old tree's own root is known to the verifier, so it is left out
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(_root_of(hash_at, middle, end))
            end = middle
        else:
            path.append(_root_of(hash_at, start, middle))
            start = middle
            whole = False
    if not whole:
        path.append(_root_of(hash_at, start, end))
    path.reverse()
    return path


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the tree (``old_size``, ``old_root``) is a prefix of (``new_size``, ``new_root``).

    RFC 9162 §2.1.4.2. Any tree extends the empty one, whose root must be :data:`EMPTY_ROOT`.

    Raises:
        ProofError: sizes out of order, or the wrong number or length of hashes.
    """
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise ProofError("the old tree is larger than the new one")
    _check_path((old_root, new_root, *path))
    if old_size == 0 or old_size == new_size:
        if path:
            raise ProofError("a consistency proof is not needed here and must be empty")
        if new_size == 0 and new_root != EMPTY_ROOT:
            return False
        return old_root == (EMPTY_ROOT if old_size == 0 else new_root)
    # Start at the last complete subtree of the old tree; it is the old root itself when it stands alone.
    first = old_size - 1
    last = new_size - 1
    skipped = (~first & (first + 1)).bit_length() - 1  # trailing one bits
    first >>= skipped
    last >>= skipped
    hashes = iter(path)
    if first:
        seed = next(hashes, None)
        if seed is None:
            raise ProofError("the consistency proof has the wrong number of hashes")
    else:
        seed = old_root
    old = new = seed
    for sibling in hashes:
        if last == 0:
            raise ProofError("the consistency proof has the wrong number of hashes")
        if first & 1 or first == last:
            old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while not first & 1 and first:
                first >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        first >>= 1
        last >>= 1
    if last:
        raise ProofError("the consistency proof has the wrong number of hashes")
    return old == old_root and new == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (> 1): where RFC 9162 §2.1.1 divides a tree."""
    return 1 << (size - 1).bit_length() - 1


def _root_of(hash_at: HashAt, start: int, end: int) -> bytes:
    """The hash of the node over leaves ``start`` to ``end``, a range that RFC 9162's splitting produces."""
    parts: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        parts.append(hash_at(level, start >> level))
        start += 1 << level
    return _join(parts)


def _join(parts: Sequence[bytes]) -> bytes:
    """The root over adjacent complete subtrees, largest first."""
    if not parts:
        return EMPTY_ROOT
    result = parts[-1]
    for part in reversed(parts[:-1]):
        result = node_hash(part, result)
    return result


def _check_path(hashes: Iterable[bytes]) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise ProofError("a hash has 32 bytes")
