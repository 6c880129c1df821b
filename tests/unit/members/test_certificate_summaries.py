"""Slips whose summary says something else than the signed decision: refuted wherever both are at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.cli.main import app
from node.domain.entry import InstitutionId, Level
from node.domain.recognition import CertificateId, OrderableCode, OrderLine, Reason
from node.domain.recognition_acts import DecisionId
from node.domain.record import Part
from node.domain.slip import DecisionSummary
from node.errors import CertificateContradictedError, SummaryRefutedError
from node.recognition.decision import Reorder
from node.services.recognition import deciding
from node.services.recognition.deciding import DecisionAnswer
from node.services.records.entries import ActEntry
from node.wire.certificate.file import DecisionCertificate, encode_certificate
from node.wire.certificate.slip import verify_slip
from node.wire.evidence.file import Evidence, encode_evidence, parse_evidence
from node.wire.evidence.qr_evidence import parse_qr_evidence
from node.wire.evidence.verification import verify_evidence
from node.wire.recognition.decision_summary import SUMMARY_MEDIA_TYPE, SUMMARY_ROLE, encode_summary, summarise
from node.wire.recognition.text import CheckText, DecisionText
from tests.unit.members.certificates import codes, end_hour, export, recognise, trust_root, verify
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.members.orders import check, decide, file_electrolytes, recognition
from tests.unit.members.patients import Patient, eventually

Change = Callable[[DecisionSummary], DecisionSummary]


def first(summary: DecisionSummary, **changes: object) -> DecisionSummary:
    result, *others = summary.results
    return replace(summary, results=(replace(result, **changes), *others))  # type: ignore[arg-type]


def without_certificates(summary: DecisionSummary) -> DecisionSummary:
    return first(summary, items=tuple(replace(each, certificate=CertificateId("X-1")) for each in summary.results[0].items))


OF_THE_DECISION: dict[str, Change] = {
    "decision_id": lambda it: replace(it, decision_id=DecisionId("00" * 16)),
    "staff_number": lambda it: replace(it, staff_number="b-99"),
    "department": lambda it: replace(it, department="99"),
    "line": lambda it: replace(it, line=OrderLine("o-9", OrderableCode("LIVER"))),
    "saving_fen": lambda it: replace(it, saving_fen=it.saving_fen + 1),
    "decided_at_ms": lambda it: replace(it, decided_at_ms=it.decided_at_ms + 60_000),
    "results": lambda it: first(it, institution=InstitutionId("clinic-a")),
    "results-items": lambda it: first(it, items=it.results[0].items[:1]),
    "results-none": lambda it: replace(it, results=()),
}
"""What decision and summary both say."""
OF_THE_CHECK: dict[str, Change] = {
    "results-level": lambda it: first(it, level=Level.ANCHORED if it.results[0].level is not Level.ANCHORED else Level.LOGGED),
    "results-performed": lambda it: first(it, performed_at_ms=it.results[0].performed_at_ms + 1),
    "results-certificate": without_certificates,
    "checked_at_ms": lambda it: replace(it, checked_at_ms=it.checked_at_ms + 1),
}
"""What the summary has from the check alone."""


def planted(patient: Patient, monkeypatch: pytest.MonkeyPatch, change: Change) -> DecisionAnswer:
    """Let hospital-b log a recognition whose summary says something else: signed, and proved to be in its log."""
    with monkeypatch.context() as careless:
        careless.setattr(deciding, "summarise", lambda text, checked: change(summarise(text, checked)))
        return recognise(patient).decision


def slip_of(patient: Patient, decided: DecisionAnswer) -> Evidence:
    slips = recognition(patient.neighbours.there).clinic.slips
    eventually(lambda: slips.make(OTHER, decided.decision_id).proof is not None, "the decision is not logged")
    return parse_qr_evidence((slips.make(OTHER, decided.decision_id).proof or "").encode())


def with_parts(certificate: DecisionCertificate, *numbers: int) -> DecisionCertificate:
    """Open other parts of the decision's entry."""
    line = certificate.lines[certificate.decision]
    evidence = parse_evidence(line.evidence or b"")
    chosen = tuple(part for part in evidence.parts if part.number in numbers)
    lines = list(certificate.lines)
    lines[certificate.decision] = replace(line, evidence=encode_evidence(replace(evidence, parts=chosen)))
    return replace(certificate, lines=tuple(lines))


def evidence_of(certificate: DecisionCertificate) -> Evidence:
    return parse_evidence(certificate.lines[certificate.decision].evidence or b"")


