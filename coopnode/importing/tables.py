"""A file of rows and columns: CSV as offices write it, or an XLSX workbook.

What comes in is a stranger's file until it is read: everything about it is bounded (`TableLimits`) before it
is believed, and every way in which it cannot be taken is a `TableError` with a code for people. Nothing in it
is evaluated: of a formula there is the value that the spreadsheet saw last, or nothing.

XLSX is an archive of XML. openpyxl reads it row by row, and trusts it; its last release is of June 2024, so
nothing is left to it that an attacker would aim at. The archive's directory is held against limits first,
what is unpacked is counted while it is unpacked, in bytes and in tags, and a document type declaration, which
no spreadsheet writes and every XML bomb needs, ends the reading.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException


@dataclass(frozen=True, slots=True)
class TableLimits:
    """Everything a file may be. A register of 5,000 with a dozen columns stays far below."""

    file_bytes: int = 8 * 2**20
    #: rows with something in them, the heading among them
    rows: int = 5_001
    #: rows passed over, empty ones among them: a spreadsheet may say that its last row is the millionth
    scanned_rows: int = 20_000
    columns: int = 60
    cell: int = 500
    #: of an archive
    parts: int = 500
    unpacked_bytes: int = 32 * 2**20
    #: `<` and `=` in it, some ten to a cell: tags and attributes take a hundred bytes of memory and more,
    #: however short they are
    marks: int = 2_000_000
    #: unpacked to packed, of the parts that are read; sheets of much the same reach 30, bombs begin in the
    #: hundreds
    ratio: int = 200


LIMITS: Final = TableLimits()

Grid = list[list[str]]

_ZIP: Final = b"PK\x03\x04"
_COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BOM: Final = "\ufeff"
_WIDE: Final = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
#: Everything that ends a line for `str.splitlines` and no line of a table, and NUL.
_STRANGE: Final = re.compile("[\x00\x1c\x1d\x1e\x85\u2028\u2029]")


class TableError(Exception):
    """`code` of what is wrong with the file, and facts for the sentence."""

    def __init__(self, code: str, **facts: int | str) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of equal length, all empty ones left out; `lines` says where each stands in the file."""

    rows: Grid
    lines: list[int]


