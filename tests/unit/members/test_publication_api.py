"""Documents over HTTP and from the command line: published, listed, looked up by digest, refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from node.cli.main import app
from node.domain.recognition import OrderableCode
from node.wire.catalogue.documents import digest_of
from node.wire.catalogue.entry import DOCUMENT_MEDIA_TYPE
from node.wire.header.frames import parse_header_frames
from tests.unit.api_routes.client import Api, problem
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.members.orders import check
from tests.unit.members.patients import Patient
from tests.unit.members.publications import REGULATOR, SHARED, make_regulator, publish_all, sample, slip_in, version
from tests.unit.members.test_recognition_commands import Application
from tests.unit.services_records.world import HOSPITAL, report

DOCUMENTS = "/v1/catalogue/documents"


@pytest.fixture
def regulated(neighbours: Neighbourhood) -> Neighbourhood:
    make_regulator(neighbours)
    return neighbours


@pytest.fixture
def terminal(regulated: Neighbourhood, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setattr("node.cli.api_client.httpx.HTTPTransport", lambda **_: Application(regulated.here))
    return Terminal(regulated)


class Terminal:
    """Runs commands as the regulator on the first node, or as another institution of it."""

    def __init__(self, neighbours: Neighbourhood) -> None:
        self._neighbours = neighbours

    def run(self, *words: str, institution: Any = REGULATOR) -> Result:  # noqa: ANN401 - an id
        return CliRunner().invoke(
            app, ["catalogue", *words, "--url", "http://node", "--api-key", self._neighbours.here.api_key(institution)]
        )

    def read(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.output)


def test_a_document_is_published_listed_and_had_by_its_digest(regulated: Neighbourhood) -> None:
    api, data = Api(regulated.here), version(sample("prices"), 2)
    first = api.call("POST", DOCUMENTS, institution=REGULATOR, content=data)
    assert first.status_code == 201, first.text
    body = first.json()
    assert (body["kind"], body["serial"], body["new"], body["contradictions"]) == ("prices", 2, True, [])
    assert (body["digest"], body["origin"]) == (digest_of(data).hex(), regulated.here.origin(REGULATOR))
    again = api.call("POST", DOCUMENTS, institution=REGULATOR, content=data)
    assert (again.status_code, again.json()["leaf_index"]) == (200, body["leaf_index"])
    found = api.get(f"{DOCUMENTS}/{body['digest']}")
    assert (found.content, found.headers["content-type"]) == (data, DOCUMENT_MEDIA_TYPE)
    problem(api.get(f"{DOCUMENTS}/{'0' * 64}"), 404, "unknown-pin")
    problem(api.get(f"{DOCUMENTS}/0123"), 422, "refused")


def test_what_is_not_published_is_told_why(regulated: Neighbourhood) -> None:
    api = Api(regulated.here)
    data = version(sample("prices"), 2)
    body = problem(api.call("POST", DOCUMENTS, content=data), 403, "not-publisher")
    assert body["detail"] == "not published: prices is published by members with the role regulator, not by hospital-a"
    problem(api.call("POST", DOCUMENTS, institution=REGULATOR, content=data[:-3]), 400, "malformed")
    problem(api.call("POST", DOCUMENTS, institution=REGULATOR, content=b" " * (4 * 2**20 + 1)), 413, "too-large")
    api.call("POST", DOCUMENTS, institution=REGULATOR, content=data)
    taken = problem(
        api.call("POST", DOCUMENTS, institution=REGULATOR, content=data.replace(b'"test"', b'"another"')), 409, "serial-taken"
    )
    assert "raise /head/serial" in taken["detail"]


def test_a_node_without_a_consortium_says_so(regulated: Neighbourhood) -> None:
    regulated.stop()
    for world in (regulated.here, regulated.there):
        world.outside = None
        (world.directory / "trust-root.note").unlink()
    regulated.here.start()
    problem(Api(regulated.here).get(DOCUMENTS), 503, "not-set-up")


def test_commands_publish_and_show(terminal: Terminal, regulated: Neighbourhood, tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for kind in SHARED:
        (folder / f"{kind}.json").write_bytes(version(sample(kind), 2))
    told = terminal.read("publish", str(folder))
    assert ([each["kind"] for each in told["published"]], told["refused"]) == (sorted(SHARED), [])
    mixed = terminal.run("publish", str(folder / "prices.json"), str(folder / "regions.json"), institution=HOSPITAL)
    assert mixed.exit_code == 1
    assert "role regulator" in mixed.output
    assert terminal.run("publish", str(tmp_path / "documents" / "nothing")).exit_code == 2
    publish_all(regulated)
    held = terminal.read("published")
    assert (held["source"], {each["serial"] for each in held["documents"]}) == ("published", {2})
    everything = terminal.read("published", "--all", "--kind", "prices")
    assert [(each["serial"], each["in_force"]) for each in everything["documents"]] == [(1, False), (2, True)]
    shown = terminal.run("published").output
    assert f"{regulated.here.origin(REGULATOR)}#" in shown


def test_the_worklist_is_shown(regulated: Neighbourhood, monkeypatch: pytest.MonkeyPatch) -> None:
    check(Patient(regulated), OrderableCode("UNHEARD"))
    monkeypatch.setattr("node.cli.api_client.httpx.HTTPTransport", lambda **_: Application(regulated.there))
    words = ["catalogue", "worklist", "--url", "http://node", "--api-key", regulated.there.api_key(OTHER)]
    shown = CliRunner().invoke(app, words)
    assert (shown.exit_code, "UNHEARD" in shown.output, "ordered" in shown.output) == (0, True, True)


def test_a_page_of_headers_ends_before_it_is_too_large(regulated: Neighbourhood, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.api.routes.log._MAX_PAGE_BYTES", 25_000)
    for serial in (2, 3, 4):
        slip_in(regulated, version(sample("prices"), serial), HOSPITAL)
    receipt = regulated.here.receipt(report())
    regulated.here.wait_logged(receipt)
    api, start, pages = Api(regulated.here), 0, 0
    while True:
        page = api.get(f"/v1/headers/{receipt.origin}?from={start}&count=256").content
        if not page:
            break
        pages, start = pages + 1, start + frames(page)
    assert start == (receipt.leaf_index or 0) + 1
    assert pages >= 3


def frames(page: bytes) -> int:
    """Return how many headers a page has."""

    return len(list(parse_header_frames(page)))
