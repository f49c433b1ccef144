"""Signed notes (C2SP signed-note v1.0.0): a text, an empty line, signature lines.

::

    This is an example message.

    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwH...

A signature line holds a key name, the 4-byte key id and the signature. A reader configures the keys it
knows; lines of others are ignored, but one bad signature under a known name and id makes the whole note
worthless. Here is signature type 0x01, Ed25519 over the text; type 0x04 is in
:mod:`protocol.cosignatures`. Notes are bounded, parsed, printed again and compared.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

from protocol import signatures
from protocol.errors import KeyRejected, NoteError
from protocol.keys import check_ed25519

__all__ = [
    "KEY_ID_BYTES",
    "MAX_NAME_BYTES",
    "MAX_NOTE_BYTES",
    "MAX_SIGNATURES",
    "TYPE_ED25519",
    "NoteKey",
    "NoteSignature",
    "NoteSigner",
    "OpenedNote",
    "Signer",
    "Verifier",
    "append_signatures",
    "check_name",
    "decode_base64",
    "format_vkey",
    "key_id",
    "open_note",
    "parse_note",
    "parse_vkey",
    "sign_note",
]

TYPE_ED25519: Final = 0x01
KEY_ID_BYTES: Final = 4
# What golang.org/x/mod accepts; the specification asks for at least 16.
MAX_SIGNATURES: Final = 100
MAX_NOTE_BYTES: Final = 1_000_000
# ML-DSA cosignatures give a name one length byte (C2SP issue 242): a longer one could not be cosigned.
MAX_NAME_BYTES: Final = 255


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """A signature line: ``signature`` is what follows the 4-byte ``key_id``."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line as printed, with its newline."""
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


class OpenedNote(NamedTuple):
    """The text of a note and those of its signatures that were verified, one for each key, in note order."""

    text: str
    signatures: tuple[NoteSignature, ...]


class Verifier(Protocol):
    """A key that a reader of notes knows."""

    @property
    def name(self) -> str: ...
    @property
    def key_id(self) -> bytes: ...
    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether ``signature`` (key id removed) is this key's over the note text."""
        ...


class Signer(Protocol):
    """A key that signs notes."""

    @property
    def name(self) -> str: ...
    @property
    def key_id(self) -> bytes: ...
    def sign(self, text: bytes) -> bytes:
        """The signature (without key id) over the note text."""
        ...


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A named Ed25519 key (type 0x01) that verifies notes. ``str(key)`` is the vkey.

    Raises:
        NoteError: (when made) the name or the key is not allowed.
    """

    name: str
    pub: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        _check_pub(self.pub)

    @classmethod
    def parse(cls, vkey: str) -> NoteKey:
        """The key of a type 0x01 vkey, ``<name>+<hex key id>+<base64 of type and key>``.

        Raises:
            NoteError: malformed, of another type, or with a key id that is not its own.
        """
        name, signature_type, pub = parse_vkey(vkey)
        if signature_type != TYPE_ED25519:
            raise NoteError("the verifier key is not of type Ed25519")
        return cls(name, pub)

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, TYPE_ED25519, self.pub)

    def verify(self, text: bytes, signature: bytes) -> bool:
        return signatures.verify(self.pub, text, signature)

    def __str__(self) -> str:
        return format_vkey(self.name, TYPE_ED25519, self.pub)


@dataclass(frozen=True, slots=True, repr=False)
class NoteSigner:
    """A named Ed25519 seed (type 0x01) that signs notes. Its repr shows no secret."""

    name: str
    seed: bytes

    def __post_init__(self) -> None:
        check_name(self.name)

    def __repr__(self) -> str:
        return f"NoteSigner({self.key})"

    @property
    def key(self) -> NoteKey:
        """The public side."""
        return NoteKey(self.name, signatures.public_key(self.seed))

    @property
    def key_id(self) -> bytes:
        return self.key.key_id

    def sign(self, text: bytes) -> bytes:
        return signatures.sign(self.seed, text)


def key_id(name: str, signature_type: int, pub: bytes) -> bytes:
    """SHA-256(name ‖ LF ‖ type ‖ public key), first 4 bytes. It tells keys apart and proves nothing."""
    return sha256(name.encode() + b"\n" + bytes((signature_type,)) + pub).digest()[:KEY_ID_BYTES]


def check_name(name: str) -> None:
    """Accept a key name: not empty, at most 255 bytes, no white space, plus or control characters.

    Raises:
        NoteError: otherwise.
    """
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise NoteError("a key name has no spaces and no plus sign, and is not empty")
    if len(_utf8(name)) > MAX_NAME_BYTES:
        raise NoteError("a key name has at most 255 bytes")


def parse_vkey(vkey: str) -> tuple[str, int, bytes]:
    """``(name, signature type, public key)`` of a verifier key.

    Raises:
        NoteError: malformed, not as :func:`format_vkey` prints it, or with another key's id.
    """
    if len(vkey) > 10_000:
        raise NoteError("the verifier key is too long")
    name, _, rest = vkey.partition("+")
    stated_id, _, material = rest.partition("+")  # base64 may itself contain a plus sign
    check_name(name)
    data = decode_base64(material)
    if len(data) < 2:
        raise NoteError("the verifier key holds no key")
    signature_type, pub = data[0], data[1:]
    if format_vkey(name, signature_type, pub) != vkey:
        raise NoteError(f"the verifier key does not match its id {stated_id!r}")
    return name, signature_type, pub


def format_vkey(name: str, signature_type: int, pub: bytes) -> str:
    """The verifier key as text."""
    stated_id = key_id(name, signature_type, pub).hex()
    return f"{name}+{stated_id}+{base64.b64encode(bytes((signature_type,)) + pub).decode()}"


def sign_note(text: str, signers: Iterable[Signer]) -> bytes:
    """The note over ``text`` (which ends in a newline) with one line for each signer, in their order.

    Raises:
        NoteError: the text is not allowed in a note, or there are no signers or too many.
    """
    _check_text(text)
    data = text.encode()
    lines = [NoteSignature(signer.name, signer.key_id, signer.sign(data)) for signer in signers]
    return _format(text, lines)


def append_signatures(note: bytes, added: Iterable[NoteSignature]) -> bytes:
    """The note with further signature lines after its own, as a log does with its anchors' cosignatures.

    Verify them first: a line that nobody checked can make the note worthless to those who know its key.

    Raises:
        NoteError: the note is malformed, or there would be too many lines.
    """
    text, present = parse_note(note)
    return _format(text, [*present, *added])


def parse_note(data: bytes) -> tuple[str, tuple[NoteSignature, ...]]:
    """The text and all signature lines, **nothing of which is verified**.

    Raises:
        NoteError: malformed, or over the limits of size and lines.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise NoteError("the note is too large")
    try:
        note = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteError("a note is UTF-8") from error
    # The text may hold empty lines itself: the last one separates.
    head, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise NoteError("a note is a text, an empty line, and signature lines")
    text = head + "\n"
    _check_text(text)
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError("the note has too many signatures")
    found = tuple(_parse_line(line) for line in lines)
    if _format(text, found) != data:
        raise NoteError("the note is not in its canonical form")
    return text, found


