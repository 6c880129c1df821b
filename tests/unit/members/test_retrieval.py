"""A record of hospital-a read at hospital-b: found, decided, logged on both sides, sealed, verified, kept; or none of it."""

from __future__ import annotations

import pytest

from node.domain.access import AccessOutcome, AccessSide
from node.domain.consent_message import Revoke
from node.domain.retrieval import RequestState
from node.errors import NotFoundByKeysError, RecordErasedError, UnknownRetrievalError
from node.wire.evidence.file import parse_evidence
from tests.unit.members.neighbourhood import OTHER, answer_lost, away, honest
from tests.unit.members.patients import Patient, eventually, reading, states
from tests.unit.services_records.world import CLINIC, HOSPITAL, report


def test_a_report_is_found_retrieved_verified_and_logged_on_both_sides(patient: Patient) -> None:
    receipt = patient.file(value="the report")
    consent = patient.grant()
    (request,) = patient.retrieve(consent)
    assert states([request]) == [("verified", "")]
    evidence = parse_evidence(reading(patient.neighbours.there).retrieval.evidence(OTHER, request.retrieval_id, request.request_id))
    assert b"the report" in b"".join(part.content for part in evidence.parts)
    verdict = patient.neighbours.there.running.node.evidence.verify(
        reading(patient.neighbours.there).retrieval.evidence(OTHER, request.retrieval_id, request.request_id)
    )
    assert verdict.origin == receipt.origin
    (holder,), (requester,) = patient.holder_log, patient.requester_log
    assert holder.request_id == requester.request_id == request.request_id
    assert (holder.side, requester.side) == (AccessSide.HOLDER, AccessSide.REQUESTER)
    assert (holder.counterpart, requester.counterpart) == (OTHER, HOSPITAL)
    assert holder.outcome is requester.outcome is AccessOutcome.DISCLOSED
    assert holder.consent_id == requester.consent_id == consent.consent
    assert holder.consent_block == requester.consent_block is not None
    assert holder.subjects == requester.subjects == (request.target.reference,)
    assert holder.actor == requester.actor


def test_the_holders_receipt_is_durable_before_the_first_byte_leaves(patient: Patient) -> None:
    patient.file()
    consent = patient.grant()
    patient.neighbours.network.meddle = answer_lost
    (request,) = patient.retrieve(consent)
    assert states([request]) == [("holder-away", "MemberAwayError")]
    assert [entry.outcome for entry in patient.holder_log] == [AccessOutcome.DISCLOSED]
    assert [entry.outcome for entry in patient.requester_log] == [AccessOutcome.UNANSWERED]


def test_a_holder_that_was_away_is_asked_again_under_the_same_id_and_logs_once(patient: Patient) -> None:
    patient.file()
    consent = patient.grant()
    patient.neighbours.network.meddle = answer_lost
    (request,) = patient.retrieve(consent)
    patient.neighbours.network.meddle = away
    patient.neighbours.clock.advance(seconds=2)
    service = reading(patient.neighbours.there).retrieval
    eventually(lambda: service.show(OTHER, request.retrieval_id)[0].attempts == 2, "it is not asked again")
    patient.neighbours.network.meddle = honest
    patient.neighbours.clock.advance(seconds=4)
    eventually(lambda: service.show(OTHER, request.retrieval_id)[0].state is RequestState.VERIFIED, "it is not asked again")
    assert [entry.outcome for entry in patient.holder_log] == [AccessOutcome.DISCLOSED]
    assert [entry.outcome for entry in patient.requester_log] == [AccessOutcome.UNANSWERED, AccessOutcome.DISCLOSED]
    assert {entry.request_id for entry in (*patient.holder_log, *patient.requester_log)} == {request.request_id}


