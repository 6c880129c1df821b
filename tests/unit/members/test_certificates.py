"""Decision certificates: what a stranger learns of a decision with one file and the trust root."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.adapters.database.logs.index import SqlFollowedIndex
from node.cli.main import app
from node.domain.access import Purpose
from node.domain.certificate_verdict import PublicationStanding
from node.domain.entry import Origin
from node.domain.recognition import DecisionOutcome, OrderLine, Reason
from node.domain.recognition_acts import DecisionId
from node.domain.record import PatientNumber
from node.errors import CertificateContradictedError, LogInclusionError, NotYetLoggedError, UnknownDecisionError
from node.identity.codes import draw_seed, keys_of_seed
from node.ports.logs.index import FollowedEntry, LeafPlace
from node.recognition.decision import Recognise, Reorder
from node.services.catalogue.adoption import DocumentAdoption
from node.services.patients.index import Registration
from node.services.reading.retrieval import RetrievalOrder
from node.services.recognition.checking import CheckOrder
from node.services.recognition.deciding import DecisionOrder
from node.wire.certificate.file import CERTIFICATE_MEDIA_TYPE, PinnedDocument, encode_certificate, parse_certificate
from tests.unit.api_routes.client import Api
from tests.unit.fhir_split.documents import panel
from tests.unit.members.certificates import OWN_LOG, codes, correct, end_hour, export, recognise, take_back, verify
from tests.unit.members.consents import terms
from tests.unit.members.neighbourhood import OTHER, Neighbourhood, make_neighbourhood
from tests.unit.members.orders import ELECTROLYTES, check, decide, file_electrolytes, recognition
from tests.unit.members.patients import ACTOR, WAIT_S, Patient, eventually, reading
from tests.unit.members.publications import REGULATOR, make_regulator, publish, publish_all, sample, version
from tests.unit.members.test_recognition_commands import Application
from tests.unit.members.test_recognition_documents import copy_documents
from tests.unit.services_records.world import CLINIC, HOSPITAL, LOCATOR_SECRETS


@pytest.fixture
def hour(town: Neighbourhood) -> Iterator[None]:
    yield
    # the next test's checks are in an hour of their own
    end_hour(town)


def test_a_recognised_result_is_proved_with_its_retrieval(patient: Patient) -> None:
    done = recognise(patient)
    verdict = verify(patient.neighbours, export(patient.neighbours, done.decision.decision_id))
    assert (verdict.decision.outcome, verdict.decision.actor) == (DecisionOutcome.RECOGNISED, ACTOR)
    assert (verdict.entry.origin, verdict.entry.institution) == (OWN_LOG, OTHER)
    (result,) = verdict.results
    (offer,) = done.answer.outcome.lines[0].offers
    assert (result.reference, result.institution, result.used) == (offer.leaf, HOSPITAL, True)
    assert {each.certificate for each in result.offered} == {"CN-2026-A-LAB-K", "CN-2026-A-LAB-NA"}
    assert result.retrieval is not None
    assert result.retrieval.leaf_index < verdict.entry.leaf_index
    assert result.retrieval.consent is not None
    assert result.retrieval.block is not None
    assert result.read_to is not None
    assert result.read_to > result.leaf_index
    assert verdict.price_fen == done.answer.outcome.lines[0].price_fen
    assert {each.kind for each in verdict.documents} == {each.kind for each in done.answer.outcome.pins}
    assert {each.subject for each in verdict.documents} == {"", HOSPITAL, OTHER}
    # nobody published the sample documents: that they are the consortium's is not proved, and the verdict says so
    assert {each.standing for each in verdict.documents} == {PublicationStanding.EMBEDDED}
    assert ("documents_embedded" in codes(verdict), "documents_published" in codes(verdict)) == (True, False)


def test_a_check_is_asserted_until_its_hour_has_ended_and_proved_then(patient: Patient) -> None:
    done, neighbours = recognise(patient), patient.neighbours
    verdict = verify(neighbours, export(neighbours, done.decision.decision_id))
    assert verdict.check_index is None
    assert "check_asserted" in codes(verdict)
    end_hour(neighbours)
    verdict = verify(neighbours, export(neighbours, done.decision.decision_id, lambda made: made.check is not None))
    assert verdict.check_index is not None
    assert "check_asserted" not in codes(verdict)
    assert "check_logged" in codes(verdict)


@pytest.mark.usefixtures("hour")
def test_an_order_that_was_placed_again_shows_what_was_offered(patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    decided = decide(patient, answer, Reorder(Reason.OTHER, free_text="words of the clinician"))
    verdict = verify(patient.neighbours, export(patient.neighbours, decided.decision_id))
    assert (verdict.decision.outcome, verdict.decision.reason) == (DecisionOutcome.REORDERED, Reason.OTHER)
    assert verdict.free_text == "words of the clinician"
    (result,) = verdict.results
    assert (result.used, result.retrieval) == (False, None)
    assert result.offered


@pytest.mark.usefixtures("hour")
def test_what_did_not_count_is_shown_with_its_reason(patient: Patient) -> None:
    file_electrolytes(patient, status="preliminary")
    file_electrolytes(patient, effectiveDateTime="2025-01-01T08:30:00+08:00")
    file_electrolytes(patient)
    done = recognise(patient)
    verdict = verify(patient.neighbours, export(patient.neighbours, done.decision.decision_id))
    assert [[each.value for each in result.obstacles] for result in verdict.results] == [[], ["preliminary"], ["out-of-window"]]
    assert "refusals_asserted" not in codes(verdict)


@pytest.mark.usefixtures("hour")
def test_a_decision_that_was_taken_back_says_so(patient: Patient) -> None:
    done, neighbours = recognise(patient), patient.neighbours
    take_back(patient, done.decision)
    verdict = verify(neighbours, export(neighbours, done.decision.decision_id))
    assert verdict.reversal_index is not None
    assert verdict.reversal_index > verdict.entry.leaf_index
    assert verdict.reversed_at_ms is not None
    assert "reversed" in codes(verdict)


@pytest.mark.usefixtures("hour")
def test_a_correction_after_the_decision_is_remarked_on_and_refutes_nothing(patient: Patient) -> None:
    done, neighbours = recognise(patient), patient.neighbours
    neighbours.clock.advance(minutes=10)
    correct(patient)
    correct(patient, status="entered-in-error")
    verdict = verify(neighbours, export(neighbours, done.decision.decision_id, lambda made: len(made.later) == 2))
    (result,) = verdict.results
    assert [(each.withdrawn, each.is_after_decision) for each in result.later] == [(False, True), (True, True)]
    assert {"corrected_after", "withdrawn_after"} <= codes(verdict)


@pytest.mark.usefixtures("hour")
def test_a_correction_that_nobody_had_read_refutes_nothing(patient: Patient) -> None:
    file_electrolytes(patient)
    answer = check(patient)
    correct(patient)
    decided = decide(patient, answer, Reorder(Reason.EMERGENCY))
    verdict = verify(patient.neighbours, export(patient.neighbours, decided.decision_id, lambda made: bool(made.later)))
    (result,) = verdict.results
    assert [each.is_after_decision for each in result.later] == [False]
    assert "corrected_unread" in codes(verdict)


@pytest.mark.usefixtures("hour")
def test_a_result_that_was_taken_back_before_is_shown_as_refused(patient: Patient) -> None:
    file_electrolytes(patient)
    correct(patient, status="entered-in-error")
    file_electrolytes(patient)
    done = recognise(patient)
    verdict = verify(patient.neighbours, export(patient.neighbours, done.decision.decision_id))
    assert [[each.value for each in result.obstacles] for result in verdict.results] == [[], ["withdrawn"]]
    assert "refusals_asserted" not in codes(verdict)


@pytest.mark.usefixtures("hour")
def test_a_header_that_was_deleted_since_is_proved_to_be(patient: Patient) -> None:
    done, neighbours = recognise(patient), patient.neighbours
    neighbours.here.running.node.erasure.erase(HOSPITAL, patient.receipts[0].record_id)
    verdict = verify(neighbours, export(neighbours, done.decision.decision_id, lambda made: bool(made.tombstones)))
    (result,) = verdict.results
    assert (result.version, result.used) == (None, True)
    assert "headers_gone" in codes(verdict)


@pytest.mark.usefixtures("hour")
def test_results_of_the_own_hospital_need_no_receipt(patient: Patient) -> None:
    neighbours = patient.neighbours
    there = neighbours.there
    resources = panel()
    resources[2]["valueQuantity"] = {"value": 4.2, "code": "mmol/L"}
    resources[-1]["identifier"] = [{"system": "urn:mrn", "value": patient.there.value}]
    resources[0]["identifier"] = [{"system": "urn:filler", "value": f"own-{patient.number}"}]
    receipt = there.receipt(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}, OTHER
    )
    there.wait_logged(receipt)
    neighbours.there.follow(OWN_LOG)
    eventually(patient.records, "hospital-b does not follow its own log")
    answer = check(patient)
    (offer,) = answer.outcome.lines[0].offers
    decided = decide(patient, answer, Recognise((offer.leaf,)))
    verdict = verify(neighbours, export(neighbours, decided.decision_id))
    (result,) = verdict.results
    assert (result.institution, result.retrieval, result.used) == (OTHER, None, True)


@pytest.mark.usefixtures("hour")
def test_neither_name_nor_number_nor_value_of_the_patient_is_in_it(patient: Patient) -> None:
    done = recognise(patient)
    certificate = export(patient.neighbours, done.decision.decision_id)
    opened = repr(verify(patient.neighbours, certificate)).encode() + encode_certificate(certificate)
    for secret in (patient.here.value, patient.there.value, "140.1", f"E-{patient.number}-0"):
        assert secret.encode() not in opened
    for key in patient.keys.epoch_keys.values():
        assert key not in b"".join(line.data_key or b"" for line in certificate.lines)


def test_decisions_of_others_are_as_unknown_as_those_that_never_were(patient: Patient) -> None:
    decided = decide(patient, check(patient), Reorder(Reason.EMERGENCY))
    for world, institution, decision in (
        (patient.neighbours.here, HOSPITAL, decided.decision_id),
        (patient.neighbours.there, OTHER, DecisionId("00" * 16)),
    ):
        with pytest.raises(UnknownDecisionError) as raised:
            recognition(world).certificates.export(institution, decision)
        assert str(raised.value) == f"no decision {decision} of this institution"


def test_a_certificate_goes_from_a_node_into_a_file_that_anybody_verifies(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done, there = recognise(patient), patient.neighbours.there
    export(patient.neighbours, done.decision.decision_id)
    monkeypatch.setattr("node.cli.api_client.httpx.HTTPTransport", lambda **_: Application(there))
    file, root = tmp_path / "decision.json", there.directory / "trust-root.note"
    reach = ("--url", "http://node", "--api-key", there.api_key(OTHER))
    written = CliRunner().invoke(app, ["evidence", "--decision", done.decision.decision_id, "-o", str(file), *reach, "--json"])
    assert written.exit_code == 0, written.output
    assert json.loads(written.output)["bytes"] == file.stat().st_size
    assert file.stat().st_mode & 0o077 == 0
    for language, words in (("en", "USED"), ("zh", "【采用】")):
        said = CliRunner().invoke(app, ["verify", str(file), "--trust-root", str(root), "--lang", language])
        assert said.exit_code == 0, said.output
        assert words in said.output
        assert "全国HR" in said.output
    read = CliRunner().invoke(app, ["verify", str(file), "--trust-root", str(root), "--json"])
    verdict = json.loads(read.output)
    assert (verdict["verdict"], verdict["about"]) == ("verified", "decision-certificate")
    assert verdict["decision"]["decision_id"] == done.decision.decision_id
    assert verdict["results"][0]["retrieval"]["leaf_index"] < verdict["entry"]["leaf_index"]


@pytest.mark.parametrize(
    "words",
    [(), ("record-1", "--decision", "00" * 16), ("--decision", "00" * 16, "--parts", "1")],
    ids=["nothing", "both", "parts-of-a-decision"],
)
def test_one_thing_is_asked_for(words: tuple[str, ...], tmp_path: Path) -> None:
    reach = ("--url", "http://node", "--api-key", "x", "-o", str(tmp_path / "x"))
    assert CliRunner().invoke(app, ["evidence", *words, *reach]).exit_code == 2


def test_the_route_answers_a_file_that_is_not_kept(patient: Patient) -> None:
    done = recognise(patient)
    export(patient.neighbours, done.decision.decision_id)
    api = Api(patient.neighbours.there)
    path = f"/v1/recognition/decisions/{done.decision.decision_id}/certificate"
    answer = api.call("GET", path, institution=OTHER)
    assert (answer.status_code, answer.headers["content-type"]) == (200, CERTIFICATE_MEDIA_TYPE)
    assert answer.headers["cache-control"] == "no-store"
    assert parse_certificate(answer.content).decision == 0
    assert api.call("GET", f"/v1/recognition/decisions/{'0' * 32}/certificate", institution=OTHER).status_code == 404


def test_documents_that_were_published_are_proved_to_be_by_their_entries(neighbours: Neighbourhood) -> None:
    make_regulator(neighbours)
    digests = publish_all(neighbours)
    patient = Patient(neighbours)
    done = recognise(patient)
    # newer versions change nothing of what was decided
    publish(neighbours, version(sample("prices"), 3))
    certificate = export(neighbours, done.decision.decision_id)
    verdict = verify(neighbours, certificate)
    assert {each.digest for each in verdict.documents} == set(digests.values())
    logs = {(each.kind, each.subject): None if each.published is None else each.published[0] for each in verdict.documents}
    assert logs["prices", ""] == neighbours.here.origin(REGULATOR)
    assert logs["institution-map", OTHER] == OWN_LOG
    assert {each.standing for each in verdict.documents} == {PublicationStanding.ENTITLED}
    assert {each.publisher for each in verdict.documents} == {REGULATOR, HOSPITAL, OTHER}
    assert "documents_published" in codes(verdict)
    assert not codes(verdict) & {"sample_documents", "documents_embedded", "publishers_unknown", "documents_later"}
    first, *others = certificate.documents
    assert first.published is not None
    bent = replace(first.published, slot=first.published.slot[:-1] + bytes((first.published.slot[-1] ^ 1,)))
    with pytest.raises(CertificateContradictedError):
        verify(neighbours, replace(certificate, documents=(PinnedDocument(None, bent), *others)))
    moved = replace(first.published, index=first.published.index + 1)
    with pytest.raises(LogInclusionError):
        verify(neighbours, replace(certificate, documents=(PinnedDocument(None, moved), *others)))


def test_what_a_check_rests_on_is_kept_before_anything_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash before the loop of documents has done anything must not cost a decision its catalogue."""
    monkeypatch.setattr(DocumentAdoption, "step", lambda _: False)
    neighbours = make_neighbourhood(tmp_path, {"outbox_interval_s": 3600.0}).start()
    try:
        done = recognise(Patient(neighbours))
        verdict = verify(neighbours, export(neighbours, done.decision.decision_id))
        assert {each.standing for each in verdict.documents} == {PublicationStanding.EMBEDDED}
    finally:
        neighbours.stop()