def read(data: bytes, limits: TableLimits = LIMITS) -> Sheet:
    """Raises TableError."""
    if len(data) > limits.file_bytes:
        raise TableError("file_too_large", most=limits.file_bytes // 2**20)
    if not data.strip():
        raise TableError("file_empty")
    if data.startswith(_COMPOUND):
        raise TableError("file_xls")
    if data.startswith(_ZIP):
        return _sheet(_workbook(data, limits), limits)
    if data[:5] in (b"%PDF-", b"{\\rtf") or data[:2] in (b"\xff\xd8", b"\x89P"):
        raise TableError("file_no_table")
    return _sheet(_csv(_decoded(data)), limits)


def _sheet(found: Iterable[tuple[int, Sequence[str]]], limits: TableLimits) -> Sheet:
    rows: Grid = []
    lines: list[int] = []
    for place, cells in found:
        if place > limits.scanned_rows:
            raise TableError("file_too_long", most=limits.rows - 1)
        kept = list(cells)
        while kept and not kept[-1]:
            kept.pop()
        if not kept:
            continue
        if len(kept) > limits.columns:
            raise TableError("file_too_wide", most=limits.columns, line=place)
        if any(len(cell) > limits.cell for cell in kept):
            raise TableError("cell_too_long", most=limits.cell, line=place)
        if len(rows) == limits.rows:
            raise TableError("file_too_long", most=limits.rows - 1)
        rows.append(kept)
        lines.append(place)
    if not rows:
        raise TableError("file_empty")
    width = max(map(len, rows))
    return Sheet([row + [""] * (width - len(row)) for row in rows], lines)


# --- CSV ------------------------------------------------------------------------------------------


def _decoded(data: bytes) -> str:
    """UTF-8, UTF-16 with its mark, or Windows-1251, as older offices write it."""
    for mark, encoding in _WIDE:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                raise TableError("file_no_table") from None
    if b"\0" in data:
        raise TableError("file_no_table")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1251")
        except UnicodeDecodeError:
            raise TableError("file_no_table") from None
    return text.removeprefix(_BOM)


def _csv(text: str) -> Iterator[tuple[int, list[str]]]:
    text = _STRANGE.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    reader = csv.reader(io.StringIO(text), delimiter=_delimiter(text))
    try:
        for cells in reader:
            yield reader.line_num, [_one_line(cell) for cell in cells]
    except csv.Error:
        raise TableError("file_broken_quotes", line=reader.line_num) from None


def _delimiter(text: str) -> str:
    """The one that makes most rows alike: decimal commas stand in some rows, a separator in all."""
    head = [line for line in text.split("\n")[:50] if line.strip()]

    def fits(mark: str) -> tuple[int, int]:
        counts = [len(cells) for cells in csv.reader(head, delimiter=mark)] if head else []
        usual = max(set(counts), key=counts.count) if counts else 1
        return (counts.count(usual) if usual > 1 else 0, usual)

    try:
        return max(";\t,", key=fits)
    except csv.Error:
        return ";"


def _one_line(cell: str) -> str:
    return re.sub(r"[\s\u00a0\u202f]+", " ", cell).strip()


# --- XLSX -----------------------------------------------------------------------------------------


def _workbook(data: bytes, limits: TableLimits) -> Iterator[tuple[int, list[str]]]:
    archive = _checked(data, limits)
    try:
        book = openpyxl.load_workbook(archive, read_only=True, data_only=True, keep_links=False)
        sheet = next((each for each in book.worksheets if each.sheet_state == "visible"), None)
        if sheet is None:
            raise TableError("file_empty")
        # What a sheet says of its own size may be anything; rows beyond the limits are never made.
        sheet.reset_dimensions()
        rows = sheet.iter_rows(values_only=True, max_row=limits.scanned_rows + 1)
        for place, cells in enumerate(rows, 1):
            kept = list(cells)
            while kept and kept[-1] is None:
                kept.pop()
            if len(kept) > limits.columns:
                raise TableError("file_too_wide", most=limits.columns, line=place)
            yield place, [_text(cell) for cell in kept]
    except TableError:
        raise
    except (InvalidFileException, zipfile.BadZipFile, ParseError, *_BROKEN) as error:
        raise TableError("file_broken") from error


#: What openpyxl lets through from a workbook that is not one.
_BROKEN: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)


def _checked(data: bytes, limits: TableLimits) -> io.BytesIO:
    """The archive, unpacked once within limits and packed anew as it was found to be: what its directory says
    of sizes is a claim. Raises TableError."""
    unpacked = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed, zipfile.ZipFile(unpacked, "w") as clean:
            parts = packed.infolist()
            names = {part.filename for part in parts}
            if len(parts) > limits.parts or len(names) != len(parts):
                raise TableError("file_bomb")
            if "xl/workbook.xml" not in names:
                raise TableError("file_no_workbook")
            if any(part.flag_bits & 1 for part in parts):
                raise TableError("file_locked")
            wanted = [part for part in parts if part.filename.endswith((".xml", ".rels"))]
            brought = min(len(data), sum(part.compress_size for part in wanted))
            left, marks = min(limits.unpacked_bytes, max(brought * limits.ratio, 2**20)), limits.marks
            for part in wanted:
                with packed.open(part) as content:
                    plain = content.read(left + 1)
                left -= len(plain)
                marks -= plain.count(b"<") + plain.count(b"=")
                if left < 0 or marks < 0 or _declares(plain):
                    raise TableError("file_bomb")
                clean.writestr(part.filename, plain)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, *_BROKEN) as error:
        raise TableError("file_broken") from error
    unpacked.seek(0)
    return unpacked


def _declares(xml: bytes) -> bool:
    """A document type declaration, or a coding in which one could hide: workbooks are UTF-8."""
    return b"<!DOCTYPE" in xml or b"<!ENTITY" in xml or b"\0" in xml or xml[:2] in (b"\xff\xfe", b"\xfe\xff")


def _text(value: Any) -> str:
    """As a person reads the cell: dates as `2020-02-01`, whole numbers without a point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return ""  # a date of nought
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else f"{value:.10g}"
    return _one_line(_STRANGE.sub(" ", str(value)))
