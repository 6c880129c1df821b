"""`concord recall` at hospital-a, and what hospital-b's commands say of what is recalled."""

from __future__ import annotations

import json

import pytest

from node.cli.failures import UnreachedError
from node.services.recognition.recall_work import RecallWork
from tests.unit.api_routes.client import Api, problem
from tests.unit.fhir_split.documents import Json
from tests.unit.members.neighbourhood import OTHER
from tests.unit.members.notices import deliver, recognised, reference
from tests.unit.members.patients import Patient, eventually
from tests.unit.members.recalls import made_with
from tests.unit.members.test_recognition_commands import STAFF, Application, Terminal
from tests.unit.services_records.world import HOSPITAL, World

PERIOD = ("--from", "2026-02-20T00:00:00+08:00", "--to", "2026-03-02T00:00:00+08:00")
ORDER: Json = {
    "actor": {"department": "06.01", "staff_number": "a-3", "authentication": "password"},
    "performed_from": "2026-02-20T00:00:00+08:00",
    "performed_to": "2026-03-02T00:00:00+08:00",
    "reason": "reagent",
    "lot": "L1",
}


class At:
    """Terminals at both hospitals."""

    def __init__(self, patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patient = patient
        self._patch = monkeypatch

    def terminal(self, world: World, key: str) -> Terminal:
        self._patch.setattr("node.cli.api_client.httpx.HTTPTransport", lambda **_: Application(world))
        made = Terminal(self._patient)
        made._key = key
        return made

    @property
    def here(self) -> Terminal:
        world = self._patient.neighbours.here
        return self.terminal(world, world.api_key(HOSPITAL))

    @property
    def there(self) -> Terminal:
        world = self._patient.neighbours.there
        return self.terminal(world, world.api_key(OTHER))


@pytest.fixture
def at(alone: Patient, monkeypatch: pytest.MonkeyPatch) -> At:
    return At(alone, monkeypatch)


def test_a_recall_is_looked_at_announced_and_shown(at: At, alone: Patient) -> None:
    receipt = made_with(alone, "AU-5800", "L1")
    recognised(alone)
    recall = ("recall", "announce", "--lot", " L1 ", *PERIOD, "--reason", "reagent", *STAFF)
    looked = at.here.read(*recall, "--preview")
    assert ([each["record_id"] for each in looked["results"]], looked["unreadable"]) == ([receipt.record_id], 0)
    assert looked["searched"] == looked["filed"]
    assert at.here.read("recall", "list") == {"recalls": []}
    announced = at.here.read(*recall, "--wait")
    recall_id = announced["recall"]["recall_id"]
    assert (announced["search"]["state"], announced["search"]["total"]) == ("done", 1)
    assert announced["search"]["searched"] == announced["search"]["filed"]
    assert [each["record_id"] for each in announced["results"]] == [receipt.record_id]
    assert (announced["told"], announced["unacknowledged"]) == (["hospital-b"], ["hospital-b"])
    again = at.here.read(*recall, "--recall-id", recall_id)
    assert again["recall"] == announced["recall"]
    deliver(alone)
    (notice,) = at.there.read("notices", "list")["notices"]
    at.there.read("notices", "acknowledge", notice["notice_id"], *STAFF)
    deliver(alone)
    shown = at.here.read("recall", "show", recall_id)
    assert (shown["told"], shown["unacknowledged"], shown["staff_number"]) == (["hospital-b"], [], "b-17")
    for words in ("L1", recall_id, "hospital-b", receipt.record_id):
        assert words in at.here.run("recall", "show", recall_id).output
    assert recall_id in at.here.run("recall", "list").output
    assert "could not be searched: 0" in at.here.run(*recall, "--preview").output
    assert at.here.run("recall", "show", "0" * 32).exit_code == 1


def test_a_search_that_is_under_way_says_so(at: At, alone: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    made_with(alone, lot="L1")
    monkeypatch.setattr(RecallWork, "step", lambda _: False)
    recall = ("recall", "announce", "--lot", "L1", *PERIOD, "--reason", "reagent", *STAFF)
    announced = at.here.read(*recall)
    filed = announced["recall"]["leaf_index"]
    assert announced["search"] == {"state": "running", "searched": 0, "filed": filed, "total": 0, "unreadable": 0}
    shown = at.here.run("recall", "show", announced["recall"]["recall_id"]).output
    for words in ("state: running", f"searched: 0 of {filed} entries", "total: 0 so far", "could not be searched: 0 so far"):
        assert words in shown
    monkeypatch.undo()
    again = At(alone, monkeypatch).here
    alone.neighbours.here.running.loops["recalls"].wake()
    waited = again.read("recall", "show", announced["recall"]["recall_id"], "--wait")
    assert (waited["search"]["state"], waited["search"]["total"], len(waited["results"])) == ("done", 1, 1)
    assert again.read("recall", "show", announced["recall"]["recall_id"], "--start", "1")["results"] == []


def test_a_recall_is_lifted_and_both_sides_say_so(at: At, alone: Patient) -> None:
    made_with(alone, lot="L1")
    recognised(alone)
    announced = at.here.read("recall", "announce", "--lot", "L1", *PERIOD, "--reason", "reagent", *STAFF, "--wait")
    recall_id = announced["recall"]["recall_id"]
    deliver(alone)
    assert "concord decide reverse" in at.there.run("notices", "list").output
    lifted = at.here.read("recall", "lift", recall_id, "--reason", "cleared", *STAFF, "--wait")
    assert (lifted["search"]["state"], lifted["recall"]["lifted_because"], lifted["lifted_by"]) == ("lifted", "cleared", "b-17")
    assert lifted["members"] == [{"member": "hospital-b", "notices": 2, "delivered": 1, "acknowledged": 0}]
    deliver(alone)
    told = {each["change"]: each for each in at.there.read("notices", "list")["notices"]}
    assert set(told) == {"recalled", "lifted"}
    assert told["lifted"]["lifts"] == told["recalled"]["entry"] == announced["recall"]["entry"]
    assert (told["recalled"]["is_lifted"], told["lifted"]["is_lifted"]) == (True, False)
    words = at.there.run("notices", "list").output
    assert "recalled, lifted since" in words
    assert "concord decide reverse" not in words
    assert "lifted because: cleared" in at.here.run("recall", "show", recall_id).output
    assert at.here.run("recall", "lift", "0" * 32, "--reason", "cleared", *STAFF).exit_code == 1


def test_whether_it_was_announced_is_not_known_without_an_answer(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at.here

    def lost(*_: object, **__: object) -> None:
        raise UnreachedError("the node did not answer in time")

    monkeypatch.setattr("node.cli.recognition.recalls.ApiClient.post", lost)
    recall_id = "ab" * 16
    words = ("recall", "announce", "--lot", "L1", *PERIOD, "--reason", "reagent", *STAFF, "--recall-id", recall_id)
    refused = terminal.run(*words)
    assert refused.exit_code == 3
    assert f"is not known: ask again with --recall-id {recall_id}" in " ".join(refused.output.split())


def test_a_find_and_a_retrieval_say_that_it_is_recalled(at: At, alone: Patient) -> None:
    receipt = made_with(alone, lot="L1")
    alone.retrieve(alone.grant())
    asked = ("find", "--system", alone.there.system, "--number", alone.there.value, *STAFF)
    assert [each["recalled"] for each in at.there.read(*asked)["records"]] == [False]
    at.here.read("recall", "announce", "--lot", "L1", *PERIOD, "--reason", "reagent", *STAFF, "--wait")
    there = alone.neighbours.there

    def is_followed() -> bool:
        # again and again: what was staged is logged a little later
        there.follow(reference(receipt).origin)
        return there.running.node.following.is_recalled(reference(receipt))

    eventually(is_followed, "hospital-b does not follow the recall")
    assert [each["recalled"] for each in at.there.read(*asked)["records"]] == [True]
    ((retrieval_id,),) = alone.neighbours.there.rows("select retrieval_id from retrieval_requests")
    shown = Api(alone.neighbours.there).get(f"/v1/retrievals/{retrieval_id}", institution=OTHER).json()
    assert [each["recalled"] for each in shown["requests"]] == [True]


@pytest.mark.parametrize(
    "change",
    [
        {"lot": ""},
        {"lot": " \n "},
        {"lot": "L\u001b[2J"},
        {"performed_to": "2026-02-20T00:00:00+08:00"},
        {"performed_to": "2026-03-02T00:00:00"},
        {"performed_from": "1969-01-01T00:00:00Z"},
        {"reason": "mood"},
        {"surprise": 1},
        {"recall_id": "x"},
    ],
    ids=range(9),
)
def test_what_is_no_recall_is_refused(town_api: Api, change: Json) -> None:
    refused = town_api.call("POST", "/v1/recalls", content=json.dumps(ORDER | change))
    problem(refused, 422, "refused")


def test_a_time_before_all_entries_is_refused_by_its_own_name(town_api: Api) -> None:
    refused = town_api.call("POST", "/v1/recalls", content=json.dumps(ORDER | {"performed_from": "1969-01-01T00:00:00Z"}))
    assert problem(refused, 422, "refused")["detail"].startswith("performed_from")


@pytest.fixture(scope="module")
def town_api(town: object) -> Api:
    return Api(town.here)  # type: ignore[attr-defined]


def test_who_may_not_recall(town_api: Api) -> None:
    refused = town_api.call("POST", "/v1/recalls", content=json.dumps(ORDER), scopes=["orders:decide"])
    assert refused.status_code == 403
    assert town_api.call("POST", "/v1/recalls", content=json.dumps(ORDER)).status_code == 202


@pytest.mark.parametrize("change", [{"reason": "mood"}, {"actor": None}, {"surprise": 1}], ids=range(3))
def test_what_is_no_lifting_is_refused(town_api: Api, change: Json) -> None:
    body = {"actor": ORDER["actor"], "reason": "cleared"} | change
    refused = town_api.call("POST", f"/v1/recalls/{'0' * 32}:lift", content=json.dumps(body))
    problem(refused, 422, "refused")


@pytest.mark.parametrize("wrong", ["2026-02-20", "2026-02-20T00:00:00", "yesterday"])
def test_a_time_without_a_zone_is_refused_by_name(at: At, wrong: str) -> None:
    words = ("recall", "announce", "--lot", "L1", "--from", wrong, "--to", "2026-03-02T00:00:00Z", "--reason", "reagent", *STAFF)
    refused = at.here.run(*words)
    assert refused.exit_code == 2
    assert f"--from {wrong}" in refused.output
    assert "+08:00" in refused.output
