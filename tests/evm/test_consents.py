"""What the `consents` contract keeps and tells; digests that two implementations agree on; who may send."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from contracts import artifact
from contracts.events import ConsentGranted, ConsentRevoked, EmergencyOpened, EmergencyReviewed
from node.domain.access import ConsentId
from node.domain.consent_message import (
    ConsentAddress,
    ConsentMessage,
    ContractDomain,
    EmergencyId,
    Grant,
    InstitutionGrant,
    InstitutionRevoke,
    OpenEmergency,
    ReviewEmergency,
    Revoke,
    ScopeDigest,
)
from node.domain.entry import Origin
from node.identity.typed_data import address_of_key, message_digest, recover_signer, sign_message
from tests.evm.consent_world import ConsentWorld, address_of, key_of
from tests.evm.world import account, as_key, id_of

ID, SCOPE, DIGEST = bytes([1]) * 32, bytes([7]) * 32, bytes([9]) * 32
NO_KEY = bytes(20)
ORIGIN = Origin("log.alpha.example")
MESSAGES: list[ConsentMessage] = [
    Grant(ConsentId(ID), ScopeDigest(SCOPE), 1_750_000_100),
    Revoke(ConsentId(ID)),
    InstitutionGrant(ORIGIN, ConsentId(ID), ScopeDigest(SCOPE), 1_750_000_100),
    InstitutionRevoke(ORIGIN, ConsentId(ID)),
    OpenEmergency(ORIGIN, EmergencyId(ID), DIGEST),
    ReviewEmergency(ORIGIN, EmergencyId(ID), DIGEST),
]


@pytest.fixture
def world() -> ConsentWorld:
    return ConsentWorld()


def hexed(value: bytes) -> str:
    return "0x" + value.hex()


def test_the_code_on_chain_has_the_hash_that_the_artifact_foretells(world: ConsentWorld) -> None:
    immutables = as_key(world.consortium.raw_address)
    assert keccak(world.consents.code) == artifact("consents").deployed_code_hash(immutables)
    assert world.consents.read("consortium") == hexed(world.consortium.raw_address)


def test_a_patients_consent_lives_and_ends(world: ConsentWorld) -> None:
    until_s = world.now_s + 100
    assert world.consents.read("consent", ID) == (bytes(32), hexed(NO_KEY), bytes(32), 0, 0)
    world.grant(ID, SCOPE, until_s, "patient")
    assert world.consents.logs == [ConsentGranted(ID, SCOPE, address_of("patient"), bytes(32), until_s)]
    assert world.consents.read("consent", ID) == (SCOPE, hexed(address_of("patient")), bytes(32), until_s, 0)
    world.travel(200)  # expired, and revoked all the same
    world.revoke(ID, "patient")
    assert world.consents.logs == [ConsentRevoked(ID)]
    assert world.consents.read("consent", ID) == (SCOPE, hexed(address_of("patient")), bytes(32), until_s, world.now_s)


def test_an_institutions_consent_lives_and_ends(world: ConsentWorld) -> None:
    until_s = world.now_s + 100
    world.institution_grant("alpha", ID, SCOPE, until_s)
    assert world.consents.logs == [ConsentGranted(ID, SCOPE, NO_KEY, id_of("alpha"), until_s)]
    world.institution_revoke("alpha", ID)
    assert world.consents.read("consent", ID) == (SCOPE, hexed(NO_KEY), id_of("alpha"), until_s, world.now_s)


def test_an_institution_revokes_with_any_open_origin_and_any_valid_anchor_key(world: ConsentWorld) -> None:
    world.institution_grant("alpha", ID, SCOPE, world.now_s + 100)
    world.carry(("alpha", "beta"), "add_origin", id_of("alpha"), "log2.alpha.example", "https://alpha.example")
    world.carry(("alpha", "beta"), "close_origin", id_of(ORIGIN), 0, bytes(32), id_of("log2.alpha.example"))
    world.register_anchor("alpha", "alpha/next", overlap_s=60)
    origin = id_of("log2.alpha.example")
    signature = world.sign("alpha/anchor", "InstitutionRevoke", {"origin": origin, "id": ID})
    world.send("revoke_by_institution", origin, ID, *signature)
    assert world.consents.logs == [ConsentRevoked(ID)]


def test_an_emergency_is_open_until_it_is_reviewed(world: ConsentWorld) -> None:
    opened_at_s = world.now_s
    world.open_emergency("beta", ID, DIGEST)
    assert world.consents.logs == [EmergencyOpened(ID, id_of("beta"), DIGEST)]
    assert world.consents.read("emergency", ID) == (DIGEST, id_of("beta"), opened_at_s, 0)
    world.travel(3600)
    world.review_emergency("beta", ID, SCOPE)
    assert world.consents.logs == [EmergencyReviewed(ID, id_of("beta"), SCOPE)]
    assert world.consents.read("emergency", ID) == (DIGEST, id_of("beta"), opened_at_s, opened_at_s + 3600)


def test_anybody_may_send_what_was_signed(world: ConsentWorld) -> None:
    until_s = world.now_s + 100
    signature = world.sign("patient", "Grant", {"id": ID, "scope": SCOPE, "expiresAt": until_s})
    world.consents.send(account("a stranger"), "grant", ID, SCOPE, until_s, address_of("patient"), *signature)
    assert world.consents.read("consent", ID)[0] == SCOPE


def test_emergencies_and_consents_do_not_share_ids(world: ConsentWorld) -> None:
    world.grant(ID, SCOPE, world.now_s + 100, "patient")
    world.open_emergency("alpha", ID, DIGEST)
    assert world.consents.read("emergency", ID)[0] == DIGEST


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_our_digests_are_those_of_eth_account(world: ConsentWorld, message: ConsentMessage) -> None:
    domain = ContractDomain(world.chain_id, world.consents.raw_address)
    kind = type(message).__name__
    values = {
        "origin": id_of(ORIGIN),
        "id": ID,
        "scope": SCOPE,
        "digest": DIGEST,
        "expiresAt": getattr(message, "expires_at_s", 0),
    }
    v, r, s = world.sign("patient", kind, values)
    ours = sign_message(key_of("patient"), domain, message)
    assert (ours.v, ours.r, ours.s) == (v, r, s)  # RFC 6979: equal digests, equal signatures
    assert recover_signer(domain, message, ours) == address_of("patient") == address_of_key(key_of("patient"))
    assert len(message_digest(domain, message)) == 32


def test_our_domain_separator_is_the_contracts_and_eth_accounts(world: ConsentWorld) -> None:
    typed = encode_typed_data(world.domain(), {"Revoke": [{"name": "id", "type": "bytes32"}]}, {"id": ID})
    assert world.consents.read("domain_separator") == typed.header
    domain = ContractDomain(world.chain_id, world.consents.raw_address)
    digest = keccak(b"\x19\x01" + typed.header + typed.body)
    assert digest == message_digest(domain, Revoke(ConsentId(ID)))


def test_the_contract_takes_what_we_sign(world: ConsentWorld) -> None:
    domain = ContractDomain(world.chain_id, world.consents.raw_address)
    until_s = world.now_s + 100
    key = bytes([5]) * 32
    address = ConsentAddress(address_of_key(key))
    found = sign_message(key, domain, Grant(ConsentId(ID), ScopeDigest(SCOPE), until_s))
    world.send("grant", ID, SCOPE, until_s, address, found.v, found.r, found.s)
    found = sign_message(key, domain, Revoke(ConsentId(ID)))
    world.send("revoke", ID, found.v, found.r, found.s)
    assert world.consents.read("consent", ID)[4] == world.now_s
    assert Account.from_key(key).address.lower() == hexed(address)
