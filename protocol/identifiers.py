"""Names made of digests: account and cooperative ids, log origins, and fingerprints for people.

An id is SHA-256 of a genesis payload in lower-case base32 (RFC 4648 §6, no padding): 52 characters that
survive URLs, file names and case-folding e-mail. A fingerprint is the same kind of digest in hexadecimal
groups, for reading aloud and comparing with a second device (P1); both always carry all 32 bytes.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from protocol.errors import EncodingError

__all__ = [
    "DIGEST_BYTES",
    "IDENTIFIER_LENGTH",
    "MAX_GENERATION",
    "fingerprint",
    "identifier",
    "origin",
    "parse_fingerprint",
    "parse_identifier",
    "parse_origin",
]

DIGEST_BYTES: Final = 32
IDENTIFIER_LENGTH: Final = 52
# One year of a new generation every second would stay below it, and the origin below 255 bytes (C2SP #242).
MAX_GENERATION: Final = 2**31 - 1

_IDENTIFIER: Final = re.compile(r"[a-z2-7]{52}", re.ASCII)
_ORIGIN: Final = re.compile(r"coopnode/([a-z2-7]{52})/(0|[1-9][0-9]{0,9})", re.ASCII)
_ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyz234567" + bytes(224)
# The standard library's encoder takes three times as long, and a replay makes an id for almost every entry.
# Here 64 groups of five bits in one integer are pulled apart, half from half, until each has a byte.
_SPREAD: Final = tuple(
    (3 * groups, low, low << 8 * groups)
    for groups in (32, 16, 8, 4, 2, 1)
    for low in [sum(((1 << 5 * groups) - 1) << place for place in range(0, 512, 16 * groups))]
)
_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def identifier(digest: bytes) -> str:
    """The id of a 32-byte digest: 52 characters of ``a-z2-7``."""
    if len(digest) != DIGEST_BYTES:
        raise ValueError("a digest has 32 bytes")
    bits = int.from_bytes(digest, "big") << 4  # 260 bits: 52 groups
    for distance, low, high in _SPREAD:
        bits = bits & low | bits << distance & high
    return bits.to_bytes(52, "big").translate(_ALPHABET).decode("ascii")


def parse_identifier(text: str) -> bytes:
    """The 32 bytes behind an id.

    Raises:
        EncodingError: not 52 characters of ``a-z2-7``, or the four unused bits at the end are not zero
            (two spellings of one id would be two keys in every table).
    """
    if not _IDENTIFIER.fullmatch(text):
        raise EncodingError("an id is 52 characters of a-z and 2-7")
    digest = base64.b32decode(text.upper() + "====")
    if identifier(digest) != text:
        raise EncodingError("the id ends in bits that mean nothing")
    return digest


def origin(cooperative: str, generation: int) -> str:
    """The origin line of a cooperative's log (design §4): ``coopnode/<cooperative id>/<generation>``.

    Raises:
        EncodingError: the id is malformed or the generation is not within 0 .. 2^31 - 1.
    """
    parse_identifier(cooperative)
    if not 0 <= generation <= MAX_GENERATION:
        raise EncodingError("a generation is within 0 and 2^31 - 1")
    return f"coopnode/{cooperative}/{generation}"


def parse_origin(text: str) -> tuple[str, int]:
    """``(cooperative id, generation)`` of an origin line.

    Raises:
        EncodingError: the text is not what :func:`origin` prints.
    """
    match = _ORIGIN.fullmatch(text)
    if match is None:
        raise EncodingError("an origin is coopnode/<id>/<generation>")
    cooperative, generation = match[1], int(match[2])
    origin(cooperative, generation)
    return cooperative, generation


def fingerprint(digest: bytes) -> str:
    """The digest for people: 16 groups of four lower-case hexadecimal digits, separated by spaces."""
    if len(digest) != DIGEST_BYTES:
        raise ValueError("a digest has 32 bytes")
    return digest.hex(" ", 2)


def parse_fingerprint(text: str) -> bytes:
    """The 32 bytes of a fingerprint as typed by a person: case and white space do not matter.

    Raises:
        EncodingError: anything but 64 hexadecimal digits remains. A shortened one is refused: a few
            digits are quickly forged or guessed (P1).
    """
    if len(text) > 1_000:
        raise EncodingError("a fingerprint is 64 hexadecimal digits")
    digits = "".join(text.split()).lower()
    if not _HEX.fullmatch(digits):
        raise EncodingError("a fingerprint is 64 hexadecimal digits")
    return binascii.unhexlify(digits)
