"""One rule of a pack, and the kinds of values rules have.

The kind is read off the value, so a pack needs no type column: true/false, integer, text, `[n, d]` with two
integers is a fraction, any other array is a list of texts or of fractions, a map goes from text to text or
fraction.
"""

from __future__ import annotations

from math import gcd
from typing import Any, Literal

import msgspec


class Parameter(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One rule. `min` and `max` are hard; crossing `legal_min` or `legal_max` is possible and warned about.

    Lists and maps are bounded element by element. `by` says who may set another value; the general meeting
    adopts the charter, so a charter may also set what a `decision` may.
    """

    value: Any
    by: Literal["charter", "decision", "nobody"] = "charter"
    law: str | None = None
    source: str | None = None
    min: Any = None
    max: Any = None
    legal_min: Any = None
    legal_max: Any = None
    options: list[Any] | None = None


Kind = Literal["boolean", "integer", "text", "fraction", "texts", "fractions", "map"]


def kind_of(value: object) -> Kind | None:
    """The kind of a parameter value, None when it is of no kind a pack knows."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, str):
        return "text"
    if is_fraction(value):
        return "fraction"
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return "texts"
        return "fractions" if all(is_fraction(item) for item in value) else None
    if isinstance(value, dict) and all(
        isinstance(key, str) and (isinstance(item, str) or is_fraction(item)) for key, item in value.items()
    ):
        return "map"
    return None


def is_fraction(value: object) -> bool:
    """`[n, d]` in lowest terms within 0 and 1 (SPEC §1)."""
    if not isinstance(value, list) or len(value) != 2 or not all(type(part) is int for part in value):
        return False
    numerator, denominator = value
    return denominator > 0 and 0 <= numerator <= denominator and gcd(numerator, denominator) == 1
