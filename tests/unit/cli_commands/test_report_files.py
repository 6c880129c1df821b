"""Tables as files: whatever hospitals call their campuses, a regulator's report is written, and runs nothing."""

from __future__ import annotations

import csv
import io

import openpyxl
import pytest

from node.cli.audit.report_files import report_csv, report_workbook
from node.printing.report_page import Table

NAMES = ["a\u0000b", "bell\u0007", "\u001b[31mred", "\ufffe", "line\nbreak", "=1+1", "\u0007=1+1", "@SUM(A1)", "第二人民医院/东院"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_no_name_stops_a_report_or_is_run(name: str) -> None:
    table = Table("figures", "Figures", ("group", "count"), [[name, 7]])
    sheet = openpyxl.load_workbook(io.BytesIO(report_workbook([table])))["figures"]
    (told, count), (_, (written, number)) = (
        [cell.value for cell in sheet[2]],
        csv.reader(io.StringIO(report_csv(table).decode("utf-8-sig"))),
    )
    assert sheet["A2"].data_type == "s"
    assert (count, number) == (7, "7")
    assert str(told).isprintable()
    assert written.isprintable()
    assert not written.startswith(("=", "+", "-", "@"))
