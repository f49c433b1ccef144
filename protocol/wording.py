"""Words for people: every document type, field, refusal, office, state and rule, in Russian and English.

The data stands in `wording.json` (documents) and `methodology/data/words.json` (rules). A missing word is a
KeyError here and a failing test, never a code on a page.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec

from protocol import added
from protocol.contract import DocumentType, Money

__all__ = [
    "FORMATS",
    "LOCALES",
    "YES_NO",
    "Locale",
    "agreement",
    "choices",
    "effect",
    "fields",
    "finding",
    "law",
    "matter",
    "option",
    "optional",
    "parameter",
    "registry_json",
    "rejection",
    "role",
    "said",
    "state",
    "termed",
    "title",
    "translated",
    "values",
]

#: Code of a language, `ru`.
Locale: TypeAlias = str
#: Languages every word has. Another one has the words of an added folder, and English where it lacks one.
LOCALES: Final[tuple[Locale, ...]] = ("ru", "en")

#: A truth value, false first.
YES_NO: Final[tuple[Mapping[Locale, str], Mapping[Locale, str]]] = (
    {"ru": "нет", "en": "no"},
    {"ru": "да", "en": "yes"},
)

#: What a field's value is shown as. `list` has `of`, `choice` has `values`, a group (or list of groups) has
#: `fields`. `date` is a text `2026-05-16`, or integer seconds shown without the time of day.
FORMATS: Final = frozenset(
    (
        *(
            "text",
            "number",
            "yes_no",
            "money",
            "date",
            "datetime",
            "fraction",
            "identifier",
            "digest",
            "bytes",
        ),
        *("key", "choice", "list", "group", "map"),
    )
)


_WORD: Final = re.compile(r"[^\W\d_]+")
#: Fields whose values the format leaves to the cooperative.
_OPEN: Final[Mapping[str, tuple[str, ...]]] = {
    "cooperative.agreement/1": ("kind",),
    "agreement.sign/1": ("kind",),
    "consent.give/1": ("purpose",),
}


@lru_cache(maxsize=1)
def _documents() -> Mapping[str, Any]:
    data: Mapping[str, Any] = json.loads(_read("protocol", "wording.json"))
    return data


@lru_cache(maxsize=1)
def _rules() -> Mapping[str, Any]:
    data: Mapping[str, Any] = json.loads(_read("protocol.methodology", "data", "words.json"))
    return data


def _read(package: str, *path: str) -> str:
    return resources.files(package).joinpath(*path).read_text("utf-8")


def said(words: Mapping[Locale, str], locale: Locale) -> str:
    """A word that is kept in both languages of the release, in any language."""
    return words[locale] if locale in words else translated(words["en"], locale)


def translated(english: str, locale: Locale) -> str:
    """An English word in an added language; as it is where that has none."""
    return _added(locale).get(english, english) if locale not in LOCALES else english


def termed(text: str, terms: Mapping[str, str]) -> str:
    """A law may call a member «член кооператива» where ours says «пайщик»: word for word, inflected alike."""

    def instead(match: re.Match[str]) -> str:
        word = match[0]
        found = terms.get(word) or terms.get(word[:1].lower() + word[1:])
        if found is None:
            return word
        return found if word[0].islower() else found[:1].upper() + found[1:]

    return _WORD.sub(instead, text) if terms else text


#: Beginnings of Russian citations and their English, the longer first.
_CITED: Final = (
    ("Закон 3085-1", "Russian law 3085-1"),
    ("ГК РФ", "Civil Code of Russia"),
    ("-ФЗ", "-FZ"),
    ("ст.", "art."),
    ("п.", "para."),
    ("ч.", "part"),
)


def law(citation: str, locale: Locale) -> str:
    """Packs cite laws as their country does; a reader of English gets the same place in English."""
    if locale == "ru":
        return citation
    for russian, english in _CITED:
        citation = citation.replace(russian, english)
    return citation


@cache
def _added(locale: Locale) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for folder in added.FOLDERS:
        path = folder / "words" / f"{locale}.json"
        if path.is_file():
            found |= json.loads(path.read_text("utf-8"))
    return found


def title(document_type: str, locale: Locale) -> str:
    return said(_documents()["types"][document_type]["title"], locale)


def effect(document_type: str, locale: Locale) -> str:
    """What follows legally when one signs a document of this type."""
    return said(_documents()["types"][document_type]["effect"], locale)


def rejection(code: str, locale: Locale) -> str:
    """What happened, what was not changed, what to do."""
    return said(_documents()["codes"][code], locale)


def role(name: str, locale: Locale) -> str:
    return said(_documents()["roles"][name], locale)


def state(thing: str, name: str, locale: Locale) -> str:
    """The chip of an `application`, `matter`, `seat`, `enrolment` or `founding`: a verb in the past."""
    return said(_documents()["states"][thing][name], locale)


def parameter(key: str, locale: Locale) -> tuple[str, str]:
    """(title, unit) of a rule; the unit is empty for money, fractions, lists and texts."""
    words = _rules()["parameters"][key]
    unit = words.get("unit")
    return said(words["title"], locale), said(_rules()["units"][unit], locale) if unit else ""


def option(value: str, locale: Locale, key: str = "") -> str:
    """A text value of a rule, in the rule's own words where it has some."""
    own = _rules()["parameters"].get(key, {}).get("values", {})
    return said(own.get(value) or _rules()["values"][value], locale)


