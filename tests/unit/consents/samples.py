"""Terms, keys and chain states that tests of consents share."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

from node.domain.access import BlockStamp, ConsentId, Purpose
from node.domain.consent import (
    AssertedAuthority,
    CarePeriod,
    ConsentSalt,
    ConsentScope,
    ConsentTerms,
    GrantedItem,
    Grantee,
    PatientGrant,
    PresentedConsent,
)
from node.domain.consent_message import ConsentAddress, ContractDomain
from node.domain.consent_state import ConsentReading, ConsentState, SeenBlock, SeenHead
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.labels import SensitivityLabel
from node.domain.patient import PatientSeed
from node.domain.record import Kind
from node.identity.codes import epoch_key, patient_code, public_keys
from node.wire.consent.patient import grant_as_patient, grant_message
from node.wire.consent.scopes import asserted_message, patient_tag, scope_digest
from node.wire.consent.text import encode_scope

NOW_S = 1_900_000_000
NOW = datetime.fromtimestamp(NOW_S, UTC)
SEED = PatientSeed(bytes(range(32)))
OTHER_SEED = PatientSeed(bytes(range(1, 33)))
LOCATOR_SECRET = b"s" * 32
DOMAIN = ContractDomain(20_260, b"c" * 20)
ID = ConsentId(b"i" * 32)
SALT = ConsentSalt(b"x" * 32)
HOSPITAL_A, HOSPITAL_B = InstitutionId("hospital-a"), InstitutionId("hospital-b")
REQUEST_SEED = b"r" * 32
REQUEST_KEY = crypto_sign_seed_keypair(REQUEST_SEED)[0]
DOCUMENT = LeafReference(Origin("hospital-a.example/log"), b"l" * 32)
EPOCH = 1
EPOCH_KEYS = {EPOCH: epoch_key(patient_code(SEED), LOCATOR_SECRET, EPOCH)}
SIGNING_KEY = public_keys(SEED).signing

TERMS = ConsentTerms(
    grantee=Grantee(HOSPITAL_B, None, None),
    kinds=None,
    items=None,
    labels=(),
    period=CarePeriod(None, None),
    purposes=(Purpose.TREATMENT,),
    expires_at_s=NOW_S + 3600,
    max_uses=None,
)
FULL_TERMS = ConsentTerms(
    grantee=Grantee(HOSPITAL_B, ("0300", "0305"), ("physician",)),
    kinds=(Kind("exam-result"),),
    items=(GrantedItem("http://loinc.org", "24325-3"), GrantedItem("", 'local "7"')),
    labels=(SensitivityLabel("HIV"), SensitivityLabel("PSY")),
    period=CarePeriod(1_700_000_000_123, 1_800_000_000_000),
    purposes=(Purpose.TREATMENT, Purpose.FOLLOW_UP, Purpose.CLAIM, Purpose.RESEARCH),
    expires_at_s=NOW_S + 86_400,
    max_uses=3,
)


def granted(terms: ConsentTerms = TERMS, seed: PatientSeed = SEED) -> PatientGrant:
    return grant_as_patient(seed, terms, DOMAIN, ID, SALT)


def state_of(grant: PatientGrant) -> ConsentState:
    message, address = grant_message(grant, DOMAIN)
    return ConsentState(ID, message.scope, address, None, message.expires_at_s, None)


def asserted(terms: ConsentTerms = TERMS, **changes: object) -> PresentedConsent:
    """Return a consent that hospital A asserts; changes are made after it was signed."""
    tag = patient_tag(EPOCH_KEYS[EPOCH], ID)
    message = asserted_message(ID, HOSPITAL_A, EPOCH, tag, DOCUMENT, terms)
    signature = crypto_sign(message, crypto_sign_seed_keypair(REQUEST_SEED)[1])[:64]
    authority = replace(AssertedAuthority(HOSPITAL_A, EPOCH, tag, DOCUMENT, signature), **changes)  # type: ignore[arg-type]
    return PresentedConsent(ID, SALT, encode_scope(ConsentScope(terms, authority)))


def asserted_state(presented: PresentedConsent, expires_at_s: int = TERMS.expires_at_s) -> ConsentState:
    digest = scope_digest(presented.salt, presented.scope)
    return ConsentState(ID, digest, None, HOSPITAL_A, expires_at_s, None)


def block(number: int, time_s: int = NOW_S) -> SeenBlock:
    return SeenBlock(BlockStamp(number, number.to_bytes(32, "big")), time_s)


def head(number: int, *, depth: int = 0, read_at: datetime = NOW, time_s: int = NOW_S) -> SeenHead:
    return SeenHead(block(max(0, number - depth), time_s), block(number, time_s), read_at)


def reading(state: ConsentState | None, number: int = 5) -> ConsentReading:
    return ConsentReading(ID, state, state, revocation_seen=False, head=head(number))


def address(number: int) -> ConsentAddress:
    return ConsentAddress(number.to_bytes(20, "big"))
