"""How far logs had been read when an order was checked: committed to by the check, opened by the certificate, refuted if bent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from msgspec import UNSET

from ledger.checkpoints import parse_checkpoint, sign_checkpoint
from ledger.hashing import NodeHash, RootHash
from ledger.notes import NoteSigner, parse_note
from node.adapters.keys.files import InstitutionKeys
from node.domain.entry import Origin
from node.domain.recognition import ReadLog, Reason
from node.errors import CertificateContradictedError, LogSignatureError, MalformedReadLogsError
from node.recognition.decision import Reorder
from node.services.logs.following import FollowingService
from node.services.recognition.checking import OrderChecking
from node.wire.certificate.file import CertifiedRead, DecisionCertificate, ReadConsistency
from node.wire.recognition.read_logs import encode_read_logs, read_logs_digest
from node.wire.recognition.text import CheckText, ReadHeads, encode_checks, parse_checks
from tests.unit.members.certificates import OWN_LOG, codes, correct, end_hour, export, recognise, verify
from tests.unit.members.neighbourhood import Neighbourhood
from tests.unit.members.orders import LIVER, check, decide, file_electrolytes, recognition
from tests.unit.members.patients import Patient
from tests.unit.services_records.world import HOSPITAL

HOLDER_LOG = Origin("hospital-a.example/log")


@dataclass(frozen=True)
class Material:
    """A certificate that holds."""

    neighbours: Neighbourhood
    asserted: DecisionCertificate
    logged: DecisionCertificate

    def with_check(self, change: Callable[[CheckText], CheckText], **changes: object) -> DecisionCertificate:
        """Let the institution assert another check."""
        return with_check_of(self.asserted, change, **changes)

    @property
    def read(self) -> CertifiedRead:
        assert self.asserted.read is not None
        return self.asserted.read


def with_check_of(
    asserted: DecisionCertificate, change: Callable[[CheckText], CheckText], **changes: object
) -> DecisionCertificate:
    """Let the institution assert another check in a certificate."""
    (text,) = parse_checks(asserted.check_text or b"")
    return replace(asserted, check_text=encode_checks([change(text)]), **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def material(town: Neighbourhood) -> Material:
    earlier = recognise(Patient(town))
    export(town, earlier.decision.decision_id)  # from now on hospital-b follows its own log too
    patient = Patient(town)
    done = recognise(patient)
    asserted = export(town, done.decision.decision_id)
    correct(patient)  # the holder's log goes on: its head of then has to be shown to be of the same history
    end_hour(town)
    return Material(town, asserted, export(town, done.decision.decision_id, lambda made: made.check is not None))


def test_a_check_commits_to_all_logs_and_the_certificate_opens_them(material: Material) -> None:
    verdict = verify(material.neighbours, material.logged)
    assert verdict.read is not None
    assert [each.origin for each in verdict.read.logs] == [HOLDER_LOG, OWN_LOG]
    # nothing was ever in it
    assert verdict.read.unread == ("clinic-a.example/log",)
    (result,) = verdict.results
    ((origin, head),) = verdict.read.heads
    assert (origin, result.read_head) == (HOLDER_LOG, head)
    assert result.read_to == {each.origin: each.size for each in verdict.read.logs}[HOLDER_LOG] <= head.size
    present = {each.origin: each.tree_size for each in verdict.heads}
    assert head.size < present[HOLDER_LOG]
    assert {"read_committed", "read_heads", "read_alone"} <= codes(verdict)
    assert not codes(verdict) & {"read_asserted", "read_behind"}


def test_as_long_as_the_check_is_not_logged_nothing_is_committed_to(material: Material) -> None:
    found = codes(verify(material.neighbours, material.asserted))
    assert ("read_committed" in found, "read_heads" in found) == (False, True)


LISTS: dict[str, Callable[[tuple[ReadLog, ...]], tuple[ReadLog, ...]]] = {
    "less-read": lambda logs: (replace(logs[0], size=logs[0].size - 1), *logs[1:]),
    "more-read": lambda logs: (*logs[:-1], replace(logs[-1], size=logs[-1].size + 1)),
    "a-log-left-out": lambda logs: logs[1:],
    "a-log-added": lambda logs: (ReadLog(Origin("a.example/log"), 0), *logs),
    "another-order": lambda logs: tuple(reversed(logs)),
    "a-log-twice": lambda logs: (logs[0], *logs),
    "nothing": lambda _: (),
}


@pytest.mark.parametrize("case", LISTS)
def test_a_list_that_the_check_does_not_commit_to(material: Material, case: str) -> None:
    for certificate in (material.asserted, material.logged):
        bent = replace(material.read, logs=LISTS[case](material.read.logs))
        assert certificate.read is not None
        with pytest.raises((CertificateContradictedError, MalformedReadLogsError)):
            verify(material.neighbours, replace(certificate, read=replace(certificate.read, logs=bent.logs)))


def test_a_list_that_is_kept_back(material: Material) -> None:
    with pytest.raises(CertificateContradictedError):
        verify(material.neighbours, replace(material.logged, read=None))


def test_a_list_of_a_check_that_commits_to_none(material: Material) -> None:
    bare = material.with_check(lambda text: replace(text, heads=UNSET))
    with pytest.raises(CertificateContradictedError):
        verify(material.neighbours, bare)
    # as an earlier release wrote it: it holds, and the verdict says what it rests on
    assert "read_asserted" in codes(verify(material.neighbours, replace(bare, read=None)))


def test_a_check_that_says_two_things_of_one_log(material: Material) -> None:
    def change(text: CheckText) -> CheckText:
        return replace(text, read=tuple(replace(each, size=each.size - 1) for each in text.read))

    with pytest.raises(CertificateContradictedError, match="two things"):
        verify(material.neighbours, material.with_check(change))


def forked_head(neighbours: Neighbourhood, note: bytes) -> bytes:
    """Return what the holder would sign if it had two trees of one size."""
    checkpoint = parse_checkpoint(parse_note(note).text)
    signer = NoteSigner.from_seed(HOLDER_LOG, InstitutionKeys(neighbours.here.settings.keys, HOSPITAL).read("log.seed"))
    return sign_checkpoint(replace(checkpoint, root=RootHash(bytes(32))), signer)


def committed(text: CheckText) -> ReadHeads:
    assert isinstance(text.heads, ReadHeads)
    return text.heads


def test_a_head_of_another_history(material: Material) -> None:
    # the holder signed two trees of one size, and showed hospital-b the other one
    def change(text: CheckText) -> CheckText:
        note = committed(text).notes[0]
        return replace(text, heads=replace(committed(text), notes=(forked_head(material.neighbours, note),)))

    with pytest.raises(CertificateContradictedError, match="history"):
        verify(material.neighbours, material.with_check(change))


def test_a_head_that_nobody_signed(material: Material) -> None:
    def change(text: CheckText) -> CheckText:
        note = committed(text).notes[0]
        size = b"\n%d\n" % parse_checkpoint(parse_note(note).text).size
        larger = note.replace(size, b"\n%d\n" % (int(size) + 1))
        return replace(text, heads=replace(committed(text), notes=(larger,)))

    with pytest.raises(LogSignatureError):
        verify(material.neighbours, material.with_check(change))


def test_a_head_of_another_log(material: Material) -> None:
    (own,) = (note for note in material.asserted.heads if note.startswith(OWN_LOG.encode()))

    def change(text: CheckText) -> CheckText:
        return replace(text, heads=replace(committed(text), notes=(own,)))

    with pytest.raises(CertificateContradictedError, match="none of its log"):
        verify(material.neighbours, material.with_check(change))


def test_a_head_below_what_had_been_read(material: Material) -> None:
    def change(text: CheckText) -> CheckText:
        read = tuple(replace(each, size=each.size + 1_000) for each in text.read)
        logs = encode_read_logs((each.origin, each.size) for each in with_sizes(material.read.logs, read))
        return replace(text, read=read, heads=replace(committed(text), digest=read_logs_digest(logs)))

    (text,) = parse_checks(material.asserted.check_text or b"")
    larger = tuple(replace(each, size=each.size + 1_000) for each in text.read)
    shown = replace(material.read, logs=with_sizes(material.read.logs, larger))
    with pytest.raises(CertificateContradictedError, match="below"):
        verify(material.neighbours, material.with_check(change, read=shown))


def with_sizes(logs: tuple[ReadLog, ...], changed: tuple[ReadLog, ...]) -> tuple[ReadLog, ...]:
    sizes = {each.origin: each for each in changed}
    return tuple(sizes.get(each.origin, each) for each in logs)


CONSISTENCY: dict[str, Callable[[tuple[ReadConsistency, ...]], tuple[ReadConsistency, ...]]] = {
    "left-out": lambda _: (),
    "of-another-log": lambda proofs: tuple(replace(each, origin=OWN_LOG) for each in proofs),
    "twice": lambda proofs: (*proofs, *proofs),
    "longer": lambda proofs: tuple(replace(each, proof=(*each.proof, NodeHash(bytes(32)))) for each in proofs),
    "shorter": lambda proofs: tuple(replace(each, proof=each.proof[:-1]) for each in proofs),
    "bent": lambda proofs: tuple(replace(each, proof=(NodeHash(bytes(32)), *each.proof[1:])) for each in proofs),
}


@pytest.mark.parametrize("case", CONSISTENCY)
def test_each_proof_of_history(material: Material, case: str) -> None:
    read = material.logged.read
    assert read is not None
    with pytest.raises(CertificateContradictedError):
        verify(material.neighbours, replace(material.logged, read=replace(read, consistency=CONSISTENCY[case](read.consistency))))


def test_a_log_that_was_not_followed_is_named(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    neighbours = patient.neighbours
    file_electrolytes(patient)
    index = neighbours.there.running.node.following._index
    known = index.origins()
    with monkeypatch.context() as careless:
        careless.setattr(index, "origins", lambda: [each for each in known if each != OWN_LOG])
        answer = check(patient)
    decided = decide(patient, answer, Reorder(Reason.EMERGENCY))
    verdict = verify(neighbours, export(neighbours, decided.decision_id))
    assert verdict.read is not None
    assert OWN_LOG in verdict.read.unread
    assert "logs_unread" in codes(verdict)
    end_hour(neighbours)


def test_what_was_signed_and_had_not_been_read_is_remarked_on(patient: Patient) -> None:
    neighbours = patient.neighbours
    file_electrolytes(patient)
    second = file_electrolytes(patient)
    # a header that did not come: nobody knows what it says, and the check says that it had not been read
    place = "log_id = (select log_id from followed_logs where origin = ?) and leaf_index = ?"
    query = f"delete from followed_headers where {place}"  # noqa: S608 - ours
    neighbours.there.rows(query, second.origin, second.leaf_index, database="index.db")
    decided = decide(patient, check(patient), Reorder(Reason.EMERGENCY))
    verdict = verify(neighbours, export(neighbours, decided.decision_id))
    assert "read_behind" in codes(verdict)
    (result,) = verdict.results
    assert result.read_head is not None
    assert (result.read_to, result.read_head.size > (result.read_to or 0)) == (second.leaf_index, True)
    end_hour(neighbours)


def test_a_check_without_a_head_at_hand_proves_none(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    neighbours = patient.neighbours
    file_electrolytes(patient)
    with monkeypatch.context() as careless:
        careless.setattr(FollowingService, "head", lambda *_: None)
        answer = check(patient)
    decided = decide(patient, answer, Reorder(Reason.EMERGENCY))
    verdict = verify(neighbours, export(neighbours, decided.decision_id))
    assert verdict.results[0].read_head is None
    assert "read_heads" not in codes(verdict)
    end_hour(neighbours)


def test_what_was_read_is_kept_as_long_as_its_check(patient: Patient) -> None:
    neighbours = patient.neighbours
    file_electrolytes(patient)
    decided, kept = decide(patient, check(patient), Reorder(Reason.EMERGENCY)), check(patient, LIVER)
    answer = check(patient)
    service: OrderChecking = recognition(neighbours.there).checking
    assert service.recall_read(answer.check_id) is not None
    # nothing was found of the liver: there is nothing to rest on
    assert service.recall_read(kept.check_id) is None
    end_hour(neighbours)
    neighbours.clock.advance(days=31)
    recognition(neighbours.there).leaves.step()
    assert service.recall_read(answer.check_id) is None
    made = export(neighbours, decided.decision_id, lambda each: each.check is not None)
    assert made.read is not None
