"""Headings as offices write them."""

from __future__ import annotations

import pytest

from web.importing import columns


@pytest.mark.parametrize(
    ("headings", "fields"),
    [
        ("№;ФИО;Дата вступления;Телефон;E-mail", "number;name;since;phone;email"),
        ("№ п/п;Фамилия, имя, отчество;Дата приёма;Паевой взнос, руб.", "number;name;since;share"),
        ("Номер пайщика;Фамилия;Имя;Отчество;Принят", "number;surname;given;patronymic;since"),
        ("Рег. номер;Пайщик;Дата рождения;Дата;Почтовый адрес", "number;name;birth_date;since;address"),
        ("Номер;Имя;Дата;Вступительный взнос;Пай", "number;name;since;entrance;share"),
        ("Member No.;Full name;Member since;Phone;Share paid", "number;name;since;phone;share"),
        ("No.;Surname;First name;Joined;Date of birth;Kind", "number;surname;given;since;birth_date;person"),
        ("Примечание;Цвет", ";"),
    ],
)
def test_a_heading_says_what_its_column_is(headings: str, fields: str) -> None:
    assert columns.guess(headings.split(";")) == fields.split(";")


def test_a_table_without_headings_is_guessed_by_what_stands_in_it() -> None:
    rows = [["1", "01.02.2020", "Ёлкина Анна", "a@b.ru", "+7 900 123-45-67"]]
    assert not columns.has_heading(rows[0])
    assert columns.from_content(rows) == ["number", "since", "name", "email", "phone"]
    assert columns.has_heading(["Номер", "ФИО"])


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (["number", "name", "since"], None),
        (["number", "surname", "given", "since", ""], None),
        (["number", "number", "name", "since"], "two columns"),
        (["name", "since"], "member number"),
        (["number", "name"], "day of joining"),
        (["number", "since", "given"], "the name"),
        (["number", "since", "name", "surname"], "one of the two"),
        (["number", "since", "name", "passport"], "from the list"),
    ],
)
def test_what_a_choice_of_columns_lacks(chosen: list[str], words: str | None) -> None:
    wrong = columns.wrong(chosen)
    assert wrong is None if words is None else wrong is not None and words in wrong
