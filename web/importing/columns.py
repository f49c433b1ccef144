"""What the columns of a table are: guessed from their headings, chosen by the officer. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from web.forms import N_

#: Fields of a column → message ids, in the order they are offered.
FIELDS: Final[Mapping[str, str]] = {
    "number": N_("Member number"),
    "name": N_("Full name, or name of the organisation"),
    "surname": N_("Surname"),
    "given": N_("Given name"),
    "patronymic": N_("Patronymic"),
    "since": N_("Day of joining"),
    "person": N_("Person, sole trader or organisation"),
    "birth_date": N_("Date of birth"),
    "phone": N_("Telephone"),
    "email": N_("E-mail"),
    "address": N_("Postal address"),
    "share": N_("Share paid"),
    "entrance": N_("Entrance fee paid"),
}

#: Beginnings of headings as offices write them, the more telling first; «ё» is «е», marks are spaces.
_HEADINGS: Final[tuple[tuple[str, str], ...]] = (
    ("birth_date", "дата рожд|день рожд|год рожд|рожд|др |date of birth|birth|dob"),
    ("email", "e mail|email|эл почт|электронн|почта|имейл|мейл|mail"),
    ("phone", "тел|моб|сот|phone|mobile|tel"),
    ("patronymic", "отчество|patronymic|middle"),
    ("surname", "фамилия|surname|last name|family name"),
    ("entrance", "вступительн|вст взнос|entrance|joining fee"),
    ("share", "паев|пай |сумма пая|share"),
    ("since", "дата вступ|дата прием|дата внес|дата член|вступил|принят|член с|пайщик с|joined|member since"),
    ("since", "date of joining|joining date|since|дата"),
    ("address", "адрес|почтовый|место жит|прожив|address|postal"),
    ("person", "вид|тип|категория|форма|kind|type|category"),
    (
        "number",
        "номер пайщ|номер член|членский номер|no пайщ|номер в реестре|рег номер|member no|member number",
    ),
    ("number", "номер|no |n |number|num|п п"),
    ("name", "фио|ф и о|фамилия имя|полное имя|наименование|пайщик|full name|name|member"),
    ("given", "имя|given|first name"),
)


def plain(heading: str) -> str:
    """`№ п/п.` → `no п п`"""
    lowered = heading.casefold().replace("ё", "е").replace("№", " no ")
    return " ".join(re.sub(r"[\W_]+", " ", lowered).split())


def guess(headings: Sequence[str]) -> list[str]:
    """A field for each column, none twice; "" where the heading says nothing known."""
    found = [""] * len(headings)
    said = [plain(heading) for heading in headings]
    for place, words in enumerate(said):  # three parts of a name in one heading are a full name
        if re.match(r"фамилия\b.*\bимя\b|surname\b.*\bname\b", words):
            found[place] = "name"
            break
    for field, beginnings in _HEADINGS:
        if field in found:
            continue
        at = _first(said, found, beginnings.split("|"))
        if at is not None:
            found[at] = field
    if "surname" not in found and "given" in found and "name" not in found:
        found[found.index("given")] = "name"
    return found


def _first(said: Sequence[str], found: Sequence[str], beginnings: Sequence[str]) -> int | None:
    """The first column that is free and begins so; the first beginning that any has."""
    for beginning in beginnings:
        for at, words in enumerate(said):
            if not found[at] and words and f"{words} ".startswith(beginning):
                return at
    return None


def has_heading(row: Sequence[str]) -> bool:
    """A first row names columns when it holds no number, and something of it is known."""
    filled = [cell for cell in row if cell]
    return not any(re.search(r"\d{2}", cell) or cell.isdecimal() for cell in filled) and any(guess(row))


def from_content(rows: Sequence[Sequence[str]]) -> list[str]:
    """For a table without headings: the first column of whole numbers, of days, of names, of addresses."""
    found: list[str] = []
    for column in zip(*rows[:20], strict=True):
        cells = [cell for cell in column if cell]
        found.append(
            next((field for field, fits in _CONTENT if field not in found and _all(cells, fits)), "")
        )
    return found


def _all(cells: Sequence[str], pattern: str) -> bool:
    return bool(cells) and all(re.fullmatch(pattern, cell) for cell in cells)


_CONTENT: Final = (
    ("number", r"\d{1,9}"),
    ("since", r"\d{1,2}[./]\d{1,2}[./]\d{4}|\d{4}-\d\d-\d\d"),
    ("email", r"\S+@\S+"),
    ("phone", r"\+?[\d ()-]{10,20}"),
    ("name", r"[^\d@]+"),
)


def wrong(columns: Sequence[str]) -> str | None:
    """Message id of what is wrong with a choice, or None."""
    chosen = [field for field in columns if field]
    if any(field not in FIELDS for field in chosen):
        return "Choose what each column is from the list."
    if len(set(chosen)) != len(chosen):
        return "One thing is chosen for two columns."
    if "number" not in chosen:
        return "Say which column holds the member number."
    if "since" not in chosen:
        return "Say which column holds the day of joining."
    if "name" not in chosen and "surname" not in chosen:
        return "Say which column holds the name, or three columns for its parts."
    if "name" in chosen and {"surname", "given", "patronymic"} & set(chosen):
        return "The name is either in one column or in parts: choose one of the two."
    return None
