"""Slips of recognitions at hospital-b: printed, and their QR code verified offline by a stranger."""

from __future__ import annotations

import html
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cbor2
import pytest
from typer.testing import CliRunner

from node.cli.main import app
from node.domain.entry import EntryType, Level
from node.domain.recognition import Reason
from node.domain.slip import Slip
from node.errors import EvidenceRefutedError, MalformedEvidenceError
from node.recognition.decision import Recognise, Reorder
from node.services.recognition.deciding import DecisionAnswer
from node.wire.evidence.base45 import decode_base45, encode_base45
from node.wire.evidence.qr_evidence import MAX_CHARS, PREFIX, parse_qr_evidence
from node.wire.evidence.verification import verify_evidence
from node.wire.recognition.decision_summary import parse_summary
from node.wire.trust_root import parse_trust_root
from tests.unit.api_routes.client import Api, problem
from tests.unit.members.neighbourhood import OTHER
from tests.unit.members.orders import check, decide, file_electrolytes, recognition
from tests.unit.members.pages import read_response
from tests.unit.members.patients import Patient, eventually
from tests.unit.services_records.world import HOSPITAL

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def api(patient: Patient) -> Api:
    return Api(patient.neighbours.there)


def recognised(patient: Patient) -> DecisionAnswer:
    file_electrolytes(patient)
    answer = check(patient)
    patient.retrieve(patient.grant())
    return decide(patient, answer, Recognise((answer.outcome.lines[0].offers[0].leaf,)))


def proved(patient: Patient, answer: DecisionAnswer) -> Slip:
    """Return the slip once the decision is logged."""
    slips = recognition(patient.neighbours.there).clinic.slips
    eventually(lambda: slips.make(OTHER, answer.decision_id).proof is not None, "the decision is not logged")
    return slips.make(OTHER, answer.decision_id)


def path_of(answer: DecisionAnswer) -> str:
    return f"/v1/recognition/decisions/{answer.decision_id}/slip"


def root_file(patient: Patient) -> Path:
    return patient.neighbours.there.directory / "trust-root.note"


def test_a_slip_says_what_was_recognised_and_carries_its_proof(api: Api, patient: Patient) -> None:
    answer = recognised(patient)
    slip = proved(patient, answer)
    page = read_response(api.get(path_of(answer), institution=OTHER))
    for told in ("第一人民医院", "First People's Hospital", "全国HR (CN-2026-A-LAB-K)", "b-17", answer.decision_id, "o-1"):
        assert told in page.text, told
    assert answer.entry.leaf_hash.hex() in page.text
    assert f"{answer.entry.origin} #{slip.leaf_index}" in page.text
    assert "out of scope" in page.text
    assert "诊断结论不在互认范围之内" in page.text
    assert [tag for tag, _ in page.tags].count("svg") == 1


def test_the_qr_code_verifies_offline_and_says_the_summary(patient: Patient) -> None:
    answer = recognised(patient)
    slip = proved(patient, answer)
    assert slip.proof is not None
    assert len(slip.proof) <= MAX_CHARS
    root = parse_trust_root(root_file(patient).read_bytes())
    verdict = verify_evidence(parse_qr_evidence(slip.proof.encode()), root, now=NOW)
    assert (verdict.institution, verdict.entry_type, verdict.level) == (OTHER, EntryType.RECOGNITION_DECISION, Level.LOGGED)
    (part,) = verdict.parts
    assert parse_summary(part.content) == slip.summary
    assert slip.summary.results[0].institution == HOSPITAL
    assert (slip.summary.staff_number, slip.summary.decision_id) == ("b-17", answer.decision_id)
    # neither the clinician's words nor anything that names the patient
    assert verdict.part_count == 3
    assert patient.there.value not in slip.proof
    assert patient.there.value.encode() not in decode_base45(slip.proof.removeprefix(PREFIX))


