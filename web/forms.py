"""Reading forms within limits, before anything in them is looked at, and what people may write in a field.

A field has a `Rule`. What it takes is composed (NFC) and trimmed; marks without a meaning that come along
when somebody pastes (soft hyphens, zero-width spaces) are left out of texts. Everything else that cannot be
seen, turns the writing round or piles up on one letter is refused with a reason beside the field, never
dropped or cut: a person signs what they wrote.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDict, MultiDictProxy
from pydantic import AfterValidator

_MAX_FIELDS: Final = 2_000
_SLOW_SECONDS: Final = 30

Fields = MultiDictProxy[Any]


async def form(request: web.Request) -> Fields:
    """The fields of a posted form (uploads included); nothing when the request has none. Too large: 413,
    endless: 408."""
    if request.content_length is not None and request.content_length > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(request.client_max_size, request.content_length)
    if request.method in ("GET", "HEAD"):
        return MultiDictProxy(MultiDict())
    try:
        async with asyncio.timeout(_SLOW_SECONDS):
            found = await request.post()
        for name, value in found.items():
            (name + (value if isinstance(value, str) else "")).encode()  # half of a surrogate pair is no text
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ValueError, LookupError, RuntimeError, HttpProcessingError):
        # an unknown charset or coding of a part, a line of multipart without end
        raise web.HTTPBadRequest from None
    if len(found) > _MAX_FIELDS:
        raise web.HTTPBadRequest
    return found


def local_path(given: str, otherwise: str) -> str:
    """A path of this site to go on to. Browsers and `yarl` drop control characters from an address, so that
    `/<tab>/host` would lead to another site."""
    leads_away = not given.startswith("/") or given.startswith("//") or "\\" in given
    return otherwise if leads_away or not given.isprintable() else given


# --- what people write ----------------------------------------------------------------------------


def N_(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Rule:
    """`name`: of a person. `line`: one line. `text`: with line breaks. `longest` in characters."""

    kind: Literal["name", "line", "text"]
    longest: int


#: Codes of what is wrong with a text → message ids.
FAULTS: Final[Mapping[str, str]] = {
    "twice": N_("This field came twice. Open the page again and fill it in anew."),
    "too_long": N_("This text is too long."),
    "unreadable": N_(
        "This text holds a character that cannot be seen or read, shown as �. Remove it, or type it by hand."
    ),
    "marks": N_("Too many accents on one letter."),
    "name_letters": N_("A name holds letters, spaces, hyphens, apostrophes and dots, nothing else."),
    "name_mixed": N_(
        "A word of this name mixes letters of two alphabets that look alike. Type it anew in one of them."
    ),
}

#: What comes along with pasted text and says nothing: soft hyphen, zero-width space, word joiner, byte order
#: mark.
_EMPTY: Final = re.compile("[\u00ad\u200b\u2060\ufeff]")
#: Letters and marks nobody sees, though Unicode counts them as letters and marks.
_HIDDEN: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0\ufffd"
)
#: Joiners of emoji and of some scripts, which texts need.
_JOINERS: Final = frozenset("\u200c\u200d")
_SPACES: Final = " \t\r\n\u00a0\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_MOST_MARKS: Final = 4
_IN_NAMES: Final = frozenset(" -'\u2019\u02bc.")
_ALIKE: Final = frozenset(("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU"))


def clean(value: str, kind: Literal["name", "line", "text"]) -> str:
    """As it is kept: composed, trimmed, one kind of line break; names and lines with single spaces."""
    composed = unicodedata.normalize("NFC", value)
    composed = re.sub("[\u2010\u2011]", "-", composed) if kind == "name" else _EMPTY.sub("", composed)
    if kind == "text":
        return re.sub("\r\n?|[\u2028\u2029]", "\n", composed).strip(_SPACES)
    # `split` takes some control characters for spaces: those are to be refused, not smoothed over.
    return re.sub(f"[{_SPACES}]+", " ", composed).strip(" ")


def fault(value: str, rule: Rule) -> str | None:
    """Code of what is wrong with a text that `clean` has made, or None."""
    if len(value) > rule.longest:
        return "too_long"
    allowed = "\n\t" if rule.kind == "text" else ""
    if any(_unreadable(letter, rule.kind) for letter in value if letter not in allowed):
        return "unreadable"
    if _marks(value) > _MOST_MARKS:
        return "marks"
    return _name_fault(value) if rule.kind == "name" else None


def _unreadable(letter: str, kind: str) -> bool:
    if letter in _HIDDEN or unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp"):
        return True
    return unicodedata.category(letter) == "Cf" and (kind == "name" or letter not in _JOINERS)


def _marks(value: str) -> int:
    """The longest row of marks on one letter."""
    most = row = 0
    for letter in value:
        row = row + 1 if unicodedata.category(letter).startswith("M") else 0
        most = max(most, row)
    return most


def _name_fault(name: str) -> str | None:
    plain = unicodedata.normalize("NFKC", name) == name
    if not plain or any(c not in _IN_NAMES and unicodedata.category(c)[0] not in "LM" for c in name):
        return "name_letters"
    for word in re.split("[ .'\u2019\u02bc-]", name):
        scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in word}
        if len(scripts & _ALIKE) > 1:
            return "name_mixed"
    return None


def texts(fields: Fields, rules: Mapping[str, Rule]) -> tuple[dict[str, str], dict[str, str]]:
    """(cleaned texts, codes of faults) by field. A field that came twice is a fault: which was meant?"""
    found, faults = {}, {}
    for name, rule in rules.items():
        given = [value for value in fields.getall(name, []) if isinstance(value, str)]
        found[name] = clean(given[0], rule.kind) if given else ""
        wrong = "twice" if len(given) > 1 else fault(found[name], rule)
        if wrong is not None:
            faults[name] = wrong
    return found, faults


def text(fields: Mapping[str, Any], name: str, limit: int = 500) -> str:
    """One line that chooses or looks up something; what could not be meant is nothing."""
    value = fields.get(name, "")
    if not isinstance(value, str):
        return ""
    kept = clean(value, "line")
    return "" if fault(kept, Rule("line", limit)) else kept


def _kept(kind: Literal["name", "line", "text"]) -> Callable[[str], str]:
    def keep(value: str) -> str:
        kept = clean(value, kind)
        if wrong := fault(kept, Rule(kind, len(kept))):
            raise ValueError(wrong)
        return kept

    return keep


#: Texts in bodies of the API, judged as those of forms; lengths stand in the models.
ApiLine = Annotated[str, AfterValidator(_kept("line"))]
ApiText = Annotated[str, AfterValidator(_kept("text"))]
