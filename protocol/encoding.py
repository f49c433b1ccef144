"""Deterministic CBOR: exactly one byte string for every value (RFC 8949 §4.2.1, narrowed).

The profile:

- one data item, nothing after it, at most 65,535 bytes (the entry size of tlog-tiles) unless the caller
  says otherwise;
- false and true; integers within ±(2^53 - 1), so that a browser decodes them as Numbers; byte strings;
  text strings of valid UTF-8; arrays; maps;
- no floats, tags, null, undefined or other simple values;
- definite lengths only, every length and integer in its shortest form;
- map keys are text, strictly increasing in the bytewise order of their encodings; COSE headers
  (:func:`encode_header`, :func:`decode_header`) may also have integer keys;
- arrays and maps nest at most 32 deep.

cbor2 does the work under a strict check: it reads with tags refused inside its own parser (a tag could
otherwise make it compile a regular expression or raise 10 to a huge power before we look), then one walk
judges types, ranges and the order of keys, then the value is written again and the bytes are compared;
the comparison is what refuses long forms and trailing bytes. cbor2's own ``canonical=True`` is not used:
it sorts keys by length first, which is not §4.2.1 once keys of several types meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeAlias

import cbor2

from protocol.errors import EncodingError

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_INTEGER",
    "Encodable",
    "EncodableHeader",
    "HeaderKey",
    "HeaderValue",
    "Value",
    "decode",
    "decode_header",
    "encode",
    "encode_header",
    "encode_sequence",
    "encode_text",
    "encode_unordered",
]

# What decoding gives. Recursive to the end: an Any at the second level would hide mistakes from mypy.
Value: TypeAlias = "bool | int | str | bytes | list[Value] | dict[str, Value]"
HeaderKey: TypeAlias = int | str
HeaderValue: TypeAlias = "bool | int | str | bytes | list[HeaderValue] | dict[HeaderKey, HeaderValue]"
# What encoding takes: the same, in the read-only types that let a dict[str, int] pass. At run time only
# dicts, lists and tuples are containers.
Encodable: TypeAlias = "bool | int | str | bytes | Sequence[Encodable] | Mapping[str, Encodable]"
EncodableHeader: TypeAlias = (
    "bool | int | str | bytes | Sequence[EncodableHeader] | Mapping[int, EncodableHeader]"
    " | Mapping[str, EncodableHeader] | Mapping[HeaderKey, EncodableHeader]"
)

MAX_BYTES: Final = 65_535
MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**53 - 1

_PLAIN: Final = frozenset((str, bytes, bool))
_loads = cbor2.loads
_dumps = cbor2.dumps


_TEXT_HEADS: Final = tuple(bytes((0x60 + size,) if size < 24 else (0x78, size)) for size in range(256))


class _Unordered(EncodingError):
    """A map's keys are not strictly increasing: an error in received bytes, work to do when encoding."""


class _EveryTagRefused(Mapping[int, Callable[[Any, bool], Any]]):
    """Stands in for cbor2's table of tag decoders and answers every tag number with a refusal."""

    def __getitem__(self, tag: int) -> Callable[[Any, bool], Any]:
        return self._refuse

    def __iter__(self) -> Iterator[int]:
        return iter((0,))  # never empty, lest a decoder take "no entries" as "use the defaults"

    def __len__(self) -> int:
        return 1

    @staticmethod
    def _refuse(value: Any, immutable: bool) -> NoReturn:
        raise EncodingError("a tag is not allowed")


_TAGS: Final = _EveryTagRefused()


def encode(value: Encodable, *, limit: int = MAX_BYTES) -> bytes:
    """The encoding of ``value``. Maps are put in order here, so callers may write them in any.

    Tuples are taken as arrays. Subclasses of the plain types (enums among them) are refused: what they
    mean on the wire is the caller's decision.

    Raises:
        EncodingError: the value is outside the profile, nests too deep or needs more than ``limit`` bytes.
    """
    return _encode(value, _walk, _in_order, limit)


