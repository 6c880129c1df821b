"""`concord notices` at hospital-b, and what hospital-a sees of it."""

from __future__ import annotations

import json

import pytest

from node.domain.revision_notice import NoticeChange
from node.wire.members.revisions import ACKNOWLEDGEMENT_KIND
from tests.unit.api_routes.client import Api
from tests.unit.members.neighbourhood import OTHER
from tests.unit.members.notices import amend, deliver, file_again, received, recognised, sent
from tests.unit.members.orders import file_electrolytes
from tests.unit.members.patients import Patient
from tests.unit.members.recalls import made_with, recall
from tests.unit.members.test_recognition_commands import STAFF, Application, Terminal
from tests.unit.services_records.world import CLINIC

Patched = pytest.MonkeyPatch


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


def test_many_are_acknowledged_together_or_none(terminal: Terminal, alone: Patient) -> None:
    for _ in range(2):
        file_electrolytes(alone)
    recognised(alone)
    for position in range(2):
        file_again(alone, position, status="corrected", conclusion="mended")
    deliver(alone)
    ids = [each["notice_id"] for each in terminal.read("notices", "list")["notices"]]
    assert len(ids) == 2
    refused = terminal.run("notices", "acknowledge", *ids, "0" * 32, *STAFF)
    assert (refused.exit_code, len(terminal.read("notices", "list")["notices"])) == (1, 2)
    done = terminal.read("notices", "acknowledge", *ids, ids[0], *STAFF)
    assert (done["acknowledged"], done["before"], [each["is_new"] for each in done["notices"]]) == (2, 0, [True, True])
    again = terminal.read("notices", "acknowledge", *ids, *STAFF)
    assert (again["acknowledged"], again["before"]) == (0, 2)
    assert "acknowledged before: 2" in terminal.run("notices", "acknowledge", *ids, *STAFF).output
    # each for itself, once
    deliver(alone)
    assert [each.acknowledged_at_ms is not None for each in sent(alone)] == [True, True]
    told = alone.neighbours.there.rows("select count(*) from outbox where kind = ?", ACKNOWLEDGEMENT_KIND)
    assert told == [(2,)]


def test_all_notices_of_one_recall_are_acknowledged_by_its_entry(terminal: Terminal, alone: Patient, monkeypatch: Patched) -> None:
    monkeypatch.setattr("node.services.recognition.recall_work.RUN_ENTRIES", 1)
    for _ in range(2):
        made_with(alone, "AU-5800", "L1")
    recognised(alone)
    amend(alone)
    report = recall(alone, lot="L1")
    deliver(alone)
    recalled = [each for each in received(alone) if each.received.change is NoticeChange.RECALLED]
    assert len(recalled) == 2  # the search tells run by run
    reason = f"{report.recall.entry.origin}#{report.recall.entry.leaf_hash.hex()}"
    done = terminal.read("notices", "acknowledge", "--reason", reason, *STAFF)
    assert (done["acknowledged"], {each["change"] for each in done["notices"]}) == (2, {"recalled"})
    assert [each.received.change for each in received(alone)] == [NoticeChange.AMENDED]
    assert terminal.read("notices", "acknowledge", "--reason", reason, *STAFF)["before"] == 2
    unknown = terminal.run("notices", "acknowledge", "--reason", f"{report.recall.entry.origin}#{'0' * 64}", *STAFF)
    assert (unknown.exit_code, "0" * 64 in unknown.output) == (1, True)
    for words in ((), ("x", "--reason", reason), ("--reason", "nowhere")):
        assert terminal.run("notices", "acknowledge", *words, *STAFF).exit_code == 2


def test_a_request_names_notices_or_their_reason(alone: Patient, monkeypatch: Patched) -> None:
    api = Api(alone.neighbours.there)
    actor = {"department": "03.04", "staff_number": "b-17", "authentication": "password"}
    entry = {"origin": "hospital-a.example/log", "leaf_hash": "0" * 64}
    wrong: list[dict[str, object]] = [
        {},
        {"notices": []},
        {"notices": ["0" * 32], "entry": entry},
        {"entry": {**entry, "origin": ""}},
    ]
    for what in wrong:
        answer = api.call(
            "POST", "/v1/recognition/notices:acknowledge", institution=OTHER, content=json.dumps({"actor": actor, **what})
        )
        assert answer.status_code == 422
    monkeypatch.setattr("node.services.recognition.received_notices.MAX_TOGETHER", 0)
    file_electrolytes(alone)
    recognised(alone)
    amend(alone)
    deliver(alone)
    (notice,) = received(alone)
    named = {"origin": notice.received.entry.origin, "leaf_hash": notice.received.entry.leaf_hash.hex()}
    body = json.dumps({"actor": actor, "entry": named})
    assert api.call("POST", "/v1/recognition/notices:acknowledge", institution=OTHER, content=body).status_code == 422
    assert len(received(alone)) == 1


def test_people_who_decide_alone_take_notice(alone: Patient) -> None:
    api = Api(alone.neighbours.there)
    refused = api.call("GET", "/v1/recognition/notices", institution=OTHER, scopes=["records:read"])
    assert refused.status_code == 403
    body = json.dumps({"actor": {"department": "", "staff_number": "", "authentication": ""}})
    malformed = api.call("POST", f"/v1/recognition/notices/{'0' * 32}:acknowledge", institution=OTHER, content=body)
    assert malformed.status_code == 422
