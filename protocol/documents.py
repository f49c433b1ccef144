"""Statements: the signed envelope of every document (SPEC §4, RFC 9052 COSE_Sign1, RFC 9597 claims).

`parse` turns bytes into a `Statement` or raises `StatementError`; it checks form only. Whose key it is,
whether the time fits and whether
the contract agrees are decided in `protocol.log`. `build` is the way to write one: the signature is made by
the caller over
`sig_structure`, so no private key ever enters this module.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

from protocol import encoding
from protocol.encoding import Value
from protocol.errors import EncodingError, StatementError

MAX_STATEMENT = 65_535
MAX_LIFETIME = 86_400
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


T = TypeVar("T")


class cached(Generic[T]):
    """`functools.cached_property` without its lock, which up to Python 3.11 costs more than the digest it
    guards."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> T:
        value = instance.__dict__[self._name] = self._compute(instance)
        return value


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


@dataclass(frozen=True)
class Statement:
    """One parsed statement. `payload` is the decoded map with `type` and `private` still in it; digests are
    computed on first use."""

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
    payload: dict[str, Any] = field(repr=False)
    #: The payload as the registry's typed Struct; set by `protocol.registry.typed`.
    body: Any = field(default=None, repr=False, compare=False)

    def with_body(self, body: Any) -> Statement:
        """The same statement with its typed payload (`dataclasses.replace` is ten times slower)."""
        made = object.__new__(Statement)
        made.__dict__.update(self.__dict__)
        made.__dict__["body"] = body
        return made

    @cached
    def sig_structure(self) -> bytes:
        return sig_structure(self.protected, self.payload_bytes)

    @cached
    def digest(self) -> bytes:
        """Document digest (SPEC §4.2)."""
        return hashlib.sha256(self.sig_structure).digest()

    @cached
    def entry_digest(self) -> bytes:
        return hashlib.sha256(self.raw).digest()

    @cached
    def domain(self) -> str:
        return self.type.partition(".")[0]

    @cached
    def is_account_event(self) -> bool:
        """An account's own events are for every log and outlive their `exp` (P2); the copy of them is for the
        log that takes it."""
        return self.domain == "account" and self.type != "account.copy/1"


def bstr(data: bytes) -> bytes:
    """A CBOR byte string with minimal head."""
    n = len(data)
    if n < 24:
        return bytes((0x40 | n,)) + data
    if n < 256:
        return b"\x58" + n.to_bytes(1, "big") + data
    return b"\x59" + n.to_bytes(2, "big") + data


_PARTS = (
    *("raw", "protected", "payload_bytes", "signature", "kid", "iss", "sub", "aud", "exp", "iat", "cti"),
    *("seen", "on_behalf", "type", "payload", "digest", "entry_digest"),
)


_parts = attrgetter(*_PARTS)


def parts(statement: Statement) -> tuple[Any, ...]:
    """A parsed statement as plain values, for another process of the same node."""
    found: tuple[Any, ...] = _parts(statement)
    return found


def from_parts(values: Sequence[Any]) -> Statement:
    """What `parts` took apart, not judged anew: only from a process that is trusted as this one."""
    made = object.__new__(Statement)
    fields = made.__dict__
    fields["body"] = None
    fields.update(zip(_PARTS, values, strict=True))
    if fields["seen"] is not None:
        fields["seen"] = Seen(*fields["seen"])
    if fields["on_behalf"] is not None:
        fields["on_behalf"] = OnBehalf(*fields["on_behalf"])
    return made


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
    protected, payload_bytes, signature = split(data)
    kid, claims = _usual_header(protected) or _any_header(protected)
    try:
        payload = encoding.decode(payload_bytes)
    except EncodingError as error:
        raise StatementError("malformed") from error
    if not isinstance(payload, dict):
        raise StatementError("malformed", "type")
    type = payload.get("type")
    if not isinstance(type, str):
        raise StatementError("malformed", "type")
    private = payload.get("private")
    if private is not None and not (isinstance(private, bytes) and len(private) == 32):
        raise StatementError("malformed", "private")
    # What the generated __init__ of a frozen dataclass does, in a quarter of the time.
    made = object.__new__(Statement)
    made.__dict__.update(
        raw=data,
        protected=protected,
        payload_bytes=payload_bytes,
        signature=signature,
        kid=kid,
        iss=claims[_ISS],
        sub=claims[_SUB],
        aud=claims[_AUD],
        exp=claims[_EXP],
        iat=claims[_IAT],
        cti=claims[_CTI],
        seen=_seen(claims[_SEEN]) if _SEEN in claims else None,
        on_behalf=_on_behalf(claims[_FOR]) if _FOR in claims else None,
        type=type,
        payload=payload,
        body=None,
    )
    return made


#: Identifiers are made of these (SPEC §2); anything else in `iss`, `sub` or `aud` could confuse a table of
#: names.
_ALPHABET = b"abcdefghijklmnopqrstuvwxyz234567"

_HEAD = encoding.encode_header({_ALG: ED25519, _CONTENT_TYPE: STATEMENT, _KID: bytes(32), _CLAIMS: {}})[:-34]
#: What follows `_HEAD` in the header almost every statement has: the kid, then each claim after its head.
_USUAL = struct.Struct(">32s 5s 52s 3s 52s 3s 52s 2s I 2s I 2s 16s")
_USUAL_SIZE = len(_HEAD) + _USUAL.size
_MARKS = (b"\x0f\xa6\x01\x78\x34", b"\x02\x78\x34", b"\x03\x78\x34", b"\x04\x1a", b"\x06\x1a", b"\x07\x50")


def _usual_header(protected: bytes) -> tuple[bytes, dict[int, Any]] | None:
    """The header almost every statement has — required claims only, times of four bytes — read by position: a
    third of the time of a replay otherwise goes into decoding it. None for anything else, which `_any_header`
    judges.
    """
    if len(protected) != _USUAL_SIZE or not protected.startswith(_HEAD):
        return None
    kid, m1, iss, m2, sub, m3, aud, m4, exp, m5, iat, m6, cti = _USUAL.unpack_from(protected, len(_HEAD))
    if (m1, m2, m3, m4, m5, m6) != _MARKS or not 65_535 < iat < exp <= iat + MAX_LIFETIME:
        return None
    if (iss + sub + aud).strip(_ALPHABET):
        return None
    names = iss.decode("ascii"), sub.decode("ascii"), aud.decode("ascii")
    return kid, {_ISS: names[0], _SUB: names[1], _AUD: names[2], _EXP: exp, _IAT: iat, _CTI: cti}


def _any_header(protected: bytes) -> tuple[bytes, dict[int, Any]]:
    try:
        return _check_header(encoding.decode_header(protected))
    except EncodingError as error:
        raise StatementError("malformed", "protected") from error


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