def test_a_certificate_waits_for_the_headers_of_the_own_log(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves are followed a moment before their headers."""
    done = recognise(patient)
    export(patient.neighbours, done.decision.decision_id)
    entries = SqlFollowedIndex.entries

    def without_headers(index: SqlFollowedIndex, places: Sequence[LeafPlace]) -> dict[LeafPlace, FollowedEntry]:
        found = entries(index, places)
        return {place: replace(each, header=None) if place.origin == OWN_LOG else each for place, each in found.items()}

    with monkeypatch.context() as early:
        early.setattr(SqlFollowedIndex, "entries", without_headers)
        with pytest.raises(NotYetLoggedError):
            recognition(patient.neighbours.there).certificates.export(OTHER, done.decision.decision_id)


def test_where_one_node_hosts_both_sides_both_receipts_are_shown(tmp_path: Path) -> None:
    neighbours = make_neighbourhood(tmp_path, {"outbox_interval_s": 3600.0})
    let_the_clinic_order(copy_documents(neighbours.here))
    neighbours.start()
    try:
        patient = Patient(neighbours)
        number = PatientNumber("urn:mrn", "C-1")
        here = neighbours.here.running.node
        here.patients.register(CLINIC, Registration(number, patient.keys))
        file_electrolytes(patient)
        made = recognition(neighbours.here)
        neighbours.here.follow(Origin("hospital-a.example/log"))
        actor = replace(ACTOR, institution=CLINIC)
        order = CheckOrder(number, actor, "", (OrderLine("o-1", ELECTROLYTES),))
        eventually(lambda: made.checking.check(CLINIC, order).outcome.lines[0].offers, "the clinic does not follow")
        answer = made.checking.check(CLINIC, order)
        (offer,) = answer.outcome.lines[0].offers
        consent = neighbours.ledger.grant(patient.seed, terms(CLINIC))
        service = reading(neighbours.here).retrieval
        wanted = RetrievalOrder(number, (answer.places[offer.leaf],), Purpose.TREATMENT, actor, (consent,), None, "")
        (ordered,) = service.order(CLINIC, wanted)
        (done,) = service.wait(CLINIC, ordered.retrieval_id, WAIT_S)
        assert done.state.value == "verified"
        decided = made.deciding.decide(CLINIC, DecisionOrder(answer.check_id, "o-1", actor, Recognise((offer.leaf,))))
        certificate = export(neighbours, decided.decision_id, lambda made: len(made.receipts) == 2, (neighbours.here, CLINIC))
        (result,) = verify(neighbours, certificate).results
        assert result.retrieval is not None
        assert result.retrieval.holder_index is not None
        lines = list(certificate.lines)
        (theirs,) = (at for at in certificate.receipts if lines[at].index == result.retrieval.holder_index)
        lines[theirs] = replace(lines[theirs], header=None, data_key=None)
        with pytest.raises(CertificateContradictedError):
            verify(neighbours, replace(certificate, lines=tuple(lines)))
    finally:
        neighbours.stop()


def let_the_clinic_order(folder: Path) -> None:
    """Give clinic-a the profile and the map of hospital-b."""
    for name in ("hospital-b.json", "institutions.json"):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace('"hospital-b"', '"clinic-a"'), encoding="utf-8")


def test_a_result_that_a_change_of_code_had_moved_is_shown_where_it_is_found(neighbours: Neighbourhood) -> None:
    patient = Patient(neighbours)
    receipt = file_electrolytes(patient)
    patient.seed = draw_seed()
    patient.keys = keys_of_seed(patient.seed, LOCATOR_SECRETS, provisional=False, regulator_id="regulator")
    nodes = (neighbours.here, HOSPITAL, patient.here), (neighbours.there, OTHER, patient.there)
    for world, institution, number in nodes:
        world.running.node.patients.register(institution, Registration(number, patient.keys))
    neighbours.clock.advance(days=1)
    relocations = neighbours.here.running.node.custody.relocations
    relocations.step()

    def is_found() -> bool:
        neighbours.there.follow(Origin(receipt.origin))
        return bool(patient.records())

    eventually(is_found, "hospital-b does not follow the relocation")
    done = recognise(patient)
    relocations.step()  # the tombstone of what was moved
    verdict = verify(neighbours, export(neighbours, done.decision.decision_id))
    (result,) = verdict.results
    assert (result.is_relocated, result.used, result.status) == (True, True, "final")
    assert (result.reference.leaf_hash, result.retrieval is not None) == (receipt.leaf_hash, True)
    assert "person_unknown" not in codes(verdict)


def test_a_change_of_code_after_the_decision_leaves_a_tombstone(neighbours: Neighbourhood) -> None:
    patient = Patient(neighbours)
    done = recognise(patient)
    seed = draw_seed()
    keys = keys_of_seed(seed, LOCATOR_SECRETS, provisional=False, regulator_id="regulator")
    neighbours.here.running.node.patients.register(HOSPITAL, Registration(patient.here, keys))
    neighbours.clock.advance(days=1)
    for _ in range(2):
        neighbours.here.running.node.custody.relocations.step()
    verdict = verify(neighbours, export(neighbours, done.decision.decision_id, lambda made: bool(made.tombstones)))
    (result,) = verdict.results
    assert (result.version, result.used, result.retrieval is not None) == (None, True, True)


def test_a_check_says_how_far_it_saw(patient: Patient) -> None:
    there = patient.neighbours.there
    file_electrolytes(patient)
    second = file_electrolytes(patient)
    answer = check(patient)
    service = recognition(there).checking
    (read,) = service.recall(OTHER, answer.check_id)[0].read
    assert read.size > int(second.leaf_index or 0)
    # a header that does not come: nobody knows what it replaces
    place = "log_id = (select log_id from followed_logs where origin = ?) and leaf_index = ?"
    there.rows(f"delete from followed_headers where {place}", second.origin, second.leaf_index, database="index.db")  # noqa: S608 - ours
    (read,) = service.recall(OTHER, check(patient).check_id)[0].read
    assert (read.origin, read.size) == (second.origin, second.leaf_index)
