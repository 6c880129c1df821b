"""`concord audit report` and `concord audit export` against a regulator's node: nothing that it told is lost on the way."""

from __future__ import annotations

import asyncio
import csv
import json
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from datasette.app import Datasette
from openpyxl import load_workbook
from typer.testing import CliRunner, Result

from node.cli.audit import export as audit_export
from node.cli.audit import report as audit_report
from node.cli.audit.export import METADATA, TABLES
from node.cli.audit.export_views import VIEWS
from node.cli.main import app
from node.domain.recognition import Reason
from node.supervision.events import FigureEvent
from tests.unit.api_routes.client import Api
from tests.unit.services_records.world import World
from tests.unit.services_supervision.consortium import (
    GRACE_S,
    HOLDER,
    REGULATOR,
    REQUESTER,
    A,
    B,
    eventually,
    log_act,
    log_receipt,
    make_access,
    make_consortium,
    wait_until_read,
)
from tests.unit.supervision.world import checked, line, recognised, reordered, unchecked

pytestmark = pytest.mark.slow

OTHER = "fedcba9876543210" * 2
EVENTS: list[FigureEvent] = [
    checked("1", line(1, campus="east")),
    recognised("2", line(1, campus="east")),
    checked("3", line(2, order="2")),
    reordered("4", line(2, order="2"), Reason.EMERGENCY),
    checked("5", line(3, order="3")),
    reordered("6", line(3, order="3"), None),
    unchecked("7", line(4, order="4")),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A node whose regulator counted a few decisions and found one access that B never logged."""
    made = make_consortium(tmp_path_factory.mktemp("reports") / "n").start()
    log_receipt(made, HOLDER)
    log_act(made, B, make_access(REQUESTER, request=OTHER))  # type: ignore[arg-type]  # a NewType
    wait_until_read(made, 2)
    eventually(lambda: made.rows("SELECT count(*) FROM supervision_receipts")[0][0], lambda found: found == 2)
    made.clock.advance(seconds=GRACE_S + 1)

    def open_findings() -> int:
        made.clock.advance(seconds=1)
        return int(made.rows("SELECT count(*) FROM supervision_findings")[0][0])

    eventually(open_findings, lambda count: count == 2)
    oversight = made.running.node.oversight
    assert oversight is not None
    assert oversight.supervision is not None
    oversight.supervision.figures._ready().take([(EVENTS, [])])
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def _client(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands ask the node in this process."""

    class Client:
        def __init__(self, url: str, api_key: str) -> None:
            del url, api_key

        def __enter__(self) -> Self:
            return self

        def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
            pass

        def get_json(self, path: str, parameters: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
            response = Api(world).get(f"{path}?{urlencode(parameters or {})}", institution=REGULATOR)
            assert response.status_code == 200, response.text
            return response.json()

    monkeypatch.setattr(audit_report, "ApiClient", Client)
    monkeypatch.setattr(audit_export, "ApiClient", Client)


def concord(*words: object) -> Result:
    environment = {"CONCORD_URL": "http://node", "CONCORD_API_KEY": "x", "COLUMNS": "400"}
    result = CliRunner().invoke(app, ["audit", *map(str, words)], env=environment)
    assert result.exit_code == 0, result.output
    return result


def test_a_report_shows_rates_as_what_they_are_made_of_in_both_languages() -> None:
    shown = concord("report", "--lang", "en").output
    assert "项目互认率 Item rate" in shown
    assert "1 / 3 (33.3 %)" in shown
    assert "50.00" in shown
    assert "未了结的监管发现 Open findings: 2" in shown


@pytest.mark.parametrize(
    ("by", "values"),
    [
        ("all", {"": 3}),
        ("institution", {B: 3}),
        ("campus", {f"{B}/": 2, f"{B}/east": 1}),
        ("class", {"3-PUBLIC": 3}),
        ("modality", {"LAB": 3}),
        ("institution-modality", {f"{B}/LAB": 3}),
        ("item", {"ALT": 3, "AST": 3}),
    ],
)
def test_opportunities_are_told_by_everything_in_every_file_and_by_month(by: str, values: dict[str, int], tmp_path: Path) -> None:
    book, page = tmp_path / "r.xlsx", tmp_path / "r.html"
    for period in ((), ("--from", "2026-10", "--to", "2026-12")):
        document = json.loads(concord("report", "--by", by, *period, "--xlsx", book, "--html", page, "--json").stdout)
        rows = document["figures"]["rows"]
        assert {row["value"]: row["opportunities"] for row in rows if row["opportunities"]} == values
        assert {row["period"] for row in rows} == ({"2026-11"} if period else {""})
        counted = [str(cells[4].value) for cells in load_workbook(book)["figures"].iter_rows(min_row=2)]
        expected = [*values.values(), *([] if by == "all" else [3])]  # below all groups stands what they come to
        assert sorted(each for each in counted if each != "0") == sorted(map(str, expected))
        assert page.read_text().count("<svg") >= 2


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("class", ["三级公立 Tertiary, public"]),
        ("modality", ["检验 Laboratory"]),
        ("reason", ["4 患者处于急诊、急救等紧急状态下 Emergency", "未说明理由 no reason given"]),
    ],
)
def test_groups_are_called_by_their_names_and_added_up(by: str, names: list[str], tmp_path: Path) -> None:
    concord("report", "--by", by, "--csv", tmp_path)
    with (tmp_path / "figures.csv").open(encoding="utf-8-sig", newline="") as file:
        called = [row["分组 Group"] for row in csv.DictReader(file)]
    assert called == [*names, "全部 All"]


