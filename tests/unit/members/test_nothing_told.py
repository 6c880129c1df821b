"""Every route and every denial: what may not be known is answered, byte for byte, like what never existed."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from node.domain.access import Purpose
from node.domain.consent import CarePeriod, GrantedItem
from node.domain.consent_message import Revoke
from node.domain.receipt import Receipt
from node.domain.record import Kind
from node.domain.retention import Care
from node.services.clients import Scope
from node.services.consents.grants import ConsentEvidence
from node.services.reading.retrieval import RetrievalOrder
from node.wire.consent.document import EvidenceMethod
from node.wire.members.disclosure import DisclosureRequest
from tests.unit.api_routes.client import Api
from tests.unit.members.asking import never_was, post, request_for, subject_of, told
from tests.unit.members.consents import terms
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.members.patients import ACTOR, Patient, eventually, reading
from tests.unit.services_records.test_labels import meta
from tests.unit.services_records.world import CLINIC, HOSPITAL, report

# Other members ask


def foreign(patient: Patient) -> DisclosureRequest:
    return request_for(subject_of(patient.file()), Patient(patient.neighbours).grant())


def labelled(patient: Patient) -> DisclosureRequest:
    document = report(f"S-{patient.number}", patient=patient.here.value, meta=meta())
    receipt = patient.neighbours.here.receipt(document)
    patient.neighbours.here.wait_logged(receipt)
    return request_for(subject_of(receipt), patient.grant())


def other_kind(patient: Patient) -> DisclosureRequest:
    return request_for(subject_of(patient.file()), patient.grant(terms(OTHER, kinds=(Kind("prescription"),))))


def other_item(patient: Patient) -> DisclosureRequest:
    return request_for(subject_of(patient.file()), patient.grant(terms(OTHER, items=(GrantedItem("http://loinc.org", "1-8"),))))


def other_period(patient: Patient) -> DisclosureRequest:
    return request_for(subject_of(patient.file()), patient.grant(terms(OTHER, period=CarePeriod(0, 1))))


def erased(patient: Patient) -> DisclosureRequest:
    receipt = patient.file()
    consent = patient.grant()
    patient.neighbours.here.running.node.erasure.erase(HOSPITAL, receipt.record_id)
    return request_for(subject_of(receipt), consent)


def locked(patient: Patient) -> DisclosureRequest:
    receipt = patient.file()
    consent = patient.grant()
    withdrawal = patient.neighbours.here.running.node.withdrawal
    assert withdrawal is not None
    evidence = ConsentEvidence(EvidenceMethod.SIGNATURE, bytes(32), ACTOR)
    withdrawal.withdraw(HOSPITAL, patient.here, Care.OUTPATIENT, evidence)
    return request_for(subject_of(receipt), consent)


def of_a_neighbour(patient: Patient) -> DisclosureRequest:
    receipt = patient.neighbours.here.receipt(report(f"C-{patient.number}"), CLINIC)
    patient.neighbours.here.wait_logged(receipt)
    return request_for(subject_of(receipt), patient.grant())


def another_leaf_at_the_place(patient: Patient) -> DisclosureRequest:
    reference, index = subject_of(patient.file())
    return request_for((reference, index + 1), patient.grant())


HIDDEN = [foreign, labelled, other_kind, other_item, other_period, erased, locked, of_a_neighbour, another_leaf_at_the_place]


@pytest.mark.parametrize("make", HIDDEN, ids=[make.__name__ for make in HIDDEN])
def test_a_member_is_told_what_it_is_told_of_a_record_that_never_was(
    patient: Patient, make: Callable[[Patient], DisclosureRequest]
) -> None:
    request = make(patient)
    hidden = told(patient.neighbours, request)
    never = told(patient.neighbours, request_for(never_was(), *request.consents))
    assert hidden == never
    assert hidden.varying == never.varying == {"signature", "signature-input"}
    assert (hidden.status, hidden.new_leaves) == (403, 1)
    assert json.loads(hidden.body)["reason"] == "not-available"
    assert not [each for each in hidden.headers if each[0] == "link"]


def expired(patient: Patient) -> DisclosureRequest:
    return request_for(subject_of(patient.file()), patient.grant(terms(OTHER, expires_at_s=1_772_366_401)))


def revoked(patient: Patient) -> DisclosureRequest:
    consent = patient.grant()
    patient.neighbours.ledger.send(Revoke(consent.consent), None)
    return request_for(subject_of(patient.file()), consent)


def other_purpose(patient: Patient) -> DisclosureRequest:
    return request_for(subject_of(patient.file()), patient.grant(), purpose=Purpose.CLAIM)


def none_shown(patient: Patient) -> DisclosureRequest:
    return request_for(subject_of(patient.file()))


def chain_away(patient: Patient) -> DisclosureRequest:
    request = request_for(subject_of(patient.file()), patient.grant())
    patient.neighbours.ledger.away = True
    patient.neighbours.clock.advance(seconds=6)
    return request


def other_grantee(patient: Patient) -> DisclosureRequest:
    return request_for(subject_of(patient.file()), patient.grant(terms(CLINIC)))


TOLD = [expired, revoked, other_purpose, none_shown, chain_away, other_grantee]


@pytest.mark.parametrize("make", TOLD, ids=[make.__name__ for make in TOLD])
def test_what_is_told_of_a_consent_says_nothing_of_the_record(
    patient: Patient, make: Callable[[Patient], DisclosureRequest]
) -> None:
    request = make(patient)
    patient.neighbours.clock.advance(seconds=2)
    here = told(patient.neighbours, request)
    never = told(patient.neighbours, request_for(never_was(), *request.consents, purpose=request.purpose))
    assert here == never
    assert json.loads(here.body)["reason"] != "not-available"


def test_denials_past_the_limit_are_refused_alike_and_fill_no_log(patient: Patient) -> None:
    town = patient.neighbours
    consent = patient.grant(terms(OTHER, kinds=(Kind("prescription"),)))
    subject = subject_of(patient.file())
    town.clock.advance(hours=2)
    limit = town.here.settings.disclosure.max_denials_per_hour
    for _ in range(limit):
        post(town, request_for(never_was(), consent))
    hidden, never = told(town, request_for(subject, consent)), told(town, request_for(never_was(), consent))
    assert hidden == never
    assert (hidden.status, hidden.new_leaves) == (429, 0)
    allowed = patient.grant()
    assert post(town, request_for(subject, allowed)).status_code == 200, "what is permitted is not held up"
    town.clock.advance(hours=2)


def test_the_same_request_id_with_other_content_is_refused(patient: Patient) -> None:
    subject, consent = subject_of(patient.file()), patient.grant()
    request = request_for(subject, consent)
    assert post(patient.neighbours, request).status_code == 200
    again = told(patient.neighbours, request)
    assert (again.status, again.new_leaves) == (200, 0)
    other = request_for(subject, consent, request_id=request.request_id, encounter="another")
    conflict = told(patient.neighbours, other)
    assert (conflict.status, conflict.new_leaves) == (409, 0)


def test_uses_are_counted_and_a_retry_is_no_use(patient: Patient) -> None:
    subject, consent = subject_of(patient.file()), patient.grant(terms(OTHER, max_uses=2))
    first, second, third = (request_for(subject, consent) for _ in range(3))
    statuses = [post(patient.neighbours, request).status_code for request in (first, first, second, third, second)]
    assert statuses == [200, 200, 200, 403, 200]
    assert json.loads(post(patient.neighbours, third).content)["reason"] == "uses-exhausted"


# Own clients ask


@dataclass
class Asked:
    """One route, asked for a record by its id."""

    method: str
    path: str


ROUTES = [
    Asked("GET", "/v1/records/{id}"),
    Asked("GET", "/v1/records/{id}/evidence"),
    Asked("GET", "/v1/records/{id}/evidence?parts=1"),
    Asked("GET", "/v1/records/{id}/evidence?version=1"),
    Asked("DELETE", "/v1/records/{id}"),
    Asked("GET", "/v1/retrievals/{retrieval}"),
    Asked("GET", "/v1/retrievals/{retrieval}/{request}"),
    Asked("GET", "/v1/retrievals/{retrieval}/{request}/evidence"),
    Asked("DELETE", "/v1/retrievals/{retrieval}"),
]


@dataclass
class Belongings:
    """What hospital-a has, and clinic-a beside it may not know of."""

    api: Api
    record: Receipt
    retrieval: tuple[str, str]


@pytest.fixture(scope="module")
def belongings(town: Neighbourhood) -> Belongings:
    world = town.here
    receipt = world.receipt(report("F-own"))
    world.wait_logged(receipt)
    patient = Patient(town)
    patient.file()
    service = reading(world)
    eventually(lambda: service.finding.look(HOSPITAL, patient.here)[1], "hospital-a does not follow its own log")
    found = service.finding.look(HOSPITAL, patient.here)[1]
    places = tuple((each.entry.place.origin, int(each.entry.place.index)) for each in found)
    actor = replace(ACTOR, institution=HOSPITAL)
    (ordered,) = service.retrieval.order(HOSPITAL, RetrievalOrder(patient.here, places, Purpose.TREATMENT, actor, (), None, ""))
    service.retrieval.wait(HOSPITAL, ordered.retrieval_id, 60)
    return Belongings(Api(world), receipt, (ordered.retrieval_id, ordered.request_id))


@pytest.mark.parametrize("route", ROUTES, ids=[f"{route.method} {route.path}" for route in ROUTES])
def test_a_neighbours_client_is_told_what_it_is_told_of_what_never_was(belongings: Belongings, route: Asked) -> None:
    names = {"id": belongings.record.record_id, "retrieval": belongings.retrieval[0], "request": belongings.retrieval[1]}
    never = {name: secrets.token_hex(len(value) // 2) for name, value in names.items()}
    answers = []
    for each in (names, never):
        response = belongings.api.call(route.method, route.path.format(**each), institution=CLINIC)
        body = response.text
        for name, value in each.items():
            body = body.replace(value, f"<{name}>")
        answers.append((response.status_code, body, sorted(_without_length(response.headers.items()))))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    if "retrieval" in route.path and route.path.endswith("{retrieval}") and route.method == "GET":
        assert belongings.api.get(route.path.format(**names)).status_code == 200, "there is something to be hidden"


def _without_length(headers: object) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name != "content-length"]  # type: ignore[attr-defined]


def test_lists_count_nothing_of_a_neighbours(belongings: Belongings) -> None:
    listed = belongings.api.get("/v1/records", institution=CLINIC).json()["records"]
    assert belongings.record.record_id not in {each["record_id"] for each in listed}
    assert belongings.api.get("/v1/outbox", institution=CLINIC).json() == {"messages": []}


# Finding


def find(patient: Patient) -> str:
    """Return what a find tells, but for the id of the question."""
    body = {
        "patient": {"system": patient.there.system, "number": patient.there.value},
        "purpose": "treatment",
        "actor": {"department": "03", "staff_number": "b-1", "authentication": "token"},
    }
    api = Api(patient.neighbours.there)
    response = api.call("POST", "/v1/find", institution=OTHER, content=json.dumps(body))
    assert response.status_code == 200
    text = re.sub(r'"request_id":"[0-9a-f]{32}"', "", response.text)
    return f"{sorted(_without_length(response.headers.items()))} {text}"


def test_a_find_tells_nothing_of_sensitive_or_withdrawn_records(patient: Patient) -> None:
    nobody = Patient(patient.neighbours)
    sensitive = report(f"S-{patient.number}", patient=patient.here.value, meta=meta())
    patient.neighbours.here.wait_logged(patient.neighbours.here.receipt(sensitive))
    assert find(patient) == find(nobody)
    patient.file()
    assert find(patient) != find(nobody)
    withdrawal = patient.neighbours.there.running.node.withdrawal
    assert withdrawal is not None
    evidence = ConsentEvidence(EvidenceMethod.SIGNATURE, bytes(32), ACTOR)
    withdrawal.withdraw(OTHER, patient.there, Care.OUTPATIENT, evidence)
    assert find(patient) == find(nobody)


def test_scopes_are_asked_before_anything_else(patient: Patient) -> None:
    api = Api(patient.neighbours.there)
    some = [scope for scope in Scope if scope not in (Scope.FIND, Scope.RETRIEVE)]
    for method, path in (
        ("POST", "/v1/find"),
        ("POST", "/v1/retrievals"),
        ("GET", f"/v1/retrievals/{'a' * 32}"),
        ("GET", f"/v1/retrievals/{'a' * 32}/{'b' * 32}"),
        ("GET", f"/v1/retrievals/{'a' * 32}/{'b' * 32}/evidence"),
        ("DELETE", f"/v1/retrievals/{'a' * 32}"),
    ):
        assert api.call(method, path, institution=OTHER, scopes=some).status_code == 403
        assert api.call(method, path, institution=None).status_code == 401
