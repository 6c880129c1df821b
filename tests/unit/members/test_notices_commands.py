"""`concord notices` at hospital-b, and what hospital-a sees of it."""

from __future__ import annotations

import json

import pytest

from tests.unit.api_routes.client import Api
from tests.unit.members.neighbourhood import OTHER
from tests.unit.members.notices import amend, deliver, recognised
from tests.unit.members.orders import file_electrolytes
from tests.unit.members.patients import Patient
from tests.unit.members.test_recognition_commands import STAFF, Application, Terminal
from tests.unit.services_records.world import CLINIC


@pytest.fixture
def terminal(alone: Patient, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setattr("node.cli.api_client.httpx.HTTPTransport", lambda **_: Application(alone.neighbours.there))
    return Terminal(alone)


def test_a_notice_is_listed_acknowledged_and_gone(terminal: Terminal, alone: Patient) -> None:
    assert terminal.read("notices", "list") == {"notices": []}
    file_electrolytes(alone)
    decided = recognised(alone)
    amend(alone)
    deliver(alone)
    (notice,) = terminal.read("notices", "list")["notices"]
    assert (notice["issuer"], notice["change"], notice["state"]) == ("hospital-a", "amended", "received")
    assert [each["decision_id"] for each in notice["decisions"]] == [decided.decision_id]
    shown = terminal.run("notices", "list").output
    assert f"concord decide reverse {decided.decision_id}" in shown
    done = terminal.read("notices", "acknowledge", notice["notice_id"], *STAFF)
    assert (done["state"], done["acknowledged_by"], done["acknowledged_in"]) == ("acknowledged", "b-17", "03.04")
    assert "acknowledged by b-17" in terminal.run("notices", "list", "--all").output
    assert terminal.read("notices", "list") == {"notices": []}
    terminal.read("decide", "reverse", decided.decision_id, *STAFF)
    assert "concord decide reverse" not in terminal.run("notices", "list", "--all").output
    assert terminal.run("notices", "acknowledge", "0" * 32, *STAFF).exit_code == 1


def test_the_issuer_sees_who_has_not_acknowledged(terminal: Terminal, alone: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    first = file_electrolytes(alone)
    recognised(alone)
    amend(alone)
    here = Api(alone.neighbours.here)
    listed = here.get("/v1/recognition/notices:sent?unacknowledged=true").json()
    assert (listed["unacknowledged"], listed["overdue"]) == (1, 0)
    assert [(each["recipient"], each["state"]) for each in listed["notices"]] == [("hospital-b", "queued")]
    deliver(alone)
    (notice,) = terminal.read("notices", "list")["notices"]
    terminal.read("notices", "acknowledge", notice["notice_id"], *STAFF)
    deliver(alone)
    assert here.get("/v1/recognition/notices:sent?unacknowledged=true").json()["notices"] == []
    assert here.get("/v1/recognition/notices:sent", institution=CLINIC).json()["notices"] == []
    monkeypatch.setattr("node.cli.api_client.httpx.HTTPTransport", lambda **_: Application(alone.neighbours.here))
    terminal._key = alone.neighbours.here.api_key()
    (sent,) = terminal.read("notices", "sent", "--record", first.record_id)["notices"]
    assert (sent["record_id"], sent["state"]) == (first.record_id, "acknowledged")
    assert "hospital-b" in terminal.run("notices", "sent").output
    assert terminal.read("notices", "sent", "--unacknowledged")["notices"] == []


def test_people_who_decide_alone_take_notice(alone: Patient) -> None:
    api = Api(alone.neighbours.there)
    refused = api.call("GET", "/v1/recognition/notices", institution=OTHER, scopes=["records:read"])
    assert refused.status_code == 403
    body = json.dumps({"actor": {"department": "", "staff_number": "", "authentication": ""}})
    malformed = api.call("POST", f"/v1/recognition/notices/{'0' * 32}:acknowledge", institution=OTHER, content=body)
    assert malformed.status_code == 422
