"""Looking again: with the patient's keys, logs are read as far as a check says they had been, and all is accounted for."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from msgspec import UNSET
from typer.testing import CliRunner

from ledger.hashing import NodeHash
from ledger.notes import parse_note
from node.cli.main import app
from node.domain.certificate_verdict import CertificateVerdict
from node.domain.entry import InstitutionId, Origin
from node.domain.look_verdict import Account
from node.domain.recognition import Reason
from node.errors import (
    ConcordError,
    EvidenceRefutedError,
    ForeignKeysError,
    LogInclusionError,
    LookRefutedError,
    SeriesOrderError,
    SeriesTagError,
)
from node.recognition.decision import Reorder
from node.services.patients.index import Registration
from node.services.recognition.deciding import DecisionAnswer
from node.terminology.maps import InstitutionMap
from node.wire.catalogue.documents import encode_document
from node.wire.certificate.file import DecisionCertificate, encode_certificate
from node.wire.certificate.look_file import LookAgain, LookedEntry, LookedLog
from node.wire.certificate.look_verification import verify_look
from tests.unit.members.certificates import OWN_LOG, correct, end_hour, export, recognise, trust_root, verify
from tests.unit.members.look_vector import decide_blindly, find
from tests.unit.members.looks import HOLDER_LOG, Doorway, accounts, look, patient_file, verified
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.members.orders import check, decide, electrolytes, file_electrolytes
from tests.unit.members.patients import Patient, eventually
from tests.unit.members.publications import sample
from tests.unit.members.test_certificate_reading import with_check_of
from tests.unit.members.test_recognition_commands import Application
from tests.unit.services_records.world import CLINIC, HOSPITAL

Patched = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def hour(town: Neighbourhood) -> Iterator[None]:
    yield
    # the next test's checks are in an hour of their own
    end_hour(town)


def export_hiding(patient: Patient, decided: DecisionAnswer, monkeypatch: Patched) -> DecisionCertificate:
    """Export a certificate that leaves later versions out, and holds all the same."""
    with monkeypatch.context() as lying:
        lying.setattr("node.services.recognition.certificates._is_later", lambda *_: False)
        certificate = export(patient.neighbours, decided.decision_id)
    assert isinstance(verify(patient.neighbours, certificate), CertificateVerdict)
    return certificate


def test_an_honest_check_accounts_for_all_that_stood_there(patient: Patient) -> None:
    neighbours = patient.neighbours
    file_electrolytes(patient, status="preliminary")
    patient.file()  # a report without items: nothing that this order is about
    file_electrolytes(patient)
    correct(patient, at=2, effectiveDateTime="2026-02-27T08:30:00+08:00")
    done = decide(patient, check(patient), Reorder(Reason.EMERGENCY))
    file_electrolytes(patient)  # after the check: nobody has to account for it
    end_hour(neighbours)
    certificate = export(neighbours, done.decision_id, lambda made: made.check is not None)
    looked = look(patient, certificate)
    verdict = verified(neighbours, looked)
    assert looked.troubles == ()
    assert sorted(accounts(verdict)) == sorted(
        [Account.REFUSED, Account.NOT_CONCERNED, *(offered_or_refused(verify(neighbours, certificate)))]
    )
    assert (verdict.hidden, verdict.undecided, verdict.person_shown) == ((), False, True)
    assert HOLDER_LOG in {each.origin for each in verdict.logs}
    found = {each.code for each in (*verdict.proved, *verdict.not_proved, *verdict.remarks)}
    assert {"certificate_holds", "contiguous", "one_history", "same_person", "told", "nothing_beyond", "holds_keys"} <= found
    assert not found & {"check_asserted", "left_out", "not_accounted", "key_unknown"}


def offered_or_refused(verdict: CertificateVerdict) -> list[Account]:
    """Return what is said of the report and of its correction."""
    shown = {each.leaf_index: Account.OFFERED if each.offered else Account.REFUSED for each in verdict.results}
    return [shown[at] for at in sorted(shown)[1:]]


@pytest.mark.parametrize("status", ["corrected", "entered-in-error"])
def test_a_newer_version_that_the_exporter_hides_is_found(patient: Patient, monkeypatch: Patched, status: str) -> None:
    neighbours = patient.neighbours
    file_electrolytes(patient)
    old = find(patient)
    correct(patient, status=status)
    decided = decide_blindly(patient, old, monkeypatch)
    verdict = verified(neighbours, look(patient, export_hiding(patient, decided, monkeypatch)))
    assert accounts(verdict) == [Account.OFFERED, Account.HIDDEN_VERSION]
    (hidden,) = verdict.hidden
    (offered,) = (each for each in verdict.entries if each.account is Account.OFFERED)
    assert (hidden.replaces, hidden.key_held) == (offered.leaf_index, True)
    found = {each.code for each in (*verdict.proved, *verdict.not_proved, *verdict.remarks)}
    assert {"hidden_version", "key_held", "not_accounted", "check_asserted"} <= found


def test_a_result_that_would_have_been_offered_is_found(patient: Patient, monkeypatch: Patched) -> None:
    file_electrolytes(patient)
    old = find(patient)
    file_electrolytes(patient)
    file_electrolytes(patient, status="preliminary")
    decided = decide_blindly(patient, old, monkeypatch)
    verdict = verified(patient.neighbours, look(patient, export_hiding(patient, decided, monkeypatch)))
    assert accounts(verdict) == [Account.OFFERED, Account.HIDDEN_OFFER, Account.UNTOLD]
    assert [[each.value for each in entry.obstacles] for entry in verdict.entries] == [[], [], ["preliminary"]]
    assert set(verdict.entries[1].items) == {"LAB-K", "LAB-NA"}


def test_a_result_of_an_institution_whose_map_is_not_pinned(patient: Patient, monkeypatch: Patched) -> None:
    neighbours = patient.neighbours
    file_electrolytes(patient)
    old = find(patient)
    neighbours.here.running.node.patients.register(CLINIC, Registration(patient.here, patient.keys))
    receipt = neighbours.here.receipt(electrolytes(patient), CLINIC)
    neighbours.here.wait_logged(receipt)
    clinic_log = Origin(receipt.origin)
    neighbours.there.follow(clinic_log)
    eventually(
        lambda: clinic_log in find(patient).read and len(find(patient).records) == 2, "hospital-b does not follow the clinic"
    )
    decided = decide_blindly(patient, old, monkeypatch)
    certificate = export_hiding(patient, decided, monkeypatch)
    verdict = verified(neighbours, look(patient, certificate))
    assert (accounts(verdict), verdict.undecided, verdict.hidden) == ([Account.UNJUDGED, Account.OFFERED], True, ())
    document = sample("hospital-a")
    assert isinstance(document, InstitutionMap)
    theirs = encode_document(replace(document, institution=InstitutionId(CLINIC)))
    verdict = verified(neighbours, look(patient, certificate, maps=(theirs,)))
    # it has no mark, and the check had to say so
    assert accounts(verdict) == [Account.UNTOLD, Account.OFFERED]
    assert "maps_unpinned" in {each.code for each in verdict.not_proved}
    with pytest.raises(LookRefutedError, match="second map"):
        verified(neighbours, look(patient, certificate, maps=(theirs, theirs)))
    with pytest.raises(LookRefutedError, match="no map"):
        verified(neighbours, look(patient, certificate, maps=(encode_document(sample("prices")),)))


def test_keys_of_another_patient_are_told_before_anybody_is_asked(patient: Patient) -> None:
    done = recognise(patient)
    certificate = export(patient.neighbours, done.decision.decision_id)
    stranger, door = Patient(patient.neighbours), Doorway(patient.neighbours)
    file_electrolytes(stranger)
    with pytest.raises(ForeignKeysError) as raised:
        look(stranger, certificate, door)
    assert door.asked == []
    for secret in (patient.here.value, patient.there.value, *(key.hex() for key in stranger.keys.epoch_keys.values())):
        assert secret not in str(raised.value)


def test_a_file_under_a_strangers_keys_is_refuted(patient: Patient) -> None:
    done, neighbours = recognise(patient), patient.neighbours
    certificate = export(neighbours, done.decision.decision_id)
    bare = LookAgain(0, 16, encode_certificate(certificate), {1: bytes(32)}, look(patient, certificate).file.logs, ())
    emptied = replace(bare, logs=tuple(replace(each, entries=()) for each in bare.logs))
    with pytest.raises(ForeignKeysError):
        verify_look(emptied, trust_root(neighbours), now=neighbours.clock.now())
    with pytest.raises(SeriesTagError):
        verify_look(bare, trust_root(neighbours), now=neighbours.clock.now())


def test_a_log_that_is_away_leaves_the_rest_decided_and_is_named(patient: Patient) -> None:
    done, neighbours = recognise(patient), patient.neighbours
    certificate = export(neighbours, done.decision.decision_id)
    looked = look(patient, certificate, Doorway(neighbours, away={OWN_LOG}))
    verdict = verified(neighbours, looked)
    read = {each.origin for each in (verdict.certificate.read.logs if verdict.certificate.read else ())}
    assert (set(verdict.left_out), verdict.undecided) == ({OWN_LOG} & read, OWN_LOG in read)
    assert [each.is_of_the_log for each in looked.troubles] == [False] * len(verdict.left_out)
    looked = look(patient, certificate, Doorway(neighbours, mute={HOLDER_LOG}))
    verdict = verified(neighbours, looked)
    # it is offered whatever its header says; the node's silence is told
    assert (accounts(verdict), len(looked.troubles)) == ([Account.OFFERED], 1)


def test_a_header_that_was_deleted_since_decides_nothing(patient: Patient, monkeypatch: Patched) -> None:
    neighbours = patient.neighbours
    file_electrolytes(patient)
    old = find(patient)
    file_electrolytes(patient)
    decided = decide_blindly(patient, old, monkeypatch)
    certificate = export_hiding(patient, decided, monkeypatch)
    neighbours.here.running.node.erasure.erase(HOSPITAL, patient.receipts[1].record_id)
    verdict = verified(neighbours, look(patient, certificate))
    assert (accounts(verdict), verdict.undecided) == ([Account.OFFERED, Account.CLOSED], True)


@dataclass(frozen=True)
class Material:
    """A file that holds: two entries in hospital-a's log."""

    neighbours: Neighbourhood
    file: LookAgain

    def with_log(self, change: Callable[[LookedLog], LookedLog]) -> LookAgain:
        logs = [change(each) if each.entries else each for each in self.file.logs]
        return replace(self.file, logs=tuple(logs))

    def with_entry(self, at: int, **changes: object) -> LookAgain:
        def change(log: LookedLog) -> LookedLog:
            entries: list[LookedEntry] = list(log.entries)
            entries[at] = replace(entries[at], **changes)  # type: ignore[arg-type]
            return replace(log, entries=tuple(entries))

        return self.with_log(change)


