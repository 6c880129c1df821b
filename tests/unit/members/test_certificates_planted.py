"""Decisions that a node should not have taken: logged, retrieved and exported by real code, and refuted by whoever verifies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.domain.recognition import CertificateId, Reason, RegionCode
from node.errors import (
    CertificateContradictedError,
    DecisionRefutedError,
    EvidenceRefutedError,
    ForeignPatientError,
    RefusalRefutedError,
    ResultRefutedError,
    RetrievalUnprovedError,
)
from node.recognition.decision import Recognise, Reorder
from node.recognition.index import OrderingIndex, Tariff
from node.services.reading.finding_patients import Looked, PatientFinding
from node.services.recognition.checking import CheckAnswer
from node.services.recognition.deciding import DecisionAnswer
from node.terminology.marks import Mark
from node.terminology.regions import WithoutReason
from node.wire.header.seal import HeaderPlace, header_data_key
from node.wire.leaf import parse_leaf
from tests.unit.members.certificates import correct, end_hour, export, verify
from tests.unit.members.neighbourhood import OTHER, Neighbourhood, make_neighbourhood
from tests.unit.members.orders import check, decide, file_electrolytes, recognition
from tests.unit.members.patients import Patient
from tests.unit.members.test_recognition_documents import copy_documents

Patched = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def hour(town: Neighbourhood) -> Iterator[None]:
    yield
    # the next test's checks are in an hour of their own
    end_hour(town)


def refuted(patient: Patient, decided: DecisionAnswer, error: type[EvidenceRefutedError]) -> Any:  # noqa: ANN401 - the error
    """Verify as a stranger does, with the real rules, before the check is logged and after."""
    neighbours = patient.neighbours
    with pytest.raises(error):
        verify(neighbours, export(neighbours, decided.decision_id))
    end_hour(neighbours)
    certificate = export(neighbours, decided.decision_id, lambda made: made.check is not None)
    with pytest.raises(error) as raised:
        verify(neighbours, certificate)
    return raised.value


def recognised(patient: Patient, answer: CheckAnswer) -> DecisionAnswer:
    assert "verified" in [request.state.value for request in patient.retrieve(patient.grant())]
    return decide(patient, answer, Recognise((answer.outcome.lines[0].offers[0].leaf,)))


def test_a_mark_whose_certificate_had_expired(tmp_path: Path, monkeypatch: Patched) -> None:
    neighbours = make_neighbourhood(tmp_path, {"outbox_interval_s": 3600.0})
    file = copy_documents(neighbours.there) / "certificates.json"
    document = json.loads(file.read_bytes())
    for each in document["certificates"]:
        if each["institution"] == "hospital-a":
            each["valid_to"] = "2026-02-28"  # the day before
    file.write_text(json.dumps(document), encoding="utf-8")
    neighbours.start()
    try:
        patient = Patient(neighbours)
        file_electrolytes(patient)
        assert check(patient).outcome.lines[0].offers == ()
        with monkeypatch.context() as careless:
            careless.setattr(
                OrderingIndex, "mark_of", lambda *_: Mark("全国HR", RegionCode("CN"), CertificateId("CN-2026-A-LAB-K"))
            )
            answer = check(patient, encounter="encounter-2")
        error = refuted(patient, recognised(patient, answer), ResultRefutedError)
        assert error.reason == "no-mark"
        assert error.leaf_hash == answer.outcome.lines[0].offers[0].leaf.leaf_hash.hex()
    finally:
        neighbours.stop()


def test_a_mark_by_another_certificate_than_the_list_has(patient: Patient, monkeypatch: Patched) -> None:
    file_electrolytes(patient)
    with monkeypatch.context() as careless:
        careless.setattr(OrderingIndex, "mark_of", lambda *_: Mark("粤HR", RegionCode("CN-44"), CertificateId("invented")))
        answer = check(patient)
    assert "another mark" in refuted(patient, recognised(patient, answer), ResultRefutedError).reason


def test_a_result_outside_its_window(patient: Patient, monkeypatch: Patched) -> None:
    file_electrolytes(patient, effectiveDateTime="2026-01-10T08:30:00+08:00")
    with monkeypatch.context() as careless:
        careless.setattr("node.recognition.check._obstacle_of_item", lambda *_, **__: None)
        answer = check(patient)
    assert refuted(patient, recognised(patient, answer), ResultRefutedError).reason == "out-of-window"


def test_a_unit_that_was_told_not_to_compare(patient: Patient, monkeypatch: Patched) -> None:
    file_electrolytes(patient)
    index = recognition(patient.neighbours.there).rules.ordering(OTHER)
    with monkeypatch.context() as careless:
        rules = {code: replace(rule, units=frozenset({"g"})) for code, rule in index.rules.items()}
        careless.setattr(index, "rules", rules)
        answer = check(patient)
    assert answer.outcome.lines[0].offers == ()
    error = refuted(patient, decide(patient, answer, Reorder(Reason.EMERGENCY)), RefusalRefutedError)
    assert (error.stated, error.found) == ("unit-not-comparable", "it counts")


def test_a_final_result_that_was_told_not_to_be(patient: Patient, monkeypatch: Patched) -> None:
    file_electrolytes(patient)
    with monkeypatch.context() as careless:
        careless.setattr("node.recognition.check.FINAL_STATUSES", frozenset())
        answer = check(patient)
    assert refuted(patient, decide(patient, answer, Reorder(None)), RefusalRefutedError).stated == "preliminary"


def double(index: OrderingIndex, orderable: Any, at_ms: int) -> Tariff:  # noqa: ANN401 - as the method that it stands for
    tariff = TARIFF(index, orderable, at_ms)
    assert tariff.price_fen is not None
    return replace(tariff, price_fen=2 * tariff.price_fen)


TARIFF = OrderingIndex.tariff


def test_a_price_that_the_list_does_not_have(patient: Patient, monkeypatch: Patched) -> None:
    file_electrolytes(patient)
    with monkeypatch.context() as careless:
        careless.setattr(OrderingIndex, "tariff", double)
        answer = check(patient)
    error = refuted(patient, recognised(patient, answer), DecisionRefutedError)
    assert error.what == "check.price_fen"
    assert "stated 6400, by the pinned documents 3200" in str(error)


def test_a_saving_that_does_not_follow(patient: Patient, monkeypatch: Patched) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    with monkeypatch.context() as careless:
        careless.setattr(Tariff, "saving_fen", lambda _, answered: 99_900 if answered else 0)
        decided = recognised(patient, answer)
    error = refuted(patient, decided, DecisionRefutedError)
    assert (error.what, "99900" in str(error)) == ("saving_fen", True)


def test_an_order_placed_again_without_the_reason_that_was_due(patient: Patient, monkeypatch: Patched) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    index = recognition(patient.neighbours.there).rules.ordering(OTHER)
    with monkeypatch.context() as careless:
        careless.setattr(index, "region_rules", replace(index.region_rules, without_reason=WithoutReason.WARN))
        decided = decide(patient, answer, Reorder(None))
    assert "ReasonMissingError" in refuted(patient, decided, DecisionRefutedError).what


def test_a_result_that_was_never_retrieved(patient: Patient, monkeypatch: Patched) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    leaf = answer.outcome.lines[0].offers[0].leaf
    parts = recognition(patient.neighbours.there).deciding._parts
    with monkeypatch.context() as careless:
        careless.setattr(parts.retrievals, "verified", lambda *_: frozenset({leaf}))
        decided = decide(patient, answer, Recognise((leaf,)))
    error = refuted(patient, decided, RetrievalUnprovedError)
    assert (error.origin, error.leaf_hash) == (leaf.origin, leaf.leaf_hash.hex())


def test_a_retrieval_that_came_after_the_decision(patient: Patient, monkeypatch: Patched) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    leaf = answer.outcome.lines[0].offers[0].leaf
    parts = recognition(patient.neighbours.there).deciding._parts
    with monkeypatch.context() as careless:
        careless.setattr(parts.retrievals, "verified", lambda *_: frozenset({leaf}))
        decided = decide(patient, answer, Recognise((leaf,)))
    patient.retrieve(patient.grant())
    refuted(patient, decided, RetrievalUnprovedError)


def test_a_version_that_had_been_replaced_when_the_order_was_checked(patient: Patient, monkeypatch: Patched) -> None:
    file_electrolytes(patient)
    old = find(patient)
    correct(patient)
    late = find(patient)
    with monkeypatch.context() as careless:
        careless.setattr(PatientFinding, "look_through", lambda *_, **__: replace(old, read=late.read))
        answer = check(patient)
    decided = decide(patient, answer, Reorder(Reason.EMERGENCY))
    assert refuted(patient, decided, ResultRefutedError).reason == "superseded"


def test_another_patients_result(patient: Patient, monkeypatch: Patched) -> None:
    other = Patient(patient.neighbours)
    file_electrolytes(other)
    with monkeypatch.context() as careless:
        looked = replace(find(other), keys=patient.keys)
        careless.setattr(PatientFinding, "look_through", lambda *_, **__: looked)
        answer = check(patient)
    decided = decide(patient, answer, Reorder(Reason.EMERGENCY))
    # nothing of this patient opens it, and no tombstone excuses that
    refuted(patient, decided, CertificateContradictedError)
    certificate = export(patient.neighbours, decided.decision_id)
    (at,) = certificate.results
    line = certificate.lines[at]
    leaf, header = parse_leaf(line.leaf), header_of(patient.neighbours, line.index)
    place = HeaderPlace(answer.outcome.lines[0].offers[0].leaf.origin, leaf.entry_type, leaf.tag)
    data_key = header_data_key(header, place, other.keys.epoch_keys[max(other.keys.epoch_keys)])
    lines = list(certificate.lines)
    lines[at] = replace(line, header=header, data_key=data_key)
    with pytest.raises(ForeignPatientError):
        verify(patient.neighbours, replace(certificate, lines=tuple(lines)))


def test_a_decision_that_is_dated_back(patient: Patient, monkeypatch: Patched) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    patient.neighbours.clock.advance(minutes=30)
    with monkeypatch.context() as careless:
        careless.setattr("node.services.recognition.deciding.unix_ms", lambda _: answer.outcome.checked_at_ms)
        decided = decide(patient, answer, Reorder(Reason.EMERGENCY))
    assert "time" in refuted(patient, decided, CertificateContradictedError).what


def find(patient: Patient) -> Looked:
    reading = patient.neighbours.there.running.node.reading
    assert reading is not None
    return reading.finding.look_through(OTHER, patient.there)


def header_of(neighbours: Neighbourhood, leaf_index: int) -> bytes:
    """Return a sealed header of hospital-a's log."""
    query = "select header from headers where origin = 'hospital-a.example/log' and leaf_index = ?"
    header: bytes = neighbours.here.rows(query, leaf_index)[0][0]
    return header