def open_note(data: bytes, keys: Iterable[Verifier]) -> OpenedNote:
    """The text of a note that at least one of ``keys`` signed.

    Every line under a known name and id is verified, also a repeated one; of several by one key the first
    is returned, so that counting signatures counts keys.

    Raises:
        NoteError: malformed, a known key's signature fails, or no known key signed.
    """
    known = {(key.name, key.key_id): key for key in keys}
    text, found = parse_note(data)
    message = text.encode()
    verified: dict[tuple[str, bytes], NoteSignature] = {}
    for signature in found:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not key.verify(message, signature.signature):
            raise NoteError(f"the signature of {signature.name} does not hold")
        verified.setdefault((signature.name, signature.key_id), signature)
    if not verified:
        raise NoteError("the note is not signed by a known key")
    return OpenedNote(text, tuple(verified.values()))


def decode_base64(text: str) -> bytes:
    """Standard base64 with padding (RFC 4648 §4) in its one canonical form.

    Raises:
        NoteError: another alphabet, missing padding, white space, or unused bits that are not zero.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("not base64") from error
    if base64.b64encode(data).decode() != text:
        raise NoteError("not canonical base64")
    return data


def _parse_line(line: str) -> NoteSignature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if dash != "—":
        raise NoteError("a signature line starts with an em dash")
    check_name(name)
    data = decode_base64(encoded)
    if len(data) <= KEY_ID_BYTES:
        raise NoteError("a signature line holds no signature")
    return NoteSignature(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def _format(text: str, lines: Sequence[NoteSignature]) -> bytes:
    if not 1 <= len(lines) <= MAX_SIGNATURES:
        raise NoteError("a note has 1 to 100 signatures")
    note = _utf8(text + "\n" + "".join(signature.line for signature in lines))
    if len(note) > MAX_NOTE_BYTES:
        raise NoteError("the note is too large")
    return note


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteError("the text of a note ends in a newline")
    if any(char < " " and char != "\n" for char in text):
        raise NoteError("a note has no control characters but newlines")
    _utf8(text)


def _check_pub(pub: bytes) -> None:
    try:
        check_ed25519(pub)
    except KeyRejected as error:
        raise NoteError(str(error)) from error


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:  # a lone surrogate, which no received bytes can hold
        raise NoteError("the text has no UTF-8 encoding") from error