@pytest.fixture(scope="module")
def material(town: Neighbourhood) -> Material:
    patient = Patient(town)
    file_electrolytes(patient)
    file_electrolytes(patient)
    decided = decide(patient, check(patient), Reorder(Reason.EMERGENCY))
    certificate = export(town, decided.decision_id)
    file_electrolytes(patient)  # the log goes on
    end_hour(town)
    return Material(town, look(patient, certificate).file)


def moved(log: LookedLog) -> LookedLog:
    first, *others = log.entries
    return replace(log, entries=(replace(first, index=first.index + 1), *others))


BENT: dict[str, tuple[Callable[[Material], LookAgain], type[ConcordError]]] = {
    "an-entry-left-out": (lambda made: made.with_log(lambda log: replace(log, entries=log.entries[1:])), SeriesTagError),
    "another-order": (lambda made: made.with_log(lambda log: replace(log, entries=log.entries[::-1])), ConcordError),
    "an-entry-twice": (
        lambda made: made.with_log(lambda log: replace(log, entries=(log.entries[0], log.entries[0]))),
        SeriesOrderError,
    ),
    "another-place": (lambda made: made.with_log(moved), ConcordError),
    "another-epoch": (lambda made: made.with_entry(0, epoch=9), SeriesTagError),
    "a-bent-header": (lambda made: made.with_entry(0, header=b"\0" * 600), LookRefutedError),
    "a-proof-cut-short": (lambda made: made.with_entry(0, proof=()), LogInclusionError),
    "another-history": (
        lambda made: made.with_log(lambda log: replace(log, consistency=(NodeHash(bytes(32)),))),
        LookRefutedError,
    ),
    "a-log-twice": (lambda made: replace(made.file, logs=(*made.file.logs, *made.file.logs)), LookRefutedError),
    "another-certificate": (lambda made: replace(made.file, certificate=made.file.certificate[:-9]), ConcordError),
}


