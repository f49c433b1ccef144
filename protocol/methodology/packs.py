"""Packs as values and as bytes (SPEC §7.3)."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any, Final

import msgspec

from protocol import encoding
from protocol.errors import EncodingError, ProtocolError
from protocol.methodology.linter import check_value
from protocol.methodology.parameters import Parameter, kind_of

#: `cooperative.pack/1` carries the bytes inside one statement, which has its own 65,535.
MAX_PACK: Final = 60_000

_KEY: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", re.ASCII)
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*", re.ASCII)
_WORD: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


class PackError(ProtocolError):
    """The bytes are canonical CBOR but no methodology pack, or the pack contradicts itself."""


class Pack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Treat as read-only: `decode` hands out one object for the same bytes."""

    name: str
    version: int
    country: str
    parameters: dict[str, Parameter]
    #: kinds of texts a person signs before applying for membership
    agreements: list[str]
    #: matter kinds of the general meeting's exclusive competence
    reserved: list[str]


def available() -> tuple[str, ...]:
    """Names of the packs that ride in this release, for `load`."""
    files = resources.files(__package__).joinpath("data").iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


def load(name: str) -> Pack:
    """A pack of this release, `ru-consumer-1`.

    Raises:
        KeyError: there is none of this name.
    """
    if name not in available():
        raise KeyError(name)
    text = resources.files(__package__).joinpath("data", f"{name}.toml").read_text("utf-8")
    pack = msgspec.convert(tomllib.loads(text), Pack, strict=True)
    _check(pack)
    return pack


def encode(pack: Pack) -> bytes:
    """The bytes to log.

    Raises:
        EncodingError: more than `MAX_PACK` bytes, or a value outside the profile.
    """
    return encoding.encode(msgspec.to_builtins(pack), limit=MAX_PACK)


@lru_cache(maxsize=8)
def decode(data: bytes) -> Pack:
    """The pack behind logged bytes.

    Raises:
        EncodingError: not canonical CBOR, or too large.
        PackError: no pack, or one whose own values break its bounds.
    """
    try:
        pack = msgspec.convert(encoding.decode(data, limit=MAX_PACK), Pack, strict=True)
    except msgspec.ValidationError as error:
        raise PackError(str(error)) from error
    _check(pack)
    if encode(pack) != data:  # a field written out although it has its default
        raise EncodingError("a default is left out")
    return pack


def digest(data: bytes) -> bytes:
    """What `cooperative.genesis/1` and the common field `pack` name."""
    return hashlib.sha256(data).digest()


def value(pack: Pack, charter_parameters: Mapping[str, Any], key: str) -> Any:
    """The value in force: the charter's, else the pack's.

    Raises:
        KeyError: no such key in the pack.
    """
    parameter = pack.parameters[key]
    if parameter.by == "nobody":
        return parameter.value
    return charter_parameters.get(key, parameter.value)


def _check(pack: Pack) -> None:
    if (
        not _NAME.fullmatch(pack.name)
        or pack.version < 1
        or not re.fullmatch(r"[A-Z]{2}", pack.country, re.ASCII)
    ):
        raise PackError("name, version or country")
    for words in (pack.agreements, pack.reserved):
        if len(set(words)) != len(words) or not all(_WORD.fullmatch(word) for word in words):
            raise PackError("agreements or reserved")
    for key, parameter in pack.parameters.items():
        if not _KEY.fullmatch(key) or kind_of(parameter.value) is None:
            raise PackError(key)
        if any(finding.severity == "error" for finding in check_value(key, parameter, parameter.value)):
            raise PackError(key)
