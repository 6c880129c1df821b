"""A report's tables as files: CSV, one for each table, and a workbook (XLSX) with a sheet for each."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final

from node.cli.output import printable
from node.printing.report_page import Cell, Table

_RUN: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet may take for a formula when it stands first in a text."""


def report_csv(table: Table) -> bytes:
    """Write a table as CSV, UTF-8 with a byte order mark; texts that a spreadsheet would run stand behind an apostrophe."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(table.headings)
    writer.writerows([_harmless(cell) for cell in row] for row in table.rows)
    return buffer.getvalue().encode("utf-8-sig")


def report_workbook(tables: Sequence[Table]) -> bytes:
    """Write tables as a workbook: numbers are numbers, and every text is a text."""
    # imported here: most commands need no workbook
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    if book.active is not None:
        book.remove(book.active)
    for table in tables:
        sheet = book.create_sheet(table.name)
        for number, row in enumerate([table.headings, *table.rows], 1):
            for column, value in enumerate(row, 1):
                # what hospitals named may hold characters that no workbook takes
                cell = sheet.cell(number, column, printable(value) if isinstance(value, str) else value)
                if isinstance(value, str):
                    cell.data_type = "s"  # never a formula, whatever it begins with
                if number == 1:
                    cell.font = Font(bold=True)
        sheet.freeze_panes = "A2"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _harmless(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    return f"'{printable(cell)}" if cell.startswith(_RUN) else printable(cell)
