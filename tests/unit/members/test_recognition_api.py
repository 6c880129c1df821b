"""Checks, decisions and CDS Hooks over HTTP, at hospital-b."""

from __future__ import annotations

import json
from typing import Any

import pytest

from node.domain.recognition_acts import CheckContent, DecisionContent
from node.domain.retention import Care
from node.services.consents.grants import ConsentEvidence
from node.wire.consent.document import EvidenceMethod
from tests.conformance.cds_hooks.models import faults, load_model
from tests.conformance.cds_hooks.test_published import request
from tests.unit.api_routes.client import Api, problem
from tests.unit.fhir_split.documents import Json
from tests.unit.members.neighbourhood import OTHER
from tests.unit.members.orders import electrolytes, file_electrolytes, own_log, recognition
from tests.unit.members.patients import ACTOR as CLINICIAN
from tests.unit.members.patients import Patient
from tests.unit.services_records.test_labels import meta

ACTOR: Json = {"department": "03.04", "staff_number": "b-17", "authentication": "password+token"}


@pytest.fixture
def api(patient: Patient) -> Api:
    return Api(patient.neighbours.there)


def post(api: Api, path: str, body: Json, **how: Any) -> Any:  # noqa: ANN401 - an httpx response
    return api.call("POST", path, institution=OTHER, content=json.dumps(body), **how)


def check(api: Api, patient: Patient, **changes: object) -> Json:
    body: Json = {
        "patient": {"system": patient.there.system, "number": patient.there.value},
        "actor": ACTOR,
        "encounter": "encounter-1",
        "lines": [{"order_id": "o-1", "orderable": "ELECTRO"}],
        **changes,
    }
    response = post(api, "/v1/recognition/check", body)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    answer: Json = response.json()
    return answer


def hook(patient: Patient, **changes: object) -> Json:
    request = {"resourceType": "ServiceRequest", "id": "o-1", "code": {"coding": [{"system": "urn:his", "code": "ELECTRO"}]}}
    identifiers = [{"system": "urn:other", "value": "x"}, {"system": patient.there.system, "value": patient.there.value}]
    return {
        "hook": "order-sign",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {
            "userId": "Practitioner/b-17",
            "patientId": "p1",
            "encounterId": "encounter-1",
            "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": request}]},
        },
        "prefetch": {"patient": {"resourceType": "Patient", "id": "p1", "identifier": identifiers}},
        **changes,
    }


def cards(api: Api, body: Json, language: str = "zh") -> list[Json]:
    assert list(faults(load_model("CDSHooksRequest"), body)) == []
    response = post(api, "/cds-services/concord-recognition", body, headers={"Accept-Language": language})
    assert response.status_code == 200, response.text
    assert list(faults(load_model("CDSHooksResponse"), response.json())) == []
    found: list[Json] = response.json()["cards"]
    return found


def test_a_check_says_what_to_retrieve_and_offers_break_glass(api: Api, patient: Patient) -> None:
    receipt = file_electrolytes(patient)
    answer = check(api, patient)
    (line,) = answer["lines"]
    (offer,) = line["offers"]
    assert line["coverage"] == "partly"
    assert offer["retrieve"] == {"origin": receipt.origin, "leaf_index": receipt.leaf_index}
    assert [each["mark"] for each in offer["items"]] == ["全国HR", "全国HR"]
    assert answer["break_glass"] == "POST /v1/emergencies"
    assert answer["warning"]["zh"]
    assert answer["warning"]["en"]
    assert {pin["kind"] for pin in answer["pins"]} >= {"catalogue", "prices", "institution-map"}


