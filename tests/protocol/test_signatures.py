"""The Ed25519 rule (P6): the installed library against written vectors and an independent oracle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import signatures
from protocol.ed25519_vectors import VECTORS as EMBEDDED
from protocol.errors import SignatureRejected
from tests import reference_ed25519 as reference

FILE = json.loads((Path(__file__).parent.parent / "vectors" / "ed25519.json").read_text())
VECTORS: list[dict[str, Any]] = FILE["vectors"]

seeds = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_p6_vectors(vector: dict[str, Any]) -> None:
    pub, message = bytes.fromhex(vector["pub"]), bytes.fromhex(vector["message"])
    signature = bytes.fromhex(vector["signature"])
    assert reference.verify(pub, message, signature) is vector["valid"]
    assert signatures.verify(pub, message, signature) is vector["valid"]
    if "seed" in vector:
        seed = bytes.fromhex(vector["seed"])
        assert signatures.public_key(seed) == pub
        assert signatures.sign(seed, message) == signature


def test_file_is_what_the_reference_writes() -> None:
    assert reference.document() == FILE


def test_every_class_of_edge_case_is_there() -> None:
    names = " ".join(vector["name"] for vector in VECTORS)
    for case in ("S + L", "S = L", "small-order A", "small-order R", "non-canonical A", "non-canonical R"):
        assert case in names
    assert any(v["name"].startswith("torsioned R") and not v["valid"] for v in VECTORS)
    assert {v["valid"] for v in VECTORS if v["name"].startswith("torsioned A")} == {True, False}


def test_embedded_vectors_are_from_the_file() -> None:
    by_name = {vector["name"]: vector for vector in VECTORS}
    for vector in EMBEDDED:
        origin = by_name[vector.name]
        assert (vector.pub, vector.message, vector.signature, vector.valid, vector.seed) == (
            origin["pub"],
            origin["message"],
            origin["signature"],
            origin["valid"],
            origin.get("seed", ""),
        )


def test_self_check() -> None:
    signatures.self_check()


@pytest.mark.parametrize(
    "name", ["S + L", "all identity", "torsioned R 1", "small-order A 2", "rfc8032 test 1"]
)
def test_self_check_refuses_another_rule(name: str) -> None:
    wrong = next(v for v in EMBEDDED if v.name == name)

    def other(pub: bytes, message: bytes, signature: bytes) -> bool:
        verdict = signatures.verify(pub, message, signature)
        return not verdict if (pub.hex(), signature.hex()) == (wrong.pub, wrong.signature) else verdict

    with pytest.raises(SignatureRejected):
        signatures.self_check(verify=other)


def test_self_check_refuses_a_wrong_signer() -> None:
    with pytest.raises(SignatureRejected):
        signatures.self_check(sign=lambda seed, message: bytes(64))


def test_self_check_refuses_a_cofactored_verifier() -> None:
    def cofactored(pub: bytes, message: bytes, signature: bytes) -> bool:
        if len(pub) != 32 or len(signature) != 64:
            return False
        return signatures.verify(pub, message, signature) or reference.verify_cofactored(
            pub, message, signature
        )

    with pytest.raises(SignatureRejected):
        signatures.self_check(verify=cofactored)


@settings(max_examples=20, deadline=None)
@given(seeds, st.binary(max_size=100))
def test_sign_and_verify_agree_with_the_reference(seed: bytes, message: bytes) -> None:
    pub, signature = signatures.public_key(seed), signatures.sign(seed, message)
    assert pub == reference.public(seed)
    assert signature == reference.sign(seed, message)
    assert signatures.verify(pub, message, signature)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(0, 7), st.integers(0, 7), st.integers(1, 2**64), st.binary(max_size=8))
def test_torsion_agrees_with_the_reference(seed: bytes, a: int, r: int, nonce: int, message: bytes) -> None:
    torsion = reference.torsion_points()
    pub, signature = reference.forged(seed, message, a_torsion=torsion[a], r_torsion=torsion[r], nonce=nonce)
    assert signatures.verify(pub, message, signature) is reference.verify(pub, message, signature)


@given(st.binary(max_size=70), st.binary(max_size=20), st.binary(max_size=70))
def test_any_bytes(pub: bytes, message: bytes, signature: bytes) -> None:
    assert signatures.verify(pub, message, signature) is False


def test_verify_signed_is_verify() -> None:
    for vector in VECTORS:
        pub, message, signature = (
            bytes.fromhex(str(vector[name])) for name in ("pub", "message", "signature")
        )
        if len(signature) == signatures.SIGNATURE_BYTES:
            assert signatures.verify_signed(pub, signature + message) is vector["valid"]
    assert not signatures.verify_signed(bytes(32), b"short")


def test_verify_many_keeps_order() -> None:
    items = [tuple(bytes.fromhex(v[part]) for part in ("pub", "message", "signature")) for v in VECTORS]
    assert signatures.verify_many(items) == [v["valid"] for v in VECTORS]  # type: ignore[arg-type]


def test_seed_length() -> None:
    with pytest.raises(ValueError, match="32"):
        signatures.public_key(bytes(31))
