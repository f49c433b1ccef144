"""Words as they are searched: of names, addresses and numbers for people, stems for texts. Pure.

Capitals, ё and е, and the ways to write one accented letter are alike. Letters that only look alike (Latin
and Cyrillic) are not: forms refuse such names.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import snowballstemmer  # type: ignore[import-untyped]

from coopnode.places import Place

Kind = Literal["name", "email", "phone", "digits"]

#: Bounds of what one field puts into the index: a statement may be made by any program.
MOST_WORDS: Final = 16
LONGEST: Final = 32
#: Bounds of what is asked.
LONGEST_QUESTION: Final = 120
MOST_ASKED: Final = 8
SHORTEST: Final = 2
#: A number is looked up from so many digits on; endings of phones that are kept.
FEWEST_DIGITS: Final = 4
_ENDINGS: Final = (4, 7, 10)
#: Of a text, which may be a page or two.
MOST_STEMS: Final = 400

_APOSTROPHES: Final = str.maketrans("\u2019\u02bc\u2018`", "''''")
_HYPHENS: Final = str.maketrans("\u2010\u2011", "--")
_IN_WORDS: Final = frozenset("-'")
_NOT_DIGITS: Final = re.compile(r"\D", re.ASCII)
_OF_PHONES: Final = re.compile(r"[+\d()./-]+", re.ASCII)


class TooMuch(ValueError):
    """A question longer than any that makes sense."""


def folded(text: str) -> str:
    """Alike for alike: composed, without capitals, е for ё."""
    small = unicodedata.normalize("NFC", text).casefold()
    return unicodedata.normalize("NFC", small).replace("ё", "е").translate(_APOSTROPHES).translate(_HYPHENS)


@lru_cache(4096)
def _apart(letter: str) -> bool:
    """Whether it stands between words. Marks on letters belong to them; what cannot be seen does not."""
    return letter not in _IN_WORDS and unicodedata.category(letter)[0] not in "LNM"


def split(text: str) -> list[str]:
    """The words of a folded text, with hyphens and apostrophes inside them."""
    spaced = "".join(" " if _apart(letter) else letter for letter in text)
    return [word for part in spaced.split() if (word := part.strip("-'"))]


def parts(word: str) -> list[str]:
    """«петрова-водкина» and each half of it."""
    return [word, *(part for part in word.split("-") if part)] if "-" in word else [word]


def names(text: str) -> list[str]:
    return [part for word in split(folded(text)) for part in parts(word)]


def digits(text: str) -> str:
    """Those of ASCII: other digits look alike and are not what was dialled."""
    return _NOT_DIGITS.sub("", text)


def local_part(address: str) -> str:
    return address.partition("@")[0]


# --- what is kept of a field ----------------------------------------------------------------------


def tokens(kind: Kind, value: str) -> set[str]:
    """What a field can be looked up by. Bounded, however long it is."""
    if kind == "name":
        found = list(dict.fromkeys(names(value)))[:MOST_WORDS]
        return {token for word in found for token in _beginnings(word, SHORTEST)}
    if kind == "email":
        address = folded(value.strip())
        return {address[:LONGEST_QUESTION], *_beginnings(local_part(address), SHORTEST)} - {""}
    number = digits(value)
    if kind == "digits":
        return set(_beginnings(number, FEWEST_DIGITS))
    return {number[-size:] for size in _ENDINGS if len(number) >= size}


def _beginnings(word: str, shortest: int) -> Iterator[str]:
    for size in range(shortest, min(len(word), LONGEST) + 1):
        yield word[:size]


# --- what is asked --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of several words, each of which has to fit. `initials` are single letters, which only narrow
    what the others find."""

    words: tuple[str, ...]
    initials: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.words


def asked(question: str) -> Asked:
    """Raises TooMuch."""
    if len(question) > LONGEST_QUESTION:
        raise TooMuch
    found: list[str] = []
    number = ""
    for piece in folded(question).replace("№", " ").split():
        if _OF_PHONES.fullmatch(piece) and digits(piece):
            number += digits(piece)
            continue
        if number:
            found.append(number)
            number = ""
        found += [piece.strip(".,;<>()\"'")] if "@" in piece else split(piece)
    found = [word for word in dict.fromkeys([*found, number]) if word]
    if len(found) > MOST_ASKED:
        raise TooMuch
    words = tuple(word for word in found if len(word) >= SHORTEST)
    return Asked(words, tuple(word for word in found if len(word) < SHORTEST))


def lookups(kind: Kind, word: str, place: Place) -> str | None:
    """The token under which a field of this kind that fits `word` is kept, or None when none can. `place` is
    where the question is asked: what people there dial before a number is not part of it."""
    if kind == "name":
        return None if "@" in word else word[:LONGEST]
    if kind == "email":
        return word if "@" in word else word[:LONGEST]
    if not (word.isascii() and word.isdigit()) or len(word) < FEWEST_DIGITS:
        return None
    if kind == "digits":
        return word[:LONGEST]
    number = place.national(word)
    return number[-max(size for size in _ENDINGS if size <= len(number)) :]


def fits(kind: Kind, word: str, value: str, place: Place) -> bool:
    """Whether a field's value answers a word; the exact rule, of which the index is a shortcut."""
    if kind == "name":
        return "@" not in word and any(part.startswith(word) for part in names(value))
    if kind == "email":
        address = folded(value.strip())
        return address == word if "@" in word else local_part(address).startswith(word)
    if not (word.isascii() and word.isdigit()) or len(word) < FEWEST_DIGITS:
        return False
    number = digits(value)
    return number.startswith(word) if kind == "digits" else number.endswith(place.national(word))


# --- texts ----------------------------------------------------------------------------------------

_CYRILLIC: Final = re.compile("[\u0400-\u04ff]")
_STEMMERS: Final = {name: snowballstemmer.stemmer(name) for name in ("russian", "english")}
#: A stemmer holds the word it works on.
_LOCK: Final = threading.Lock()


@lru_cache(16384)
def stem(word: str) -> str:
    """«заявления» and «заявление» are one; a folded word of either language. Until nothing more goes:
    «устава» becomes «устав», which would by itself lose its last letter too."""
    stemmer = _STEMMERS["russian" if _CYRILLIC.search(word) else "english"]
    with _LOCK:
        while len(shorter := str(stemmer.stemWord(word))) < len(word):
            word = shorter
    return word[:LONGEST]


def stems(text: str) -> set[str]:
    found = dict.fromkeys(part for word in split(folded(text)) for part in parts(word))
    return {stem(word) for word in list(found)[:MOST_STEMS] if len(word) >= SHORTEST}
