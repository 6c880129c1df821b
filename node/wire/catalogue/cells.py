"""Sheets of text: a CSV file, or a workbook (XLSX) of them, read into cells that know where they stand, and written back.

Cells are text: dates and whole numbers of a workbook become the text that a person would write. A formula is refused,
for what it shows is not what the file says. Limits keep a small file from becoming a large one in memory.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from node.errors import CellFault, SheetRefusedError

MAX_FILE_BYTES: Final = 32 * 1024 * 1024
MAX_INFLATED_BYTES: Final = 256 * 1024 * 1024
MAX_ROWS: Final = 200_000
MAX_COLUMNS: Final = 64

_HEADINGS: Final = 1
_MIDNIGHT: Final = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row below the headings."""

    number: int
    """Its number, from 2: what a spreadsheet shows."""
    cells: Mapping[str, str]
    """Text by heading, without blanks around it; headings whose cell is empty are left out."""


@dataclass(frozen=True, slots=True)
class SheetText:
    """One sheet."""

    name: str
    """Its name; for CSV the file's, without extension."""
    headings: tuple[str, ...]
    """Row 1."""
    rows: tuple[SheetRow, ...]
    """The rows that are not empty."""
    faults: tuple[CellFault, ...] = ()
    """Cells of it that cannot be read: formulas, values without a heading, headings that are there twice."""


def read_csv(name: str, data: bytes) -> SheetText:
    """Read a CSV file, UTF-8 with or without a byte order mark.

    Raises:
        SheetRefusedError: Not one; the faults say where.
    """
    if len(data) > MAX_FILE_BYTES:
        raise SheetRefusedError([_whole(name, f"larger than {MAX_FILE_BYTES} bytes", "split it")])
    try:
        text = data.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except UnicodeDecodeError as error:
        raise SheetRefusedError([_whole(name, "not UTF-8", 'save it as "CSV UTF-8"')]) from error
    except csv.Error as error:
        raise SheetRefusedError([_whole(name, f"not CSV: {error}", "save it again as CSV")]) from error
    return _sheet(name, lines)


def read_workbook(data: bytes) -> tuple[SheetText, ...]:
    """Read a workbook (XLSX).

    Raises:
        SheetRefusedError: Not one; the faults say where.
    """
    if len(data) > MAX_FILE_BYTES:
        raise SheetRefusedError([_whole("workbook", f"larger than {MAX_FILE_BYTES} bytes", "split it")])
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inflated = sum(entry.file_size for entry in archive.infolist())
        if inflated > MAX_INFLATED_BYTES:
            raise SheetRefusedError([_whole("workbook", "unpacks to more than is allowed", "split it")])
        book = load_workbook(io.BytesIO(data), data_only=False, keep_links=False)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, SyntaxError) as error:
        raise SheetRefusedError([_whole("workbook", "not a workbook", "save it as XLSX, or as CSV UTF-8")]) from error
    sheets = []
    for sheet in book.worksheets:
        if sheet.max_row > MAX_ROWS or sheet.max_column > MAX_COLUMNS:
            raise SheetRefusedError(
                [_whole(sheet.title, "more rows or columns than are allowed", "clear what is unused, or split it")]
            )
        lines = [[_text(value) for value in row] for row in sheet.iter_rows(values_only=True)]
        sheets.append(_sheet(sheet.title, lines))
    return tuple(sheets)


def write_csv(sheet: SheetText) -> bytes:
    """Write a sheet as CSV, UTF-8 with a byte order mark: without it spreadsheets take Chinese for something else."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(sheet.headings)
    writer.writerows([row.cells.get(heading, "") for heading in sheet.headings] for row in sheet.rows)
    return buffer.getvalue().encode("utf-8-sig")


def write_workbook(sheets: Sequence[SheetText]) -> bytes:
    """Write sheets as one workbook (XLSX); every cell is text, so that no spreadsheet takes a code for a date."""
    book = Workbook()
    if book.active is not None:
        book.remove(book.active)
    for sheet in sheets:
        page = book.create_sheet(sheet.name)
        for number, row in enumerate(
            [dict(zip(sheet.headings, sheet.headings, strict=True)), *(row.cells for row in sheet.rows)], 1
        ):
            for column, heading in enumerate(sheet.headings, 1):
                if heading in row:
                    page.cell(number, column, row[heading]).number_format = "@"
        page.freeze_panes = "A2"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _sheet(name: str, lines: Sequence[Sequence[str]]) -> SheetText:
    if not lines or not any(cell.strip() for cell in lines[0]):
        raise SheetRefusedError([_whole(name, "no headings in its first row", "write the headings there")])
    if len(lines) > MAX_ROWS or len(lines[0]) > MAX_COLUMNS:
        raise SheetRefusedError([_whole(name, "more rows or columns than are allowed", "split it")])
    headings = [cell.strip() for cell in lines[0]]
    faults: list[CellFault] = []
    rows = []
    for number, line in enumerate(lines[_HEADINGS:], _HEADINGS + 1):
        cells: dict[str, str] = {}
        for at, cell in enumerate(line):
            text = cell.strip()
            heading = headings[at] if at < len(headings) else ""
            if text and not heading:
                faults.append(CellFault(name, number, "", f"a value in column {at + 1}, which has no heading", "clear the cell"))
            elif text.startswith("="):
                faults.append(CellFault(name, number, heading, "a formula", "paste its value"))
            elif text:
                cells[heading] = text
        if any(cell.strip() for cell in line):
            rows.append(SheetRow(number, cells))
    named = [heading for heading in headings if heading]
    faults += [
        CellFault(name, 1, each, "the heading is there twice", "drop one") for each in {h for h in named if named.count(h) > 1}
    ]
    return SheetText(name, tuple(dict.fromkeys(named)), tuple(rows), tuple(faults))


def _text(value: object) -> str:
    """Spell the value of a cell as a person would."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and (value.hour, value.minute, value.second, value.microsecond) == _MIDNIGHT:
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def _whole(sheet: str, what: str, remedy: str) -> CellFault:
    return CellFault(sheet, 0, "", what, remedy)
