"""Statements: the signed envelope of every document (SPEC §4, RFC 9052 COSE_Sign1, RFC 9597 claims).

`parse` turns bytes into a `Statement` or raises `StatementError`; it checks form only. Whose key it is,
whether the time fits and whether
the contract agrees are decided in `protocol.log`. `build` is the way to write one: the signature is made by
the caller over
`sig_structure`, so no private key ever enters this module.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import force_setattr

from protocol import encoding
from protocol.encoding import Value
from protocol.errors import EncodingError, StatementError

MAX_STATEMENT = 65_535
MAX_LIFETIME = 86_400
#: Payloads up to this size are remembered for a while once read: many people give one consent, sign one text
#: and choose alike, byte for byte.
SAID_OFTEN = 512
ED25519 = -19

STATEMENT = "application/coopnode-statement+cbor"
POSSESSION = "application/coopnode-possession+cbor"
LOGIN = "application/coopnode-login+cbor"
READ = "application/coopnode-read+cbor"
COMMITTED = "application/coopnode-committed+cbor"
REFUSED = "application/coopnode-refused+cbor"

_ALG, _CONTENT_TYPE, _KID, _CLAIMS = 1, 3, 4, 15
_ISS, _SUB, _AUD, _EXP, _IAT, _CTI = 1, 2, 3, 4, 6, 7
_SEEN, _FOR = -70001, -70002
_REQUIRED_CLAIMS = frozenset((_ISS, _SUB, _AUD, _EXP, _IAT, _CTI))
_OPTIONAL_CLAIMS = frozenset((_SEEN, _FOR))
_MESSAGE_TYPES = frozenset((POSSESSION, LOGIN, READ, COMMITTED, REFUSED))
_IDENTIFIER_LENGTH = 52


class Seen(NamedTuple):
    """The largest checkpoint the signer's device had verified (P3), and the log's signature over it."""

    generation: int
    size: int
    root: bytes
    signature: bytes


class OnBehalf(NamedTuple):
    """The organisation the person signs for and the document that gives the authority."""

    organisation: str
    authority: bytes


class Statement(msgspec.Struct, frozen=True, eq=False):
    """One parsed statement. `payload` is the decoded map with `type` and `private` still in it; digests are
    computed on first use. A Struct, because a replay makes one for each entry and keeps thousands."""

    raw: bytes
    protected: bytes
    payload_bytes: bytes
    signature: bytes
    kid: bytes
    iss: str
    sub: str
    aud: str
    exp: int
    iat: int
    cti: bytes
    seen: Seen | None
    on_behalf: OnBehalf | None
    type: str
    payload: dict[str, Any]
    #: The payload as the registry's typed Struct; set by `protocol.registry.typed`.
    body: Any = None
    _sig_structure: bytes | None = None
    _digest: bytes | None = None
    _entry_digest: bytes | None = None

    def with_body(self, body: Any) -> Statement:
        """This statement, now with its typed payload, which like the digests follows from the bytes."""
        force_setattr(self, "body", body)
        return self

    @property
    def sig_structure(self) -> bytes:
        found = self._sig_structure
        if found is None:
            found = sig_structure(self.protected, self.payload_bytes)
            force_setattr(self, "_sig_structure", found)
        return found

    @property
    def digest(self) -> bytes:
        """Document digest (SPEC §4.2)."""
        found = self._digest
        if found is None:
            found = sha256(self.sig_structure).digest()
            force_setattr(self, "_digest", found)
        return found

    @property
    def entry_digest(self) -> bytes:
        found = self._entry_digest
        if found is None:
            found = sha256(self.raw).digest()
            force_setattr(self, "_entry_digest", found)
        return found

    @property
    def domain(self) -> str:
        return self.type.partition(".")[0]

    @property
    def is_account_event(self) -> bool:
        """An account's own events are for every log and outlive their `exp` (P2); the copy of them is for the
        log that takes it."""
        return self.type.startswith("account.") and self.type != "account.copy/1"


def bstr(data: bytes) -> bytes:
    """A CBOR byte string with minimal head."""
    n = len(data)
    if n < 24:
        return bytes((0x40 | n,)) + data
    if n < 256:
        return b"\x58" + n.to_bytes(1, "big") + data
    return b"\x59" + n.to_bytes(2, "big") + data


_FIELDS = Statement.__struct_fields__[: Statement.__struct_fields__.index("body")]
_SEEN_AT = _FIELDS.index("seen")
_parts = attrgetter(*_FIELDS, "digest", "entry_digest")


def parts(statement: Statement) -> tuple[Any, ...]:
    """A parsed statement as plain values, for another process of the same node."""
    found: tuple[Any, ...] = _parts(statement)
    return found


def from_parts(values: Sequence[Any]) -> Statement:
    """What `parts` took apart, not judged anew: only from a process that is trusted as this one."""
    fields = list(values)
    if fields[_SEEN_AT] is not None:
        fields[_SEEN_AT] = Seen(*fields[_SEEN_AT])
    if fields[_SEEN_AT + 1] is not None:
        fields[_SEEN_AT + 1] = OnBehalf(*fields[_SEEN_AT + 1])
    fields[len(_FIELDS) : len(_FIELDS)] = None, None  # no body, no signed bytes
    return Statement(*fields)


_SIG_CONTEXT = b"\x84\x6aSignature1"


def sig_structure(protected: bytes, payload: bytes) -> bytes:
    """CBOR ["Signature1", protected, h'', payload] (RFC 9052 §4.4): the only thing a personal key ever signs
    (P4)."""
    return _SIG_CONTEXT + bstr(protected) + b"\x40" + bstr(payload)


def assemble(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    """The tagged COSE_Sign1 with an empty unprotected header."""
    return b"\xd2\x84" + bstr(protected) + b"\xa0" + bstr(payload) + bstr(signature)


def message_header(content_type: str, kid: bytes) -> bytes:
    """Protected header of the messages that are not statements: alg, content type, kid."""
    return encoding.encode_header({_ALG: ED25519, _CONTENT_TYPE: content_type, _KID: kid})


def statement_header(
    *,
    kid: bytes,
    iss: str,
    sub: str,
    aud: str,
    iat: int,
    exp: int,
    cti: bytes,
    seen: Seen | None = None,
    on_behalf: OnBehalf | None = None,
) -> bytes:
    claims: dict[int, Any] = {_ISS: iss, _SUB: sub, _AUD: aud, _EXP: exp, _IAT: iat, _CTI: cti}
    if seen is not None:
        claims[_SEEN] = list(seen)
    if on_behalf is not None:
        claims[_FOR] = list(on_behalf)
    return encoding.encode_header({_ALG: ED25519, _CONTENT_TYPE: STATEMENT, _KID: kid, _CLAIMS: claims})


def split(data: bytes) -> tuple[bytes, bytes, bytes]:
    """(protected, payload, signature) of a tagged COSE_Sign1 with an empty unprotected header; StatementError
    otherwise."""
    if len(data) > MAX_STATEMENT:
        raise StatementError("too_large")
    if data[:2] != b"\xd2\x84":
        raise StatementError("malformed")
    protected, at = _take(data, 2)
    if data[at : at + 1] != b"\xa0":
        raise StatementError("malformed", "unprotected")
    payload, at = _take(data, at + 1)
    signature, at = _take(data, at)
    if at != len(data):
        raise StatementError("malformed")
    if len(signature) != 64:
        raise StatementError("malformed", "signature")
    return protected, payload, signature


def _take(data: bytes, at: int) -> tuple[bytes, int]:
    """One definite byte string with minimal head at `at`; returns it and the next position."""
    head = data[at : at + 3]
    if not head or head[0] >> 5 != 2:
        raise StatementError("malformed")
    size = head[0] & 31
    at += 1
    if size == 24 and len(head) > 1 and head[1] >= 24:
        size, at = head[1], at + 1
    elif size == 25 and len(head) > 2 and head[1]:
        size, at = head[1] << 8 | head[2], at + 2
    elif size > 23:
        raise StatementError("malformed")
    if len(data) < at + size:
        raise StatementError("malformed")
    return data[at : at + size], at + size


def parse(data: bytes) -> Statement:
    """Bytes → Statement. Raises StatementError (codes too_large, malformed) on anything but the canonical
    form."""
    return _parse_usual(data) or _parse_any(data)


#: Identifiers are made of these (SPEC §2); anything else in `iss`, `sub` or `aud` could confuse a table of
#: names.
_ALPHABET = b"abcdefghijklmnopqrstuvwxyz234567"

#: What follows the beginning of almost every statement: the kid, then each claim after its head, the empty
#: unprotected header, and the head of the payload.
_USUAL = struct.Struct(">32s 5s 52s 3s 52s 3s 52s 2s I 2s I 2s 16s s B H")
_MARKS = (
    *(b"\x0f\xa6\x01\x78\x34", b"\x02\x78\x34", b"\x03\x78\x34", b"\x04\x1a", b"\x06\x1a", b"\x07\x50"),
    b"\xa0",
)
_HEAD = encoding.encode_header({_ALG: ED25519, _CONTENT_TYPE: STATEMENT, _KID: bytes(32), _CLAIMS: {}})[:-34]
_START = b"\xd2\x84" + bstr(_HEAD + bytes(_USUAL.size - 4))[: 3 + len(_HEAD)]
_START_SIZE = len(_START)
#: Where the unprotected header stands.
_MIDDLE = _START_SIZE + _USUAL.size - 4
_LEAST = _START_SIZE + _USUAL.size + 66


def _parse_usual(data: bytes) -> Statement | None:
    """Of the form almost every statement has — required claims only, times of four bytes, a payload of more
    than 23 bytes — read by position: half of the time of parsing otherwise goes into finding it. None for
    anything else, which `_parse_any` judges.
    """
    end = len(data) - 66
    if not _LEAST - 66 <= end <= MAX_STATEMENT - 66 or not data.startswith(_START):
        return None
    kid, m1, iss, m2, sub, m3, aud, m4, exp, m5, iat, m6, cti, m7, head, size = _USUAL.unpack_from(
        data, _START_SIZE
    )
    if (m1, m2, m3, m4, m5, m6, m7) != _MARKS or not 65_535 < iat < exp <= iat + MAX_LIFETIME:
        return None
    if (iss + sub + aud).strip(_ALPHABET):
        return None
    if head == 0x58:
        at, size = _MIDDLE + 3, size >> 8
        minimal = size > 23
    else:
        at = _MIDDLE + 4
        minimal = head == 0x59 and size > 255
    if not minimal or at + size != end or data[end : end + 2] != b"\x58\x40":
        return None
    payload_bytes = data[at:end]
    payload = _payload(payload_bytes)
    return Statement(
        data,
        data[5:_MIDDLE],
        payload_bytes,
        data[end + 2 :],
        kid,
        iss.decode("ascii"),
        sub.decode("ascii"),
        aud.decode("ascii"),
        exp,
        iat,
        cti,
        None,
        None,
        payload["type"],
        payload,
        None,
        b"".join((_SIG_CONTEXT, data[2:_MIDDLE], b"\x40", data[_MIDDLE + 1 : end])),
    )


def _parse_any(data: bytes) -> Statement:
    protected, payload_bytes, signature = split(data)
    try:
        kid, claims = _check_header(encoding.decode_header(protected))
    except EncodingError as error:
        raise StatementError("malformed", "protected") from error
    payload = _payload(payload_bytes)
    return Statement(
        data,
        protected,
        payload_bytes,
        signature,
        kid,
        claims[_ISS],
        claims[_SUB],
        claims[_AUD],
        claims[_EXP],
        claims[_IAT],
        claims[_CTI],
        _seen(claims[_SEEN]) if _SEEN in claims else None,
        _on_behalf(claims[_FOR]) if _FOR in claims else None,
        payload["type"],
        payload,
    )


def _payload(data: bytes) -> dict[str, Any]:
    return _known_payload(data) if len(data) <= SAID_OFTEN else _read_payload(data)


@lru_cache(256)
def _known_payload(data: bytes) -> dict[str, Any]:
    """One map for all statements that say the same; nobody changes a payload."""
    return _read_payload(data)


def _read_payload(data: bytes) -> dict[str, Any]:
    try:
        payload = encoding.decode(data)
    except EncodingError as error:
        raise StatementError("malformed") from error
    if not isinstance(payload, dict) or type(payload.get("type")) is not str:
        raise StatementError("malformed", "type")
    private = payload.get("private")
    if private is not None and not (type(private) is bytes and len(private) == 32):
        raise StatementError("malformed", "private")
    return payload


def _check_header(header: dict[Any, Any]) -> tuple[bytes, dict[int, Any]]:
    if set(header) != {_ALG, _CONTENT_TYPE, _KID, _CLAIMS}:
        raise StatementError("malformed", "protected")
    if header[_ALG] != ED25519 or header[_CONTENT_TYPE] != STATEMENT:
        raise StatementError("malformed", "content_type")
    kid = header[_KID]
    if not isinstance(kid, bytes) or len(kid) != 32:
        raise StatementError("malformed", "kid")
    claims = header[_CLAIMS]
    if (
        not isinstance(claims, dict)
        or not _REQUIRED_CLAIMS <= set(claims) <= _REQUIRED_CLAIMS | _OPTIONAL_CLAIMS
    ):
        raise StatementError("malformed", "claims")
    for name in (_ISS, _SUB, _AUD):
        if not _is_identifier(claims[name]):
            raise StatementError("malformed", "claims")
    exp, iat, cti = claims[_EXP], claims[_IAT], claims[_CTI]
    if type(exp) is not int or type(iat) is not int or not 0 <= iat < exp <= iat + MAX_LIFETIME:
        raise StatementError("malformed", "exp")
    if not isinstance(cti, bytes) or len(cti) != 16:
        raise StatementError("malformed", "cti")
    return kid, claims


def _is_identifier(text: Any) -> bool:
    return (
        isinstance(text, str)
        and len(text) == _IDENTIFIER_LENGTH
        and text.isascii()
        and not text.encode().strip(_ALPHABET)
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_bytes(value: Any, length: int) -> bool:
    return isinstance(value, bytes) and len(value) == length


def _seen(value: Any) -> Seen:
    if not isinstance(value, list) or len(value) != 4:
        raise StatementError("malformed", "seen")
    generation, size, root, signature = value
    if not (_is_count(generation) and _is_count(size) and _is_bytes(root, 32) and _is_bytes(signature, 64)):
        raise StatementError("malformed", "seen")
    return Seen(generation, size, root, signature)


def _on_behalf(value: Any) -> OnBehalf:
    if not isinstance(value, list) or len(value) != 2:
        raise StatementError("malformed", "for")
    organisation, authority = value
    if not _is_identifier(organisation):
        raise StatementError("malformed", "for")
    if not (isinstance(authority, bytes) and len(authority) == 32):
        raise StatementError("malformed", "for")
    return OnBehalf(organisation, authority)


def payload_bytes(type: str, fields: dict[str, Value], private: bytes | None = None) -> bytes:
    """Encoded payload of a statement of `type`."""
    payload: dict[str, Value] = {"type": type, **fields}
    if private is not None:
        payload["private"] = private
    return encoding.encode(payload)


def parse_message(data: bytes, content_type: str) -> tuple[bytes, dict[str, Any], bytes, bytes]:
    """A signed message that is not a statement → (kid, payload map, sig_structure, signature). StatementError
    when it is not one."""
    if content_type not in _MESSAGE_TYPES:
        raise ValueError(content_type)
    protected, payload, signature = split(data)
    try:
        header = encoding.decode_header(protected)
        content = encoding.decode(payload)
    except EncodingError as error:
        raise StatementError("malformed") from error
    if set(header) != {_ALG, _CONTENT_TYPE, _KID}:
        raise StatementError("malformed", "protected")
    if header[_ALG] != ED25519 or header[_CONTENT_TYPE] != content_type:
        raise StatementError("malformed", "content_type")
    kid = header[_KID]
    if not isinstance(kid, bytes) or len(kid) != 32 or not isinstance(content, dict):
        raise StatementError("malformed")
    return kid, content, sig_structure(protected, payload), signature


def possession(kid: bytes, subject: str, number: int, previous: bytes = bytes(32)) -> bytes:
    """Bytes a new key signs to prove it is held (SPEC §6.2, P8)."""
    return sig_structure(message_header(POSSESSION, kid), encoding.encode([subject, number, previous]))