@pytest.mark.parametrize("case", BENT)
def test_what_was_bent_does_not_hold(material: Material, case: str) -> None:
    bend, error = BENT[case]
    root, now = trust_root(material.neighbours), material.neighbours.clock.now()
    assert verify_look(material.file, root, now=now).hidden == ()
    with pytest.raises(error) as raised:
        verify_look(bend(material), root, now=now)
    assert isinstance(raised.value, ConcordError)


def test_an_entry_beyond_what_had_been_read_is_nobodys_to_account_for(material: Material, patient: Patient) -> None:
    neighbours = material.neighbours
    file_electrolytes(patient)
    decided = decide(patient, check(patient), Reorder(Reason.EMERGENCY))
    early = export(neighbours, decided.decision_id)
    file_electrolytes(patient)
    decided = decide(patient, check(patient, encounter="encounter-2"), Reorder(Reason.EMERGENCY))
    late = look(patient, export(neighbours, decided.decision_id)).file
    theirs = {parse_note(each.head).text: each.entries for each in late.logs}
    file = look(patient, early).file
    mixed = [replace(each, entries=theirs.get(parse_note(each.head).text, each.entries)) for each in file.logs]
    assert {len(each.entries) for each in (*file.logs, *mixed)} >= {1, 2}
    with pytest.raises(EvidenceRefutedError, match="below what had been read"):
        verify_look(replace(file, logs=tuple(mixed)), trust_root(neighbours), now=neighbours.clock.now())


