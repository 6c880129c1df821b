from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import pytest
from openpyxl import Workbook, load_workbook

from node.errors import CellFault, SheetRefusedError
from node.terminology.bundle import Document
from node.terminology.regions import RegionRules
from node.wire.catalogue.cells import SheetRow, SheetText, read_csv, read_workbook, write_csv, write_workbook
from node.wire.catalogue.sheets import export_sheets, import_sheets
from tests.unit.terminology import world
from tests.unit.wire_formats.test_catalogue import DOCUMENTS

CASES = DOCUMENTS | {"regions-with-rules": world.regions_with(world.CITY, rules=RegionRules())}


@pytest.mark.parametrize("kind", CASES)
def test_sheets_give_the_document_again(kind: str) -> None:
    sheets = export_sheets(CASES[kind])
    assert import_sheets(sheets) == CASES[kind]
    assert import_sheets(read_workbook(write_workbook(sheets))) == CASES[kind]
    assert import_sheets([read_csv(sheet.name, write_csv(sheet)) for sheet in sheets]) == CASES[kind]


def edited(kind: str, sheet: str, row: int, **cells: str | None) -> Sequence[SheetText]:
    """The sheets of a document, with cells of one row changed; None empties one."""

    def edit(one: SheetRow) -> SheetRow:
        return SheetRow(one.number, {name: text for name, text in {**one.cells, **cells}.items() if text is not None})

    return [
        replace(
            each,
            headings=tuple(dict.fromkeys([*each.headings, *cells])) if each.name == sheet else each.headings,
            rows=tuple(edit(one) if (each.name, one.number) == (sheet, row) else one for one in each.rows),
        )
        for each in export_sheets(DOCUMENTS[kind])
    ]


def faults(sheets: Sequence[SheetText]) -> list[tuple[str, int, str]]:
    with pytest.raises(SheetRefusedError) as refused:
        import_sheets(sheets)
    assert all(each.what and each.remedy for each in refused.value.faults)
    return [(each.sheet, each.row, each.column) for each in refused.value.faults]


@pytest.mark.parametrize(
    ("kind", "sheet", "row", "column", "text"),
    [
        ("catalogue", "items", 2, "code", None),
        ("catalogue", "items", 3, "windows", "thirty"),
        ("catalogue", "items", 3, "windows", "CN=30 CN=15"),
        ("catalogue", "items", 3, "windows", "CN=0"),
        ("catalogue", "items", 4, "loinc", "1742-7"),
        ("catalogue", "items", 4, "method_bound", "maybe"),
        ("catalogue", "items", 2, "item_class", "surgery"),
        ("catalogue", "items", 1, "colour", "red"),
        ("prices", "prices", 5, "price_fen", "12.5"),
        ("prices", "prices", 5, "price_fen", "-3"),
        ("prices", "prices", 5, "valid_from", "1 July"),
        ("prices", "prices", 7, "valid_from", "2026-06-30"),
        ("certificates", "certificates", 2, "valid_to", "2020-01-01"),
        ("institution-map", "orderables", 2, "items", None),
        ("institution-map", "orderables", 3, "code", "LIVER"),
        ("institutions", "campuses", 2, "institution", "hospital-x"),
        ("regions", "sub_reasons", 2, "reason", "six"),
        ("regions", "sub_reasons", 2, "region", "XX"),
        ("regions", "regions", 4, "within", "XX"),
        ("catalogue", "document", 4, "value", "first"),
    ],
)
def test_a_wrong_cell_is_named(kind: str, sheet: str, row: int, column: str, text: str | None) -> None:
    places = faults(edited(kind, sheet, max(row, 2), **{column: text}))
    assert [place[:2] for place in places] == [(sheet, row)]
    assert places[0][2].split("/")[0] == column


def test_every_wrong_cell_is_listed() -> None:
    sheets = edited("prices", "prices", 2, price_fen="many", charge=None)
    assert faults(sheets) == [("prices", 2, "charge"), ("prices", 2, "price_fen")]


def test_sheets_that_do_not_belong_are_named() -> None:
    sheets = export_sheets(world.PRICES)
    assert faults([*sheets, SheetText("notes", ("a",), ())]) == [("notes", 0, "")]
    assert faults(sheets[1:]) == [("document", 0, "")]
    assert faults(edited("prices", "document", 2, value="menu"))[0] == ("document", 0, "format")
    assert faults(edited("prices", "document", 3, key="serial", value="2")) == [("document", 4, "value")]


