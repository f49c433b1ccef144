"""Files a secretary brings, and files that are brought to do harm."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest

from coopnode.importing import tables
from coopnode.importing.tables import TableError, TableLimits

ROWS = [["№", "ФИО", "Пай"], ["1", "Ёлкина Анна", "1 200,50"], ["2", "Петров, Пётр", "300"]]


def csv_of(mark: str, encoding: str = "utf-8", end: str = "\r\n") -> bytes:
    quoted = [[f'"{cell}"' if mark in cell or "," in cell else cell for cell in row] for row in ROWS]
    return end.join(mark.join(row) for row in quoted).encode(encoding)


def workbook(rows: list[list[Any]], **sheets: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    for title, more in sheets.items():
        sheet = book.create_sheet(title)
        for row in more:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("mark", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_tables_as_offices_write_them(mark: str, encoding: str, end: str) -> None:
    assert tables.read(csv_of(mark, encoding, end)).rows == ROWS


def test_a_workbook() -> None:
    rows: list[list[Any]] = [
        ["№", "ФИО", "Вступил", "Пай", "Телефон"],
        [1, "  Ёлкина\n Анна ", datetime(2020, 2, 1, tzinfo=UTC).replace(tzinfo=None), 1200.5, 79001234567.0],
        [],
        [2.0, "Петров", date(1999, 12, 31), "=1+1", None],
    ]
    found = tables.read(workbook(rows, второй=[["нет"]]))
    assert found.rows == [
        ["№", "ФИО", "Вступил", "Пай", "Телефон"],
        ["1", "Ёлкина Анна", "2020-02-01", "1200.5", "79001234567"],
        ["2", "Петров", "1999-12-31", "", ""],  # a formula without a value seen is nothing
    ]
    assert found.lines == [1, 2, 4]


def changed(data: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part.filename, change(part.filename, old.read(part)))
    return out.getvalue()


def in_sheet(change: Callable[[bytes], bytes]) -> bytes:
    return changed(
        workbook(ROWS), lambda name, data: change(data) if name == "xl/worksheets/sheet1.xml" else data
    )


def padded(data: bytes) -> bytes:
    """With a picture beside it that does not pack, which no reader of the table looks at."""
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a") as made:
        made.writestr("xl/media/image1.png", random.Random(1).randbytes(2 * 2**20))
    return out.getvalue()


def one_row(cells: bytes) -> bytes:
    """A sheet with these in a row of their own."""
    return in_sheet(
        lambda data: data.replace(b"</sheetData>", b'<row r="4">' + cells + b"</row></sheetData>")
    )


SPACES = 24 * 2**20
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
FAR = b'<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'


def archive(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(name.replace("__", "/").replace("_", "."), data)
    return out.getvalue()


def locked() -> bytes:
    data = bytearray(workbook(ROWS))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + place] |= 1
            at = data.find(mark, at + 4)
    return bytes(data)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "file_empty"),
    "blanks": (b" ;\n ; \n", "file_empty"),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "file_xls"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(60), "file_no_table"),
    "a scan": (b"%PDF-1.7\n", "file_no_table"),
    "bytes": (bytes(range(256)), "file_no_table"),
    "half of utf-16": (b"\xff\xfea\0b", "file_no_table"),
    "a quote without end": (b'1;"' + b"x" * 200_000, "file_broken_quotes"),
    "an endless cell": (b"1;" + b"x" * 501, "cell_too_long"),
    "too many columns": (b";".join([b"x"] * 61), "file_too_wide"),
    "too many rows": (b"1;x\n" * 5_002, "file_too_long"),
    "rows of nothing": (b"1;x\n" + b"\n" * 30_000 + b"2;y", "file_too_long"),
    "a large file": (b"1;x\n" * (2 * 2**20 + 1), "file_too_large"),
    "an archive of something": (archive(readme_txt=b"hello"), "file_no_workbook"),
    "a text document": (archive(word__document_xml=b"<w/>"), "file_no_workbook"),
    "a workbook without sheets": (archive(xl__workbook_xml=b"<workbook/>"), "file_broken"),
    "a workbook cut off": (cut(workbook(ROWS)), "file_broken"),
    "a locked workbook": (locked(), "file_locked"),
    "a bomb": (in_sheet(lambda data: data.replace(b"<row", b" " * 60_000_000 + b"<row", 1)), "file_bomb"),
    "a bomb behind a picture": (padded(one_row(b" " * SPACES)), "file_bomb"),
    "a row of endless cells": (padded(one_row(b"<c/>" * 2_000_000)), "file_bomb"),
    "a cell of endless attributes": (
        one_row(b"<c " + b" ".join(b'a%d=""' % n for n in range(2_000_000)) + b"/>"),
        "file_bomb",
    ),
    "many parts": (archive(**{f"a{n}_xml": b"" for n in range(600)}), "file_bomb"),
    "entities": (in_sheet(lambda data: LAUGHS + data), "file_bomb"),
    "entities in utf-16": (in_sheet(lambda data: (LAUGHS + data).decode().encode("utf-16")), "file_bomb"),
    "no xml": (in_sheet(lambda data: b"<worksheet><sheetData><row"), "file_broken"),
    "a row far below": (in_sheet(lambda data: data.replace(b"</sheetData>", FAR)), "file_too_long"),
    "a wide workbook": (workbook([["x"] * 61]), "file_too_wide"),
    "a long cell of a workbook": (workbook([["x" * 501]]), "cell_too_long"),
    "a long workbook": (workbook([["x"]] * 5_002), "file_too_long"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_taken_says_why(name: str) -> None:
    data, code = HOSTILE[name]
    with pytest.raises(TableError) as caught:
        tables.read(data)
    assert caught.value.code == code


def test_a_full_register_with_many_columns_is_no_bomb() -> None:
    rows = [[f"{line}-{column}" for column in range(25)] for line in range(5_000)]
    assert tables.read(workbook(rows)).rows == rows


def test_a_workbook_that_lies_of_its_size() -> None:
    lie = in_sheet(lambda data: data.replace(b'ref="A1:C3"', b'ref="A1:XFD1048576"'))
    assert lie != workbook(ROWS)
    assert tables.read(lie).rows == ROWS


def test_dates_out_of_this_world_and_errors_of_formulas() -> None:
    row = b'<row r="4"><c r="A4" t="e"><v>#REF!</v></c></row></sheetData>'
    found = in_sheet(lambda data: data.replace(b"</sheetData>", row))
    assert tables.read(found).rows[3] == ["#REF!", "", ""]


def test_limits_are_those_given() -> None:
    with pytest.raises(TableError) as caught:
        tables.read(b"1;2\n3;4\n", TableLimits(rows=1))
    assert caught.value.facts == {"most": 0}
