"""The exceptions of the protocol package: one base, and a leaf for each thing that can be at fault.

They carry no HTTP status and no text for people: the servers keep one table that turns a class (or a
code) into both. A bug in the caller (a wrong type, a negative size) stays an ordinary TypeError or
ValueError; bytes that came from somebody else raise nothing but the classes below.
"""

from __future__ import annotations

__all__ = [
    "EncodingError",
    "KeyRejected",
    "NoteError",
    "ProofError",
    "ProtocolError",
    "SignatureRejected",
    "StatementError",
    "TileError",
]


class ProtocolError(Exception):
    """Something received does not follow the protocol."""


class EncodingError(ProtocolError):
    """The bytes are not the one deterministic encoding of a value, or the value has none."""


class KeyRejected(ProtocolError):
    """The public key is of an unknown algorithm, has the wrong length, or is no safe point of the curve."""


class SignatureRejected(ProtocolError):
    """A signature does not hold, or the installed verifier does not follow our rule."""


class NoteError(ProtocolError):
    """A signed note, checkpoint, cosignature or verifier key is malformed or not signed as required."""


class ProofError(ProtocolError):
    """A proof is malformed, or (of a whole .tlog-proof) does not lead to the signed root."""


class TileError(ProtocolError):
    """A tile, an entry bundle or a tile path is malformed, or does not match the tree it belongs to."""


class StatementError(ProtocolError):
    """A statement breaks a rule of the envelope or of its document type, named by code and field."""

    def __init__(self, code: str, field: str = "") -> None:
        super().__init__(f"{code}: {field}" if field else code)
        self.code = code
        self.field = field