def encode_unordered(value: Encodable, *, limit: int = MAX_BYTES) -> bytes:
    """:func:`encode` for values whose maps are hardly ever in order, as records are: it saves the look."""
    return _encode(value, None, _in_order, limit)


def encode_sequence(values: Sequence[Encodable], *, limit: int = MAX_BYTES) -> bytes:
    """The encodings of up to 65,535 values one after another (a CBOR sequence, RFC 8742), in one step. Maps
    are taken as by :func:`encode_unordered`; ``limit`` is for all together.

    Raises:
        EncodingError: as :func:`encode`.
    """
    head = 1 if len(values) < 24 else 2 if len(values) < 256 else 3
    return _encode(values, None, _each_in_order, limit)[head:]


def encode_text(text: str) -> bytes:
    """:func:`encode` of a text below 256 bytes without the way around it; of a longer one with it."""
    data = text.encode()
    size = len(data)
    if size < 256:
        return _TEXT_HEADS[size] + data
    return encode(text)


def decode(data: bytes, *, limit: int = MAX_BYTES) -> Value:
    """The value whose encoding is exactly ``data``: ``encode(decode(data)) == data`` for all that passes.

    Raises:
        EncodingError: for any other bytes whatsoever.
    """
    return _decode(data, _walk, True, limit)  # type: ignore[no-any-return]


def encode_header(
    header: Mapping[int, EncodableHeader] | Mapping[HeaderKey, EncodableHeader], *, limit: int = MAX_BYTES
) -> bytes:
    """The encoding of a COSE header map: as :func:`encode`, with integer keys allowed in every map.

    Raises:
        EncodingError: as :func:`encode`.
    """
    return _encode(dict(header), _walk_header, _header_in_order, limit)


def decode_header(data: bytes, *, limit: int = MAX_BYTES) -> dict[HeaderKey, HeaderValue]:
    """The header map whose encoding is exactly ``data``.

    Raises:
        EncodingError: for any other bytes whatsoever, and when the item is not a map.
    """
    header: Any = _decode(data, _walk_header, False, limit)
    if type(header) is not dict:
        raise EncodingError("a header must be a map")
    return header


def _encode(
    value: Any, walk: Callable[[Any, int], None] | None, in_order: Callable[[Any], Any], limit: int
) -> bytes:
    try:
        try:
            if walk is not None:
                walk(value, 0)  # most callers already write keys in order; then nothing is copied
            else:
                value = in_order(value)
        except _Unordered:
            value = in_order(value)
        data: bytes = _dumps(value)
    except (cbor2.CBORError, UnicodeError, RecursionError) as error:
        raise EncodingError(f"the value has no encoding: {error}") from error
    if len(data) > limit:
        raise EncodingError(f"{len(data)} bytes are more than the {limit} allowed")
    return data


def _decode(data: bytes, walk: Callable[[Any, int], None], keys_hash_safely: bool, limit: int) -> Any:
    if len(data) > limit:
        raise EncodingError(f"{len(data)} bytes are more than the {limit} allowed")
    try:
        value: Any = _loads(
            data,
            semantic_decoders=_TAGS,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=keys_hash_safely,
        )
        walk(value, 0)
        again = _dumps(value)
    # cbor2 documents CBORDecodeError; the others guard against a header that promises absurd lengths.
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, MemoryError, RecursionError) as error:
        raise EncodingError(f"not in the CBOR profile: {error}") from error
    if again != data:
        raise EncodingError("not the shortest form, or bytes follow the item")
    return value


