"""Break-glass across institutions: permitted on a stated, signed emergency; alarmed, limited, logged, and never in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from node.domain.access import AccessOutcome, Purpose
from node.domain.consent_message import EmergencyId
from node.domain.message import MemberMessage
from node.errors import UnknownEmergencyError
from node.services.consents.emergencies import OpenedEmergency
from node.services.surface.consenting import Consenting
from node.wire.consent.message import encode_signed_message
from node.wire.members.disclosure import CitedEmergency, DisclosureRequest
from tests.unit.members.asking import never_was, post, request_for, subject_of, told
from tests.unit.members.neighbourhood import OTHER, Neighbourhood, away, honest
from tests.unit.members.patients import ACTOR, Patient, eventually, reading, states

REASON = "unconscious after an accident"


@pytest.fixture(autouse=True)
def _another_hour(request: pytest.FixtureRequest) -> None:
    """Let each test of the shared town have an hour of its own: clinicians open so many emergencies in one."""
    if "patient" in request.fixturenames:
        request.getfixturevalue("patient").neighbours.clock.advance(hours=1, seconds=1)


def consenting(town: Neighbourhood) -> Consenting:
    found = town.there.running.node.consenting
    assert found is not None
    return found


def opened(patient: Patient, actor: object = ACTOR, reason: str = REASON) -> OpenedEmergency:
    return consenting(patient.neighbours).emergencies.open(OTHER, actor, reason, patient.there)  # type: ignore[arg-type]


def on_chain(patient: Patient, emergency: OpenedEmergency) -> OpenedEmergency:
    known = patient.neighbours.ledger.emergencies
    eventually(lambda: emergency.kept.emergency in known, "the emergency does not reach the chain")
    return emergency


def cited(emergency: OpenedEmergency) -> CitedEmergency:
    kept = emergency.kept
    return CitedEmergency(kept.emergency, kept.salt, emergency.statement, encode_signed_message(emergency.signed))


def request(patient: Patient, emergency: CitedEmergency | None, **changes: object) -> DisclosureRequest:
    subject = subject_of(patient.receipts[0]) if patient.receipts else never_was()
    return request_for(subject, purpose=Purpose.EMERGENCY, emergency=emergency, **changes)


def test_an_emergency_reads_without_consent_and_both_sides_log_why(patient: Patient) -> None:
    patient.file()
    emergency = on_chain(patient, opened(patient))
    (done,) = patient.retrieve(purpose=Purpose.EMERGENCY, emergency=emergency.kept.emergency)
    assert states([done]) == [("verified", "")]
    (holder,), (requester,) = patient.holder_log, patient.requester_log
    assert (holder.purpose, holder.outcome, holder.reason) == (Purpose.EMERGENCY, AccessOutcome.DISCLOSED, REASON)
    assert holder.emergency_id == requester.emergency_id == emergency.kept.emergency
    assert holder.consent_id is requester.consent_id is None


def test_while_the_chain_is_away_a_signed_emergency_counts_and_follows(patient: Patient) -> None:
    patient.file()
    patient.neighbours.ledger.away = True
    patient.neighbours.clock.advance(seconds=6)
    emergency = opened(patient)
    (done,) = patient.retrieve(purpose=Purpose.EMERGENCY, emergency=emergency.kept.emergency)
    assert states([done]) == [("verified", "")]
    assert emergency.kept.emergency not in patient.neighbours.ledger.emergencies
    patient.neighbours.ledger.away = False
    on_chain(patient, emergency)


def test_the_holder_is_alarmed_at_once_even_if_the_request_never_comes(patient: Patient) -> None:
    town = patient.neighbours
    patient.file()
    exchange, heard = town.here.running.node.exchange, []
    assert exchange is not None
    original = exchange.inbox._handlers["emergency-alarm"]

    def listen(transaction: object, message: MemberMessage) -> None:
        heard.append(message.subject)
        original[0](transaction, message)  # type: ignore[arg-type]

    exchange.inbox.register("emergency-alarm", listen)
    emergency = on_chain(patient, opened(patient))
    order = patient.order(purpose=Purpose.EMERGENCY, emergency=emergency.kept.emergency)
    town.network.meddle = lambda asked, answer: away(asked, answer) if asked.url.path == "/v1/disclosures" else answer(asked)
    service = reading(town.there).retrieval
    (ordered,) = service.order(OTHER, order)
    service.wait(OTHER, ordered.retrieval_id, 60)
    there = town.there.running.node.exchange
    assert there is not None
    there.outbox.deliver()
    exchange.inbox.register("emergency-alarm", *original)
    town.network.meddle = honest
    assert emergency.kept.emergency.hex() in heard


def test_an_emergency_that_was_not_opened_cannot_be_cited(patient: Patient) -> None:
    patient.file()
    with pytest.raises(UnknownEmergencyError):
        patient.retrieve(purpose=Purpose.EMERGENCY, emergency=EmergencyId(bytes(32)))


Bend = Callable[[Patient, OpenedEmergency], DisclosureRequest]


def none_cited(patient: Patient, _: OpenedEmergency) -> DisclosureRequest:
    return request(patient, None)


def by_another_clinician(patient: Patient, emergency: OpenedEmergency) -> DisclosureRequest:
    return request(patient, cited(emergency), actor=replace(ACTOR, staff_number="b-18"))


def with_another_reason(patient: Patient, emergency: OpenedEmergency) -> DisclosureRequest:
    changed = emergency.statement.replace(REASON.encode(), b"curiosity")
    return request(patient, replace(cited(emergency), statement=changed))


def with_another_salt(patient: Patient, emergency: OpenedEmergency) -> DisclosureRequest:
    return request(patient, replace(cited(emergency), salt=bytes(32)))


def of_an_unknown_id(patient: Patient, emergency: OpenedEmergency) -> DisclosureRequest:
    return request(patient, replace(cited(emergency), emergency_id=b"\x09" * 32))


def without_a_statement(patient: Patient, emergency: OpenedEmergency) -> DisclosureRequest:
    return request(patient, replace(cited(emergency), statement=b"{}"))


def of_another_patient(patient: Patient, _: OpenedEmergency) -> DisclosureRequest:
    other = Patient(patient.neighbours)
    return request(patient, cited(on_chain(other, opened(other))))


BENT: list[tuple[Bend, str]] = [
    (none_cited, "emergency-incomplete"),
    (by_another_clinician, "emergency-incomplete"),
    (with_another_reason, "emergency-not-opened"),
    (with_another_salt, "emergency-not-opened"),
    (of_an_unknown_id, "emergency-not-opened"),
    (without_a_statement, "emergency-incomplete"),
    (of_another_patient, "not-available"),
]


@pytest.mark.parametrize(("bend", "reason"), BENT, ids=[bend.__name__ for bend, _ in BENT])
def test_an_emergency_counts_only_as_it_was_stated(patient: Patient, bend: Bend, reason: str) -> None:
    patient.file()
    emergency = on_chain(patient, opened(patient))
    asked = bend(patient, emergency)
    here = told(patient.neighbours, asked)
    assert (here.status, here.new_leaves) == (403, 1)
    assert f'"reason":"{reason}"'.encode() in here.body
    never, index = never_was()
    same = request_for((never, index), purpose=asked.purpose, emergency=asked.emergency, actor=asked.actor)
    assert here == told(patient.neighbours, same)


def test_a_clinician_reads_so_often_and_a_retry_is_no_other_time(neighbours: Neighbourhood) -> None:
    patient = Patient(neighbours)
    patient.file()
    emergency = cited(on_chain(patient, opened(patient)))
    limit = neighbours.here.settings.disclosure.max_emergencies_per_hour
    first = request(patient, emergency)
    assert [post(neighbours, first).status_code for _ in range(3)] == [200, 200, 200]
    for _ in range(limit - 1):
        assert post(neighbours, request(patient, emergency)).status_code == 200
    refused = told(neighbours, request(patient, emergency))
    assert (refused.status, b"emergency-limit" in refused.body) == (403, True)

    neighbours.clock.advance(hours=1, seconds=1)
    assert post(neighbours, request(patient, emergency)).status_code == 200