def test_the_screen_tells_what_was_ordered_again() -> None:
    shown = concord("report", "--by", "reason").output
    assert "重新检查 Re-ordered" in shown


def test_the_form_calls_classes_by_their_names(tmp_path: Path) -> None:
    concord("report", "--csv", tmp_path)
    with (tmp_path / "liaoning.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {"三级公立 Tertiary, public", "三级甲等 Tertiary, grade A", ""} <= {
            row["等级 Class"] for row in csv.DictReader(file)
        }


def test_the_same_as_one_document() -> None:
    document = json.loads(concord("report", "--by", "reason", "--json").stdout)
    rows = {row["value"]: row["reordered"] for row in document["figures"]["rows"]}
    assert rows == {"4": 1, "none": 1}
    assert {each["code"] for each in document["findings"]} == {"holder_alone", "requester_alone"}
    assert [each["institution"] for each in document["institutions"]] == [A, B, REGULATOR]


def test_files_hold_what_the_screen_shows(tmp_path: Path) -> None:
    folder, book, page = tmp_path / "csv", tmp_path / "r.xlsx", tmp_path / "r.html"
    concord("report", "--csv", folder, "--xlsx", book, "--html", page, "--lang", "zh")
    assert sorted(file.name for file in folder.iterdir()) == ["figures.csv", "findings.csv", "liaoning.csv", "time_to_anchor.csv"]
    with (folder / "figures.csv").open(encoding="utf-8-sig", newline="") as file:
        row, total = csv.DictReader(file)
    assert (row["可互认次数 Opportunities"], row["已互认 Recognised"]) == ("3", "1")
    assert [row[heading] for heading in row if heading.endswith("Saved CNY")] == ["50.00"]
    assert [total[heading] for heading in total if heading.startswith("分组")] == ["全部 All"]
    assert total["可互认次数 Opportunities"] == "3"
    sheets = load_workbook(book)
    assert sheets.sheetnames == ["figures", "time_to_anchor", "liaoning", "findings"]
    assert [cell.value for cell in sheets["figures"][2]][4:6] == [3, 1]
    assert all(cell.data_type != "f" for sheet in sheets for cells in sheet.iter_rows() for cell in cells)
    html = page.read_text()
    charts = [part.partition("</svg>")[0] for part in html.split("<svg")[1:]]
    assert len(charts) == 3
    for chart in charts:
        ET.fromstring(f"<svg{chart}</svg>")  # noqa: S314 - what was just drawn
    assert "<script" not in html
    assert "hospital-a.example/log #0" in html