@pytest.mark.parametrize("case", [*OF_THE_DECISION, *OF_THE_CHECK])
def test_a_summary_that_says_something_else(patient: Patient, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    neighbours = patient.neighbours
    root, now = trust_root(neighbours), neighbours.clock.now()
    decided = planted(patient, monkeypatch, {**OF_THE_DECISION, **OF_THE_CHECK}[case])
    certificate, slip = export(neighbours, decided.decision_id), slip_of(patient, decided)
    with pytest.raises(SummaryRefutedError) as raised:
        verify(neighbours, certificate)
    assert raised.value.what == case.partition("-")[0]
    # evidence of the entry with both parts, without the check
    if case in OF_THE_DECISION:
        with pytest.raises(SummaryRefutedError):
            verify_evidence(evidence_of(certificate), root, now=now)
    # the slip by itself proves what was committed to, and says that it is not compared; with the certificate it is
    alone = verify_evidence(slip, root, now=now)
    assert "summary_alone" in {each.code for each in alone.not_proved}
    closed = with_parts(certificate, 1)
    assert "summary_closed" in codes(verify(neighbours, closed))
    with pytest.raises(SummaryRefutedError):
        verify_slip(slip, closed, root, now=now)


def test_a_summary_of_another_institution_is_refuted_by_itself(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = planted(patient, monkeypatch, lambda it: replace(it, institution=InstitutionId("hospital-a")))
    with pytest.raises(SummaryRefutedError):
        verify_evidence(slip_of(patient, decided), trust_root(patient.neighbours), now=patient.neighbours.clock.now())


def test_a_re_order_has_no_summary(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    (offer,) = answer.outcome.lines[0].offers

    def with_summary(entry: ActEntry, text: DecisionText, checked: CheckText) -> ActEntry:
        used = replace(text, decision=replace(text.decision, recognised=(offer.leaf,)))
        part = Part(SUMMARY_MEDIA_TYPE, SUMMARY_ROLE, "", encode_summary(summarise(used, checked)), "")
        return replace(entry, parts=(*entry.parts, part))

    with monkeypatch.context() as careless:
        careless.setattr(deciding, "_with_summary", with_summary)
        decided = decide(patient, answer, Reorder(Reason.EMERGENCY))
    certificate = export(patient.neighbours, decided.decision_id)
    with pytest.raises(SummaryRefutedError) as raised:
        verify(patient.neighbours, certificate)
    assert raised.value.what == "outcome"


def test_what_agrees_is_proved_to(patient: Patient) -> None:
    neighbours = patient.neighbours
    done = recognise(patient)
    certificate, slip = export(neighbours, done.decision.decision_id), slip_of(patient, done.decision)
    root, now = trust_root(neighbours), neighbours.clock.now()
    verdict = verify(neighbours, certificate)
    assert "summary_matches" in codes(verdict)
    assert verdict.summary is not None
    assert encode_summary(verdict.summary) == slip.parts[0].content
    assert "summary_matches" in {each.code for each in verify_evidence(evidence_of(certificate), root, now=now).proved}
    compared = verify_slip(slip, certificate, root, now=now)
    assert "summary_certified" in {each.code for each in compared.proved}
    assert "summary_alone" not in {each.code for each in compared.not_proved}
    # the certificate of another decision, and evidence without a summary
    other = export(neighbours, recognise(Patient(neighbours)).decision.decision_id)
    with pytest.raises(CertificateContradictedError):
        verify_slip(slip, other, root, now=now)
    with pytest.raises(CertificateContradictedError):
        verify_slip(evidence_of(with_parts(certificate, 1)), certificate, root, now=now)
    end_hour(neighbours)


def files(neighbours: Neighbourhood, directory: Path, slip: str, certificate: DecisionCertificate) -> tuple[str, ...]:
    (directory / "slip.txt").write_text(slip)
    (directory / "decision.json").write_bytes(encode_certificate(certificate))
    root = neighbours.there.directory / "trust-root.note"
    return "verify", str(directory / "slip.txt"), "--trust-root", str(root), "--certificate", str(directory / "decision.json")


def test_the_command_compares_a_slip_with_a_certificate(patient: Patient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    neighbours = patient.neighbours
    slips = recognition(neighbours.there).clinic.slips
    done = recognise(patient).decision
    slip_of(patient, done)
    honest = files(neighbours, tmp_path, slips.make(OTHER, done.decision_id).proof or "", export(neighbours, done.decision_id))
    for language, words in (("en", "by the certificate"), ("zh", "按证明书")):
        said = CliRunner().invoke(app, [*honest, "--lang", language])
        assert (said.exit_code, words in said.output) == (0, True), said.output
    # without the certificate it says what it does not prove
    assert "--certificate" in CliRunner().invoke(app, [*honest[:4], "--lang", "en"]).output
    bent = planted(Patient(neighbours), monkeypatch, OF_THE_DECISION["saving_fen"])
    other = Patient(neighbours)
    slip_of(other, bent)
    forged = files(neighbours, tmp_path, slips.make(OTHER, bent.decision_id).proof or "", export(neighbours, bent.decision_id))
    for language, words in (("en", "do not go by it"), ("zh", "请勿采信")):
        said = CliRunner().invoke(app, [*forged, "--lang", language])
        assert (said.exit_code, words in said.output) == (1, True), said.output
    # what is no slip is not compared
    certificate = str(tmp_path / "decision.json")
    assert CliRunner().invoke(app, ["verify", certificate, *forged[2:]]).exit_code == 2
    end_hour(neighbours)