def test_the_command_verifies_what_a_scanner_read(patient: Patient, tmp_path: Path) -> None:
    slip = proved(patient, recognised(patient))
    assert slip.proof is not None
    scanned = tmp_path / "scanned.txt"
    scanned.write_text(slip.proof + "\r\n")
    words = ["verify", str(scanned), "--trust-root", str(root_file(patient)), "--lang", "en"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    for told in ("VERIFIED", slip.summary.decision_id, "staff number b-17", "LAB-K 全国HR", "hospital-a.example/log"):
        assert told in result.output
    scanned.write_text(slip.proof.replace("A", "B", 1))
    assert CliRunner().invoke(app, words).exit_code in {1, 2}
    scanned.write_text("CONCORD-E2:0")
    assert CliRunner().invoke(app, words).exit_code == 2


def test_before_the_entry_is_in_a_checkpoint_the_slip_is_stored_and_proves_nothing(
    api: Api, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = recognised(patient)
    slips = recognition(patient.neighbours.there).clinic.slips
    monkeypatch.setattr(slips._parts.index, "find_leaf", lambda _origin, _leaf_hash: None)
    slip = slips.make(OTHER, answer.decision_id)
    assert (slip.level, slip.leaf_index, slip.proof, slip.lacks) == (Level.STORED, None, None, "stored")
    page = read_response(api.get(path_of(answer), institution=OTHER))
    assert "No proof yet" in page.text
    assert "svg" not in [tag for tag, _ in page.tags]


def test_there_is_no_slip_of_a_reorder_nor_of_what_was_taken_back(api: Api, patient: Patient) -> None:
    file_electrolytes(patient)
    reordered = decide(patient, check(patient), Reorder(Reason.EMERGENCY))
    problem(api.get(path_of(reordered), institution=OTHER), 409, "no-slip")
    another = Patient(patient.neighbours)
    taken_back = recognised(another)
    recognition(patient.neighbours.there).deciding.reverse(OTHER, taken_back.decision_id, another.order().actor)
    problem(api.get(path_of(taken_back), institution=OTHER), 409, "no-slip")


def test_anothers_slip_is_answered_like_what_never_was(patient: Patient) -> None:
    answer = recognised(patient)
    elsewhere = Api(patient.neighbours.here)
    known, unknown = (elsewhere.get(f"/v1/recognition/decisions/{each}/slip") for each in (answer.decision_id, "0" * 32))
    assert known.status_code == unknown.status_code == 404
    assert known.text.replace(answer.decision_id, "") == unknown.text.replace("0" * 32, "")


def test_every_bit_of_the_qr_code_matters(patient: Patient) -> None:
    slip = proved(patient, recognised(patient))
    assert slip.proof is not None
    packed = decode_base45(slip.proof.removeprefix(PREFIX))
    root = parse_trust_root(root_file(patient).read_bytes())
    for at in range(0, len(packed), 7):
        altered = bytearray(packed)
        altered[at] ^= 1 << at % 8
        with pytest.raises((EvidenceRefutedError, MalformedEvidenceError, Exception)) as raised:
            verify_evidence(parse_qr_evidence((PREFIX + encode_base45(bytes(altered))).encode()), root, now=NOW)
        assert type(raised.value).__module__ in {"node.errors", "ledger.errors"}, at


def test_another_spelling_of_the_same_is_refused(patient: Patient) -> None:
    slip = proved(patient, recognised(patient))
    assert slip.proof is not None
    items = cbor2.loads(decode_base45(slip.proof.removeprefix(PREFIX)))
    longer = b"\x9f" + b"".join(cbor2.dumps(each) for each in items) + b"\xff"
    for packed in (longer, cbor2.dumps([*items, 1]), cbor2.dumps(items) + b"\x00", cbor2.dumps(cbor2.CBORTag(55799, items))):
        with pytest.raises(MalformedEvidenceError):
            parse_qr_evidence((PREFIX + encode_base45(packed)).encode())


def test_names_on_a_slip_are_text(patient: Patient) -> None:
    slip = proved(patient, recognised(patient))
    service = recognition(patient.neighbours.there)
    attack = "<b onclick=x>\"'&"
    bent = replace(slip, summary=replace(slip.summary, staff_number=attack))
    page = service.clinic.slip_pages.draw(bent, service.rules.names(OTHER))
    assert attack not in page.html
    assert html.escape(attack) in page.html