def values(document_type: str, field: str, locale: Locale) -> dict[str, str]:
    """Words for the values of an enumerated field."""
    found = _field(document_type, field, field.rpartition(".")[2])["values"]
    return {value: said(words, locale) for value, words in found.items()}


def matter(kind: str, locale: Locale) -> str:
    """A matter of the general meeting's exclusive competence."""
    return said(_rules()["matters"][kind], locale)


def agreement(kind: str, locale: Locale) -> str:
    """A kind of text to read and sign."""
    return said(_rules()["agreements"][kind], locale)


def finding(part: Literal["code", "consequence", "remedy"], code: str, locale: Locale) -> str:
    """A sentence of the linter; `{limit}` and `{line}` are filled from the finding's facts."""
    return said(_rules()["findings"][part][code], locale)


def fields(document_type: DocumentType) -> list[dict[str, Any]]:
    """Fields in the order people read them: as in the payload, then the private ones."""
    public = _fields(document_type.name, document_type.payload, "")
    private = [
        {**_field(document_type.name, field.name, field.name), "private": True}
        for field in document_type.private
    ]
    return public + private


def choices(document_type: DocumentType) -> dict[str, tuple[str, ...]]:
    """What the public fields with enumerated values may hold, by path (`basis.organ`). A field whose values
    every cooperative adds to (kinds of texts, purposes) is not among them: its words are those known to all.
    """
    return {
        path: tuple(_literals(hint)) or tuple(entry["values"])
        for path, _, hint, entry in _walk(document_type.name, document_type.payload, "")
        if "values" in entry and path not in _OPEN.get(document_type.name, ())
    }


def optional(document_type: DocumentType) -> frozenset[str]:
    """Paths of the fields, public and private, that may be left out."""
    public = _walk(document_type.name, document_type.payload, "")
    return frozenset(
        [path for path, field, *_ in public if not field.required]
        + [field.name for field in document_type.private if not field.required]
    )


def _walk(
    name: str, struct: type[msgspec.Struct], prefix: str
) -> Iterator[tuple[str, msgspec.structs.FieldInfo, Any, dict[str, Any]]]:
    """(path, field, annotation, words) of the public fields, each followed by those inside it."""
    hints = _hints(struct)
    for field in msgspec.structs.fields(struct):
        path, hint = prefix + field.encode_name, hints[field.name]
        entry = _field(name, path, field.encode_name)
        yield path, field, hint, entry
        inner = _inner(hint) if "group" in (entry["format"], entry.get("of")) else None
        if inner is not None:
            yield from _walk(name, inner, f"{path}.")


def _literals(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif get_origin(annotation) in (Union, types.UnionType, list, tuple):
        for part in get_args(annotation):
            yield from _literals(part)


def registry_json(document_types: Iterable[DocumentType]) -> dict[str, Any]:
    """What the browser needs to show any document decoded from its bytes."""
    words = _documents()["types"]
    return {
        "types": {
            kind.name: {
                "title": words[kind.name]["title"],
                "effect": words[kind.name]["effect"],
                "fields": fields(kind),
            }
            for kind in document_types
        }
    }


@cache
def _hints(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return get_type_hints(struct)


def _fields(name: str, struct: type[msgspec.Struct], prefix: str) -> list[dict[str, Any]]:
    hints = _hints(struct)
    found = []
    for field in msgspec.structs.fields(struct):
        path = prefix + field.encode_name
        entry = {**_field(name, path, field.encode_name), "private": False}
        inner = _inner(hints[field.name]) if "group" in (entry["format"], entry.get("of")) else None
        if inner is not None:
            entry["fields"] = _fields(name, inner, path + ".")
        found.append(entry)
    # The rule set is named last: it is the same in all documents of a cooperative.
    return sorted(found, key=lambda entry: entry["name"] == "pack" and prefix == "")


def _field(document_type: str, path: str, name: str) -> dict[str, Any]:
    """The type's own words over the shared ones; a format of its own leaves nothing of the shared ones."""
    own = _documents()["types"][document_type].get("fields", {}).get(path, {})
    words = own if "format" in own else {**_documents()["fields"].get(name, {}), **own}
    if not words:
        raise KeyError(f"{document_type} {path}")
    extras = {extra: words[extra] for extra in ("of", "values") if extra in words}
    return {"name": name, "title": words["title"], "format": words.get("format", "text"), **extras}


def _inner(annotation: Any) -> type[msgspec.Struct] | None:
    """The Struct inside an annotation that is written out field by field; money and keys are shown whole."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return None if annotation is Money else annotation
    if get_origin(annotation) in (Union, types.UnionType, list, tuple):
        for part in get_args(annotation):
            found = _inner(part)
            if found is not None:
                return found
    return None
