"""Ed25519 cosignatures of log heads (C2SP tlog-cosignature v1.0.1, note signature type 0x04).

The signature field of the note line is a big-endian u64 POSIX time and 64 bytes; the signed message is::

    cosignature/v1
    time 1679315147
    example.com/behind-the-sofa
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

It says: at this time, this is the largest consistent tree of this origin that the cosigner has seen. The
message does not name the cosigner, so one operator needs a key of its own for each cosigner. Making sure
that the head is consistent, and remembering it before signing, is the anchor's work, not done here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from protocol import checkpoints, signatures
from protocol.checkpoints import Checkpoint
from protocol.errors import KeyRejected, NoteError
from protocol.keys import check_ed25519
from protocol.notes import (
    NoteKey,
    NoteSignature,
    Verifier,
    check_name,
    format_vkey,
    key_id,
    open_note,
    parse_vkey,
)

__all__ = [
    "MAX_TIME",
    "TYPE_COSIGNATURE",
    "Cosignature",
    "CosignedCheckpoint",
    "CosignerKey",
    "cosign",
    "cosignature_message",
    "cosignature_time",
    "open_cosigned",
]

TYPE_COSIGNATURE: Final = 0x04
MAX_TIME: Final = 2**63 - 1
_TIME_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class CosignerKey:
    """A named Ed25519 key (type 0x04) of an anchor. ``str(key)`` is the vkey.

    Raises:
        NoteError: (when made) the name or the key is not allowed.
    """

    name: str
    pub: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        try:
            check_ed25519(self.pub)
        except KeyRejected as error:
            raise NoteError(str(error)) from error

    @classmethod
    def parse(cls, vkey: str) -> CosignerKey:
        """The key of a type 0x04 vkey.

        Raises:
            NoteError: malformed, of another type, or with a key id that is not its own.
        """
        name, signature_type, pub = parse_vkey(vkey)
        if signature_type != TYPE_COSIGNATURE:
            raise NoteError("the verifier key is not of type Ed25519 cosignature")
        return cls(name, pub)

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, TYPE_COSIGNATURE, self.pub)

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether this is a cosignature of ``text``. A time of 0 is refused: no witness may sign it."""
        if len(signature) != _TIME_BYTES + signatures.SIGNATURE_BYTES:
            return False
        time = int.from_bytes(signature[:_TIME_BYTES], "big")
        if not 1 <= time <= MAX_TIME:
            return False
        return signatures.verify(self.pub, cosignature_message(text, time), signature[_TIME_BYTES:])

    def __str__(self) -> str:
        return format_vkey(self.name, TYPE_COSIGNATURE, self.pub)


class Cosignature(NamedTuple):
    """A verified cosignature: whose, and when (seconds since 1970)."""

    key: CosignerKey
    time: int


class CosignedCheckpoint(NamedTuple):
    """A checkpoint of a log and the verified cosignatures on it, at most one for each key, in note order."""

    checkpoint: Checkpoint
    cosignatures: tuple[Cosignature, ...]


def cosignature_message(text: bytes, time: int) -> bytes:
    """What is signed: header line, time line, the checkpoint's text."""
    return b"cosignature/v1\ntime %d\n%b" % (time, text)


def cosign(checkpoint: Checkpoint, name: str, seed: bytes, time: int) -> NoteSignature:
    """The cosignature line of ``checkpoint`` by the anchor ``name`` at ``time`` (seconds, at least 1)."""
    if not 1 <= time <= MAX_TIME:
        raise ValueError("a cosignature's time is within 1 and 2^63 - 1")
    key = CosignerKey(name, signatures.public_key(seed))
    message = cosignature_message(checkpoints.format(checkpoint).encode(), time)
    return NoteSignature(name, key.key_id, time.to_bytes(_TIME_BYTES, "big") + signatures.sign(seed, message))


def cosignature_time(signature: NoteSignature) -> int:
    """The time (seconds since 1970) in a type 0x04 line that was verified.

    Raises:
        NoteError: the line is too short to hold one.
    """
    if len(signature.signature) != _TIME_BYTES + signatures.SIGNATURE_BYTES:
        raise NoteError("not an Ed25519 cosignature")
    return int.from_bytes(signature.signature[:_TIME_BYTES], "big")


def open_cosigned(
    data: bytes, log_key: NoteKey | str, cosigners: Iterable[CosignerKey]
) -> CosignedCheckpoint:
    """The checkpoint in a note that the log signed, with the cosignatures of those cosigners that signed.

    How many are enough is the policy's question. Lines of unknown cosigners are ignored.

    Raises:
        NoteError: malformed, not signed by the log, of another origin, or a known key's line fails.
    """
    log = NoteKey.parse(log_key) if isinstance(log_key, str) else log_key
    known = {(key.name, key.key_id): key for key in cosigners}
    keys: list[Verifier] = [log, *known.values()]
    text, verified = open_note(data, keys)
    checkpoint = checkpoints.parse(text)
    if checkpoint.origin != log.name:
        raise NoteError("the checkpoint is of another log than the key")
    if (log.name, log.key_id) not in {(line.name, line.key_id) for line in verified}:
        raise NoteError("the checkpoint is not signed by its log")
    return CosignedCheckpoint(
        checkpoint,
        tuple(
            Cosignature(key, cosignature_time(line))
            for line in verified
            if (key := known.get((line.name, line.key_id))) is not None
        ),
    )