def test_months_without_anything_are_empty(tmp_path: Path) -> None:
    concord("report", "--from", "2025-01", "--to", "2025-03", "--html", tmp_path / "r.html")
    assert "<svg" not in (tmp_path / "r.html").read_text().partition("findings")[0]


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    file = tmp_path / "march.sqlite"
    concord("export", file, "--metadata", tmp_path / "metadata.json", "--from", "2026-11", "--json")
    return file


def test_an_export_holds_everything_with_its_keys(exported: Path) -> None:
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    with closing(sqlite3.connect(exported)) as database:
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
        assert set(TABLES) | set(VIEWS) <= names
        assert database.execute("SELECT count(*) FROM entries").fetchone() == (2,)
        assert database.execute("SELECT asked_by, outcome FROM receipts ORDER BY entry").fetchall() == [(B, "disclosed")] * 2
        rates = "SELECT recognised, opportunities FROM rates WHERE dimension = 'institution' AND period = '2026-11'"
        assert database.execute(rates).fetchall() == [(1, 3)]
        found = "SELECT code FROM findings WHERE rowid IN (SELECT rowid FROM findings_fts WHERE findings_fts MATCH ?)"
        assert database.execute(found, ['"holder_alone"']).fetchall() == [("holder_alone",)]
        assert len(database.execute(found, ['"hospital-a"']).fetchall()) == 2
        campuses = "SELECT institution, campus, recognised, opportunities FROM campus_rates WHERE period = '' ORDER BY campus"
        assert database.execute(campuses).fetchall() == [(B, "", 0, 2), (B, "east", 1, 1)]
        evidence = "SELECT code, entry, entry_type FROM evidence ORDER BY code"
        assert database.execute(evidence).fetchall() == [
            ("holder_alone", f"{A}.example/log#0", "access_receipt"),
            ("requester_alone", f"{B}.example/log#0", "access_receipt"),
        ]


def test_an_export_opens_in_datasette_with_its_metadata(exported: Path) -> None:
    metadata = json.loads((exported.parent / "metadata.json").read_text())
    served = Datasette([str(exported)], metadata=metadata)

    async def ask(path: str) -> Any:  # noqa: ANN401 - JSON
        response = await served.client.get(path)
        assert response.status_code == 200, response.text
        return response.json()

    async def questions() -> tuple[Any, Any, Any, Any]:
        return (
            await ask("/march/requests.json?_shape=array"),
            await ask("/march/unpaired-requests.json?_shape=array"),
            await ask("/march/findings.json?_shape=array&_search=holder_alone"),
            [
                await ask(f"/march/{name}.json?_shape=array&period=2026-11")
                for name in (*metadata["databases"]["march"]["queries"], *TABLES, *VIEWS)
            ],
        )

    requests, unpaired, found, every = asyncio.run(questions())
    assert all(isinstance(each, list) for each in every)
    assert {(each["holder"], each["requester"]) for each in requests} == {(A, B)}
    assert len(unpaired) == 2
    assert [each["code"] for each in found] == ["holder_alone"]


def test_what_an_institution_read_of_its_own_needs_no_second_receipt(exported: Path) -> None:
    metadata = json.loads((exported.parent / "metadata.json").read_text())
    query = metadata["databases"]["march"]["queries"]["unpaired-requests"]["sql"]
    with closing(sqlite3.connect(exported)) as database:
        assert len(database.execute(query).fetchall()) == 2
        database.execute("UPDATE receipts SET counterpart = institution WHERE side = 'holder'")
        assert len(database.execute(query).fetchall()) == 1


def test_an_export_replaces_nothing(exported: Path) -> None:
    before = exported.read_bytes()
    result = CliRunner().invoke(app, ["audit", "export", str(exported), "--url", "http://node", "--api-key", "x"])
    assert result.exit_code == 2
    assert exported.read_bytes() == before


def test_the_metadata_explains_every_table_and_asks_what_there_is() -> None:
    database = json.loads(METADATA.read_bytes())["databases"]["concord"]
    assert set(database["tables"]) == set(TABLES)
    for name, told in database["tables"].items():
        columns = {*TABLES[name]}
        assert {*told.get("facets", ()), *told.get("columns", ())} <= columns
    assert all("sql" in query for query in database["queries"].values())
