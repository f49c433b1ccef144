"""Ed25519 as mathematics, in slow pure Python: the oracle behind ``vectors/ed25519.json``.

Written from RFC 8032 §5.1 and rule P6 alone, sharing no code with :mod:`protocol`. Affine coordinates and
plain integers: nothing here is fast or constant-time, and nothing here may sign with a real key.

Run as a program it prints the vectors: ``python -m tests.reference_ed25519``.
"""

from __future__ import annotations

import json
from hashlib import sha256, sha512
from typing import Any

p = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
d = -121665 * pow(121666, -1, p) % p
SQRT_M1 = pow(2, (p - 1) // 4, p)

Point = tuple[int, int]
IDENTITY: Point = (0, 1)


def add(a: Point, b: Point) -> Point:
    """The complete addition law of -x² + y² = 1 + d·x²·y²."""
    (x1, y1), (x2, y2) = a, b
    t = d * x1 * x2 * y1 * y2 % p
    x = (x1 * y2 + y1 * x2) * pow(1 + t, -1, p) % p
    y = (y1 * y2 + x1 * x2) * pow(1 - t, -1, p) % p
    return x, y


def mul(k: int, a: Point) -> Point:
    """k·a for k ≥ 0, by doubling."""
    result = IDENTITY
    while k:
        if k & 1:
            result = add(result, a)
        a = add(a, a)
        k >>= 1
    return result


def negate(a: Point) -> Point:
    return -a[0] % p, a[1]


def x_of(y: int, sign: int) -> int | None:
    """The x with the given low bit on the curve, or None (RFC 8032 §5.1.3)."""
    square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
    x = pow(square, (p + 3) // 8, p)
    if x * x % p != square:
        x = x * SQRT_M1 % p
    if x * x % p != square:
        return None
    if x == 0 and sign:
        return None
    return x if x & 1 == sign else p - x


def compress(a: Point) -> bytes:
    return (a[1] | (a[0] & 1) << 255).to_bytes(32, "little")


def decompress(data: bytes) -> Point | None:
    """The point of a canonical encoding, or None."""
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if y >= p:
        return None
    x = x_of(y, sign)
    return None if x is None else (x, y)


_y = 4 * pow(5, -1, p) % p
_x = x_of(_y, 0)
assert _x is not None
B: Point = (_x, _y)


def small_order(a: Point) -> bool:
    return mul(8, a) == IDENTITY


def scalar(*parts: bytes) -> int:
    return int.from_bytes(sha512(b"".join(parts)).digest(), "little") % L


def secret(seed: bytes) -> tuple[int, bytes]:
    """RFC 8032 §5.1.5: the clamped scalar and the prefix of a seed."""
    h = sha512(seed).digest()
    a = int.from_bytes(h[:32], "little")
    a &= (1 << 254) - 8
    a |= 1 << 254
    return a, h[32:]


def public(seed: bytes) -> bytes:
    return compress(mul(secret(seed)[0], B))


def sign(seed: bytes, message: bytes) -> bytes:
    a, prefix = secret(seed)
    r = scalar(prefix, message)
    R = compress(mul(r, B))
    k = scalar(R, public(seed), message)
    return R + ((r + k * a) % L).to_bytes(32, "little")


def verify(pub: bytes, message: bytes, signature: bytes) -> bool:
    """Rule P6: canonical A and R, neither of small order, S < L, and S·B = R + k·A without a cofactor."""
    if len(pub) != 32 or len(signature) != 64:
        return False
    A, R = decompress(pub), decompress(signature[:32])
    S = int.from_bytes(signature[32:], "little")
    if A is None or R is None or S >= L:
        return False
    if small_order(A) or small_order(R):
        return False
    k = scalar(signature[:32], pub, message)
    return mul(S, B) == add(R, mul(k, A))


def verify_cofactored(pub: bytes, message: bytes, signature: bytes) -> bool:
    """The looser equation 8·S·B = 8·R + 8·k·A: what some libraries check; never ours."""
    A, R = decompress(pub), decompress(signature[:32])
    S = int.from_bytes(signature[32:], "little")
    if A is None or R is None or S >= L:
        return False
    k = scalar(signature[:32], pub, message)
    return mul(8 * S, B) == mul(8, add(R, mul(k, A)))


def order_8() -> Point:
    """A point of order 8: L times the first curve point that gives one."""
    y = 2
    while True:
        x = x_of(y, 0)
        if x is not None:
            torsion = mul(L, (x, y))
            if mul(4, torsion) != IDENTITY:
                return torsion
        y += 1


def torsion_points() -> list[Point]:
    T = order_8()
    return [mul(i, T) for i in range(8)]


def forged(
    seed: bytes, message: bytes, *, a_torsion: Point, r_torsion: Point, nonce: int
) -> tuple[bytes, bytes]:
    """(pub, signature) by the holder of ``seed`` who adds torsion to A and R before hashing."""
    a, _ = secret(seed)
    pub = compress(add(mul(a, B), a_torsion))
    R = compress(add(mul(nonce, B), r_torsion))
    k = scalar(R, pub, message)
    return pub, R + ((nonce + k * a) % L).to_bytes(32, "little")


# RFC 8032 §7.1, TEST 1, 2, 3 and SHA(abc): seed, public key, message, signature.
RFC_8032 = [
    (
        "rfc8032 test 1",
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "rfc8032 test 2",
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "rfc8032 test 3",
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "rfc8032 test sha(abc)",
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]


def vectors() -> list[dict[str, Any]]:
    """All vectors, each judged by :func:`verify` above and by what its construction intends."""
    out: list[dict[str, Any]] = []

    def put(
        name: str, why: str, pub: bytes, message: bytes, signature: bytes, valid: bool, **extra: Any
    ) -> None:
        assert verify(pub, message, signature) is valid, name
        out.append(
            {
                "name": name,
                "why": why,
                "pub": pub.hex(),
                "message": message.hex(),
                "signature": signature.hex(),
                "valid": valid,
                **extra,
            }
        )

    for name, seed_hex, pub_hex, message_hex, signature_hex in RFC_8032:
        seed, message = bytes.fromhex(seed_hex), bytes.fromhex(message_hex)
        assert public(seed).hex() == pub_hex and sign(seed, message).hex() == signature_hex, name
        put(
            name,
            "published example",
            bytes.fromhex(pub_hex),
            message,
            bytes.fromhex(signature_hex),
            True,
            seed=seed_hex,
        )

    seed = sha256(b"coopnode test vector: nobody's key").digest()
    a, _ = secret(seed)
    A = public(seed)
    message = b"coopnode ed25519 vector"
    good = sign(seed, message)
    S = int.from_bytes(good[32:], "little")
    put("honest", "the base of the broken ones below", A, message, good, True, seed=seed.hex())
    put("other message", "one byte more", A, message + b".", good, False)
    put("R bit", "lowest bit of R turned", A, message, bytes([good[0] ^ 1]) + good[1:], False)
    put("S bit", "lowest bit of S turned", A, message, good[:32] + (S ^ 1).to_bytes(32, "little"), False)
    put(
        "S + L",
        "the same S modulo L, written larger",
        A,
        message,
        good[:32] + (S + L).to_bytes(32, "little"),
        False,
    )
    put("S = L", "S is 0 modulo L", A, message, good[:32] + L.to_bytes(32, "little"), False)
    put("S all ones", "far beyond L", A, message, good[:32] + b"\xff" * 32, False)
    put("short", "63 bytes", A, message, good[:63], False)
    put("long", "65 bytes", A, message, good + b"\x00", False)
    put("empty signature", "no bytes", A, message, b"", False)
    put("short key", "31 bytes", A[:31], message, good, False)

    T = torsion_points()
    for i, point in enumerate(T):
        # S·B = R + k·A holds when A is torsion and k·A + R cancels: look for a message that makes it so.
        for salt in range(1000):
            text = message + salt.to_bytes(2, "big")
            R = compress(mul(3, B))
            pub = compress(point)
            if mul(scalar(R, pub, text), point) == IDENTITY:
                break
        put(
            f"small-order A {i}",
            f"A has order {order(point)}; the equation holds",
            pub,
            text,
            R + (3).to_bytes(32, "little"),
            False,
        )
        R = compress(point)
        k = scalar(R, A, message)
        put(
            f"small-order R {i}",
            f"R has order {order(point)}; the equation holds up to torsion",
            A,
            message,
            R + (k * a % L).to_bytes(32, "little"),
            False,
        )
    zero = bytes([1]) + bytes(31)
    put("all identity", "A = R = identity, S = 0: OpenSSL accepts it", zero, message, zero + bytes(32), False)
    zero_S = mul(0, B)
    put("zero S", "R = identity, S = 0", A, message, compress(zero_S) + bytes(32), False)

    # Non-canonical encodings: y + p for y < 19, and the sign bit on x = 0.
    for y in range(19):
        for sign_bit in (0, 1):
            if x_of(y, sign_bit) is None and not (y == 1 and sign_bit):
                continue
            wide = (y + p | sign_bit << 255).to_bytes(32, "little")
            name = f"y = p + {y}, sign {sign_bit}"
            put(f"non-canonical A {name}", "y is not below p", wide, message, good, False)
            put(f"non-canonical R {name}", "y is not below p", A, message, wide + good[32:], False)
    for y, what in ((1, "identity"), (p - 1, "order 2")):
        wide = (y | 1 << 255).to_bytes(32, "little")
        put(f"non-canonical A {what} with sign", "x = 0 has no sign", wide, message, good, False)
        put(f"non-canonical R {what} with sign", "x = 0 has no sign", A, message, wide + good[32:], False)

    off = next(y for y in range(2, 100) if x_of(y, 0) is None)
    put("A off the curve", f"y = {off} has no x", off.to_bytes(32, "little"), message, good, False)
    put("R off the curve", f"y = {off} has no x", A, message, off.to_bytes(32, "little") + good[32:], False)

    for i in range(1, 8):
        pub, signature = forged(seed, message, a_torsion=IDENTITY, r_torsion=T[i], nonce=1000 + i)
        assert verify_cofactored(pub, message, signature)
        put(
            f"torsioned R {i}",
            f"honest A; a component of order {order(T[i])} in R: only the cofactored equation holds",
            pub,
            message,
            signature,
            False,
        )
    seen: set[bool] = set()
    nonce = 2000
    while len(seen) < 2:  # the same key with torsion signs rightly when k is a multiple of 8
        nonce += 1
        pub, signature = forged(seed, message, a_torsion=T[1], r_torsion=IDENTITY, nonce=nonce)
        assert verify_cofactored(pub, message, signature)
        holds = scalar(signature[:32], pub, message) % 8 == 0
        if holds in seen:
            continue
        seen.add(holds)
        put(
            f"torsioned A, k {'' if holds else 'not '}a multiple of 8",
            "A has a component of order 8 and is not of small order: the plain equation decides",
            pub,
            message,
            signature,
            holds,
        )
    # Torsion in A and R may cancel: k·T_A + T_R = 0 makes the plain equation hold with both present.
    nonce = 3000
    while True:
        nonce += 1
        pub, signature = forged(seed, message, a_torsion=T[1], r_torsion=T[3], nonce=nonce)
        if (scalar(signature[:32], pub, message) + 3) % 8 == 0:
            break
    put("torsion in A and R cancels", "the plain equation holds", pub, message, signature, True)
    return out


def order(a: Point) -> int:
    """The order of a torsion point: 1, 2, 4 or 8."""
    return next(n for n in (1, 2, 4, 8) if mul(n, a) == IDENTITY)


def document() -> dict[str, Any]:
    return {
        "origin": "RFC 8032 §7.1 (IETF Trust, code component) for the entries named rfc8032; the others are"
        " our own, written by tests/reference_ed25519.py from rule P6",
        "rule": "valid = S·B = R + k·A without cofactor, S < L, canonical A and R, neither of small order",
        "vectors": vectors(),
    }


if __name__ == "__main__":
    print(json.dumps(document(), indent=1, ensure_ascii=False))