def test_the_campus_goes_with_the_check_and_its_decision_into_the_log(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(api, patient, campus="东院")
    wish: Json = {"outcome": "reordered", "check_id": answer["check_id"], "order_id": "o-1", "actor": ACTOR, "reason": 4}
    assert post(api, "/v1/recognition/decisions", wish).status_code == 201
    patient.neighbours.clock.advance(seconds=3_600)
    recognition(patient.neighbours.there).leaves.step()
    decision, checks = own_log(patient)
    assert isinstance(decision, DecisionContent)
    assert isinstance(checks, CheckContent)
    assert (decision.campus, [each.campus for each in checks.checks]) == ("东院", ["东院"])
    body: Json = {"patient": {}, "actor": ACTOR, "lines": [{"order_id": "1", "orderable": "X"}], "campus": "x" * 65}
    problem(post(api, "/v1/recognition/check", body), 422, "refused")


def test_an_order_that_went_ahead_is_noted(api: Api, patient: Patient) -> None:
    body: Json = {
        "patient": {"system": patient.there.system, "number": patient.there.value},
        "actor": ACTOR,
        "lines": [{"order_id": "o-1", "orderable": "ELECTRO"}],
    }
    noted = post(api, "/v1/recognition/unchecked", body)
    assert noted.status_code == 201
    assert len(noted.json()["check_id"]) == 32


def test_what_was_never_filed_is_not_told(api: Api, patient: Patient) -> None:
    answer = check(api, patient)
    assert answer["lines"][0]["offers"] == answer["lines"][0]["unrecognisable"] == answer["unmapped"] == []
    assert answer["warning"] == {"zh": [], "en": []}


def test_a_decision_and_its_reversal(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(api, patient)
    wish: Json = {"outcome": "reordered", "check_id": answer["check_id"], "order_id": "o-1", "actor": ACTOR}
    problem(post(api, "/v1/recognition/decisions", wish), 422, "decision-refused")
    taken = post(api, "/v1/recognition/decisions", wish | {"reason": 4})
    assert taken.status_code == 201
    body = taken.json()
    assert (body["outcome"], body["told"], body["saving_fen"]) == ("reordered", ["hospital-a"], 0)
    problem(post(api, "/v1/recognition/decisions", wish | {"reason": 4}), 409, "decision-stands")
    reverse = f"/v1/recognition/decisions/{body['decision_id']}:reverse"
    assert post(api, reverse, {"actor": ACTOR}).json()["decision_id"] == body["decision_id"]
    problem(post(api, reverse, {"actor": ACTOR}), 409, "decision-reversed")
    assert api.get("/v1/recognition/decisions:heard", institution=OTHER).json() == {"decisions": []}


def test_a_result_is_recognised_with_what_was_offered(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(api, patient)
    (offer,) = answer["lines"][0]["offers"]
    results = [{"origin": offer["origin"], "leaf_hash": offer["leaf_hash"]}]
    wish = {"outcome": "recognised", "check_id": answer["check_id"], "order_id": "o-1", "actor": ACTOR, "results": results}
    problem(post(api, "/v1/recognition/decisions", wish), 422, "decision-refused")
    patient.retrieve(patient.grant())
    assert post(api, "/v1/recognition/decisions", wish).json()["items"] == ["LAB-K", "LAB-NA"]


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [
        ({"lines": []}, 422, "refused"),
        ({"lines": [{"order_id": "o-1", "orderable": "ELECTRO"}] * 2}, 422, "refused"),
        ({"patient": {}}, 422, "refused"),
        ({"more": 1}, 422, "refused"),
        ({"patient": {"system": "urn:mrn", "number": "nobody"}}, 404, "unknown-patient"),
    ],
    ids=["no-lines", "one-id-twice", "no-patient", "unknown-member", "unknown-patient"],
)
def test_a_check_that_is_refused(api: Api, patient: Patient, changes: Json, status: int, slug: str) -> None:
    body: Json = {
        "patient": {"system": patient.there.system, "number": patient.there.value},
        "actor": ACTOR,
        "lines": [{"order_id": "o-1", "orderable": "ELECTRO"}],
    }
    problem(post(api, "/v1/recognition/check", body | changes), status, slug)


def test_the_discovery_document_names_both_hooks(api: Api) -> None:
    found = api.get("/cds-services", institution=None).json()["services"]
    assert [(each["hook"], each["id"]) for each in found] == [
        ("order-select", "concord-recognition"),
        ("order-sign", "concord-recognition"),
    ]
    assert all(each["prefetch"] == {"patient": "Patient/{{context.patientId}}"} for each in found)


@pytest.mark.parametrize(("language", "word"), [("zh-CN", "第一人民医院"), ("en-GB", "First People's Hospital")])
def test_a_card_for_an_order_that_is_answered(api: Api, patient: Patient, language: str, word: str) -> None:
    file_electrolytes(patient)
    (card,) = cards(api, hook(patient), language)
    assert 0 < len(card["summary"]) < 140
    assert card["indicator"] == "warning"
    assert card["source"] == {"label": "Concord"}
    (link,) = card["links"]
    assert link["url"].startswith("https://node-b.example/view/")
    assert link["type"] == "absolute"
    assert word in card["detail"]
    assert [each["code"] for each in card["overrideReasons"]][:6] == ["1", "2", "3", "4", "5", "6"]
    assert all(each["display"] for each in card["overrideReasons"])
    decided = {
        "outcome": "reordered",
        "check_id": card["extension"]["concord-check-id"],
        "order_id": card["extension"]["concord-order-id"],
        "actor": ACTOR,
        "reason": 4,
    }
    assert post(api, "/v1/recognition/decisions", decided).status_code == 201


def test_an_order_without_an_answer_has_no_card(api: Api, patient: Patient) -> None:
    assert cards(api, hook(patient)) == []
    other = hook(patient)
    other["context"]["draftOrders"]["entry"][0]["resource"]["code"]["coding"][0]["code"] = "unknown here"
    assert cards(api, other) == []


@pytest.mark.parametrize("name", ["order-select", "order-sign"])
def test_the_example_that_hl7_publishes_is_answered(api: Api, patient: Patient, name: str) -> None:
    published = request(name)
    assert cards(api, published) == []
    file_electrolytes(patient)
    identifier = [{"system": patient.there.system, "value": patient.there.value}]
    published["prefetch"]["patient"]["identifier"] = identifier
    order = {"resourceType": "ServiceRequest", "id": "o-9", "code": {"coding": [{"system": "urn:his", "code": "ELECTRO"}]}}
    published["context"]["draftOrders"]["entry"].append({"resource": order})
    if "selections" in published["context"]:
        published["context"]["selections"].append("ServiceRequest/o-9")
    (card,) = cards(api, published)
    assert card["extension"]["concord-order-id"] == "o-9"


def test_order_select_looks_at_selections_alone(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    select = hook(patient, hook="order-select")
    select["context"]["selections"] = ["ServiceRequest/another"]
    assert cards(api, select) == []
    select["context"]["selections"] = ["ServiceRequest/o-1"]
    assert len(cards(api, select)) == 1


def test_a_patient_without_a_code_is_said_so(api: Api, patient: Patient) -> None:
    stranger = hook(patient)
    stranger["prefetch"]["patient"]["identifier"] = [{"system": "urn:mrn", "value": "nobody"}]
    (card,) = cards(api, stranger, "en")
    assert card["indicator"] == "info"
    assert "No patient code" in card["summary"]


@pytest.mark.parametrize(
    ("bend", "status", "slug"),
    [
        (lambda body: body.update(hook="patient-view"), 422, "refused"),
        (lambda body: body.update(hookInstance="not a uuid"), 422, "refused"),
        (lambda body: body.update(more=1), 422, "refused"),
        (lambda body: body["context"].update(selections=["ServiceRequest/o-1"]), 422, "refused"),
        (lambda body: body["context"].update(userId="Patient/p1"), 422, "refused"),
        (lambda body: body["context"].pop("draftOrders"), 422, "refused"),
        (lambda body: body["context"].update(patientId="p2"), 422, "refused"),
        (lambda body: body.pop("prefetch"), 412, "prefetch-missing"),
        (lambda body: body["prefetch"]["patient"].update(identifier=[]), 412, "prefetch-missing"),
        (lambda body: body["prefetch"].update(patient={"resourceType": "Person"}), 412, "prefetch-missing"),
    ],
    ids=["hook", "instance", "unknown-member", "selections", "user", "orders", "patient", "no-prefetch", "no-identifier", "person"],
)
def test_a_hook_that_is_refused(api: Api, patient: Patient, bend: Any, status: int, slug: str) -> None:  # noqa: ANN401 - a lambda
    body = hook(patient)
    bend(body)
    problem(post(api, "/cds-services/concord-recognition", body), status, slug)


def told(api: Api, patient: Patient) -> str:
    """Return what a check tells, but for its id."""
    answer = check(api, patient)
    answer.pop("check_id")
    return json.dumps(answer)


def test_a_check_tells_nothing_of_sensitive_or_withdrawn_records(api: Api, patient: Patient) -> None:
    nobody = Patient(patient.neighbours)
    patient.neighbours.here.wait_logged(patient.neighbours.here.receipt(electrolytes(patient, meta=meta())))
    assert told(api, patient) == told(api, nobody)
    file_electrolytes(patient, identifier=[{"system": "urn:filler", "value": f"W-{patient.number}"}])
    assert told(api, patient) != told(api, nobody)
    withdrawal = patient.neighbours.there.running.node.withdrawal
    assert withdrawal is not None
    evidence = ConsentEvidence(EvidenceMethod.SIGNATURE, bytes(32), CLINICIAN)
    withdrawal.withdraw(OTHER, patient.there, Care.OUTPATIENT, evidence)
    assert told(api, patient) == told(api, nobody)


def test_anothers_check_and_decision_are_answered_like_what_never_was(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(api, patient)
    wish: Json = {"outcome": "reordered", "order_id": "o-1", "actor": ACTOR, "reason": 4}
    taken = post(api, "/v1/recognition/decisions", wish | {"check_id": answer["check_id"]}).json()["decision_id"]
    other = Api(patient.neighbours.here)
    for path, body in (
        ("/v1/recognition/decisions/{id}:reverse", {"actor": ACTOR}),
        ("/v1/recognition/decisions", wish | {"check_id": "{id}"}),
    ):
        known = taken if "reverse" in path else answer["check_id"]
        answers = []
        for name in (known, "0" * 32):
            content = json.dumps(body).replace("{id}", name)
            refused = other.call("POST", path.replace("{id}", name), content=content)
            answers.append((refused.status_code, refused.text.replace(name, "")))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404


def test_a_system_learns_the_reasons_that_it_may_offer(api: Api) -> None:
    answer = api.call("GET", "/v1/recognition/reasons", institution=OTHER)
    assert answer.status_code == 200, answer.text
    reasons = answer.json()["reasons"]
    assert [each["reason"] for each in reasons if each["sub_reason"] is None] == [1, 2, 3, 4, 5, 6]
    assert [each["reason"] for each in reasons] == sorted(each["reason"] for each in reasons)
    assert (reasons[-1]["reason"], reasons[-1]["sub_reason"]) == (6, "unretrievable")
    assert all(each["zh"] and each["en"] for each in reasons)
    assert answer.json()["without_reason"] == "refuse"


def test_a_lost_answer_is_found_again(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(api, patient)
    body: Json = {"outcome": "reordered", "check_id": answer["check_id"], "order_id": "o-1", "actor": ACTOR, "reason": 4}
    taken = post(api, "/v1/recognition/decisions", body).json()["decision_id"]
    again = post(api, "/v1/recognition/decisions", body)
    assert problem(again, 409, "decision-stands")["decision_id"] == taken
    for path in ("reasons", "decisions/zhang-san:reverse"):
        refused = post(api, f"/v1/recognition/{path}", {"actor": ACTOR})
        assert refused.status_code in {405, 422}
        assert "zhang-san" not in refused.text
