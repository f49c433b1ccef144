"""A document as lines to read, from its decoded bytes and the registry's words; the counterpart of
`assets/signing/render.js`. Values are texts only: a template escapes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from babel import dates

from coopnode.membership.queries import Paper
from protocol import registry, wording
from protocol.wording import Locale
from web import i18n


@dataclass(frozen=True)
class Line:
    """`mono` for digests and identifiers. `reason` is the reader class by which a private field is seen."""

    title: str
    text: str = ""
    mono: bool = False
    digest: str | None = None
    inner: list[Line] = field(default_factory=list)
    private: bool = False
    reason: str | None = None


#: Fields whose digest is another document's; what else is a digest names a text or a result.
_DOCUMENTS = frozenset(("agreement", "charter"))


def lines(paper: Paper, locale: Locale) -> list[Line]:
    private = {item.name: item for item in paper.fields}
    found = []
    for entry in wording.fields(registry.TYPES[paper.type]):
        name = entry["name"]
        if entry["private"]:
            if name in private:
                reason = wording.role(private[name].reason, locale)
                found.append(_line(entry, private[name].value, locale, private=True, reason=reason))
        elif name in paper.public:
            found.append(_line(entry, paper.public[name], locale))
    return found


def _line(entry: Mapping[str, Any], value: Any, locale: Locale, **more: Any) -> Line:
    title, kind = wording.said(entry["title"], locale), entry["format"]
    if kind == "group" and isinstance(value, Mapping):
        return Line(title, inner=_group(entry, value, locale), **more)
    if kind == "list" and isinstance(value, list | tuple):
        if entry.get("of") == "group":
            inner = [
                Line(f"{place}", inner=_group(entry, item, locale)) for place, item in enumerate(value, 1)
            ]
            return Line(title, inner=inner, **more)
        if entry.get("of") == "digest":
            return Line(title, inner=[_digest("", item, linked=True) for item in value], **more)
        words = ", ".join(_text({**entry, "format": entry.get("of", "text")}, item, locale) for item in value)
        return Line(title, words or "—", entry.get("of") == "bytes", **more)
    if kind == "digest":
        return _digest(title, value, linked=entry["name"] in _DOCUMENTS)
    if kind == "map" and isinstance(value, Mapping):
        return Line(title, inner=[_rule(name, item, locale) for name, item in value.items()], **more)
    mono = kind in ("bytes", "identifier", "key")
    return Line(title, _text(entry, value, locale), mono, **more)


def _group(entry: Mapping[str, Any], value: Mapping[str, Any], locale: Locale) -> list[Line]:
    inner = entry.get("fields", ())
    found = [_line(item, value[item["name"]], locale) for item in inner if item["name"] in value]
    return [line for line in found if line.text or line.inner]


def _digest(title: str, value: Any, *, linked: bool) -> Line:
    data = bytes(value)
    return Line(title, data.hex(" ", 2), mono=True, digest=data.hex() if linked else None)


def _rule(name: str, value: Any, locale: Locale) -> Line:
    try:
        title, unit = wording.parameter(name, locale)
    except KeyError:
        title, unit = name, ""
    text = (
        i18n.number(value, locale) if isinstance(value, int) and not isinstance(value, bool) else str(value)
    )
    return Line(title, f"{text} {unit}".strip())


def _text(entry: Mapping[str, Any], value: Any, locale: Locale) -> str:
    kind = entry["format"]
    if kind == "choice":
        words = entry.get("values", {}).get(value)
        return wording.said(words, locale) if words else str(value)
    if kind == "money":
        return i18n.money(value, locale=locale)
    if kind == "yes_no":
        return wording.said(wording.YES_NO[bool(value)], locale)
    if kind == "datetime":
        return i18n.moment(value, locale, year=True)
    if kind == "date":
        return _date(value, locale)
    if kind == "fraction":
        return f"{value[0]}/{value[1]}"
    if kind == "number":
        return i18n.number(value, locale)
    if kind == "key":
        return bytes(value["pub"]).hex(" ", 2)
    if isinstance(value, bytes):
        return value.hex(" ", 2) if len(value) <= 64 else f"{len(value)} B"
    return str(value)


def _date(value: Any, locale: Locale) -> str:
    if isinstance(value, int):
        return i18n.day(value, locale, year=True)
    try:
        return str(dates.format_date(date.fromisoformat(value), "d MMMM y", locale=locale))
    except ValueError:
        return str(value)
