"""Deterministic CBOR: published and own vectors, identity, uniqueness, and no other exception (SPEC §1)."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import encoding
from protocol.errors import EncodingError

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "encoding.json").read_text())

integers = st.integers(-encoding.MAX_INTEGER, encoding.MAX_INTEGER)
scalars = st.booleans() | integers | st.binary(max_size=40) | st.text(max_size=30)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner, max_size=6),
)
header_keys = integers | st.text(max_size=8)
header_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(header_keys, inner, max_size=6)
)


def from_json(value: Any) -> Any:
    """The vector's value, with byte strings written as {"bytes": hex}."""
    if isinstance(value, dict):
        if value.keys() == {"bytes"}:
            return bytes.fromhex(value["bytes"])
        return {key: from_json(item) for key, item in value.items()}
    return [from_json(item) for item in value] if isinstance(value, list) else value


def exact(value: Any) -> Any:
    """A value in which True and 1 differ, which == would not see; maps keep their order."""
    if isinstance(value, dict):
        return "map", [(exact(key), exact(item)) for key, item in value.items()]
    if isinstance(value, list):
        return "array", [exact(item) for item in value]
    return type(value).__name__, value


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda v: v["hex"][:40])
def test_valid(vector: dict[str, Any]) -> None:
    data, value = bytes.fromhex(vector["hex"]), from_json(vector["value"])
    assert exact(encoding.decode(data)) == exact(value)
    assert encoding.encode(value) == data


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda v: v["why"])
def test_invalid(vector: dict[str, Any]) -> None:
    with pytest.raises(EncodingError):
        encoding.decode(bytes.fromhex(vector["hex"]))


@pytest.mark.parametrize("vector", VECTORS["header"], ids=lambda v: v["hex"])
def test_header(vector: dict[str, Any]) -> None:
    data, header = bytes.fromhex(vector["hex"]), dict(vector["pairs"])
    assert list(encoding.decode_header(data).items()) == list(header.items())
    assert encoding.encode_header(dict(reversed(header.items()))) == data
    with pytest.raises(EncodingError):
        encoding.decode(data)


@pytest.mark.parametrize("vector", VECTORS["header_invalid"], ids=lambda v: v["why"])
def test_header_invalid(vector: dict[str, Any]) -> None:
    with pytest.raises(EncodingError):
        encoding.decode_header(bytes.fromhex(vector["hex"]))


class Choice(StrEnum):
    FOR = "for"


@pytest.mark.parametrize(
    "value",
    [
        None,
        1.0,
        2**53,
        -(2**53),
        {"a": None},
        {"a": [1, 2.5]},
        {1: "integer key"},
        {b"k": "bytes key"},
        {"a": {1: 2}},
        [{1: 2, "a": 3}],
        {"b": 1, 2: 3},
        {True: 1},
        "\ud800",
        {"\ud800": 1},
        {"b": 1, "\ud800": 2},
        ["\udfff"],
        {"b": 1, "a": range(3)},
        {1, 2},
        cbor2.CBORTag(1, 2),
        cbor2.undefined,
        bytearray(b"x"),
        Choice.FOR,
    ],
    ids=repr,
)
def test_values_without_encoding(value: Any) -> None:
    with pytest.raises(EncodingError):
        encoding.encode(value)
    with pytest.raises(EncodingError):
        encoding.encode_unordered(value)
    with pytest.raises(EncodingError):
        encoding.encode_sequence([0, value])


def test_depth() -> None:
    value: Any = 0
    for _ in range(encoding.MAX_DEPTH):
        value = [value]
    assert encoding.decode(encoding.encode(value)) == value
    deeper = [value], {"b": 0, "a": value}
    for one in deeper:
        with pytest.raises(EncodingError):
            encoding.encode(one)
    endless: list[Any] = []
    endless.append({"b": endless, "a": endless})
    with pytest.raises(EncodingError):
        encoding.encode(endless)


def test_limit() -> None:
    largest = b"\x59\xff\xfc" + bytes(0xFFFC)
    assert len(largest) == encoding.MAX_BYTES and encoding.decode(largest) == bytes(0xFFFC)
    assert encoding.encode(bytes(0xFFFC)) == largest
    longer = bytes(0xFFFD)
    with pytest.raises(EncodingError):
        encoding.encode(longer)
    assert encoding.decode(encoding.encode(longer, limit=70_000), limit=70_000) == longer
    with pytest.raises(EncodingError):
        encoding.decode(encoding.encode(longer, limit=70_000))


def test_tag_is_refused_before_it_is_acted_on() -> None:
    """Tag 35 would compile a regular expression, tag 4 with a large exponent build a large number."""
    for tagged in (b"\xd8\x23\x62((", b"\xc4\x82\x1b\x00\xff\xff\xff\xff\xff\xff\xff\x01"):
        with pytest.raises(EncodingError, match="tag"):
            encoding.decode(tagged)


@given(values)
def test_identity(value: Any) -> None:
    data = encoding.encode(value)
    again = encoding.decode(data)
    assert again == value
    assert encoding.encode(again) == data


@given(st.lists(values, max_size=30), st.sampled_from((0, 24, 300)))
def test_one_after_another(some: list[Any], more: int) -> None:
    some += range(more)
    assert encoding.encode_sequence(some, limit=10**6) == b"".join(map(encoding.encode, some))
    assert list(map(encoding.encode_unordered, some)) == list(map(encoding.encode, some))


@given(st.text(max_size=300))
def test_a_text_alone(text: str) -> None:
    assert encoding.encode_text(text) == encoding.encode(text)


@given(st.dictionaries(header_keys, header_values, max_size=8))
def test_header_identity(header: Any) -> None:
    data = encoding.encode_header(header)
    assert encoding.decode_header(data) == header
    keys = [cbor2.dumps(key) for key in encoding.decode_header(data)]
    assert keys == sorted(keys)


@given(values, values)
def test_one_encoding_each(one: Any, other: Any) -> None:
    assert (encoding.encode(one) == encoding.encode(other)) == (_sorted(one) == _sorted(other))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return "map", sorted((key, _sorted(item)) for key, item in value.items())
    return exact(value) if not isinstance(value, list) else ("array", [_sorted(item) for item in value])


@given(st.binary(max_size=80))
def test_any_bytes(data: bytes) -> None:
    _decode_or_refuse(data)


@given(values, st.data())
def test_mutated(value: Any, draw: st.DataObject) -> None:
    data = bytearray(encoding.encode(value))
    for _ in range(draw.draw(st.integers(1, 3))):
        place = draw.draw(st.integers(0, len(data)))
        data[place : place + draw.draw(st.integers(0, 2))] = draw.draw(st.binary(max_size=2))
    _decode_or_refuse(bytes(data))


def _decode_or_refuse(data: bytes) -> None:
    """What is accepted has this one encoding; what is not raises our error and nothing else."""
    try:
        value = encoding.decode(data)
    except EncodingError:
        pass
    else:
        assert encoding.encode(value) == data
    try:
        header = encoding.decode_header(data)
    except EncodingError:
        pass
    else:
        assert encoding.encode_header(header) == data
