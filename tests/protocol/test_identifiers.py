"""Ids, origins and fingerprints: one spelling each (SPEC §2)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import identifiers
from protocol.errors import EncodingError

DIGEST = bytes(range(32))
ID = "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq"

digests = st.binary(min_size=32, max_size=32)


def test_example() -> None:
    assert identifiers.identifier(DIGEST) == ID
    assert identifiers.parse_identifier(ID) == DIGEST
    assert identifiers.origin(ID, 3) == f"coopnode/{ID}/3"
    assert identifiers.fingerprint(DIGEST).startswith("0001 0203 0405 ")


@given(digests)
def test_identity(digest: bytes) -> None:
    name = identifiers.identifier(digest)
    assert len(name) == identifiers.IDENTIFIER_LENGTH
    assert name == base64.b32encode(digest).decode().strip("=").lower()
    assert identifiers.parse_identifier(name) == digest
    assert identifiers.parse_origin(identifiers.origin(name, 7)) == (name, 7)
    print_out = identifiers.fingerprint(digest)
    assert print_out.split(" ") == [digest.hex()[i : i + 4] for i in range(0, 64, 4)]
    assert identifiers.parse_fingerprint(f"\n{print_out.upper()}  ".replace(" ", "\t ")) == digest


@pytest.mark.parametrize(
    "text",
    ["", ID[:-1], ID + "a", ID.upper(), ID[:-1] + "r", ID[:-1] + "1", ID + "====", " " + ID[1:], ID + "\n"],
)
def test_broken_identifiers(text: str) -> None:
    with pytest.raises(EncodingError):
        identifiers.parse_identifier(text)


@pytest.mark.parametrize(
    "text",
    [
        f"coopnode/{ID}",
        f"coopnode/{ID}/",
        f"coopnode/{ID}/00",
        f"coopnode/{ID}/+1",
        f"coopnode/{ID}/-1",
        f"coopnode/{ID}/1 ",
        f"coopnode/{ID}/1\n",
        f"coopnode/{ID}/٣",
        f"coopnode/{ID}/{2**31}",
        f"coopnode/{ID[:-1]}r/1",
        f"Coopnode/{ID}/1",
        f"coopnode/{ID}/1/2",
    ],
)
def test_broken_origins(text: str) -> None:
    with pytest.raises(EncodingError):
        identifiers.parse_origin(text)


def test_origin_of_bad_parts() -> None:
    with pytest.raises(EncodingError):
        identifiers.origin(ID, -1)
    with pytest.raises(EncodingError):
        identifiers.origin("x", 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        DIGEST.hex()[:-1],
        DIGEST.hex()[:8],
        DIGEST.hex() + "0",
        "g" * 64,
        "0x" + DIGEST.hex()[2:],
        " " * 2000,
    ],
)
def test_p1_shortened_or_broken_fingerprints(text: str) -> None:
    with pytest.raises(EncodingError):
        identifiers.parse_fingerprint(text)


@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    for parse in (identifiers.parse_identifier, identifiers.parse_origin, identifiers.parse_fingerprint):
        with pytest.raises(EncodingError):
            parse(text)
            raise EncodingError("a lucky draw")
