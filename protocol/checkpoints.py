"""Log heads (C2SP tlog-checkpoint v1.0.0): a signed note over origin, size and root.

::

    example.com/behind-the-sofa
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zh...

Extension lines are refused: nobody audits them, not every cosignature covers them, and witnesses in use
refuse them too. The log's key is named like the origin and is Ed25519 (type 0x01), the one type the
witness network accepts from logs.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

from protocol import signatures
from protocol.errors import NoteError
from protocol.merkle import HASH_BYTES, MAX_SIZE
from protocol.notes import NoteKey, NoteSigner, check_name, decode_base64, open_note, parse_note, sign_note

__all__ = [
    "MAX_TEXT_BYTES",
    "Checkpoint",
    "format",
    "log_signature",
    "open_checkpoint",
    "parse",
    "sign_checkpoint",
    "signed_by",
]

# Origin of 255 bytes, 19 digits, 44 characters of base64, three newlines.
MAX_TEXT_BYTES: Final = 255 + 19 + 44 + 3

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: the tree of ``size`` leaves has the 32-byte ``root``.

    That an empty tree has the empty root is left to who uses it: a witness answers it differently from a
    malformed checkpoint.

    Raises:
        NoteError: (when made) the origin cannot be a key name, or size or root are out of range.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        check_name(self.origin)
        if not 0 <= self.size <= MAX_SIZE:
            raise NoteError("a tree size is within 0 and 2^63 - 1")
        if len(self.root) != HASH_BYTES:
            raise NoteError("a root has 32 bytes")


def format(checkpoint: Checkpoint) -> str:
    """The text to be signed and cosigned: three lines."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{base64.b64encode(checkpoint.root).decode()}\n"


def parse(text: str) -> Checkpoint:
    """The checkpoint of a note's text, which must be exactly what :func:`format` prints.

    Raises:
        NoteError: any other text; also one with extension lines.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise NoteError("the checkpoint is too long")
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise NoteError("a checkpoint has three lines: extension lines are not accepted")
    if not _SIZE.fullmatch(lines[1]):
        raise NoteError("a tree size is a decimal number without leading zeros")
    checkpoint = Checkpoint(lines[0], int(lines[1]), decode_base64(lines[2]))
    if format(checkpoint) != text:
        raise NoteError("the checkpoint is not in its canonical form")
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, seed: bytes) -> bytes:
    """The checkpoint as a note signed by the log. The caller has made sure it never signs a fork (P15)."""
    return sign_note(format(checkpoint), [NoteSigner(checkpoint.origin, seed)])


def log_signature(note: bytes) -> tuple[Checkpoint, bytes]:
    """The checkpoint in a note and the log's own signature over it, for a claim `seen`. **Not verified**:
    that is :func:`open_checkpoint`.

    Raises:
        NoteError: malformed, or without an Ed25519 line under the origin's name.
    """
    text, lines = parse_note(note)
    checkpoint = parse(text)
    for line in lines:
        if line.name == checkpoint.origin and len(line.signature) == signatures.SIGNATURE_BYTES:
            return checkpoint, line.signature
    raise NoteError("the checkpoint is not signed by its log")


def signed_by(checkpoint: Checkpoint, log_key: bytes, signature: bytes) -> bool:
    """Whether the log's key signed just this checkpoint."""
    return signatures.verify(log_key, format(checkpoint).encode(), signature)


def open_checkpoint(data: bytes, vkey: NoteKey | str) -> Checkpoint:
    """The checkpoint in a note that the log's key signed; other lines are ignored.

    Raises:
        NoteError: malformed, not signed by this key, or of another origin than the key is named after.
    """
    key = NoteKey.parse(vkey) if isinstance(vkey, str) else vkey
    checkpoint = parse(open_note(data, [key]).text)
    if checkpoint.origin != key.name:
        raise NoteError("the checkpoint is of another log than the key")
    return checkpoint
