"""Public keys: which algorithms there are, and which points are accepted as keys (P6).

A key is everywhere the same three things, ``{alg, pub, scope}``; ``kid`` of a statement is ``pub`` alone,
with the length that ``alg`` prescribes. Algorithm numbers are COSE's (RFC 9864); the ruleset names those
in force.

**Which Ed25519 keys are accepted.** With p = 2^255 - 19, d = -121665/121666 and y the little-endian
number in the low 255 bits of the 32 bytes:

- y < p (one encoding per point);
- (y² - 1)·(d·y² + 1) is a square modulo p (there is an x: the point is on the curve);
- y·(y² - 1)·(d·y⁴ + 2y² - 1) ≠ 0 modulo p (the order does not divide 8). The factors are the points of
  order 4, of order 1 and 2, and of order 8: doubling gives y = 0 there, so x² = -y², which in the curve
  equation leaves d·y⁴ + 2y² - 1 = 0. The third rule also covers x = 0 with its sign bit set.

A point with a small-order *component* besides a large one is accepted, here as in P6 and in every
verifier that checks the plain equation: its owner can make some of his own signatures fail, and nobody
else's. This is why libsodium's ``crypto_core_ed25519_is_valid_point``, which refuses it, is not used:
key registration and signature check must draw one line, and that line is the one other programs draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from protocol.encoding import encode
from protocol.errors import KeyRejected

__all__ = [
    "ALGORITHMS",
    "ED25519",
    "SCOPES",
    "Algorithm",
    "PublicKey",
    "Scope",
    "check_ed25519",
    "check_public_key",
    "recovery_commitment",
]

Scope: TypeAlias = Literal["sign", "recovery", "robot", "login", "node", "log", "invitation"]
SCOPES: Final[frozenset[str]] = frozenset(get_args(Scope))

ED25519: Final = -19
"""COSE algorithm "Ed25519", fully specified (RFC 9864)."""


class Algorithm(msgspec.Struct, frozen=True):
    """Lengths in bytes that an algorithm prescribes."""

    key_bytes: int
    signature_bytes: int


ALGORITHMS: Final[Mapping[int, Algorithm]] = MappingProxyType({ED25519: Algorithm(32, 64)})
"""The algorithms of ruleset 0."""


class PublicKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A public key and what it may be used for. Decoding one proves nothing: see :func:`check_public_key`."""

    alg: int
    pub: bytes
    scope: Scope


_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P


def check_public_key(key: PublicKey) -> None:
    """Accept a key for registration.

    Raises:
        KeyRejected: unknown algorithm or scope, wrong length, or a point the module's rule refuses.
    """
    algorithm = ALGORITHMS.get(key.alg)
    if algorithm is None:
        raise KeyRejected(f"algorithm {key.alg} is not in the ruleset")
    if key.scope not in SCOPES:
        raise KeyRejected("the key's scope is unknown")
    if len(key.pub) != algorithm.key_bytes:
        raise KeyRejected(f"a key of this algorithm has {algorithm.key_bytes} bytes")
    if key.alg == ED25519:
        check_ed25519(key.pub)


def check_ed25519(pub: bytes) -> None:
    """Accept 32 bytes as an Ed25519 public key by the three conditions above (about 0.1 ms).

    Raises:
        KeyRejected: one of them does not hold.
    """
    if len(pub) != 32:
        raise KeyRejected("an Ed25519 key has 32 bytes")
    y = int.from_bytes(pub, "little") & (2**255 - 1)
    if y >= _P:
        raise KeyRejected("the key is not in its canonical encoding")
    y2 = y * y % _P
    if y * (y2 - 1) * (_D * y2 * y2 + 2 * y2 - 1) % _P == 0:
        raise KeyRejected("the key is a point of small order")
    # Euler's criterion. The product has the same quadratic character as the quotient x², and no inverse.
    if pow((y2 - 1) * (_D * y2 + 1), (_P - 1) // 2, _P) != 1:
        raise KeyRejected("the key is not a point of the curve")


def recovery_commitment(key: PublicKey) -> bytes:
    """SHA-256 of the canonical CBOR of ``{alg, pub}``: what a key history holds of the recovery key (P7)."""
    return sha256(encode({"alg": key.alg, "pub": key.pub})).digest()
