"""`concord audit report`: a regulator's figures and findings, on the screen and as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from node.cli.api_client import ApiClient
from node.cli.audit.report_files import report_csv, report_workbook
from node.cli.audit.report_tables import Answers, ReportTables
from node.cli.files import write_file
from node.cli.options import Language
from node.cli.output import printable, show, show_json
from node.cli.texts import language_of
from node.printing.report_page import render_page
from node.supervision.tallies import Dimension

_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """What to report."""

    by: str
    """By what."""
    first: str | None
    """First month."""
    last: str | None
    """Last month."""

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the request."""
        given = {"by": self.by, "from": self.first, "to": self.last}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where to write it besides the screen."""

    csv: Path | None
    """A folder, one file for each table."""
    xlsx: Path | None
    """A workbook."""
    html: Path | None
    """A page with charts."""


def ask(client: ApiClient, query: ReportQuery) -> Answers:
    """Ask a regulator's node for everything that a report holds."""
    # the form is about one month, or all time
    month = {"month": query.last or query.first} if query.first else {}
    figures = client.get_json("/v1/supervision/figures", query.parameters())
    everything = {**query.parameters(), "by": Dimension.ALL.value}
    by_nothing = query.by == Dimension.ALL.value
    return Answers(
        figures=figures,
        totals=() if by_nothing else client.get_json("/v1/supervision/figures", everything)["rows"],
        liaoning=client.get_json("/v1/supervision/liaoning", month),
        institutions=client.get_json("/v1/supervision/institutions")["institutions"],
        findings=all_findings(client, {"open": "true"}),
    )


def all_findings(client: ApiClient, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return findings, newest first, however many pages they are."""
    found: list[dict[str, Any]] = []
    before: dict[str, str] = {}
    while True:
        page = client.get_json("/v1/supervision/findings", {**wanted, **before, "limit": _PAGE})
        found += page["findings"]
        if page["next_before"] is None:
            return found
        before = {"before": page["next_before"]}


def report(url: str, api_key: str, query: ReportQuery, files: ReportFiles, language: Language | None, *, as_json: bool) -> None:
    """Show a report and write its files."""
    with ApiClient(url, api_key) as client:
        answers = ask(client, query)
    chosen = language or language_of()
    tables = ReportTables(answers, chosen)
    written = _write(tables, files)
    if as_json:
        shown = {"figures": answers.figures, "liaoning": answers.liaoning, "findings": answers.findings}
        show_json({**shown, "institutions": answers.institutions, "written": written})
        return
    rows = [{printable(heading): printable(cell) for heading, cell in row.items()} for row in tables.summary()]
    open_findings = {tables.say("findings"): len(answers.findings)}
    show({tables.say("figures"): rows, **open_findings, "written": written}, as_json=False)


def _write(tables: ReportTables, files: ReportFiles) -> list[str]:
    contents: dict[Path, bytes] = {}
    if files.csv is not None:
        files.csv.mkdir(parents=True, exist_ok=True)
        contents |= {files.csv / f"{table.name}.csv": report_csv(table) for table in tables.tables()}
    if files.xlsx is not None:
        contents[files.xlsx] = report_workbook(tables.tables())
    if files.html is not None:
        contents[files.html] = render_page(tables.say("title"), tables.notes(), tables.sections()).encode()
    for path, content in contents.items():
        write_file(path, content)
    return [str(path) for path in contents]
