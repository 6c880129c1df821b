"""Feedback on cards (CDS Hooks 2.0): an offered reason is a re-order, an accepted suggestion a recognition, once."""

from __future__ import annotations

from typing import Any

import pytest

from node.domain.recognition_acts import DecisionContent
from tests.conformance.cds_hooks.models import faults, load_model
from tests.unit.api_routes.client import Api, problem
from tests.unit.fhir_split.documents import Json
from tests.unit.members.orders import file_electrolytes, own_log
from tests.unit.members.patients import Patient
from tests.unit.members.test_recognition_api import cards, hook, post

PATH = "/cds-services/concord-recognition/feedback"
NATIONAL = "urn:concord:reason"
REGIONAL = "urn:concord:sub-reason"


@pytest.fixture
def api(patient: Patient) -> Api:
    return Api(patient.neighbours.there)


def card_for(api: Api, patient: Patient, orderable: str = "ELECTRO") -> Json:
    file_electrolytes(patient)
    body = hook(patient)
    body["context"]["draftOrders"]["entry"][0]["resource"]["code"]["coding"][0]["code"] = orderable
    (card,) = cards(api, body, "en")
    return card


def overridden(card: Json, code: str = "", system: str = NATIONAL, comment: str = "") -> Json:
    said: Json = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-03-01T12:00:30Z"}
    reason = {"reason": {"code": code, "system": system, "display": "…"}} if code else {}
    words = {"userComment": comment} if comment else {}
    return said | ({"overrideReason": reason | words} if reason or words else {})


def accepted(card: Json, suggestion: str) -> Json:
    return {
        "card": card["uuid"],
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": suggestion}],
        "outcomeTimestamp": "2026-03-01T12:00:30Z",
    }


def say(api: Api, *feedback: Json) -> Any:  # noqa: ANN401 - an httpx response
    body = {"feedback": list(feedback)}
    assert list(faults(load_model("CDSHooksFeedback"), body)) == []
    return post(api, PATH, body)


def taken(response: Any) -> list[str | None]:  # noqa: ANN401 - an httpx response
    assert response.status_code == 200, response.text
    return [each["decision_id"] for each in response.json()["feedback"]]


def decisions(patient: Patient) -> list[DecisionContent]:
    return [each for each in own_log(patient) if isinstance(each, DecisionContent)]


def test_an_offered_reason_is_a_decision_and_is_taken_once(api: Api, patient: Patient) -> None:
    card = card_for(api, patient)
    (decision,) = taken(say(api, overridden(card, "4")))
    assert decision is not None
    assert taken(say(api, overridden(card, "4"))) == [decision]
    later = overridden(card, "4") | {"outcomeTimestamp": "2026-03-01T20:00:31+08:00"}
    assert taken(say(api, later, later)) == [decision, decision]
    (logged,) = decisions(patient)
    assert (logged.decision_id, logged.reason, logged.outcome.value) == (decision, 4, "reordered")
    assert (logged.actor.staff_number, logged.actor.authentication) == ("b-17", "cds-hooks")


def test_another_reason_afterwards_is_refused(api: Api, patient: Patient) -> None:
    card = card_for(api, patient)
    taken(say(api, overridden(card, "4")))
    problem(say(api, overridden(card, "1")), 409, "decision-stands")


def test_every_reason_of_a_card_can_be_said(api: Api, patient: Patient) -> None:
    """Whatever a card offers is taken; the words that reason 6 demands come as the user's comment."""
    offered = card_for(api, patient)["overrideReasons"]
    assert {each["code"] for each in offered} > {"1", "2", "3", "4", "5", "6", "unretrievable"}
    for each in offered:
        another = Patient(patient.neighbours)
        card = card_for(api, another)
        (decision,) = taken(say(api, overridden(card, each["code"], each["system"], "because")))
        (logged,) = decisions(another)
        assert logged.decision_id == decision
        assert each["code"] in {str(int(logged.reason or 0)), logged.sub_reason}


@pytest.mark.parametrize(
    ("code", "system", "comment"),
    [("7", NATIONAL, ""), ("", NATIONAL, ""), ("6", NATIONAL, ""), ("nothing", REGIONAL, "")],
    ids=["no-such-reason", "none-at-all", "other-without-words", "no-such-sub-reason"],
)
def test_what_no_card_offers_is_no_decision(api: Api, patient: Patient, code: str, system: str, comment: str) -> None:
    card = card_for(api, patient)
    answer = say(api, overridden(card, code, system, comment))
    if code:
        problem(answer, 422, "decision-refused")
    else:
        assert taken(answer) == [None]
    assert decisions(patient) == []
    # the line can still be decided
    assert taken(say(api, overridden(card, "2"))) != [None]


