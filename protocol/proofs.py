"""Proofs that an entry is in a log, as one text file (C2SP tlog-proof, commit 5ba5ee8, ``.tlog-proof``).

::

    c2sp.org/tlog-proof@v1
    extra YWdl
    index 73894
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
    B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=

    example.com/fancylog
    109482
    sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

    — example.com/fancylog ...

The first part names the leaf and leads to the root; the second is the checkpoint with whatever
cosignatures it carries, verbatim. A leaf is the hash of the exact entry bytes.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

from protocol.checkpoints import Checkpoint, open_checkpoint
from protocol.errors import NoteError, ProofError
from protocol.merkle import HASH_BYTES, MAX_SIZE, leaf_hash, verify_inclusion
from protocol.notes import MAX_NOTE_BYTES, NoteKey, decode_base64, parse_note

__all__ = [
    "HEADER",
    "MAX_EXTRA_BYTES",
    "MAX_PATH",
    "MAX_PROOF_BYTES",
    "TlogProof",
    "format",
    "parse",
    "verify",
    "verify_leaf",
]

HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_PATH: Final = 63
MAX_EXTRA_BYTES: Final = 65_535
MAX_PROOF_BYTES: Final = MAX_NOTE_BYTES + 100_000

_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class TlogProof:
    """That some leaf stands at ``index`` in the tree of the checkpoint.

    ``path`` leads from the leaf's sibling to the root's child. ``extra`` is for the application and is
    not authenticated by anything here; None and empty are one thing in the format, so empty is refused.

    Raises:
        ProofError: (when made) index, path or extra are out of bounds.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint_note: bytes
    extra: bytes | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.index < MAX_SIZE:
            raise ProofError("the index is not within any tree")
        if len(self.path) > MAX_PATH or any(len(item) != HASH_BYTES for item in self.path):
            raise ProofError("the path has at most 63 hashes of 32 bytes")
        if self.extra is not None and not 1 <= len(self.extra) <= MAX_EXTRA_BYTES:
            raise ProofError("extra data has 1 to 65,535 bytes")


def format(proof: TlogProof) -> bytes:
    """The file."""
    lines = [HEADER]
    if proof.extra is not None:
        lines.append(f"extra {base64.b64encode(proof.extra).decode()}")
    lines.append(f"index {proof.index}")
    lines.extend(base64.b64encode(item).decode() for item in proof.path)
    return "\n".join(lines).encode() + b"\n\n" + proof.checkpoint_note


def parse(data: bytes) -> TlogProof:
    """The proof in a file, whose signatures and path are **not verified** yet.

    Raises:
        ProofError: not exactly what :func:`format` prints, or over a limit.
        NoteError: the checkpoint is not a well-formed note.
    """
    if len(data) > MAX_PROOF_BYTES:
        raise ProofError("the proof is too large")
    head, separator, note = data.partition(b"\n\n")
    if not separator:
        raise ProofError("an empty line must separate proof and checkpoint")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise ProofError("the lines of a proof are ASCII") from error
    if len(lines) > MAX_PATH + 3 or lines.pop(0) != HEADER:
        raise ProofError(f"a proof starts with {HEADER}")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = _decode(lines.pop(0).removeprefix("extra "))
    match = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if match is None:
        raise ProofError("the index line is missing or malformed")
    parse_note(note)
    proof = TlogProof(int(match[1]), tuple(_decode(line) for line in lines), note, extra)
    if format(proof) != data:
        raise ProofError("the proof is not in its canonical form")
    return proof


def verify(entry: bytes, proof: TlogProof, vkey: NoteKey | str) -> Checkpoint:
    """Check that ``entry`` stands in the log of ``vkey`` at ``proof.index``; returns the checkpoint used.

    Which cosignatures the checkpoint carries, and whether they are enough, is for
    :func:`protocol.cosignatures.open_cosigned` and the policy.

    Raises:
        NoteError: the checkpoint is malformed or not signed by this log.
        ProofError: the path does not lead from the entry to the signed root.
    """
    return verify_leaf(leaf_hash(entry), proof, vkey)


def verify_leaf(leaf: bytes, proof: TlogProof, vkey: NoteKey | str) -> Checkpoint:
    """As :func:`verify`, for who holds the leaf hash and not the entry."""
    checkpoint = open_checkpoint(proof.checkpoint_note, vkey)
    if not verify_inclusion(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root):
        raise ProofError("the path does not lead from the entry to the signed root")
    return checkpoint


def _decode(line: str) -> bytes:
    try:
        return decode_base64(line)
    except NoteError as error:
        raise ProofError("a line of the proof is not base64") from error
