"""Consents and emergencies on real engines: patients' and institutions' messages, finality, revocations first seen, reorgs."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from node.adapters.chain.client import ChainClient
from node.adapters.chain.consents import ChainConsents
from node.adapters.chain.signers import LocalSigner
from node.domain.access import ConsentId, Purpose
from node.domain.consent import CarePeriod, ConsentSalt, ConsentTerms, Grantee, PatientGrant
from node.domain.consent_message import (
    ConsentAddress,
    EmergencyId,
    InstitutionGrant,
    InstitutionMessage,
    InstitutionRevoke,
    OpenEmergency,
    ReviewEmergency,
    ScopeDigest,
    SignedMessage,
)
from node.domain.consent_state import ConsentHistory, ConsentStanding
from node.domain.entry import InstitutionId
from node.domain.patient import PatientSeed
from node.errors import ChainRefusedError, ContractMismatchError, TransactionRevertedError
from node.identity.typed_data import sign_message
from node.wire.consent.patient import grant_as_patient, grant_message, revoke_as_patient
from tests.integration.chain_client.consortium_chain import FOUNDERS, IMMEDIATE, RELAY, ConsortiumChain, WallClock, with_finality

pytestmark = [pytest.mark.network, pytest.mark.slow]

SEED = PatientSeed(bytes(range(32)))
HOSPITAL = InstitutionId(FOUNDERS[0])


class Holder:
    """A node's client of the contract, and one institution's anchor key."""

    def __init__(self, chain: ConsortiumChain, depth: int = 0) -> None:
        self.log, self.anchor_key = chain.take()
        self.client = ChainClient(chain.engine.rpc_url, with_finality(chain.pin, depth), read_timeout_s=30)
        self.consents: ChainConsents = self.client.consents(LocalSigner(RELAY), WallClock())

    def grant(self, lifetime_s: int = 3600) -> PatientGrant:
        terms = ConsentTerms(
            grantee=Grantee(HOSPITAL, None, None),
            kinds=None,
            items=None,
            labels=(),
            period=CarePeriod(None, None),
            purposes=(Purpose.TREATMENT,),
            expires_at_s=int(time.time()) + lifetime_s,
            max_uses=None,
        )
        salt = ConsentSalt(secrets.token_bytes(32))
        return grant_as_patient(SEED, terms, self.consents.domain, fresh_id(), salt)

    def send_grant(self, grant: PatientGrant) -> ConsentAddress:
        message, address = grant_message(grant, self.consents.domain)
        self.consents.send(SignedMessage(message, grant.signature), address)
        return address

    def send(self, message: InstitutionMessage) -> None:
        self.consents.send(SignedMessage(message, sign_message(self.anchor_key, self.consents.domain, message)), None)

    def standing(self, consent: ConsentId, later_s: int = 0) -> ConsentStanding:
        return self.consents.consent(consent).standing(datetime.now(UTC) + timedelta(seconds=later_s))


def fresh_id() -> ConsentId:
    return ConsentId(secrets.token_bytes(32))


@pytest.fixture
def holder(chain: ConsortiumChain) -> Iterator[Holder]:
    holder = Holder(chain)
    yield holder
    holder.client.close()


def test_a_patient_grants_and_revokes(holder: Holder) -> None:
    grant = holder.grant()
    consent = grant.presented.consent
    assert holder.standing(consent) is ConsentStanding.UNKNOWN
    address = holder.send_grant(grant)
    asked_at = datetime.now(UTC)
    reading = holder.consents.consent(consent)
    assert reading.standing(datetime.now(UTC)) is ConsentStanding.GRANTED
    assert reading.final is not None
    assert (reading.final.patient_key, reading.final.institution) == (address, None)
    assert reading.head.final == reading.head.newest
    assert reading.head.staleness_s(asked_at, 0) <= 0, "it was read since"
    assert holder.standing(consent, later_s=3601) is ConsentStanding.EXPIRED
    with pytest.raises(TransactionRevertedError, match="ConsentExists"):
        holder.send_grant(grant)
    holder.consents.send(revoke_as_patient(SEED, holder.consents.domain, consent), None)
    assert holder.standing(consent) is ConsentStanding.REVOKED


def test_an_institution_grants_and_revokes_what_it_asserts(holder: Holder) -> None:
    consent, scope = fresh_id(), ScopeDigest(secrets.token_bytes(32))
    holder.send(InstitutionGrant(holder.log.origin, consent, scope, int(time.time()) + 3600))
    reading = holder.consents.consent(consent)
    assert reading.final is not None
    assert (reading.final.scope, reading.final.institution, reading.final.patient_key) == (scope, HOSPITAL, None)
    holder.send(InstitutionRevoke(holder.log.origin, consent))
    assert holder.standing(consent) is ConsentStanding.REVOKED


def test_an_emergency_is_opened_and_reviewed(holder: Holder) -> None:
    emergency = EmergencyId(secrets.token_bytes(32))
    assert holder.consents.emergency(emergency) is None
    holder.send(OpenEmergency(holder.log.origin, emergency, b"d" * 32))
    opened = holder.consents.emergency(emergency)
    assert opened is not None
    assert (opened.institution, opened.digest, opened.reviewed_at_s) == (HOSPITAL, b"d" * 32, None)
    holder.send(ReviewEmergency(holder.log.origin, emergency, b"r" * 32))
    reviewed = holder.consents.emergency(emergency)
    assert reviewed is not None
    assert reviewed.reviewed_at_s is not None


def test_changes_are_those_since_a_block(holder: Holder) -> None:
    before = holder.consents.head().newest.stamp.number
    grant = holder.grant()
    holder.send_grant(grant)
    holder.consents.send(revoke_as_patient(SEED, holder.consents.domain, grant.presented.consent), None)
    found = holder.consents.changes(before + 1)
    assert [(change.consent, change.is_revocation) for change in found.changes] == [
        (grant.presented.consent, False),
        (grant.presented.consent, True),
    ]
    assert found.head.newest.stamp.number > before
    assert not holder.consents.changes(found.head.newest.stamp.number + 100).changes[2:]


def test_histories_name_the_blocks_of_grant_and_revocation_and_leave_out_what_never_was(holder: Holder) -> None:
    kept, revoked, invented = holder.grant(), holder.grant(), fresh_id()
    blocks = []
    for grant in (kept, revoked):
        holder.send_grant(grant)
        blocks.append(holder.consents.head().newest)
    holder.consents.send(revoke_as_patient(SEED, holder.consents.domain, revoked.presented.consent), None)
    blocks.append(holder.consents.head().newest)
    ids = [kept.presented.consent, revoked.presented.consent, invented]
    told = holder.consents.histories(ids)
    first, second = (grant_message(grant, holder.consents.domain)[0].expires_at_s for grant in (kept, revoked))
    assert told.known == {
        ids[0]: ConsentHistory(blocks[0], first, None),
        ids[1]: ConsentHistory(blocks[1], second, blocks[2]),
    }
    assert told.final.stamp.number >= blocks[2].stamp.number
    assert holder.consents.block(blocks[0].stamp.number) == blocks[0]


def test_a_consent_whose_log_the_chains_node_forgot_is_no_consent_that_never_was(
    holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = holder.grant()
    holder.send_grant(grant)
    monkeypatch.setattr(holder.consents, "_events", lambda *_: [])
    assert holder.consents.histories([fresh_id()]).known == {}
    with pytest.raises(ChainRefusedError, match="without the log of its grant"):
        holder.consents.histories([fresh_id(), grant.presented.consent])


def test_histories_end_at_the_final_block(embedded: ConsortiumChain) -> None:
    holder = Holder(embedded, depth=2)
    try:
        grant = holder.grant()
        holder.send_grant(grant)
        assert holder.consents.histories([grant.presented.consent]).known == {}
        embedded.mine(2)
        assert list(holder.consents.histories([grant.presented.consent]).known) == [grant.presented.consent]
    finally:
        holder.client.close()


def test_a_grant_counts_when_final_and_a_revocation_when_seen(embedded: ConsortiumChain) -> None:
    holder = Holder(embedded, depth=2)
    try:
        grant = holder.grant()
        consent = grant.presented.consent
        holder.send_grant(grant)
        assert holder.standing(consent) is ConsentStanding.PENDING
        embedded.mine(2)
        assert holder.standing(consent) is ConsentStanding.GRANTED
        holder.consents.send(revoke_as_patient(SEED, holder.consents.domain, consent), None)
        reading = holder.consents.consent(consent)
        assert reading.final is not None
        assert reading.final.revoked_at_s is None
        assert reading.standing(datetime.now(UTC)) is ConsentStanding.REVOKED
    finally:
        holder.client.close()


def test_without_a_contract_consents_are_off(chain: ConsortiumChain) -> None:
    pin = chain.deployment.pin(IMMEDIATE)
    older = replace(pin, contracts={name: each for name, each in pin.contracts.items() if name != "consents"})
    client = ChainClient(chain.engine.rpc_url, older)
    try:
        client.check()
        with pytest.raises(ContractMismatchError, match="the trust root does not name it"):
            client.consents(LocalSigner(RELAY), WallClock())
    finally:
        client.close()
