"""Consents on a real node over a simulated contract: granting, revoking, freshness, crashes, emergencies, withdrawal."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from node.adapters.database.custody.withdrawals import SqlWithdrawalStore
from node.adapters.database.schema import RECORDS, open_database
from node.bootstrap.operation import Outside
from node.domain.access import Actor, ConsentContent, ConsentId
from node.domain.consent import ConsentSalt, ConsentTerms, PatientGrant
from node.domain.consent_message import EmergencyId, InstitutionGrant, MessageSignature
from node.domain.consent_state import ConsentStanding
from node.domain.entry import EntryType, Origin
from node.domain.record import PatientNumber
from node.domain.retention import Care
from node.errors import (
    ConsentAuthorityError,
    ConsentInputError,
    ConsentStateUnknownError,
    EmergencyRateError,
    RecordErasedError,
    RecordLockedError,
    SecondPersonError,
    SelfAssertedError,
    SettingsError,
    UnknownConsentError,
    UnknownEmergencyError,
    UnknownPatientError,
)
from node.identity.codes import exchange_private_key, keys_of_seed
from node.ports.chain.consortium import Registry
from node.ports.consents.store import KeptConsent, MessageStage
from node.ports.records.transaction import RecordsTransaction
from node.services.consents.grants import ConsentEvidence, Queued
from node.services.patients.index import Registration
from node.services.surface.consenting import Consenting
from node.wire.consent.document import EvidenceMethod
from node.wire.consent.emergency import EmergencyReview, statement_digest
from node.wire.consent.patient import grant_as_patient, revoke_as_patient
from node.wire.consent.scopes import verify_presented
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import parse_leaf
from node.wire.locator import pairwise_key
from node.wire.retention import load_retention
from tests.unit.consents.samples import OTHER_SEED, SEED, TERMS
from tests.unit.consents.simulated_chain import SimulatedConsents
from tests.unit.services_records.world import CLINIC, HOSPITAL, LOCATOR_SECRETS, MovingClock, World, make_world, report

pytestmark = pytest.mark.slow

NUMBER = PatientNumber("urn:mrn", "00042")
KEYS = keys_of_seed(SEED, LOCATOR_SECRETS, provisional=False)
ACTOR = Actor(HOSPITAL, "03.04", "N 4711", "", "password+token")
OTHER_ACTOR = replace(ACTOR, staff_number="N 4712")
EVIDENCE = ConsentEvidence(EvidenceMethod.SIGNATURE, b"e" * 32, ACTOR)
DEADLINE_S = 20.0


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Node:
    """A node with a patient, over a simulated contract."""

    def __init__(self, directory: Path, *, depth: int = 0, **settings: object) -> None:
        clock = MovingClock()
        self.chain = SimulatedConsents(clock, depth=depth)
        self.world: World = make_world(directory, consents={"poll_interval_s": 0.02, **settings})
        self.world.clock = clock
        self.world.outside = Outside(lambda: Registry(0, 0, (), ()), None, self.chain)
        self.world.start()
        self.world.running.node.patients.register(HOSPITAL, Registration(NUMBER, KEYS))
        wait_for(lambda: self.services.watch.staleness_s() is not None)

    @property
    def services(self) -> Consenting:
        found = self.world.running.node.consenting
        assert found is not None
        return found

    @property
    def terms(self) -> ConsentTerms:
        return replace(TERMS, expires_at_s=int(self.world.clock.now().timestamp()) + 3600)

    def grant(self) -> PatientGrant:
        consent, salt = ConsentId(secrets.token_bytes(32)), ConsentSalt(secrets.token_bytes(32))
        return grant_as_patient(SEED, self.terms, self.chain.domain, consent, salt)

    def standing(self, consent: ConsentId) -> ConsentStanding:
        return self.services.watch.read(consent).standing(self.world.clock.now())

    def stage(self, queued: Queued) -> MessageStage | None:
        message = self.services.store.message(queued.message)
        return None if message is None else message.stage

    def settled(self, queued: Queued) -> Queued:
        wait_for(lambda: self.stage(queued) is not MessageStage.WAITING)
        return queued

    def asserted(self) -> Queued:
        return self.settled(self.services.consents.assert_grant(HOSPITAL, NUMBER, self.terms, EVIDENCE))

    def documents(self) -> list[ConsentContent]:
        """Return the consent documents as the patient opens their headers."""
        key = pairwise_key(exchange_private_key(SEED), self.world.running.sharing.identities[HOSPITAL].exchange_public_key)
        found: list[ConsentContent] = []
        for origin, leaf, header in self.world.rows(
            "select entries.origin, leaf, header from entries join headers using (origin, leaf_index) where entry_type = 7 "
            "order by leaf_index"
        ):
            place = HeaderPlace(Origin(origin), EntryType.CONSENT_DOCUMENT, parse_leaf(leaf).tag)
            content = open_header_reader(header, place, key).content
            assert isinstance(content, ConsentContent)
            found.append(content)
        return found


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path / "n")
    yield node
    node.world.stop()


def signature_of(node: Node, consent: ConsentId, *, other: bool = False) -> MessageSignature:
    return revoke_as_patient(OTHER_SEED if other else SEED, node.chain.domain, consent).signature


def test_a_patients_grant_is_logged_sent_and_can_be_verified_by_a_holder(node: Node) -> None:
    grant = node.grant()
    consent = grant.presented.consent
    queued = node.settled(node.services.consents.hand_in(HOSPITAL, NUMBER, grant))
    assert node.stage(queued) is MessageStage.FINAL
    wait_for(lambda: node.standing(consent) is ConsentStanding.GRANTED)
    state = node.services.watch.read(consent).final
    assert state is not None
    verified = verify_presented(
        queued.kept.presented,
        state,
        patient_signing_key=KEYS.signing_public_key,
        epoch_keys=KEYS.epoch_keys,
        request_keys_of=lambda _: [],
    )
    assert verified.asserted_by is None
    (document,) = node.documents()
    assert (document.consent_id, document.asserted, document.revoked) == (consent, False, False)
    again = node.services.consents.hand_in(HOSPITAL, NUMBER, grant)
    assert again.message == queued.message
    assert len(node.documents()) == 1
    assert [kept.presented for kept in node.services.consents.list(HOSPITAL, NUMBER)] == [grant.presented]


def test_an_asserted_grant_has_its_document_before_it_and_says_who_asserts_it(node: Node) -> None:
    queued = node.asserted()
    (sent,) = node.chain.sent
    assert isinstance(sent.message, InstitutionGrant)
    consent = queued.kept.presented.consent
    wait_for(lambda: node.standing(consent) is ConsentStanding.GRANTED)
    state = node.services.watch.read(consent).final
    assert state is not None
    identity = node.world.running.sharing.identities[HOSPITAL]
    verified = verify_presented(
        queued.kept.presented,
        state,
        patient_signing_key=KEYS.signing_public_key,
        epoch_keys=KEYS.epoch_keys,
        request_keys_of=lambda _: [identity.request_public_key],
    )
    assert (verified.asserted_by, verified.document) == (HOSPITAL, queued.kept.document)
    ((leaf_hash,),) = node.world.rows("select leaf_hash from entries where entry_type = 7")
    assert queued.kept.document is not None
    assert queued.kept.document.leaf_hash == leaf_hash
    (document,) = node.documents()
    assert document.asserted


def test_a_grantee_on_the_same_node_gets_the_consent_and_knows_by_its_keys_whose_it_is(node: Node) -> None:
    terms = replace(node.terms, grantee=replace(node.terms.grantee, institution=CLINIC))
    consents = node.services.consents
    asserted = consents.assert_grant(HOSPITAL, NUMBER, terms, EVIDENCE).kept.presented
    patients = node.world.running.node.patients
    other, own = PatientNumber("urn:mrn", "other"), PatientNumber("urn:mrn", "own")
    patients.register(CLINIC, Registration(other, keys_of_seed(OTHER_SEED, LOCATOR_SECRETS, provisional=False)))
    patients.register(CLINIC, Registration(own, KEYS))
    assert [kept.presented for kept in consents.list(CLINIC, own)] == [asserted]
    assert list(consents.list(CLINIC, other)) == []
    with pytest.raises(ConsentInputError, match="the patient's own key"):
        consents.revoke(CLINIC, asserted.consent, EVIDENCE)


def test_a_revocation_counts_at_once_even_while_the_chain_is_away(node: Node) -> None:
    queued = node.asserted()
    consent = queued.kept.presented.consent
    wait_for(lambda: node.standing(consent) is ConsentStanding.GRANTED)
    node.chain.away = True
    revoked = node.services.consents.revoke(HOSPITAL, consent, EVIDENCE)
    assert node.standing(consent) is ConsentStanding.REVOKED
    assert node.stage(revoked) is MessageStage.WAITING
    node.chain.away = False
    node.settled(revoked)
    assert node.chain.blocks[-1][0][consent].revoked_at_s is not None
    assert [document.revoked for document in node.documents()] == [False, True]
    assert node.services.consents.show(HOSPITAL, consent).revoked_at_ms is not None


def test_the_patient_alone_revokes_what_the_patient_granted(node: Node) -> None:
    grant = node.grant()
    consent = grant.presented.consent
    node.settled(node.services.consents.hand_in(HOSPITAL, NUMBER, grant))
    with pytest.raises(ConsentInputError, match="the patient's own key"):
        node.services.consents.revoke(HOSPITAL, consent, EVIDENCE)
    with pytest.raises(ConsentAuthorityError, match="another key signed the revocation"):
        node.services.consents.hand_in_revocation(HOSPITAL, consent, signature_of(node, consent, other=True))
    with pytest.raises(ConsentAuthorityError, match="is none"):
        node.services.consents.hand_in_revocation(HOSPITAL, consent, MessageSignature(27, 1, 2**255))
    node.settled(node.services.consents.hand_in_revocation(HOSPITAL, consent, signature_of(node, consent)))
    assert node.standing(consent) is ConsentStanding.REVOKED


def test_a_revocation_elsewhere_is_seen_and_handed_to_whoever_acts_on_it(node: Node) -> None:
    seen: list[ConsentId] = []

    def handler(_: RecordsTransaction, revoked: object) -> None:
        assert isinstance(revoked, list)
        seen.extend(kept.presented.consent for kept in revoked if isinstance(kept, KeptConsent))

    node.services.watch.on_revoked(handler)
    consent = node.asserted().kept.presented.consent
    wait_for(lambda: node.standing(consent) is ConsentStanding.GRANTED)
    node.chain.revoke(consent)
    wait_for(lambda: node.standing(consent) is ConsentStanding.REVOKED)
    wait_for(lambda: seen == [consent])
    node.chain.mine(3)
    node.world.restart()
    assert node.standing(consent) is ConsentStanding.REVOKED


def test_a_revocation_while_the_node_was_down_is_found_at_its_start(node: Node) -> None:
    consent = node.asserted().kept.presented.consent
    node.world.stop()
    node.chain.revoke(consent)
    node.world.start()
    wait_for(lambda: node.services.consents.show(HOSPITAL, consent).revoked_at_ms is not None)


def test_what_was_not_read_in_time_is_unknown(node: Node) -> None:
    consent = node.asserted().kept.presented.consent
    wait_for(lambda: node.standing(consent) is ConsentStanding.GRANTED)
    node.chain.away = True
    node.world.clock.advance(seconds=4)
    assert node.standing(consent) is ConsentStanding.GRANTED
    node.world.clock.advance(seconds=2)
    with pytest.raises(ConsentStateUnknownError, match="in the last 5 s"):
        node.services.watch.read(consent)
    with pytest.raises(ConsentStateUnknownError):
        node.services.watch.emergency(EmergencyId(b"e" * 32))
    node.chain.away = False
    wait_for(lambda: node.standing(consent) is ConsentStanding.GRANTED)


def test_an_old_head_is_stale_where_blocks_come_by_the_clock(tmp_path: Path) -> None:
    node = Node(tmp_path / "n", block_period_s=2)
    try:
        assert node.standing(ConsentId(b"i" * 32)) is ConsentStanding.UNKNOWN
        node.chain.head_age_s = 6
        wait_for(lambda: (node.services.watch.staleness_s() or 0) >= 6)
        with pytest.raises(ConsentStateUnknownError):
            node.services.watch.read(ConsentId(b"i" * 32))
    finally:
        node.world.stop()


def test_a_grant_is_pending_until_final_and_is_sent_again_when_its_block_vanishes(tmp_path: Path) -> None:
    node = Node(tmp_path / "n", depth=2)
    try:
        queued = node.services.consents.assert_grant(HOSPITAL, NUMBER, node.terms, EVIDENCE)
        consent = queued.kept.presented.consent
        wait_for(lambda: len(node.chain.sent) == 1)
        assert node.standing(consent) is ConsentStanding.PENDING
        assert node.stage(queued) is MessageStage.WAITING
        node.chain.take_back(1)
        wait_for(lambda: len(node.chain.sent) == 2)
        node.chain.mine(2)
        node.settled(queued)
        assert node.standing(consent) is ConsentStanding.GRANTED
        node.chain.revoke(consent)
        wait_for(lambda: node.standing(consent) is ConsentStanding.REVOKED)
        node.chain.take_back(1)
        assert node.standing(consent) is ConsentStanding.REVOKED, "seen once, it counts"
    finally:
        node.world.stop()


def test_a_lost_answer_sends_nothing_twice_and_a_refusal_is_kept_by_name(node: Node) -> None:
    node.chain.loses_answers = True
    queued = node.settled(node.services.consents.assert_grant(HOSPITAL, NUMBER, node.terms, EVIDENCE))
    assert (node.stage(queued), len(node.chain.sent)) == (MessageStage.FINAL, 1)
    node.chain.loses_answers, node.chain.refuses = False, "Suspended"
    refused = node.settled(node.services.consents.assert_grant(HOSPITAL, NUMBER, node.terms, EVIDENCE))
    message = node.services.store.message(refused.message)
    assert message is not None
    assert (message.stage, message.reason) == (MessageStage.REFUSED, "Suspended")


def test_what_was_queued_is_sent_after_a_restart_grants_before_revocations(node: Node) -> None:
    node.chain.away = True
    queued = node.services.consents.assert_grant(HOSPITAL, NUMBER, node.terms, EVIDENCE)
    revoked = node.services.consents.revoke(HOSPITAL, queued.kept.presented.consent, EVIDENCE)
    node.world.stop()
    node.chain.away = False
    node.world.start()
    assert node.stage(node.settled(queued)) is MessageStage.FINAL
    assert node.stage(node.settled(revoked)) is MessageStage.FINAL


def test_what_cannot_be_granted_is_refused_and_leaves_nothing(node: Node, tmp_path: Path) -> None:
    consents = node.services.consents
    other = grant_as_patient(OTHER_SEED, node.terms, node.chain.domain, ConsentId(b"i" * 32), ConsentSalt(b"s" * 32))
    with pytest.raises(ConsentAuthorityError, match="signature of the patient fails"):
        consents.hand_in(HOSPITAL, NUMBER, other)
    with pytest.raises(UnknownPatientError):
        consents.hand_in(HOSPITAL, PatientNumber("urn:mrn", "nobody"), node.grant())
    with pytest.raises(UnknownPatientError):
        consents.assert_grant(CLINIC, NUMBER, node.terms, EVIDENCE)
    with pytest.raises(ConsentInputError, match="over already"):
        consents.assert_grant(HOSPITAL, NUMBER, replace(node.terms, expires_at_s=1), EVIDENCE)
    with pytest.raises(UnknownConsentError):
        consents.show(HOSPITAL, ConsentId(b"i" * 32))
    assert node.world.rows("select * from entries where entry_type = 7") == []
    assert list(consents.list(HOSPITAL, None)) == []
    strict = Node(tmp_path / "strict", refuse_self_asserted=True)
    try:
        own = replace(strict.terms, grantee=replace(strict.terms.grantee, institution=HOSPITAL))
        with pytest.raises(SelfAssertedError, match="hospital-a may not assert"):
            strict.services.consents.assert_grant(HOSPITAL, NUMBER, own, EVIDENCE)
        strict.asserted()
    finally:
        strict.world.stop()


def test_an_emergency_proves_itself_and_is_reviewed_by_another_person(node: Node) -> None:
    emergencies = node.services.emergencies
    node.chain.away = True
    opened = emergencies.open(HOSPITAL, ACTOR, "unconscious", NUMBER)
    assert statement_digest(opened.kept.salt, opened.statement) == opened.signed.message.digest  # type: ignore[union-attr]
    node.chain.away = False
    emergency = opened.kept.emergency
    wait_for(lambda: node.services.watch.emergency(emergency) is not None)
    ((kept, statement),) = emergencies.list(HOSPITAL)
    assert (kept.reviewed_at_ms, statement.reason, statement.patient_tag is None) == (None, "unconscious", False)
    with pytest.raises(SecondPersonError):
        emergencies.review(HOSPITAL, emergency, EmergencyReview(ACTOR, justified=True, remark="", reviewed_at_ms=0))
    with pytest.raises(UnknownEmergencyError):
        emergencies.review(CLINIC, emergency, EmergencyReview(OTHER_ACTOR, justified=True, remark="", reviewed_at_ms=0))
    review = EmergencyReview(OTHER_ACTOR, justified=True, remark="", reviewed_at_ms=0)
    first = emergencies.review(HOSPITAL, emergency, review)
    assert emergencies.review(HOSPITAL, emergency, review) == first
    wait_for(lambda: node.chain.opened[emergency].reviewed_at_s is not None)
    assert b"unconscious" not in node.world.file_bytes()


def test_a_person_opens_only_so_many_emergencies_an_hour(tmp_path: Path) -> None:
    node = Node(tmp_path / "n", max_emergencies_per_hour=2)
    try:
        for _ in range(2):
            node.services.emergencies.open(HOSPITAL, ACTOR, "r", None)
        with pytest.raises(EmergencyRateError, match="at most 2"):
            node.services.emergencies.open(HOSPITAL, ACTOR, "r", None)
        node.services.emergencies.open(HOSPITAL, OTHER_ACTOR, "r", None)
        node.world.clock.advance(hours=1, seconds=1)
        node.services.emergencies.open(HOSPITAL, ACTOR, "r", None)
    finally:
        node.world.stop()


def test_a_withdrawal_locks_what_must_be_kept_revokes_and_erases_when_the_time_has_come(node: Node) -> None:
    world, readers = node.world, open_database(node.world.directory, RECORDS, writer=False)
    store, withdrawal = SqlWithdrawalStore(readers), world.running.node.withdrawal
    assert withdrawal is not None
    consent = node.asserted().kept.presented.consent
    record, other = world.receipt(report()), world.receipt(report("F-8", patient="00043"))
    ((patient,),) = world.rows("select patient from consents")
    assert not store.is_withdrawn(HOSPITAL, patient)
    with pytest.raises(UnknownPatientError):
        withdrawal.withdraw(CLINIC, NUMBER, Care.OUTPATIENT, EVIDENCE)
    done = withdrawal.withdraw(HOSPITAL, NUMBER, Care.OUTPATIENT, EVIDENCE)
    assert store.is_withdrawn(HOSPITAL, patient)
    assert (done.revoked, done.erased, set(done.locked)) == ((consent,), (), {record.record_id})
    assert store.locked([record.record_id, other.record_id]) == done.locked
    world.wait_logged(record)
    with pytest.raises(RecordLockedError):
        world.running.node.evidence.export(HOSPITAL, record.record_id, version=None, parts=None)
    kept_until = datetime.fromtimestamp(done.locked[record.record_id] / 1000, UTC)
    assert kept_until.year == world.clock.now().year + 15
    assert node.standing(consent) is ConsentStanding.REVOKED
    longer = withdrawal.withdraw(HOSPITAL, NUMBER, Care.INPATIENT, EVIDENCE)
    assert longer.revoked == ()
    assert store.locked([record.record_id]) == longer.locked
    world.clock.time = kept_until.replace(year=kept_until.year + 15, month=12)
    withdrawal.sweep()
    with pytest.raises(RecordErasedError):
        world.running.node.erasure.erase(HOSPITAL, record.record_id)
    assert store.locked([record.record_id]) == {}
    assert withdrawal.withdraw(HOSPITAL, NUMBER, Care.OUTPATIENT, EVIDENCE).locked == {}
    readers.dispose()


def test_a_record_whose_time_is_over_is_erased_at_once(node: Node) -> None:
    record = node.world.receipt(report())
    node.world.clock.advance(days=31 * 366)
    withdrawal = node.world.running.node.withdrawal
    assert withdrawal is not None
    assert withdrawal.withdraw(HOSPITAL, NUMBER, Care.INPATIENT, EVIDENCE).erased == (record.record_id,)


def test_retention_periods_are_data() -> None:
    retention = load_retention("cn")
    leap_day = int(datetime(2024, 2, 29, tzinfo=UTC).timestamp() * 1000)
    assert datetime.fromtimestamp(retention.kept_until_ms(leap_day, Care.INPATIENT) / 1000, UTC) == datetime(2054, 3, 1, tzinfo=UTC)
    with pytest.raises(SettingsError, match="there are cn"):
        load_retention("atlantis")
