"""What people may write: every text field of every form has a rule, and what breaks it is told by field."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict, MultiDictProxy

from coopnode.seen import visible
from web import i18n
from web.council import forms as council
from web.forms import FAULTS, Rule, clean, fault, text, texts
from web.founding import forms as founding
from web.membership import forms as membership
from web.membership import requests
from web.robot import forms as robot

#: (module, name of the form) → its rules, as the modules declare them.
TABLES: dict[tuple[str, str], Mapping[str, Rule]] = {
    (module.__name__, name): value
    for module in (membership, founding, council, robot, requests)
    for name, value in vars(module).items()
    if name.isupper()
    and not name.startswith("_")
    and isinstance(value, dict)
    and value
    and all(isinstance(item, Rule) for item in value.values())
}
FIELDS = [(place, field, rule) for place, table in TABLES.items() for field, rule in table.items()]
IDS = [f"{place[0].split('.')[1]}-{place[1]}-{field}" for place, field, _ in FIELDS]

ZERO_WIDTH = "\u200b\u2060\ufeff\u00ad"
JOINERS = "\u200c\u200d"
TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
CONTROLS = "\x00\x07\x08\x1b\x7f\x85\x9b"
BLANK_LETTERS = "\u115f\u3164\uffa0\u2800\u034f"
STRANGE = "\ue000\U000e0041\ufffd\uffff\ufff9"


def posted(*pairs: tuple[str, str]) -> MultiDictProxy[Any]:
    return MultiDictProxy(MultiDict(pairs))


def judged(value: str, rule: Rule) -> str | None:
    found, faults = texts(posted(("field", value)), {"field": rule})
    assert found["field"] == clean(value, rule.kind)
    return faults.get("field")


def test_forms_declare_their_fields() -> None:
    assert len(TABLES) >= 18 and len(FIELDS) >= 45
    assert {rule.kind for _, _, rule in FIELDS} == {"name", "line", "text"}
    for code, words in FAULTS.items():
        assert i18n.translations("ru").gettext(words) != words, code


@pytest.mark.parametrize(("place", "field", "rule"), FIELDS, ids=IDS)
def test_every_field_refuses_what_cannot_be_read(place: Any, field: str, rule: Rule) -> None:
    for letter in TURNS + CONTROLS + BLANK_LETTERS + STRANGE:
        assert judged(f"аб{letter}вг", rule) == "unreadable", hex(ord(letter))
        assert judged(f"Иванов {letter}", rule) == "unreadable", "also at the end"
    for letter in ZERO_WIDTH:
        wrong = judged(f"Ива{letter}нов", rule)
        assert wrong == ("unreadable" if rule.kind == "name" else None), hex(ord(letter))
        if rule.kind != "name":
            assert clean(f"Ива{letter}нов", rule.kind) == "Иванов"
    assert judged("а" + "\u0301" * 40, rule) == "marks"
    assert judged("а" * (rule.longest + 1), rule) == "too_long"
    assert judged("а" * rule.longest, rule) is None
    assert texts(posted((field, "Анна"), (field, "Яна")), {field: rule})[1] == {field: "twice"}
    composed = texts(posted((field, "И\u0306ван Е\u0308лкин")), {field: rule})[0][field]
    assert composed == "Йван Ёлкин"


@pytest.mark.parametrize(
    "name",
    [
        "Иванова Мария Сергеевна",
        "О\u2019Коннор Шон",
        "д'Артаньян Шарль",
        "Салтыков-Щедрин М. Е.",
        "Nguyễn Thị Hằng",
        "Əliyev Rəşad",
        "García Márquez Gabriel",
        "ბერიძე გიორგი",
        "שָׁלוֹם לֵוִי",
        "王 小明",
        "Ёлкина\u00a0Анна",
        "Римский\u2011Корсаков Н. А.",
    ],
)
def test_names_of_people_are_names(name: str) -> None:
    assert judged(name, Rule("name", 200)) is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Ив\u0061нова Мария", "name_mixed"),
        ("P\u0430yp\u0430l Inc", "name_mixed"),
        ("\u0391nna Belova", "name_mixed"),
        ("<b>Иванова</b> Мария", "name_letters"),
        ("=HYPERLINK(1) Мария", "name_letters"),
        ("@иванова Мария", "name_letters"),
        ("Иванова 2", "name_letters"),
        ("Иванова; Мария", "name_letters"),
        ("Ｉvanova Maria", "name_letters"),
        ("𝐈𝐯𝐚𝐧 Belov", "name_letters"),
        ("Иванова\x1fМария", "unreadable"),
        ("Ива\u200dнова Мария", "unreadable"),
        ("Иванова \U0001f600", "name_letters"),
    ],
)
def test_what_is_no_name_is_told_so(name: str, code: str) -> None:
    assert judged(name, Rule("name", 200)) == code


def test_texts_keep_lines_emoji_and_joiners() -> None:
    rule = Rule("text", 100)
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467\ufe0f"
    assert judged(f"Первая\r\nвторая\tтретья {family}", rule) is None
    assert clean("а\r\nб\rв\u2028г", "text") == "а\nб\nв\nг"
    assert clean(" а \t б\nв ", "line") == "а б в"
    assert judged("а\nб", Rule("line", 100)) is None, "one line out of two"


def test_what_chooses_is_never_cut() -> None:
    assert text({"choice": "for"}, "choice", 16) == "for"
    assert text({"choice": "for" + " " * 40 + "x"}, "choice", 3) == ""
    assert text({"choice": "for\u202e"}, "choice", 16) == ""
    assert text({"choice": b"for"}, "choice") == ""


@given(st.text(max_size=60), st.sampled_from(("name", "line", "text")))
def test_what_is_taken_is_whole_and_seen(value: str, kind: Any) -> None:
    """Cleaning twice changes nothing, what passes shows as it is, and nothing of it falls away but spaces and
    marks without a meaning."""
    if not value.isprintable() and any(0xD800 <= ord(letter) < 0xE000 for letter in value):
        return
    kept = clean(value, kind)
    assert clean(kept, kind) == kept
    if fault(kept, Rule(kind, 200)) is None:
        assert visible(kept) == kept
        assert unicodedata.normalize("NFC", kept) == kept


def test_what_came_past_the_forms_is_shown_as_such() -> None:
    assert visible("а\u202eб\u2066в\u200bг\x00д\x85") == "а\ufffdб\ufffdв\ufffdг\ufffdд\ufffd"
    assert visible("а" + "\u0301" * 40) == "а" + "\u0301" * 4 + "\ufffd"
    assert visible("Иванова Мария\nвторая\tстрока") == "Иванова Мария\nвторая\tстрока"
    assert visible("\U0001f468\u200d\U0001f469") == "\U0001f468\u200d\U0001f469"