def test_a_revocation_stops_the_next_request(patient: Patient) -> None:
    patient.file()
    consent = patient.grant()
    assert states(patient.retrieve(consent)) == [("verified", "")]
    patient.neighbours.ledger.send(Revoke(consent.consent), None)
    patient.neighbours.clock.advance(seconds=6)
    assert states(patient.retrieve(consent)) == [("denied", "consent-revoked")]
    assert [entry.outcome for entry in patient.holder_log] == [AccessOutcome.DISCLOSED, AccessOutcome.DENIED]
    assert [entry.reason for entry in patient.requester_log] == ["", "consent-revoked"]


def test_a_chain_that_is_away_makes_consents_unknown(patient: Patient) -> None:
    patient.file()
    consent = patient.grant()
    patient.neighbours.ledger.away = True
    patient.neighbours.clock.advance(seconds=6)
    assert states(patient.retrieve(consent)) == [("denied", "consent-unknown")]
    patient.neighbours.ledger.away = False
    assert states(patient.retrieve(consent)) == [("verified", "")]


def test_another_patients_consent_opens_nothing_and_tells_nothing(patient: Patient) -> None:
    patient.file()
    other = Patient(patient.neighbours)
    assert states(patient.retrieve(other.grant())) == [("denied", "not-available")]
    (denied,) = patient.holder_log
    assert (denied.outcome, denied.reason) == (AccessOutcome.DENIED, "consent-foreign")
    assert other.holder_log == []


def test_a_target_has_to_be_found_by_the_patients_keys(patient: Patient) -> None:
    receipt = patient.file()
    other = Patient(patient.neighbours)
    other.file()
    with pytest.raises(NotFoundByKeysError):
        other.retrieve(targets=((receipt.origin, receipt.leaf_index),))


def test_what_is_looked_for_is_logged_before_it_is_shown(patient: Patient) -> None:
    patient.file()
    request_id, found = patient.find()
    (logged,) = patient.requester_log
    assert (logged.request_id, logged.outcome) == (request_id, AccessOutcome.FOUND)
    assert logged.subjects == tuple(record.target.reference for record in found)


def test_an_institution_beside_it_sees_nothing_of_it(patient: Patient) -> None:
    patient.file()
    (request,) = patient.retrieve(patient.grant())
    with pytest.raises(UnknownRetrievalError):
        reading(patient.neighbours.there).retrieval.show(CLINIC, request.retrieval_id)


def test_what_is_forgotten_is_gone_and_its_receipts_stay(patient: Patient) -> None:
    patient.file()
    (request,) = patient.retrieve(patient.grant())
    service = reading(patient.neighbours.there).retrieval
    assert service.forget(OTHER, request.retrieval_id) == 1
    with pytest.raises(RecordErasedError):
        service.evidence(OTHER, request.retrieval_id, request.request_id)
    assert states(service.show(OTHER, request.retrieval_id)) == [("forgotten", "")]
    assert patient.neighbours.there.rows("select * from retrieved_parts where request_id = ?", request.request_id) == []
    assert [entry.outcome for entry in patient.requester_log] == [AccessOutcome.DISCLOSED]


def test_a_study_with_many_large_parts_comes_piece_by_piece(patient: Patient) -> None:
    """More than is kept at once: parts are kept in several transactions, and are visible only when all are there."""
    results = [{"reference": f"Observation/o{number}"} for number in range(40)]
    document = report(f"L-{patient.number}", patient=patient.here.value)
    document["entry"][0]["resource"]["result"] = results
    for number in range(40):
        observation = {
            "resourceType": "Observation",
            "id": f"o{number}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "2951-2"}]},
            "subject": {"reference": "Patient/p1"},
            "note": [{"text": "x" * 60_000}],
        }
        document["entry"].append({"resource": observation})
    patient.file_document(document)
    (request,) = patient.retrieve(patient.grant())
    assert states([request]) == [("verified", "")]
    service = reading(patient.neighbours.there).retrieval
    evidence = parse_evidence(service.evidence(OTHER, request.retrieval_id, request.request_id))
    assert len(evidence.parts) >= 42
    assert sum(len(part.content) for part in evidence.parts) > 2_000_000