def test_a_reason_of_the_clients_own_is_noted_only(api: Api, patient: Patient) -> None:
    card = card_for(api, patient)
    said = overridden(card, "patient-refused", "http://terminology.hl7.org/CodeSystem/reason")
    assert taken(say(api, said)) == taken(say(api, said)) == [None]
    rows = "select count(*) from card_feedback where card_id = ?"
    assert patient.neighbours.there.rows(rows, card["uuid"]) == [(1,)]


def test_an_accepted_suggestion_recognises_what_was_retrieved(api: Api, patient: Patient) -> None:
    card = card_for(api, patient, "L-K")
    (suggestion,) = card["suggestions"]
    assert suggestion["actions"][0]["resourceId"] == "ServiceRequest/o-1"
    patient.retrieve(patient.grant())
    (decision,) = taken(say(api, accepted(card, suggestion["uuid"])))
    (logged,) = decisions(patient)
    assert (logged.decision_id, logged.outcome.value) == (decision, "recognised")


def test_an_accepted_suggestion_without_a_retrieval_recognises_nothing(api: Api, patient: Patient) -> None:
    card = card_for(api, patient, "L-K")
    assert taken(say(api, accepted(card, card["suggestions"][0]["uuid"]))) == [None]
    assert decisions(patient) == []


def test_a_partly_answered_order_has_no_suggestion(api: Api, patient: Patient) -> None:
    assert "suggestions" not in card_for(api, patient)


def test_unknown_cards_and_suggestions_are_named_and_nothing_is_taken(api: Api, patient: Patient) -> None:
    card = card_for(api, patient)
    unknown = overridden({"uuid": "4e0a3a1e-3283-4575-ab82-028d55fe2719"}, "4")
    detail = problem(say(api, overridden(card, "4"), unknown), 404, "unknown-card")["detail"]
    assert "feedback[1]" in detail
    assert decisions(patient) == []
    problem(say(api, accepted(card, "e56e1945-20b3-4393-8503-a1a20fd73152")), 404, "unknown-card")
    elsewhere = Api(patient.neighbours.here)
    problem(elsewhere.call("POST", PATH, content=b'{"feedback":[%s]}' % _json(overridden(card, "4"))), 404, "unknown-card")


def _json(value: Json) -> bytes:
    import json  # noqa: PLC0415 - used here only

    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "bend",
    [
        lambda said: said.pop("outcomeTimestamp"),
        lambda said: said.update(outcomeTimestamp="2026-03-01T12:00:30"),
        lambda said: said.update(outcome="ignored"),
        lambda said: said.update(outcome="accepted"),
        lambda said: said.update(acceptedSuggestions=[{"id": "e56e1945-20b3-4393-8503-a1a20fd73152"}]),
        lambda said: said.update(card="not a uuid"),
        lambda said: said.update(more=1),
    ],
    ids=["no-time", "no-zone", "outcome", "accepted-nothing", "overridden-with-suggestion", "card", "unknown-member"],
)
def test_feedback_that_is_none_is_refused(api: Api, patient: Patient, bend: Any) -> None:  # noqa: ANN401 - a lambda
    said = overridden(card_for(api, patient), "4")
    bend(said)
    assert list(faults(load_model("CDSHooksFeedback"), {"feedback": [said]})) or "acceptedSuggestions" in said
    problem(post(api, PATH, {"feedback": [said]}), 422, "refused")


def test_cards_go_when_their_checks_go(api: Api, patient: Patient) -> None:
    card = card_for(api, patient)
    recognition = patient.neighbours.there.running.node.recognition
    assert recognition is not None
    world, rows = patient.neighbours.there, "select count(*) from hook_cards where card_id = ?"
    recognition.clinic.feedback.sweep()
    assert world.rows(rows, card["uuid"]) == [(1,)]
    world.rows("delete from order_checks where check_id = ?", card["extension"]["concord-check-id"])
    recognition.clinic.feedback.sweep()
    assert world.rows(rows, card["uuid"]) == [(0,)]
