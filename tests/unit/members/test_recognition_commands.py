"""`concord check` and `concord decide` against a node, its application in place of the network."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from node.cli.main import app
from tests.unit.members.neighbourhood import OTHER
from tests.unit.members.orders import file_electrolytes
from tests.unit.members.patients import Patient
from tests.unit.services_records.world import World

STAFF = ("--staff", "b-17", "--department", "03.04")


class Application(httpx.BaseTransport):
    """Carries a command's requests to a node's application."""

    def __init__(self, world: World) -> None:
        self._app = world.app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def exchange() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app)) as client:
                return await client.request(request.method, request.url, content=request.read(), headers=request.headers)

        answer = asyncio.run(exchange())
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


class Terminal:
    """Runs commands as hospital-b."""

    def __init__(self, patient: Patient) -> None:
        self._patient = patient
        self._key = patient.neighbours.there.api_key(OTHER)

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(app, [*words, "--url", "http://node", "--api-key", self._key])

    def read(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    def check(self, *orders: str) -> tuple[str, ...]:
        patient = self._patient.there
        return ("check", *orders, "--system", patient.system, "--number", patient.value, *STAFF)


@pytest.fixture
def terminal(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    found = Terminal(patient)
    monkeypatch.setattr("node.cli.api_client.httpx.HTTPTransport", lambda **_: Application(patient.neighbours.there))
    return found


def test_an_order_is_checked_retrieved_recognised_and_taken_back(terminal: Terminal, patient: Patient) -> None:
    file_electrolytes(patient)
    answer = terminal.read(*terminal.check("o-7=ELECTRO"))
    (offer,) = answer["lines"][0]["offers"]
    result = f"{offer['origin']}#{offer['leaf_hash']}"
    patient.retrieve(patient.grant())
    taken = terminal.read("decide", "recognise", answer["check_id"], "o-7", "--result", result, *STAFF)
    assert (taken["outcome"], taken["told"]) == ("recognised", ["hospital-a"])
    back = terminal.read("decide", "reverse", taken["decision_id"], *STAFF)
    assert back["decision_id"] == taken["decision_id"]
    again = terminal.run("decide", "reorder", answer["check_id"], "o-7", *STAFF)
    assert again.exit_code == 1
    assert "six reasons" in again.output
    ordered = terminal.read("decide", "reorder", answer["check_id"], "o-7", "--reason", "6", "--words", "why", *STAFF)
    assert ordered["outcome"] == "reordered"
    assert terminal.read("decide", "heard") == {"decisions": []}


def test_people_read_lines_offers_and_the_warning(terminal: Terminal, patient: Patient) -> None:
    file_electrolytes(patient)
    shown = terminal.run(*terminal.check("ELECTRO", "LIVER"), "--lang", "en").output
    for words in ("partly", "LAB-CL", "hospital-a", "全国HR", "First People's Hospital", "concord emergency open", "/view/"):
        assert words in shown


@pytest.mark.parametrize(
    "words",
    [("check", "=ELECTRO", "--number", "1", *STAFF), ("check", "x=", "--number", "1", *STAFF), ("check", "ELECTRO", *STAFF)],
    ids=["no-id", "no-orderable", "no-patient"],
)
def test_an_order_that_is_none(terminal: Terminal, words: tuple[str, ...]) -> None:
    assert terminal.run(*words).exit_code == 2


def test_a_result_is_named_as_an_offer_is(terminal: Terminal) -> None:
    assert terminal.run("decide", "recognise", "0" * 32, "o-1", "--result", "nothing", *STAFF).exit_code == 2


def test_a_slip_is_saved(terminal: Terminal, patient: Patient, tmp_path: Path) -> None:
    file_electrolytes(patient)
    answer = terminal.read(*terminal.check("o-7=ELECTRO"))
    (offer,) = answer["lines"][0]["offers"]
    patient.retrieve(patient.grant())
    result = f"{offer['origin']}#{offer['leaf_hash']}"
    taken = terminal.read("decide", "recognise", answer["check_id"], "o-7", "--result", result, *STAFF)
    saved = terminal.read("decide", "slip", taken["decision_id"], "--out", str(tmp_path / "slip.html"))
    page = (tmp_path / "slip.html").read_bytes()
    assert saved["bytes"] == len(page)
    assert taken["decision_id"] in page.decode()
    assert terminal.run("decide", "slip", "0" * 32, "--out", str(tmp_path / "none.html")).exit_code == 1
    assert not (tmp_path / "none.html").exists()
