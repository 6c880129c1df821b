"""Names, numbers and codes go through every route of sharing, errors included: no log, problem or metric tells any of them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from node.identity.code_text import PatientCard, encode_card
from node.identity.codes import patient_code, public_keys
from node.telemetry import render_metrics
from tests.unit.api_routes.client import Api
from tests.unit.members.asking import never_was, post, request_for, subject_of
from tests.unit.members.consents import terms
from tests.unit.members.neighbourhood import OTHER, Neighbourhood, away, honest
from tests.unit.members.patients import Patient
from tests.unit.services_records.world import report

NAME = "欧阳震华"
CONCLUSION = "Kreatinin-Befund-4711"
STAFF = "staff-8812"
REASON = "bewusstlos-nach-Unfall"


class Watched:
    """A client whose every problem is kept."""

    def __init__(self, town: Neighbourhood) -> None:
        self.api = Api(town.there)
        self.problems: list[str] = []

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        response = self.api.call(method, path, institution=OTHER, content=content)
        if response.status_code >= 400:
            self.problems.append(response.text)
            return None
        return response.json() if "json" in response.headers["content-type"] else response.content


def test_nothing_of_a_patient_comes_out(neighbours: Neighbourhood, logged: io.StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    patient = Patient(neighbours)
    document: dict[str, Any] = report("F-4711", value=CONCLUSION, patient=patient.here.value)
    document["entry"][-1]["resource"] |= {"name": [{"text": NAME}]}
    receipt = patient.file_document(document)
    card = encode_card(PatientCard(patient_code(patient.seed), public_keys(patient.seed)))
    watched, consent = Watched(neighbours), patient.grant()
    number = {"system": patient.there.system, "number": patient.there.value}
    actor = {"department": "03", "staff_number": STAFF, "authentication": "token", "role": "physician"}
    asking = {"patient": number, "purpose": "treatment", "actor": actor}
    target = {"origin": receipt.origin, "leaf_index": receipt.leaf_index}
    shown = {"consent_id": consent.consent.hex(), "salt": consent.salt.hex(), "scope": "!" + NAME}

    found = watched.call("POST", "/v1/find", asking)
    assert isinstance(found, dict)
    watched.call("POST", "/v1/find", asking | {"patient": {"card": card}})
    for wrong in ({"card": card[:-1] + "!"}, {"card": NAME}, number | {"number": NAME}, {"name": NAME}, number | {"card": card}):
        watched.call("POST", "/v1/find", asking | {"patient": wrong})
    watched.call("POST", "/v1/find", b'{"patient": {"number": "' + NAME.encode() + b'"')
    watched.call("POST", "/v1/retrievals", asking | {"targets": [target], "consents": [shown]})
    watched.call("POST", "/v1/retrievals", asking | {"targets": [target | {"leaf_index": 999}]})
    watched.call("POST", "/v1/retrievals", asking | {"targets": [target], "purpose": NAME})
    opened = watched.call("POST", "/v1/emergencies", {"patient": number, "actor": actor, "reason": REASON})
    assert isinstance(opened, dict)
    emergency = asking | {"purpose": "emergency", "emergency_id": opened["emergency_id"], "targets": [target]}
    for meddle in (away, honest):
        neighbours.network.meddle = meddle
        ordered = watched.call("POST", "/v1/retrievals", emergency)
        assert isinstance(ordered, dict)
        path = f"/v1/retrievals/{ordered['retrieval_id']}"
        watched.call("GET", f"{path}?wait=true")
        watched.call("GET", f"{path}/{ordered['requests'][0]['request_id']}")
        evidence = watched.call("GET", f"{path}/{ordered['requests'][0]['request_id']}/evidence")
    assert evidence, "what was read has to be there, or nothing was fed through"
    watched.call("DELETE", path)
    watched.call("GET", f"{path}/{ordered['requests'][0]['request_id']}/evidence")
    foreign = post(neighbours, request_for(subject_of(receipt), Patient(neighbours).grant()))
    denied = post(neighbours, request_for(never_was(), patient.grant(terms(OTHER)), encounter=NAME))
    exchange = neighbours.there.running.node.exchange
    assert exchange is not None
    exchange.outbox.deliver()
    watched.call("GET", "/v1/outbox")

    neighbours.stop()
    assert len(watched.problems) > 8
    out, err = capfd.readouterr()
    told = "\n".join([logged.getvalue(), out, err, *watched.problems, foreign.text, denied.text, render_metrics().decode()])
    secrets = [NAME, json.dumps(NAME)[1:-1], CONCLUSION, REASON, STAFF, "F-4711", card, patient.here.value, patient.there.value]
    keys = [*patient.keys.epoch_keys.values(), patient.keys.exchange_public_key, patient.keys.signing_public_key]
    secrets += [key.hex() for key in keys]
    assert [secret for secret in secrets if secret in told] == []
    assert "emergency_access" in logged.getvalue(), "the log was listened to"
