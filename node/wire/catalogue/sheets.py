"""The documents of `catalogue` as sheets that people fill in, and back: errors by cell, and nothing if anything is wrong.

A document is a sheet `document` of keys and values (format, name, serial, issued, …; a key may repeat) and a sheet for
each of its tables. In a cell, lists are separated by blanks, windows are `CN=30 CN-4403=15`, yes and no are switches.
Sub-reasons and campuses, which nest in JSON, are sheets of their own that name what they belong to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from node.errors import CellFault, SheetRefusedError
from node.terminology.bundle import Document
from node.terminology.catalogue import ItemClass, Quality
from node.terminology.regions import RegionLevel, WithoutReason
from node.wire.catalogue.cells import SheetRow, SheetText
from node.wire.catalogue.documents import FORMATS, document_of, encode_document, kind_of
from node.wire.json_strict import read_document

HEAD_SHEET: Final = "document"

_HEAD_LISTS: Final = ("sources", "ignored_systems", "ignored_codes")
_HEAD_FIELDS: Final = ("name", "serial", "issued", "sample", "sources")


class _CellError(Exception):
    """A cell that cannot be read: what, and the remedy."""


@dataclass(frozen=True, slots=True)
class _Column:
    """One column: how its text becomes a member, and back."""

    name: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    required: bool = False


@dataclass(frozen=True, slots=True)
class _Table:
    """One sheet of a document."""

    name: str
    columns: tuple[_Column, ...]
    parent: str = ""
    """For a nested table: the table whose rows hold it; its first column names the row."""
    parent_key: str = ""
    """The member of that row by which it is named."""


def _read_whole(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise _CellError("not a whole number", "write digits only")
    return int(text)


def _read_switch(text: str) -> bool:
    known = {"yes": True, "no": False, "是": True, "否": False}
    if text.lower() not in known:
        raise _CellError("neither yes nor no", "write yes or no")
    return known[text.lower()]


def _read_day(text: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise _CellError("not a day of the calendar", "write it as 2026-01-31")


def _read_windows(text: str) -> dict[str, int]:
    windows = {}
    for each in text.split():
        region, equals, days = each.partition("=")
        if not equals or not region or not days.isdigit() or region in windows:
            raise _CellError("not windows by region", "write region=days with blanks between, such as CN=30 CN-4403=15")
        windows[region] = int(days)
    return windows


def _text(name: str, *, required: bool = False) -> _Column:
    return _Column(name, str, str, required)


def _words(name: str, *, required: bool = False) -> _Column:
    return _Column(name, str.split, " ".join, required)


def _whole(name: str, *, required: bool = False) -> _Column:
    return _Column(name, _read_whole, str, required)


def _switch(name: str) -> _Column:
    return _Column(name, _read_switch, lambda value: "yes" if value else "no")


def _day(name: str, *, required: bool = False) -> _Column:
    return _Column(name, _read_day, str, required)


def _choice(name: str, choices: type[StrEnum], *, required: bool = False) -> _Column:
    def read(text: str) -> str:
        if text not in set(choices):
            raise _CellError("none of the words for it", f"write one of: {', '.join(choices)}")
        return text

    return _Column(name, read, str, required)


def _windows(name: str) -> _Column:
    return _Column(name, _read_windows, lambda value: " ".join(f"{region}={days}" for region, days in value.items()), required=True)


_NAMED: Final = (_text("zh", required=True), _text("en", required=True))

TABLES: Final[Mapping[str, tuple[_Table, ...]]] = {
    "catalogue": (
        _Table("items", (
            _text("code", required=True), *_NAMED, _choice("item_class", ItemClass, required=True),
            _choice("quality", Quality, required=True),
            _windows("windows"), _words("loinc"), _text("modality"), _text("specimen"), _text("unit"), _words("other_units"),
            _text("molar_mass"), _switch("method_bound"), _switch("images_required"),
        )),
    ),
    "institution-map": (
        _Table("results", (
            _text("system", required=True), _text("code", required=True), _text("item"), _text("specimen"), _text("unit"),
            _text("method"),
        )),
        _Table("orderables", (_text("code", required=True), *_NAMED, _words("items", required=True), _text("charge"))),
    ),
    "prices": (
        _Table("prices", (
            _text("charge", required=True), _text("region", required=True), _text("institution_class"),
            _whole("price_fen", required=True), _day("valid_from", required=True), _day("valid_to"),
        )),
    ),
    "certificates": (
        _Table("certificates", (
            _text("certificate", required=True), _text("institution", required=True), _text("item", required=True),
            _text("scope", required=True), _day("valid_from", required=True), _day("valid_to", required=True),
            _day("withdrawn"),
        )),
    ),
    "institutions": (
        _Table("institutions", (
            _text("institution", required=True), *_NAMED, _text("region", required=True),
            _text("institution_class", required=True), _switch("recognition_required"),
        )),
        _Table("campuses", (
            _text("institution", required=True), _text("code", required=True), *_NAMED,
        ), "institutions", "institution"),
    ),
    "regions": (
        _Table("classes", (_text("code", required=True), *_NAMED, _whole("rank", required=True))),
        _Table("regions", (
            _text("code", required=True), _text("label", required=True), *_NAMED, _choice("level", RegionLevel, required=True),
            _words("within"), _words("accepts"), _switch("upward_only"), _choice("without_reason", WithoutReason),
        )),
        _Table("sub_reasons", (
            _text("region", required=True), _text("code", required=True), _whole("reason", required=True), *_NAMED,
        ), "regions", "code"),
    ),
}  # fmt: skip
"""Kind of document -> its sheets, besides `document`."""

_RULES: Final = ("upward_only", "without_reason")


def import_sheets(sheets: Sequence[SheetText]) -> Document:
    """Make a document of its sheets.

    Raises:
        SheetRefusedError: A cell cannot be read or contradicts a rule; every such cell is listed.
    """
    by_name = {sheet.name: sheet for sheet in sheets}
    kind, members, faults = _head(by_name.get(HEAD_SHEET))
    has_head = not faults
    tables = {table.name: table for table in TABLES.get(kind, ())}
    faults += [fault for sheet in sheets for fault in sheet.faults]
    faults += [
        CellFault(sheet.name, 0, "", f"a {kind} has no such sheet", f"name it one of: {', '.join((HEAD_SHEET, *tables))}")
        for sheet in sheets
        if kind and sheet.name not in (HEAD_SHEET, *tables)
    ]
    read: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for name, table in tables.items():
        read[name], wrong = _rows(by_name.get(name), table)
        faults += wrong
    if not faults:
        faults += _nest(read, tables)
    elif not has_head or any(table.parent for table in tables.values()):
        raise SheetRefusedError(faults)  # what belongs to a row that cannot be read would seem to belong to none
    members |= {name: [row for _, row in rows] for name, rows in read.items() if not tables[name].parent}
    document, wrongs = document_of(kind, members)
    faults += [_cell(fault.place, fault.reason, read) for fault in wrongs]
    if document is None or faults:
        raise SheetRefusedError(sorted(faults, key=lambda fault: (fault.sheet, fault.row)))
    return document


def export_sheets(document: Document) -> tuple[SheetText, ...]:
    """Spell a document as sheets; importing them gives it again."""
    kind = kind_of(document)
    members = read_document(encode_document(document))
    head = [("format", kind)]
    for name, value in (members["head"] | {k: v for k, v in members.items() if k not in ("head", "format", "version")}).items():
        if name in {table.name for table in TABLES[kind]}:
            continue
        head += [(name, _spell(each)) for each in (value if isinstance(value, list) else [value])]
    rows = tuple(SheetRow(at, {"key": key, "value": value}) for at, (key, value) in enumerate(head, 2))
    tables = [_export(table, list(_records(table, members))) for table in TABLES[kind]]
    return (SheetText(HEAD_SHEET, ("key", "value"), rows), *tables)


def _head(sheet: SheetText | None) -> tuple[str, dict[str, Any], list[CellFault]]:
    if sheet is None or set(sheet.headings) != {"key", "value"}:
        remedy = "add it, with the headings key and value, and rows format, name, serial, issued"
        return "", {}, [CellFault(HEAD_SHEET, 0, "", "the sheet is missing, or has other headings", remedy)]
    faults: list[CellFault] = []
    values: dict[str, Any] = {}
    for row in sheet.rows:
        key, text = row.cells.get("key", ""), row.cells.get("value", "")
        try:
            if key in _HEAD_LISTS:
                values.setdefault(key, []).append(text)
            elif key in values or not key:
                raise _CellError("no key, or one that is there twice", "give each its own row")  # noqa: TRY301 - gathered below
            elif key in ("serial", "utc_offset_minutes"):
                values[key] = _read_whole(text)
            else:
                values[key] = _read_switch(text) if key in ("sample", "direct") else text
        except _CellError as error:
            faults.append(CellFault(HEAD_SHEET, row.number, "value", *error.args))
    kind = str(values.pop("format", ""))
    if kind not in FORMATS:
        faults.append(CellFault(HEAD_SHEET, 0, "format", "no such kind of document", f"write one of: {', '.join(FORMATS)}"))
        kind = ""
    head = {name: values.pop(name) for name in _HEAD_FIELDS if name in values}
    return kind, {"head": head, **values}, faults


def _rows(sheet: SheetText | None, table: _Table) -> tuple[list[tuple[int, dict[str, Any]]], list[CellFault]]:
    if sheet is None:
        return [], []
    columns = {column.name: column for column in table.columns}
    known = ", ".join(columns)
    faults = [CellFault(sheet.name, 1, each, "no such column", f"use: {known}") for each in sheet.headings if each not in columns]
    told = {(fault.row, fault.column) for fault in sheet.faults}
    rows = []
    for row in sheet.rows:
        values: dict[str, Any] = {}
        for name, column in columns.items():
            try:
                if name in row.cells:
                    values[name] = column.read(row.cells[name])
                elif column.required and (row.number, name) not in told:
                    raise _CellError("empty", "fill it in")  # noqa: TRY301 - gathered below
            except _CellError as error:
                faults.append(CellFault(sheet.name, row.number, name, *error.args))
        rows.append((row.number, values))
    # rows that cannot be read are told; the others may have faults of another kind
    unreadable = {fault.row for fault in (*faults, *sheet.faults)}
    return [(number, values) for number, values in rows if number not in unreadable], faults


def _nest(read: Mapping[str, list[tuple[int, dict[str, Any]]]], tables: Mapping[str, _Table]) -> list[CellFault]:
    """Put the rows of nested tables into the rows that they belong to."""
    for _, region in read.get("regions", ()):
        rules = {name: region.pop(name) for name in _RULES if name in region}
        if rules:
            region["rules"] = rules
    faults = []
    for name, table in tables.items():
        owner = table.columns[0].name
        owners = {row.get(table.parent_key): row for _, row in read[table.parent]} if table.parent else {}
        for number, row in read[name] if table.parent else ():
            holder = owners.get(row[owner])
            if holder is None:
                faults.append(CellFault(name, number, owner, "no such row", f"name one of the sheet {table.parent}"))
                continue
            inner = {key: value for key, value in row.items() if key != owner}
            home = holder.setdefault("rules", {}) if name == "sub_reasons" else holder
            home.setdefault(name, []).append(inner)
    return faults


def _cell(place: str, reason: str, read: Mapping[str, Sequence[tuple[int, dict[str, Any]]]]) -> CellFault:
    """Say of a place in the document which cell it came from; what nests is told by the row that holds it."""
    steps = place.strip("/").split("/")
    if steps[0] in read and len(steps) > 1 and steps[1].isdigit():
        number = read[steps[0]][int(steps[1])][0]
        return CellFault(steps[0], number, "/".join(steps[2:]), reason, "correct it")
    return CellFault(HEAD_SHEET, 0, steps[-1], reason, "correct it")


def _records(table: _Table, members: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if not table.parent:
        # a region that states rules states all of them: what is left out of the JSON is at its default
        stated = {"upward_only": False, "without_reason": WithoutReason.REFUSE.value}
        for row in members.get(table.name, ()):
            yield {**row, **stated, **row["rules"]} if "rules" in row else row
        return
    for holder in members.get(table.parent, ()):
        inner = holder.get("rules", {}) if table.name == "sub_reasons" else holder
        yield from ({**row, table.columns[0].name: holder[table.parent_key]} for row in inner.get(table.name, ()))


def _export(table: _Table, records: Sequence[Mapping[str, Any]]) -> SheetText:
    headings = tuple(column.name for column in table.columns)
    rows = tuple(
        SheetRow(at, {column.name: text for column in table.columns if (text := _write(column, record))})
        for at, record in enumerate(records, 2)
    )
    return SheetText(table.name, headings, rows)


def _write(column: _Column, record: Mapping[str, Any]) -> str:
    return column.write(record[column.name]) if record.get(column.name) is not None else ""


def _spell(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
