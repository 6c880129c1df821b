"""What the committed vector of looking again was made by: hospital-b offers a result, and says nothing of its correction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.domain.recognition import Reason
from node.recognition.decision import Reorder
from node.services.patient_view.look_again import Look
from node.services.reading.finding_patients import Looked, PatientFinding
from node.services.recognition.deciding import DecisionAnswer
from node.wire.certificate.file import DecisionCertificate
from tests.unit.members.certificates import correct, end_hour, export
from tests.unit.members.looks import look
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.members.orders import check, decide, file_electrolytes
from tests.unit.members.patients import Patient


def find(patient: Patient) -> Looked:
    """Return what hospital-b finds, logging nothing."""
    reading = patient.neighbours.there.running.node.reading
    assert reading is not None
    return reading.finding.look_through(OTHER, patient.there, with_replaced=True)


def decide_blindly(patient: Patient, seen: Looked, monkeypatch: pytest.MonkeyPatch) -> DecisionAnswer:
    """Let hospital-b order again on a check that shows what is given, and says that all had been read by now."""
    late = find(patient)
    with monkeypatch.context() as lying:
        lying.setattr(PatientFinding, "look_through", lambda *_, **__: replace(seen, read=late.read))
        answer = check(patient)
    return decide(patient, answer, Reorder(Reason.EMERGENCY))


def export_hiding(patient: Patient, decided: DecisionAnswer, monkeypatch: pytest.MonkeyPatch) -> DecisionCertificate:
    """Export a certificate, once the check is logged, that leaves later versions out."""
    with monkeypatch.context() as lying:
        lying.setattr("node.services.recognition.certificates._is_later", lambda *_: False)
        return export(patient.neighbours, decided.decision_id, lambda made: made.check is not None)


def make_look(neighbours: Neighbourhood, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Let the patient look again for a decision of hospital-b whose check hides a correction, once it is logged."""
    patient = Patient(neighbours)
    file_electrolytes(patient, status="preliminary")
    file_electrolytes(patient)
    seen = find(patient)
    correct(patient, at=1)
    decided = decide_blindly(patient, seen, monkeypatch)
    end_hour(neighbours)
    return look(patient, export_hiding(patient, decided, monkeypatch))
