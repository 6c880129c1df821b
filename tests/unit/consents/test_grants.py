"""Grants of consents on a real node over a simulated contract: signed, asserted, delivered, sent once, refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from node.domain.access import ConsentId
from node.domain.consent import ConsentSalt
from node.domain.consent_message import InstitutionGrant
from node.domain.consent_state import ConsentStanding
from node.domain.record import PatientNumber
from node.errors import (
    ConsentAuthorityError,
    ConsentInputError,
    SelfAssertedError,
    UnknownConsentError,
    UnknownPatientError,
)
from node.identity.codes import keys_of_seed
from node.ports.consents.store import MessageStage
from node.services.patients.index import Registration
from node.wire.consent.patient import grant_as_patient
from node.wire.consent.scopes import verify_presented
from tests.unit.consents.samples import OTHER_SEED
from tests.unit.consents.served import EVIDENCE, KEYS, NUMBER, Node, wait_for
from tests.unit.services_records.world import CLINIC, HOSPITAL, LOCATOR_SECRETS

pytestmark = pytest.mark.slow


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
