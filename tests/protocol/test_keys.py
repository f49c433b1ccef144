"""Which points are keys (P6), and the recovery commitment (P7)."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import keys, signatures
from protocol.errors import KeyRejected
from protocol.keys import PublicKey
from tests import reference_ed25519 as reference

HONEST = signatures.public_key(sha256(b"a test key").digest())


def accepted(pub: bytes) -> bool:
    try:
        keys.check_ed25519(pub)
    except KeyRejected:
        return False
    return True


def by_the_rule(pub: bytes) -> bool:
    point = reference.decompress(pub) if len(pub) == 32 else None
    return point is not None and not reference.small_order(point)


def test_honest() -> None:
    for scope in keys.SCOPES:
        keys.check_public_key(PublicKey(alg=keys.ED25519, pub=HONEST, scope=scope))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"alg": -8}, "algorithm"),
        ({"alg": 19}, "algorithm"),
        ({"scope": "admin"}, "scope"),
        ({"pub": HONEST[:31]}, "32 bytes"),
        ({"pub": HONEST + b"\0"}, "32 bytes"),
        ({"pub": b""}, "32 bytes"),
    ],
)
def test_p6_refused_keys(change: dict[str, Any], why: str) -> None:
    with pytest.raises(KeyRejected, match=why):
        keys.check_public_key(msgspec.structs.replace(PublicKey(keys.ED25519, HONEST, "sign"), **change))


def test_p6_small_order_points_are_refused() -> None:
    for point in reference.torsion_points():
        assert not accepted(reference.compress(point))


def test_p6_non_canonical_encodings_are_refused() -> None:
    for y in range(2**255 - 19, 2**255):
        for sign in (0, 2**255):
            assert not accepted((y | sign).to_bytes(32, "little"))
    for y in (1, reference.p - 1):
        assert not accepted((y | 2**255).to_bytes(32, "little"))


def test_small_component_beside_a_large_one_is_accepted() -> None:
    """One line for keys and for signatures: the rule refuses small order, not every torsion component."""
    honest = reference.decompress(HONEST)
    assert honest is not None
    for torsion in reference.torsion_points():
        assert accepted(reference.compress(reference.add(honest, torsion)))


@settings(max_examples=60, deadline=None)
@given(
    st.binary(min_size=32, max_size=32) | st.integers(0, 2**255 - 1).map(lambda n: n.to_bytes(32, "little"))
)
def test_agrees_with_the_reference(pub: bytes) -> None:
    assert accepted(pub) is by_the_rule(pub)


def test_small_numbers_agree_with_the_reference() -> None:
    for y in range(60):
        for sign in (0, 1):
            pub = (y | sign << 255).to_bytes(32, "little")
            assert accepted(pub) is by_the_rule(pub)


def test_p7_recovery_commitment() -> None:
    key = PublicKey(alg=-19, pub=HONEST, scope="recovery")
    written = b"\xa2\x63alg\x32\x63pub\x58\x20" + HONEST
    assert keys.recovery_commitment(key) == sha256(written).digest()
    assert keys.recovery_commitment(key) == keys.recovery_commitment(
        msgspec.structs.replace(key, scope="sign")
    )
