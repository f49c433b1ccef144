"""The dry run, line by line."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from coopnode import places
from coopnode.importing.drafts import Choice, File, Line
from coopnode.importing.known import Known
from coopnode.places import Place
from protocol.methodology import Local
from web.importing import checking
from web.importing.checking import Judged, Report

RUSSIA = places.first()
NEPAL = Place(Local(phone_code="977", phone_trunk="0", phone_digits=8))
TODAY = date(2026, 5, 18)
COLUMNS = [
    "number",
    "name",
    "since",
    "birth_date",
    "email",
    "phone",
    "share",
    "entrance",
    "person",
    "address",
]


def report(
    *rows: str,
    known: list[Known] | None = None,
    choices: dict[int, Choice] | None = None,
    place: Place = RUSSIA,
) -> Report:
    """Rows `number|name|since|…` in the order of COLUMNS; line numbers from 2, as under a heading."""
    cells = [row.split("|") + [""] * len(COLUMNS) for row in rows]
    file = File(
        rows=[COLUMNS, *(row[: len(COLUMNS)] for row in cells)],
        lines=list(range(1, len(rows) + 2)),
        heading=True,
        columns=COLUMNS,
        choices=choices or {},
    )
    return checking.check(file, known or [], TODAY, place)


def one(row: str, **more: Any) -> Judged:
    return report(row, **more).lines[0]


def test_a_line_that_is_ready() -> None:
    line = one(
        "№ 007|Ёлкина Анна|1.2.2020|14.03.1985|A@b.ru; c@d.ru|8 (900) 123-45-67|"
        "1 200,50 руб.|100|физлицо|Тверь, 1"
    )
    assert line.standing == "ready" and not line.remarks
    assert line.signed() == Line(
        2, 7, "2020-02-01", "Ёлкина Анна", "person", "A@b.ru", "+79001234567", "Тверь, 1", 10_000, 120_050
    )


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("01.02.2020", "2020-02-01"), ("1/2/2020", "2020-02-01"), ("2020-02-01", "2020-02-01"),
        ("1 февраля 2020 г.", "2020-02-01"), ("31 мая 1999 года", "1999-05-31"), ("1.2.2020г.", "2020-02-01"),
        ("", "day of joining is missing"), ("01.02.20", "four digits"), ("31.02.2020", "not a date"),
        ("позавчера", "not a date"), ("43862", "not a date"), ("19.05.2026", "lies ahead"),
        ("01.01.1955", "begin in 1970"), ("1 мартобря 2020", "not a date"),
    ],
)  # fmt: skip
def test_days(read: str, meant: str) -> None:
    line = one(f"7|Ёлкина Анна|{read}")
    if meant[0].isdigit():
        assert line.since == meant and line.standing == "ready"
    else:
        (remark,) = line.remarks
        assert meant in remark.words and remark.field == "since" and line.standing == "wrong"


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("300", 30_000), ("300,5", 30_050), ("1 200.50", 120_050), ("1\u00a0200 ₽", 120_000), ("0", 0),
        ("1200 р.", 120_000), ("300 рублей", 30_000), ("300,500", 30_050), ("", None), ("—", None),
        ("-300", "wrong"), ("триста", "wrong"), ("1e5", "wrong"), ("300,555", "wrong"), ("=A1", "wrong"),
    ],
)  # fmt: skip
def test_amounts(read: str, meant: int | str | None) -> None:
    line = one(f"7|Ёлкина Анна|01.02.2020||||{read}")
    assert (line.share, line.standing) == ((None, "wrong") if meant == "wrong" else (meant, "ready"))


@pytest.mark.parametrize(
    ("row", "words", "stops"),
    [
        ("|Ёлкина Анна|01.02.2020", "number is missing", True),
        ("0|Ёлкина Анна|01.02.2020", "whole number from 1", True),
        ("7a|Ёлкина Анна|01.02.2020", "whole number from 1", True),
        ("7||01.02.2020", "name is missing", True),
        ("7|Ёлкина 007|01.02.2020", "holds letters", True),
        ("7|Ёлкинa Анна|01.02.2020", "two alphabets", True),
        ("7|Ёлкина\u202eАнна|01.02.2020", "cannot be seen", True),
        ("7|" + "Ё" * 201 + "|01.02.2020", "too long", True),
        ("7|Ёлкина Анна|01.02.2020|01.02.2021", "earlier than the date of birth", True),
        ("7|Ёлкина Анна|01.02.2020||||||звезда", "neither a person", True),
        ("7|Ёлкина Анна|01.02.2020|вчера", "no date of birth", False),
        ("7|Ёлкина Анна|01.02.2020||нет", "no e-mail", False),
        ("7|Ёлкина Анна|01.02.2020|||12-34", "no telephone", False),
    ],
)
def test_what_is_wrong_is_said_at_its_cell(row: str, words: str, stops: bool) -> None:
    line = one(row)
    assert words in line.remarks[0].words
    assert line.standing == ("wrong" if stops else "ready")


@pytest.mark.parametrize(
    ("name", "kind", "person"),
    [
        ("Ёлкина Анна", "", "person"), ("ООО «Ромашка 2»", "", "organisation"),
        ("ИП Ёлкин Пётр", "", "entrepreneur"), ("Ёлкин Пётр", "ИП", "entrepreneur"),
        ("Ромашка 2", "юр. лицо", "organisation"), ("Ипполитов Иван", "", "person"),
        ("Поляков Олег", "", "person"), ("ПО «Росток»", "", "organisation"),
        ("Smith", "sole trader", "entrepreneur"),
    ],
)  # fmt: skip
def test_kinds_of_members(name: str, kind: str, person: str) -> None:
    line = one(f"7|{name}|01.02.2020||||||{kind}")
    assert (line.person, line.standing) == (person, "ready")


@pytest.mark.parametrize(
    ("place", "read", "meant"),
    [
        (RUSSIA, "9001234567", "+79001234567"), (RUSSIA, "79001234567", "+79001234567"),
        (RUSSIA, "моб. 8\u00a0900 123–45–67 (вечером)", "+79001234567"),
        (RUSSIA, "8 900 123-45-67 доб. 12", ""), (RUSSIA, "123-45-67", ""),
        (NEPAL, "0 1234 5678", "+97712345678"), (NEPAL, "1234-5678", "+97712345678"),
        (NEPAL, "+7 900 123-45-67", "+79001234567"), (NEPAL, "12-34", ""),
    ],
)  # fmt: skip
def test_telephones_are_those_of_the_country(place: Place, read: str, meant: str) -> None:
    line = one(f"7|Ёлкина Анна|01.02.2020|||{read}", place=place)
    assert line.phone == meant and [remark.field for remark in line.remarks] == ["phone"] * (not meant)
    assert line.standing == "ready"


def test_a_telephone_in_the_register_is_compared_as_it_is_dialled_there() -> None:
    known = [Known("member", 7, "Gurung Asha", phone="0 1234 5678")]
    (line,) = report("8|Rai Bina|01.02.2020|||+977 12345678", known=known, place=NEPAL).lines
    assert [double.why for double in line.doubles] == ["phone"]


def test_a_former_member_keeps_the_number_and_may_be_the_same_person() -> None:
    known = [Known("left", 7, "Ёлкина Анна", "1985-03-14")]
    found = report("7|Ёлкина Анна|01.02.2020|14.03.1985", "8|Елкина Анна|01.02.2020|14.03.1985", known=known)
    assert [line.standing for line in found.lines] == ["wrong", "double"]
    (remark,) = found.lines[0].remarks
    assert "stays with a former member" in remark.words and remark.facts == {"name": "Ёлкина Анна"}
    assert [(double.why, double.where) for double in found.lines[1].doubles][:1] == [("name", "left")]


def test_one_number_is_one_persons() -> None:
    rows = ("7|Ёлкина Анна|01.02.2020", "7|Орлов Пётр|01.02.2020", "7|Ким Вера|01.02.2020")
    found = report(*rows)
    assert [line.standing for line in found.lines] == ["ready", "wrong", "wrong"]
    assert found.lines[1].remarks[0].facts == {"line": 2, "name": "Ёлкина Анна"}
    found = report(*rows, choices={2: "skip", 4: "skip"})
    assert [line.standing for line in found.lines] == ["skipped", "ready", "skipped"]


def test_the_same_person_twice_waits_for_a_word() -> None:
    rows = (
        "7|Ёлкина Анна|01.02.2020|14.03.1985|a@b.ru|89001234567",
        "8|ЕЛКИНА  анна|05.02.2020|14.03.1985",
        "9|Елкина Анна|05.02.2020|15.03.1985",  # a namesake
        "10|Елкина Анна|05.02.2020",
        "11|Орлов Пётр|05.02.2020||A@B.RU",
        "12|Ким Вера|05.02.2020|||+7 900 1234567",
    )
    found = report(*rows)
    assert [line.standing for line in found.lines] == [
        "ready",
        "double",
        "ready",
        "double",
        "double",
        "double",
    ]
    assert [[double.why for double in line.doubles][:1] for line in found.lines[1:]] == [
        ["name"],
        [],
        ["name_alone"],
        ["email"],
        ["phone"],
    ]
    found = report(*rows, choices={3: "skip", 6: "keep"})
    assert [line.standing for line in found.lines][1] == "skipped"
    assert [line.standing for line in found.lines][4] == "ready"


def test_who_is_known_already() -> None:
    known = [
        Known("member", 7, "Ёлкина Анна", "1985-03-14", "a@b.ru", "+79001234567"),
        Known("invited", 8, "Орлов Пётр"),
        Known("kept", 9),
        Known("applying", 300, "Ким Вера", "1990-01-01", "kim@b.ru", "+7 900 000-00-00"),
    ]
    rows = (
        "7|Елкина Анна|01.02.2020",
        "8|Другой Пётр|01.02.2020",
        "9|Третий Олег|01.02.2020",
        "10|Ким Вера|01.02.2020|01.01.1990",
        "11|Четвёртый Яков|01.02.2020|||8 900 000 00 00",
        "12|Елкина Анна|01.02.2020|14.03.1985",
        "300|Пятый Павел|01.02.2020",
    )
    found = report(*rows, known=known)
    assert [line.standing for line in found.lines] == [
        "done",
        "wrong",
        "wrong",
        "double",
        "double",
        "double",
        "ready",
    ]
    assert found.lines[1].remarks[0].facts == {"name": "Орлов Пётр"}
    assert (found.lines[3].doubles[0].where, found.lines[3].doubles[0].number) == ("applying", 300)
    assert found.lines[5].doubles[0].why == "name"


def test_namesakes_stay_namesakes_when_the_first_of_them_is_enrolled() -> None:
    rows = ("7|Ёлкина Анна|01.02.2020|14.03.1985", "8|Ёлкина Анна|01.02.2020|15.03.1985")
    assert [line.standing for line in report(*rows).lines] == ["ready", "ready"]
    found = report(*rows, known=[Known("invited", 7, "Ёлкина Анна")])
    assert [line.standing for line in found.lines] == ["done", "ready"]


def test_sums_are_of_those_that_are_ready() -> None:
    rows = (
        "7|Ёлкина Анна|01.02.2020||||100,10|5",
        "8|Орлов Пётр|когда-то||||1000|50",
        "9|Ким Вера|01.02.2020||||0,90",
    )
    found = report(*rows)
    assert (found.sum("share", "ready"), found.sum("entrance", "ready")) == (10_100, 500)
    assert found.has_money and not report("7|Ёлкина Анна|01.02.2020").has_money


def test_five_thousand_lines_are_judged_in_seconds() -> None:
    rows = [
        f"{n}|Орлова {'АБВГД'[n % 5]}{n:x}|01.02.2020||m{n}@b.ru|{79000000000 + n}" for n in range(1, 5001)
    ]
    assert len(report(*rows).lines) == 5000


def test_of_many_with_one_name_a_few_are_named() -> None:
    """As many doubles as lines by lines would fill the memory of the node."""
    same = report(*(f"{n}|Ёлкина Анна|01.02.2020||m@b.ru|89001234567" for n in range(1, 5_001)))
    assert {line.standing for line in same.lines[1:]} == {"double"}
    assert max(len(line.doubles) for line in same.lines) == 5
    days = [f"{n % 28 + 1:02}.{n // 28 % 12 + 1:02}.{1930 + n // 336}" for n in range(5_000)]
    namesakes = report(*(f"{n}|Ёлкина Анна|01.02.2020|{day}" for n, day in enumerate(days, 1)))
    assert {line.standing for line in namesakes.lines} == {"ready"}
    found = report(
        *(f"{n}|Ёлкина Анна|01.02.2020|{day}" for n, day in enumerate(days[:20], 1)),
        f"100|Ёлкина Анна|01.02.2020|{days[15]}",
        "101|Ёлкина Анна|01.02.2020",
    )
    assert [(double.why, double.number) for double in found.lines[20].doubles] == [("name", 17)]
    assert [double.why for double in found.lines[21].doubles] == ["name_alone"] * 5
