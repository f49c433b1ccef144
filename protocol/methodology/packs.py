"""Packs as values and as bytes (SPEC §7.3)."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final, Literal

import msgspec

from protocol import added, encoding
from protocol.errors import EncodingError, ProtocolError
from protocol.methodology.linter import check_value
from protocol.methodology.parameters import Parameter, kind_of

#: `cooperative.pack/1` carries the bytes inside one statement, which has its own 65,535.
MAX_PACK: Final = 60_000

_KEY: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", re.ASCII)
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*", re.ASCII)
_WORD: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}", re.ASCII)
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}", re.ASCII)
_DIALLED: Final = re.compile(r"[0-9]{0,4}", re.ASCII)
#: A name, a note or a word of a form is a line, not a text.
_LONGEST: Final = 500


class PackError(ProtocolError):
    """The bytes are canonical CBOR but no methodology pack, or the pack contradicts itself."""


class Local(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is local in a country. What is left out is nowhere in particular: every default is empty, so that
    a pack has one encoding."""

    #: name in the time zone database, empty for UTC, and what people call its time: {"ru": "мск"}
    time_zone: str = ""
    time_word: dict[str, str] = {}
    #: of pages and texts, where nobody has chosen another; empty for English
    language: str = ""
    #: country code and what is dialled instead of it inside the country; digits of a number without either
    phone_code: str = ""
    phone_trunk: str = ""
    phone_digits: int = 0
    phone_example: str = ""
    #: whose check digits numbers of organisations and entrepreneurs have
    numbers: Literal["", "ru"] = ""
    #: the format of a payment as a QR code
    payment: Literal["", "ST00012"] = ""


class Pack(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Treat as read-only: `decode` hands out one object for the same bytes."""

    name: str
    version: int
    country: str
    parameters: dict[str, Parameter]
    #: kinds of texts a person signs before applying for membership
    agreements: list[str]
    #: matter kinds of the general meeting's exclusive competence
    reserved: list[str]
    #: what the form is called and which law it rests on, by language
    title: dict[str, str] = {}
    note: dict[str, str] = {}
    #: by language: a form of a word on the pages → what this law says instead, also inflected
    terms: dict[str, dict[str, str]] = {}
    local: Local | None = None


def available() -> tuple[str, ...]:
    """Names of the packs that ride in this release or were added beside it, for `load`."""
    return tuple(sorted(_files()))


def load(name: str) -> Pack:
    """A pack of this release, `ru-consumer-1`, or an added one.

    Raises:
        KeyError: there is none of this name.
        PackError: an added one that is no pack.
    """
    try:
        pack = msgspec.convert(tomllib.loads(_files()[name].read_text("utf-8")), Pack, strict=True)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
        raise PackError(f"{name}: {error}") from error
    _check(pack)
    return pack


def _files() -> dict[str, Traversable]:
    folders = [*(folder / "packs" for folder in added.FOLDERS), resources.files(__package__).joinpath("data")]
    files = [file for folder in folders if folder.is_dir() for file in folder.iterdir()]
    return {file.name.removesuffix(".toml"): file for file in files if file.name.endswith(".toml")}


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


def local(pack: Pack) -> Local:
    """Of the pack's country; where it does not say, of a pack of this release for the same country."""
    return pack.local or _of_country(pack.country)


@lru_cache(maxsize=64)
def _of_country(country: str) -> Local:
    packs = (load(name) for name in available())
    return next((pack.local for pack in packs if pack.country == country and pack.local), Local())


def unconfirmed(pack: Pack) -> tuple[str, ...]:
    """Keys whose value was not compared with the statute in force: a lawyer has to."""
    return tuple(key for key, rule in pack.parameters.items() if (rule.source or "").endswith("?"))


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
    by_language = (pack.title, pack.note, *pack.terms.values())
    if any(len(text) > _LONGEST for words in by_language for pair in words.items() for text in pair):
        raise PackError("title, note or terms")
    if not all(_LANGUAGE.fullmatch(code) for code in (*pack.title, *pack.note, *pack.terms)):
        raise PackError("title, note or terms")
    if pack.local is not None and not _is_local(pack.local):
        raise PackError("local")
    for key, parameter in pack.parameters.items():
        if not _KEY.fullmatch(key) or kind_of(parameter.value) is None:
            raise PackError(key)
        if any(finding.severity == "error" for finding in check_value(key, parameter, parameter.value)):
            raise PackError(key)


def _is_local(found: Local) -> bool:
    return (
        (not found.time_zone or _ZONE.fullmatch(found.time_zone) is not None)
        and all(_LANGUAGE.fullmatch(code) and len(word) <= 32 for code, word in found.time_word.items())
        and (not found.language or _LANGUAGE.fullmatch(found.language) is not None)
        and _DIALLED.fullmatch(found.phone_code) is not None
        and _DIALLED.fullmatch(found.phone_trunk) is not None
        and 0 <= found.phone_digits <= 15
        and len(found.phone_example) <= 32
    )
