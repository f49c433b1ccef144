"""Ed25519 by rule P6, so that every node, auditor and browser accepts the same set of signatures.

Let B be the base point, L = 2^252 + 27742317777372353535851937790883648493 its order, A the public key,
R ‖ S the signature (32 + 32 bytes, S little-endian), M the message and
k = SHA-512(R ‖ A ‖ M) modulo L, over the bytes as received. The signature is valid if and only if

1. the signature has 64 bytes and the key 32;
2. 0 ≤ S < L;
3. A and R are canonical encodings of points of the curve (y < p, and no sign on x = 0);
4. neither A nor R has small order ([8]A ≠ 0, [8]R ≠ 0);
5. [S]B = R + [k]A, without a cofactor.

RFC 8032 leaves 5 open (it allows the weaker [8][S]B = [8]R + [8][k]A) and does not ask for 4; OpenSSL and
browsers omit 4, batch verifiers weaken 5. A signature that one node accepts and another refuses splits
the state of a log, hence one written rule, one library (libsodium by PyNaCl) and :func:`self_check`,
which node, audit and command line call before they trust an installed library. The edge cases are judged
by an independent implementation in ``tests/reference_ed25519.py``. libsodium as of PyNaCl 1.6.2 agrees
with the rule on all of them without a further check of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from protocol.ed25519_vectors import VECTORS
from protocol.errors import SignatureRejected

__all__ = [
    "KEY_BYTES",
    "SEED_BYTES",
    "SIGNATURE_BYTES",
    "Signed",
    "public_key",
    "self_check",
    "sign",
    "verify",
    "verify_many",
    "verify_signed",
]

KEY_BYTES: Final = 32
SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

Signed: TypeAlias = tuple[bytes, bytes, bytes]
"""Public key, message, signature."""


def verify(pub: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is valid by the rule above. Never raises on bytes of any length (about 40 µs)."""
    return len(signature) == SIGNATURE_BYTES and verify_signed(pub, signature + message)


def verify_signed(pub: bytes, signed: bytes) -> bool:
    """:func:`verify` of a signature of 64 bytes and the message after it, in one piece."""
    # The key's length is ours to check: the binding would read past its end.
    if len(pub) != KEY_BYTES:
        return False
    try:
        crypto_sign_open(signed, pub)
    except BadSignatureError:
        return False
    return True


def verify_many(items: Iterable[Signed]) -> list[bool]:
    """:func:`verify` for each item, in order.

    One call is meant for one hop to a thread: libsodium works without the GIL, and a hop costs as much as
    a check, so hand over chunks of 32 and more.
    """
    return [verify(pub, message, signature) for pub, message, signature in items]


def sign(seed: bytes, message: bytes) -> bytes:
    """The 64-byte signature of RFC 8032 §5.1.6.

    The public key is derived anew each time: a signing call that takes it as an argument gives away the
    private key when it is once handed a wrong one.
    """
    _, secret = _key_pair(seed)
    signed: bytes = crypto_sign(message, secret)
    return signed[:SIGNATURE_BYTES]


def public_key(seed: bytes) -> bytes:
    """The 32-byte public key of a 32-byte seed."""
    return _key_pair(seed)[0]


def self_check(
    verify: Callable[[bytes, bytes, bytes], bool] = verify, sign: Callable[[bytes, bytes], bytes] = sign
) -> None:
    """Run the embedded vectors through the installed library (about 2 ms).

    Raises:
        SignatureRejected: the library judges a vector otherwise, or signs otherwise than RFC 8032. The
            program must not go on: it would disagree with others on what was signed.
    """
    for vector in VECTORS:
        pub, message = bytes.fromhex(vector.pub), bytes.fromhex(vector.message)
        signature = bytes.fromhex(vector.signature)
        if verify(pub, message, signature) is not vector.valid:
            expected = "valid" if vector.valid else "invalid"
            raise SignatureRejected(f"this verifier must find vector {vector.name!r} {expected}")
        if vector.seed and sign(bytes.fromhex(vector.seed), message) != signature:
            raise SignatureRejected(f"this signer does not reproduce vector {vector.name!r}")


def _key_pair(seed: bytes) -> tuple[bytes, bytes]:
    if len(seed) != SEED_BYTES:
        raise ValueError("a seed has 32 bytes")
    pub, secret = crypto_sign_seed_keypair(seed)
    return bytes(pub), bytes(secret)
