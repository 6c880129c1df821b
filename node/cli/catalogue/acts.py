"""`concord catalogue`: documents from sheets and back, shown, checked against each other, and what a map lacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import typer

from node.cli.failures import REFUSED, UsageError
from node.cli.files import write_file
from node.cli.output import show
from node.domain.entry import InstitutionId
from node.domain.kind import DocumentLimits, IdentityRules
from node.domain.record import Item
from node.errors import NoProfileError, SheetRefusedError
from node.terminology.bundle import Document, Terminology
from node.terminology.consistency import inconsistencies
from node.terminology.maps import ResultIndex, unmapped_codes
from node.wire.catalogue.cells import SheetText, read_csv, read_workbook, write_csv, write_workbook
from node.wire.catalogue.documents import (
    PACKAGED_CATALOGUE,
    PACKAGED_MAPS,
    digest_of,
    encode_document,
    kind_of,
    load_terminology,
    parse_document,
)
from node.wire.catalogue.sheets import TABLES, export_sheets, import_sheets
from node.wire.fhir.documents import split_document
from node.wire.kinds import load_kinds

_WORKBOOK: Final = ".xlsx"
_CSV: Final = ".csv"


def import_document(paths: Sequence[Path], output: Path, *, as_json: bool) -> None:
    """Make a document of sheets; list every cell that is wrong, and exit with 1.

    Raises:
        UsageError: Neither one workbook nor CSV files.
    """
    try:
        document = import_sheets(_sheets(paths))
    except SheetRefusedError as error:
        faults = [dataclasses.asdict(fault) for fault in error.faults]
        show({"verdict": "refused", "written": None, "faults": faults}, as_json=as_json)
        raise typer.Exit(REFUSED) from error
    content = encode_document(document)
    write_file(output, content)
    show({"verdict": "imported", "written": str(output), "faults": []} | _summary(document, content), as_json=as_json)


def export_document(path: Path, output: Path, *, as_json: bool) -> None:
    """Write a document as a workbook, or as CSV files in a folder."""
    sheets = export_sheets(parse_document(path.read_bytes()))
    if output.suffix.lower() == _WORKBOOK:
        write_file(output, write_workbook(sheets))
        written = [output]
    else:
        output.mkdir(parents=True, exist_ok=True)
        written = [output / f"{sheet.name}{_CSV}" for sheet in sheets]
        for file, sheet in zip(written, sheets, strict=True):
            write_file(file, write_csv(sheet))
    show({"written": [str(each) for each in written], "rows": sum(len(sheet.rows) for sheet in sheets)}, as_json=as_json)


def show_document(path: Path, *, as_json: bool) -> None:
    """Show a document."""
    content = path.read_bytes()
    document = parse_document(content)
    tables = {
        sheet.name: [{heading: row.cells.get(heading, "") for heading in sheet.headings} for row in sheet.rows]
        for sheet in export_sheets(document)[1:]
    }
    show(_summary(document, content) | {"sources": list(document.head.sources)} | tables, as_json=as_json)


def check_documents(paths: Sequence[Path], *, as_json: bool) -> None:
    """Check documents against each other; exit with 1 where one contradicts another."""
    documents = _terminology(paths)
    found = [dataclasses.asdict(each) for each in inconsistencies(documents)]
    pins = [{"document": pin.kind, "of": pin.subject, "digest": pin.digest.hex()} for pin in documents.pins]
    show({"verdict": "contradictory" if found else "consistent", "documents": pins, "contradictions": found}, as_json=as_json)
    if found:
        raise typer.Exit(REFUSED)


def show_unmapped(results: Sequence[Path], institution: str, paths: Sequence[Path], *, as_json: bool) -> None:
    """List the codes of results that a map does not know; exit with 1 where there are any.

    Raises:
        NoProfileError: The documents hold no map of the institution.
    """
    documents = _terminology(paths)
    mapping = documents.maps.get(InstitutionId(institution))
    if mapping is None:
        raise NoProfileError(institution)
    seen = list(_items(results, mapping.institution))
    found = unmapped_codes(seen, ResultIndex(mapping, documents.catalogue))
    lines = [dataclasses.asdict(each) for each in found]
    show({"institution": institution, "codes_seen": len(set(seen)), "unmapped": lines}, as_json=as_json)
    if found:
        raise typer.Exit(REFUSED)


def _sheets(paths: Sequence[Path]) -> Sequence[SheetText]:
    kinds = {path.suffix.lower() for path in paths}
    if kinds == {_WORKBOOK} and len(paths) == 1:
        return read_workbook(paths[0].read_bytes())
    if kinds == {_CSV}:
        return [read_csv(path.stem, path.read_bytes()) for path in paths]
    raise UsageError(f"give one {_WORKBOOK} file, or {_CSV} files named after their tables")


def _summary(document: Document, content: bytes) -> dict[str, object]:
    head = document.head
    kind = kind_of(document)
    rows = {table.name: len(getattr(document, table.name)) for table in TABLES[kind] if not table.parent}
    return {
        "document": kind,
        "name": head.name,
        "serial": head.serial,
        "issued": head.issued.isoformat(),
        "sample": head.sample,
        "digest": digest_of(content).hex(),
        "count": rows,
    }


def _terminology(paths: Sequence[Path]) -> Terminology:
    files = [file for path in paths or (PACKAGED_CATALOGUE, PACKAGED_MAPS) for file in _files(path)]
    return load_terminology(file.read_bytes() for file in files)


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.json")) if path.is_dir() else [path]


def _items(paths: Sequence[Path], institution: InstitutionId) -> Iterator[Item]:
    kinds = load_kinds()
    rules = IdentityRules(institution)
    for file in [each for path in paths for each in _files(path)]:
        for draft in split_document(file.read_bytes(), kinds, DocumentLimits(), rules).drafts:
            if draft.identity.kind == "exam-result":
                yield from draft.items