def workbook(*rows: Sequence[object], title: str = "prices") -> bytes:
    book = Workbook()
    assert book.active is not None
    book.active.title = title
    for row in rows:
        book.active.append(list(row))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_dates_and_numbers_of_a_workbook_are_read_as_a_person_would_write_them() -> None:
    data = workbook(["a", "b", "c", "d", "e"], [datetime(2026, 1, 2), date(2026, 1, 3), 12.0, 12.5, True])  # noqa: DTZ001 - as Excel
    (sheet,) = read_workbook(data)
    assert dict(sheet.rows[0].cells) == {"a": "2026-01-02", "b": "2026-01-03", "c": "12", "d": "12.5", "e": "yes"}


def refused(data: bytes, name: str | None = None) -> list[CellFault]:
    with pytest.raises(SheetRefusedError) as caught:
        read_workbook(data) if name is None else read_csv(name, data)
    return list(caught.value.faults)


def test_formulas_are_told_by_cell() -> None:
    (sheet,) = read_workbook(workbook(["a", "b"], ["x", "y"], ["x", "=1+1"]))
    assert [(each.sheet, each.row, each.column) for each in sheet.faults] == [("prices", 3, "b")]
    (fault,) = read_csv("prices", b"a,b\nx,=1+1\n").faults
    assert (fault.sheet, fault.row, fault.column) == ("prices", 2, "b")


def test_values_without_a_heading_and_headings_twice_are_told() -> None:
    assert [(f.row, f.column) for f in read_csv("s", b"a,,a\n1,2,3\n").faults] == [(2, ""), (1, "a")]


def test_faults_of_every_kind_are_told_at_once() -> None:
    """A formula, a number, two days, a code that no code is, and a price that holds twice: one look at the list mends all."""
    head = SheetText("document", ("key", "value"), tuple(
        SheetRow(at, {"key": key, "value": value})
        for at, (key, value) in enumerate((("format", "prices"), ("name", "p"), ("serial", "2"), ("issued", "2026-01-01")), 2)
    ))  # fmt: skip
    rows = (
        "A,CN,,=5*100,2026-01-01,",
        "B,CN,,twelve,2026-01-01,",
        "C,CN,,1200,2026-02-29,2026-2-3",
        "D D,CN,,1200,2026-01-01,",
        "E,CN,,1200,2026-01-01,",
        "E,CN,,1300,2026-06-01,",
        "F,CN,,1200,2026-01-01,2025-01-01",
    )
    text = "\n".join(("charge,region,institution_class,price_fen,valid_from,valid_to", *rows))
    assert faults([head, read_csv("prices", text.encode())]) == [
        ("prices", 2, "price_fen"),
        ("prices", 3, "price_fen"),
        ("prices", 4, "valid_from"),
        ("prices", 4, "valid_to"),
        ("prices", 5, "charge"),
        ("prices", 7, "valid_from"),
        ("prices", 8, "valid_to"),
    ]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04nonsense", b"plain text"])
def test_what_is_no_workbook_is_refused(data: bytes) -> None:
    assert refused(data)[0].sheet == "workbook"


def test_a_zip_that_holds_no_workbook_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "x")
    assert refused(buffer.getvalue())[0].what == "not a workbook"


@pytest.mark.parametrize("data", [b"", b"\n1,2\n", "代码\n".encode("gbk"), b'a,b\n"unclosed', b"," * 100 + b"\n"])
def test_what_is_no_csv_is_refused(data: bytes) -> None:
    assert refused(data, "s")[0].sheet == "s"


def test_empty_rows_are_passed_over_and_rows_keep_their_numbers() -> None:
    sheet = read_csv("s", "\ufeffa,b\n\n,\n x ,y\n".encode())
    assert [(row.number, dict(row.cells)) for row in sheet.rows] == [(4, {"a": "x", "b": "y"})]


def test_a_workbook_is_written_as_text() -> None:
    book = load_workbook(io.BytesIO(write_workbook(export_sheets(world.PRICES))))
    assert book.sheetnames == ["document", "prices"]
    assert {cell.data_type for row in book["prices"].iter_rows(min_row=2) for cell in row if cell.value is not None} == {"s"}


def test_export_covers_every_document() -> None:
    document: Document
    for document in CASES.values():
        assert export_sheets(document)[0].name == "document"
