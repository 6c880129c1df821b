"""`concord recall` at hospital-a, and what hospital-b's commands say of what is recalled."""

from __future__ import annotations

import json

import pytest

from tests.unit.api_routes.client import Api, problem
from tests.unit.fhir_split.documents import Json
from tests.unit.members.neighbourhood import OTHER
from tests.unit.members.notices import deliver, recognised, reference
from tests.unit.members.patients import Patient, eventually
from tests.unit.members.test_recalls import made_with
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
    assert (looked["report"], looked["total"], looked["unreadable"]) == (None, 1, 0)
    assert at.here.read("recall", "list") == {"recalls": []}
    announced = at.here.read(*recall)
    recall_id = announced["report"]["recall"]["recall_id"]
    assert [each["record_id"] for each in announced["results"]] == [receipt.record_id]
    assert (announced["report"]["told"], announced["report"]["unacknowledged"]) == (["hospital-b"], ["hospital-b"])
    again = at.here.read(*recall, "--recall-id", recall_id)
    assert again["report"]["recall"] == announced["report"]["recall"]
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
    assert at.here.run("recall", "announce", "--lot", "L9", *PERIOD, "--reason", "reagent", *STAFF).exit_code == 1
    assert at.here.run("recall", "show", "0" * 32).exit_code == 1


def test_a_find_and_a_retrieval_say_that_it_is_recalled(at: At, alone: Patient) -> None:
    receipt = made_with(alone, lot="L1")
    alone.retrieve(alone.grant())
    asked = ("find", "--system", alone.there.system, "--number", alone.there.value, *STAFF)
    assert [each["recalled"] for each in at.there.read(*asked)["records"]] == [False]
    at.here.read("recall", "announce", "--lot", "L1", *PERIOD, "--reason", "reagent", *STAFF)
    following = alone.neighbours.there.running.node.following
    following.told([reference(receipt).origin])
    eventually(lambda: following.is_recalled(reference(receipt)), "hospital-b does not follow the recall")
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
    problem(town_api.call("POST", "/v1/recalls", content=json.dumps(ORDER)), 422, "nothing-to-recall")


@pytest.mark.parametrize("wrong", ["2026-02-20", "2026-02-20T00:00:00", "yesterday"])
def test_a_time_without_a_zone_is_refused_by_name(at: At, wrong: str) -> None:
    words = ("recall", "announce", "--lot", "L1", "--from", wrong, "--to", "2026-03-02T00:00:00Z", "--reason", "reagent", *STAFF)
    refused = at.here.run(*words)
    assert refused.exit_code == 2
    assert f"--from {wrong}" in refused.output
    assert "+08:00" in refused.output