def _walk(value: Any, depth: int) -> None:
    """Judge types, integer range, depth and key order of a value with text keys.

    Bytewise order of encoded text keys = order by UTF-8 length, then by code point.
    """
    kind = type(value)
    if kind is dict:
        if depth == MAX_DEPTH:
            raise EncodingError("nested too deep")
        last_length = -1
        last_key = ""
        for key, item in value.items():
            if type(key) is not str:
                raise EncodingError("a map key must be text")
            length = len(key) if key.isascii() else len(key.encode())
            if length <= last_length and (length < last_length or key <= last_key):
                raise _Unordered("map keys must be strictly increasing")
            last_length = length
            last_key = key
            kind = type(item)
            if kind in _PLAIN:
                continue
            if kind is int:
                if not -MAX_INTEGER <= item <= MAX_INTEGER:
                    raise EncodingError("an integer is beyond 2^53 - 1")
                continue
            _walk(item, depth + 1)
    elif kind is list or kind is tuple:
        if depth == MAX_DEPTH:
            raise EncodingError("nested too deep")
        for item in value:
            kind = type(item)
            if kind in _PLAIN:
                continue
            if kind is int:
                if not -MAX_INTEGER <= item <= MAX_INTEGER:
                    raise EncodingError("an integer is beyond 2^53 - 1")
                continue
            _walk(item, depth + 1)
    else:
        _walk_leaf(value)


def _walk_header(value: Any, depth: int) -> None:
    """As :func:`_walk`, with integer keys too."""
    kind = type(value)
    if kind is dict:
        if depth == MAX_DEPTH:
            raise EncodingError("nested too deep")
        last = (-1, 0, "")
        for key, item in value.items():
            rank = _rank(key)
            if rank <= last:
                raise _Unordered("map keys must be strictly increasing")
            last = rank
            _walk_header(item, depth + 1)
    elif kind is list or kind is tuple:
        if depth == MAX_DEPTH:
            raise EncodingError("nested too deep")
        for item in value:
            _walk_header(item, depth + 1)
    else:
        _walk_leaf(value)


def _walk_leaf(value: Any) -> None:
    kind = type(value)
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise EncodingError("an integer is beyond 2^53 - 1")
    elif kind not in _PLAIN:
        raise EncodingError(f"a {kind.__name__} is outside the CBOR profile")


def _rank(key: Any) -> tuple[int, int, str]:
    """Sorts as the encoded key does: major type first, then the shorter argument, then the content."""
    if type(key) is str:
        return 3, len(key.encode()), key
    if type(key) is int:
        if not -MAX_INTEGER <= key <= MAX_INTEGER:
            raise EncodingError("an integer key is beyond 2^53 - 1")
        return (0, key, "") if key >= 0 else (1, -1 - key, "")
    raise EncodingError("a header key must be text or an integer")


def _in_order(value: Any, depth: int = 0) -> Any:
    """A copy with the text keys of every map in order, judged as :func:`_walk` does."""
    kind = type(value)
    if kind is dict:
        if depth == MAX_DEPTH:
            raise EncodingError("nested too deep")
        for key in value:
            if type(key) is not str:
                raise EncodingError("a map key must be text")
        made = {}
        for key in _key_order(tuple(value)):
            item = value[key]
            kind = type(item)
            usual = kind in _PLAIN or (kind is int and -MAX_INTEGER <= item <= MAX_INTEGER)
            made[key] = item if usual else _in_order(item, depth + 1)
        return made
    if kind is list or kind is tuple:
        if depth == MAX_DEPTH:
            raise EncodingError("nested too deep")
        return [item if type(item) in _PLAIN else _in_order(item, depth + 1) for item in value]
    _walk_leaf(value)
    return value


def _each_in_order(values: Sequence[Any]) -> list[Any]:
    return [_in_order(value) for value in values]


@lru_cache(4096)
def _key_order(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Remembered: there are as many as there are types of records."""
    return tuple(sorted(keys, key=lambda key: (len(key.encode()), key)))


def _header_in_order(value: Any, depth: int = 0) -> Any:
    """As :func:`_in_order`, for headers."""
    if depth == MAX_DEPTH and type(value) in (dict, list, tuple):
        raise EncodingError("nested too deep")
    if type(value) is dict:
        return {key: _header_in_order(value[key], depth + 1) for key in sorted(value, key=_rank)}
    if type(value) is list or type(value) is tuple:
        return [_header_in_order(item, depth + 1) for item in value]
    _walk_leaf(value)
    return value
