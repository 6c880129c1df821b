"""An order at hospital-b of which hospital-a has results: checked, logged by the hour, decided, told, reversed."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.domain.entry import InstitutionId, Origin
from node.domain.message import MemberMessage, MessageId
from node.domain.recognition import Coverage, DecisionOutcome, OrderLine, Reason
from node.domain.recognition_acts import CheckContent, CheckId, DecisionContent, DecisionId, ReversalContent
from node.domain.record import PatientNumber
from node.errors import (
    DecisionStandsError,
    MalformedParameterError,
    NotOfferedError,
    ReasonMissingError,
    RetrievalMissingError,
    ReversedDecisionError,
    StaleCheckError,
    UnknownCheckError,
    UnknownDecisionError,
    UnknownOrderLineError,
    UnknownPatientError,
)
from node.recognition.decision import Recognise, Reorder
from node.services.recognition.checking import HOUR_MS, CheckOrder
from node.wire.members.decisions import DECISION_KIND, DecisionMessage, encode_decision_message
from tests.unit.fhir_split.documents import bundle
from tests.unit.members.neighbourhood import OTHER, Neighbourhood, make_neighbourhood
from tests.unit.members.orders import LIVER, check, decide, electrolytes, file_electrolytes, own_log, recognition
from tests.unit.members.patients import ACTOR, Patient, eventually
from tests.unit.services_records.world import HOSPITAL


def deliver(neighbours: Neighbourhood) -> None:
    exchange = neighbours.there.running.node.exchange
    assert exchange is not None
    exchange.outbox.deliver()


def log_checks(neighbours: Neighbourhood) -> None:
    recognition(neighbours.there).leaves.step()


def test_a_check_offers_what_others_hold_and_says_what_is_missing(patient: Patient) -> None:
    receipt = file_electrolytes(patient)
    answer = check(patient)
    (line,) = answer.outcome.lines
    assert line.coverage is Coverage.PARTLY
    assert line.missing == ("LAB-CL", "LAB-CA")
    (offer,) = line.offers
    assert (offer.institution, offer.own, offer.marks) == (HOSPITAL, False, ("全国HR",))
    assert answer.places[offer.leaf] == (receipt.origin, receipt.leaf_index)
    assert "第一人民医院" in "".join(answer.warnings["zh"])
    assert "First People's Hospital" in "".join(answer.warnings["en"])


def test_a_preliminary_result_is_told_with_its_reason(patient: Patient) -> None:
    file_electrolytes(patient, status="preliminary")
    (line,) = check(patient).outcome.lines
    assert line.coverage is Coverage.NOT
    assert {each.obstacle.value for result in line.unrecognisable for each in result.items} == {"preliminary"}


def test_a_result_that_was_taken_back_is_told_as_such(patient: Patient) -> None:
    file_electrolytes(patient)
    file_electrolytes(patient, identifier=[{"system": "urn:filler", "value": f"E-{patient.number}-0"}], status="entered-in-error")
    (line,) = check(patient).outcome.lines
    assert line.offers == ()
    assert {each.obstacle.value for result in line.unrecognisable for each in result.items} == {"withdrawn"}


def test_an_amendment_is_offered_in_place_of_what_it_replaces(patient: Patient) -> None:
    file_electrolytes(patient)
    number = f"E-{patient.number}-0"
    file_electrolytes(patient, identifier=[{"system": "urn:filler", "value": number}], status="corrected", conclusion="mended")
    answer = check(patient)
    (line,) = answer.outcome.lines
    (offer,) = line.offers
    assert answer.places[offer.leaf][1] == patient.receipts[1].leaf_index


def test_a_sensitive_result_is_absent_and_no_total_tells_of_it(patient: Patient) -> None:
    label = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]}
    receipt = patient.neighbours.here.receipt(electrolytes(patient, meta=label))
    patient.neighbours.here.wait_logged(receipt)
    following = patient.neighbours.there.running.node.following
    patient.neighbours.there.follow(Origin(receipt.origin))
    at = int(receipt.leaf_index or 0)
    eventually(lambda: any(each.origin == receipt.origin and each.indexed > at for each in following.report()), "not followed")
    answer = check(patient)
    assert answer.outcome.lines[0].offers == ()
    assert answer.outcome.lines[0].unrecognisable == ()
    assert answer.outcome.unmapped == ()
    assert answer.warnings == {"zh": (), "en": ()}


def test_a_prescription_is_no_result_that_nobody_could_place(patient: Patient) -> None:
    file_electrolytes(patient)
    prescription = {
        "resourceType": "MedicationRequest",
        "id": f"rx-{patient.number}",
        "status": "active",
        "intent": "order",
        "authoredOn": "2026-11-20T09:00:00+08:00",
        "medicationCodeableConcept": {"coding": [{"system": "urn:drugs", "code": "314076"}]},
        "subject": {"reference": "Patient/p"},
        "requester": {"display": "a physician"},
        "dosageInstruction": [{"text": "once a day"}],
    }
    person = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:mrn", "value": patient.here.value}]}
    patient.file_document(bundle([prescription, person]))
    answer = check(patient)
    assert answer.outcome.unmapped == ()
    assert len(answer.outcome.lines[0].offers) == 1


def test_an_unknown_patient_is_refused(patient: Patient) -> None:
    order = CheckOrder(PatientNumber("urn:mrn", "nobody"), ACTOR, "", ())
    with pytest.raises(UnknownPatientError):
        recognition(patient.neighbours.there).checking.check(OTHER, order)


def test_checks_are_sealed_before_they_are_answered(patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(patient, encounter="encounter-to-hide")
    rows = patient.neighbours.there.rows("select due, hour_ms from order_checks where check_id = ?", answer.check_id)
    assert rows == [(1, answer.outcome.checked_at_ms // HOUR_MS * HOUR_MS)]
    assert b"encounter-to-hide" not in patient.neighbours.there.file_bytes()


def test_one_leaf_for_patient_clinician_and_hour_when_the_hour_has_ended(neighbours: Neighbourhood) -> None:
    patient, other = Patient(neighbours), Patient(neighbours)
    file_electrolytes(patient)
    answers = [check(patient), check(patient, LIVER), check(patient)]
    check(other)
    log_checks(neighbours)
    assert own_log(patient) == []
    neighbours.clock.advance(hours=1)
    log_checks(neighbours)
    log_checks(neighbours)
    (content,) = own_log(patient)
    assert isinstance(content, CheckContent)
    # nothing of another institution concerns the liver: that check is no business of the log's
    logged = {each.check_id: each for each in content.checks}
    assert set(logged) == {answers[0].check_id, answers[2].check_id}
    (line,) = logged[answers[0].check_id].lines
    assert line.offers[0].institution == HOSPITAL
    assert line.offers[0].leaf in answers[0].places
    assert {pin.subject for pin in logged[answers[0].check_id].pins} == {"", HOSPITAL, OTHER}
    assert own_log(other) == []


def test_the_hour_is_shorter_where_the_settings_say_so(tmp_path: Path) -> None:
    neighbours = make_neighbourhood(tmp_path, {})
    settings = neighbours.there.directory / "concord.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("# check_leaf_period_s = 3600.0", "check_leaf_period_s = 60.0", 1), encoding="utf-8")
    neighbours.start()
    try:
        patient = Patient(neighbours)
        file_electrolytes(patient)
        check(patient)
        log_checks(neighbours)
        assert own_log(patient) == []
        neighbours.clock.advance(minutes=1)
        log_checks(neighbours)
        assert len(own_log(patient)) == 1
    finally:
        neighbours.stop()


def test_an_order_that_went_ahead_unchecked_is_logged_as_such(neighbours: Neighbourhood) -> None:
    patient = Patient(neighbours)
    order = CheckOrder(patient.there, ACTOR, "encounter-1", (OrderLine("o-1", LIVER),))
    check_id = recognition(neighbours.there).checking.note_unchecked(OTHER, order)
    neighbours.clock.advance(hours=1)
    log_checks(neighbours)
    (content,) = own_log(patient)
    assert isinstance(content, CheckContent)
    assert [(each.check_id, each.answered) for each in content.checks] == [(check_id, False)]
    assert [each.line for each in content.checks[0].lines] == list(order.lines)


def test_old_checks_are_forgotten_but_those_that_were_decided_on(neighbours: Neighbourhood) -> None:
    patient = Patient(neighbours)
    file_electrolytes(patient)
    forgotten, kept = check(patient, LIVER), check(patient)
    decide(patient, kept, Reorder(Reason.EMERGENCY))
    neighbours.clock.advance(days=31)
    log_checks(neighbours)
    rows = neighbours.there.rows("select check_id from order_checks")
    assert rows == [(kept.check_id,)]
    with pytest.raises(UnknownCheckError):
        recognition(neighbours.there).checking.recall(OTHER, forgotten.check_id)


def test_a_result_is_recognised_after_it_was_retrieved_and_verified(patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    (offer,) = answer.outcome.lines[0].offers
    with pytest.raises(RetrievalMissingError):
        decide(patient, answer, Recognise((offer.leaf,)))
    assert [request.state.value for request in patient.retrieve(patient.grant())] == ["verified"]
    decided = decide(patient, answer, Recognise((offer.leaf,)))
    assert decided.decision.outcome is DecisionOutcome.RECOGNISED
    assert decided.told == (HOSPITAL,)
    content = own_log(patient)[-1]
    assert isinstance(content, DecisionContent)
    assert (content.decision_id, content.check_id) == (decided.decision_id, answer.check_id)
    assert [(each.leaf, each.institution) for each in content.results] == [(offer.leaf, HOSPITAL)]
    assert content.items == ("LAB-K", "LAB-NA")
    assert content.actor == ACTOR
    assert content.saving_fen == decided.decision.saving_fen == answer.outcome.lines[0].saving_fen


def test_the_issuer_is_told_of_a_decision_and_of_its_reversal(patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    decided = decide(patient, answer, Reorder(Reason.OTHER, free_text="words of the clinician"))
    deliver(patient.neighbours)
    listed = recognition(patient.neighbours.here).heard.list(HOSPITAL)
    (heard,) = [each for each in listed if each.decision_id == decided.decision_id]
    assert (heard.decider, heard.outcome, heard.reason, heard.reversed_at_ms) == (OTHER, "reordered", 6, None)
    assert heard.result == answer.outcome.lines[0].offers[0].leaf
    recognition(patient.neighbours.there).deciding.reverse(OTHER, decided.decision_id, ACTOR)
    deliver(patient.neighbours)
    listed = recognition(patient.neighbours.here).heard.list(HOSPITAL)
    (heard,) = [each for each in listed if each.decision_id == decided.decision_id]
    assert heard.reversed_at_ms is not None
    for world in (patient.neighbours.here, patient.neighbours.there):
        assert b"words of the clinician" not in world.file_bytes()


def test_a_reversal_supersedes_and_the_line_can_be_decided_again(patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    service = recognition(patient.neighbours.there).deciding
    first = decide(patient, answer, Reorder(Reason.EMERGENCY))
    with pytest.raises(DecisionStandsError):
        decide(patient, answer, Reorder(Reason.EMERGENCY))
    service.reverse(OTHER, first.decision_id, ACTOR)
    content = own_log(patient)[-1]
    assert isinstance(content, ReversalContent)
    assert (content.decision_id, content.decision) == (first.decision_id, first.entry)
    with pytest.raises(ReversedDecisionError):
        service.reverse(OTHER, first.decision_id, ACTOR)
    decide(patient, answer, Reorder(Reason.APPRAISAL))
    kinds = [type(each).__name__ for each in own_log(patient)]
    assert kinds == ["DecisionContent", "ReversalContent", "DecisionContent"]


def test_what_a_decision_may_not_be(patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    leaf = answer.outcome.lines[0].offers[0].leaf
    with pytest.raises(ReasonMissingError):
        decide(patient, answer, Reorder(None))
    with pytest.raises(UnknownOrderLineError):
        decide(patient, answer, Reorder(Reason.EMERGENCY), order_id="o-9")
    with pytest.raises(NotOfferedError):
        decide(patient, check(patient, LIVER, encounter="encounter-2"), Recognise((leaf,)))
    assert own_log(patient) == []


def test_a_check_is_too_old_after_a_while(neighbours: Neighbourhood) -> None:
    patient = Patient(neighbours)
    file_electrolytes(patient)
    answer = check(patient)
    neighbours.clock.advance(days=2)
    with pytest.raises(StaleCheckError):
        decide(patient, answer, Reorder(Reason.EMERGENCY))


def test_nobody_decides_on_anothers_check_or_reverses_anothers_decision(patient: Patient) -> None:
    file_electrolytes(patient)
    decided = decide(patient, check(patient), Reorder(Reason.EMERGENCY))
    service = recognition(patient.neighbours.here)
    with pytest.raises(UnknownDecisionError):
        service.deciding.reverse(HOSPITAL, decided.decision_id, ACTOR)
    with pytest.raises(UnknownCheckError):
        service.checking.recall(HOSPITAL, CheckId("00" * 16))


@pytest.mark.parametrize("sender", [OTHER, InstitutionId("clinic-a")])
def test_a_member_speaks_for_its_own_decisions_on_the_recipients_results(patient: Patient, sender: InstitutionId) -> None:
    receipt = file_electrolytes(patient)
    leaf = check(patient).outcome.lines[0].offers[0].leaf
    assert leaf.origin == receipt.origin
    told = DecisionMessage(DecisionId("ab" * 16), "recognised", (leaf,), None, 0)
    back = DecisionMessage(DecisionId("cd" * 16), "reversed", (), None, 0)
    service, writer = recognition(patient.neighbours.there).heard, patient.neighbours.there.running.sharing.writer
    for message, error in ((told, MalformedParameterError), (back, UnknownDecisionError)):
        body = encode_decision_message(message)
        envelope = MemberMessage(MessageId("00" * 16), DECISION_KIND, sender, OTHER, "x", body, 0)
        with pytest.raises(error):
            writer.submit(lambda transaction, envelope=envelope: service.heard(transaction, envelope)).result()  # type: ignore[misc]