def test_a_check_that_commits_to_nothing_cannot_be_looked_at_again(patient: Patient) -> None:
    done = recognise(patient)
    asserted = export(patient.neighbours, done.decision.decision_id)
    bare = with_check_of(asserted, lambda text: replace(text, heads=UNSET), read=None)
    with pytest.raises(LookRefutedError, match="does not commit"):
        look(patient, bare)


def test_people_read_what_is_hidden_and_programs_too(patient: Patient, monkeypatch: Patched, tmp_path: Path) -> None:
    neighbours = patient.neighbours
    file_electrolytes(patient)
    old = find(patient)
    correct(patient)
    decided = decide_blindly(patient, old, monkeypatch)
    certificate = tmp_path / "decision.json"
    certificate.write_bytes(encode_certificate(export_hiding(patient, decided, monkeypatch)))
    root, out = neighbours.there.directory / "trust-root.note", tmp_path / "look.json"
    mine, others = patient_file(patient, tmp_path / "mine.json"), patient_file(Patient(neighbours), tmp_path / "others.json")
    door = Doorway(neighbours)
    monkeypatch.setattr("node.cli.patient.look_again.NodesGateway", lambda *_: door)
    words = ["look-again", str(certificate), "--trust-root", str(root), "--patient", str(mine), "-o", str(out)]
    said = CliRunner().invoke(app, [*words, "--lang", "en"])
    assert (said.exit_code, "NOT ACCOUNTED FOR" in said.output, "IT REPLACES" in said.output) == (1, True, True), said.output
    assert "没有交代" in CliRunner().invoke(app, [*words, "--lang", "zh"]).output
    read = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert (read["hidden"], [each["account"] for each in read["entries"]]) == (1, ["offered", "hidden-version"])
    assert out.stat().st_mode & 0o777 == 0o600
    again = CliRunner().invoke(app, ["verify", str(out), "--trust-root", str(root), "--json"])
    assert (again.exit_code, json.loads(again.output)["about"]) == (0, "look-again")
    refused = CliRunner().invoke(app, [*words[:5], str(others), *words[6:]])
    assert (refused.exit_code, "another patient" in refused.output) == (2, True), refused.output


def test_the_nodes_are_asked_over_http(patient: Patient, monkeypatch: Patched, tmp_path: Path) -> None:
    neighbours = patient.neighbours
    done = recognise(patient)
    certificate = tmp_path / "decision.json"
    certificate.write_bytes(encode_certificate(export(neighbours, done.decision.decision_id)))
    root, mine = neighbours.there.directory / "trust-root.note", patient_file(patient, tmp_path / "mine.json")
    monkeypatch.setattr("node.cli.api_client.httpx.HTTPTransport", lambda **_: Application(neighbours.here))
    opened: list[str] = []

    def served(url: str, _: str | None) -> object:
        opened.append(url)
        institution = InstitutionId(url.rpartition("/")[2])
        world = neighbours.there if institution == OTHER else neighbours.here
        return contextlib.nullcontext(world.running.node.reader.log(world.origin(institution)))

    monkeypatch.setattr("node.bootstrap.commands.open_served_log", served)
    words = ["look-again", str(certificate), "--trust-root", str(root), "--patient", str(mine)]
    result = CliRunner().invoke(app, [*words, "--lang", "en"])
    assert (result.exit_code, "ALL ACCOUNTED FOR" in result.output) == (0, True), result.output
    assert "https://node-a.example/log/hospital-a" in opened
    for wrong in (["--node", "nowhere"], ["--log-dir", "nowhere=/"]):
        assert CliRunner().invoke(app, [*words, *wrong]).exit_code == 2
