"""Scopes: one encoding, one digest, and every way in which a presented consent is not the one on chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from node.domain.access import ConsentId
from node.domain.consent import ConsentTerms, PresentedConsent, VerifiedConsent
from node.domain.entry import InstitutionId
from node.domain.record import Kind
from node.errors import ConsentAuthorityError, ConsentDigestError, MalformedConsentError, UnknownFormatError
from node.identity.codes import public_keys
from node.identity.consent_signing import consent_key
from node.identity.typed_data import address_of_key, recover_signer
from node.wire.consent.patient import grant_as_patient, grant_message, revoke_as_patient
from node.wire.consent.scopes import verify_presented
from node.wire.consent.text import (
    encode_grant,
    encode_presented,
    encode_scope,
    encode_terms,
    parse_grant,
    parse_presented,
    parse_scope,
    parse_terms,
)
from tests.unit.consents import samples
from tests.unit.consents.samples import DOMAIN, EPOCH_KEYS, FULL_TERMS, ID, SALT, SEED, SIGNING_KEY, TERMS, asserted, granted


def verify(presented: PresentedConsent, **changes: object) -> VerifiedConsent:
    is_asserted = b'"by":"institution"' in presented.scope
    state = samples.asserted_state(presented) if is_asserted else samples.state_of(granted())
    arguments = {
        "patient_signing_key": SIGNING_KEY,
        "epoch_keys": EPOCH_KEYS,
        "request_keys_of": lambda _: [b"0" * 32, samples.REQUEST_KEY],
    }
    stated = {name: value for name, value in changes.items() if name in arguments}
    other = {name: value for name, value in changes.items() if name not in arguments}
    return verify_presented(presented, replace(state, **other), **(arguments | stated))  # type: ignore[arg-type]


@pytest.mark.parametrize("terms", [TERMS, FULL_TERMS], ids=["plain", "full"])
def test_terms_and_scopes_come_back(terms: ConsentTerms) -> None:
    assert parse_terms(encode_terms(terms)) == terms
    grant = granted(terms)
    assert parse_scope(grant.presented.scope).terms == terms
    assert encode_scope(parse_scope(grant.presented.scope)) == grant.presented.scope
    assert parse_presented(encode_presented(grant.presented)) == grant.presented
    assert parse_grant(encode_grant(grant)) == grant


def test_a_patients_consent_is_verified() -> None:
    assert verify(granted().presented) == VerifiedConsent(ID, TERMS, None, None)


def test_an_asserted_consent_is_verified_and_says_who_asserts_it() -> None:
    verified = verify(asserted())
    assert verified == VerifiedConsent(ID, TERMS, samples.HOSPITAL_A, samples.DOCUMENT)


@pytest.mark.parametrize(
    ("presented", "changes", "reason"),
    [
        (granted().presented, {"patient_key": samples.address(1)}, "another key granted it on chain"),
        (granted().presented, {"patient_key": None}, "another key granted it on chain"),
        (granted().presented, {"expires_at_s": TERMS.expires_at_s + 1}, "different ends"),
        (granted().presented, {"patient_signing_key": public_keys(samples.OTHER_SEED).signing}, "signature of the patient fails"),
        (granted().presented, {"patient_signing_key": b"short"}, "has not the length"),
        (asserted(), {"institution": InstitutionId("hospital-b")}, "another institution granted it"),
        (asserted(), {"institution": None}, "another institution granted it"),
        (asserted(), {"epoch_keys": {2: b"k" * 32}}, "no key of epoch 1 is on file"),
        (asserted(), {"epoch_keys": {1: b"k" * 32}}, "it is another patient's"),
        (asserted(), {"request_keys_of": lambda _: []}, "holds no valid request key"),
        (asserted(), {"request_keys_of": lambda _: [b"0" * 32]}, "fails under every request key"),
        (asserted(signature=b"s" * 64), {}, "fails under every request key"),
        (asserted(document=replace(samples.DOCUMENT, leaf_hash=b"m" * 32)), {}, "fails under every request key"),
    ],
)
def test_a_consent_on_another_word_is_refused(presented: PresentedConsent, changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ConsentAuthorityError, match=reason):
        verify(presented, **changes)


@pytest.mark.parametrize(
    "alter",
    [
        lambda shown: replace(shown, salt=b"y" * 32),
        lambda shown: replace(shown, scope=shown.scope.replace(b"hospital-b", b"hospital-c")),
        lambda shown: replace(shown, consent=ConsentId(b"j" * 32)),
    ],
    ids=["salt", "scope", "id"],
)
def test_an_altered_consent_is_not_the_one_on_chain(alter: Callable[[PresentedConsent], PresentedConsent]) -> None:
    with pytest.raises(ConsentDigestError):
        verify(alter(granted().presented))


def test_a_patients_message_of_another_key_or_contract_is_refused() -> None:
    grant = granted()
    other = revoke_as_patient(SEED, DOMAIN, ID).signature
    with pytest.raises(ConsentAuthorityError, match="another key than the scope names"):
        grant_message(replace(grant, signature=other), DOMAIN)
    with pytest.raises(ConsentAuthorityError, match="another key than the scope names"):
        grant_message(grant, replace(DOMAIN, chain_id=1))
    with pytest.raises(ConsentAuthorityError, match="is none"):
        grant_message(replace(grant, signature=replace(grant.signature, s=2**255)), DOMAIN)
    with pytest.raises(ConsentAuthorityError, match="not for a patient's key"):
        grant_message(replace(grant, presented=asserted()), DOMAIN)


def test_keys_of_two_consents_have_nothing_in_common_and_are_found_again() -> None:
    other = ConsentId(b"j" * 32)
    keys = {consent_key(SEED, ID), consent_key(SEED, other), consent_key(samples.OTHER_SEED, ID)}
    assert len(keys) == 3
    grant = grant_as_patient(SEED, TERMS, DOMAIN, other, SALT)
    signed = revoke_as_patient(SEED, DOMAIN, other)
    assert recover_signer(DOMAIN, signed.message, signed.signature) == grant_message(grant, DOMAIN)[1]
    assert address_of_key(consent_key(SEED, other)) == grant_message(grant, DOMAIN)[1]
    with pytest.raises(ValueError, match="32 bytes each"):
        consent_key(SEED, ConsentId(b"short"))


def altered(path: str, value: object) -> bytes:
    tree = msgspec.json.decode(granted(FULL_TERMS).presented.scope)
    *parents, last = path.split(".")
    place = tree
    for name in parents:
        place = place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return msgspec.json.encode(tree)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("terms.grantee", None, "missing required field `grantee`"),
        ("terms.more", 1, "unknown field `more`"),
        ("terms.purposes", [], "length >= 1"),
        ("terms.purposes", ["emergency"], "an emergency needs no consent"),
        ("terms.purposes", ["curiosity"], "Invalid enum"),
        ("terms.purposes", ["claim", "claim"], "purposes names something twice"),
        ("terms.kinds", [], "length >= 1"),
        ("terms.labels", ["HIV", "HIV"], "labels names something twice"),
        ("terms.items", [["a", "b"], ["a", "b"]], "items names something twice"),
        ("terms.period", {"from_ms": 5, "until_ms": 5}, "ends before it starts"),
        ("terms.expires_at_s", 0, "> 0|>= 1"),
        ("terms.expires_at_s", 2**62, "<="),
        ("terms.max_uses", 0, ">= 1"),
        ("authority.by", "nobody", "Invalid"),
        ("authority.signature", "00", "matching regex"),
        ("authority.address", "AB" * 20, "matching regex"),
    ],
)
def test_what_is_no_scope_is_refused_and_not_repeated(path: str, value: object, reason: str) -> None:
    with pytest.raises(MalformedConsentError, match=reason) as caught:
        parse_scope(altered(path, value))
    assert "curiosity" not in str(caught.value)


def test_only_the_one_encoding_is_read() -> None:
    scope = granted().presented.scope
    for other in (scope + b" ", scope.replace(b'":', b'": ', 1), scope.replace(b"treatment", b"tre\\u0061tment")):
        with pytest.raises(MalformedConsentError, match="not in its one encoding"):
            parse_scope(other)
    with pytest.raises(MalformedConsentError, match="twice"):
        parse_scope(scope.replace(b'{"format_version":1', b'{"format_version":1,"format_version":1', 1))
    with pytest.raises(MalformedConsentError, match="over 65536 bytes"):
        parse_scope(scope + b" " * 70_000)
    with pytest.raises(UnknownFormatError, match="scope version: 2"):
        parse_scope(scope.replace(b'"format_version":1', b'"format_version":2', 1))


def test_terms_that_are_too_many_are_not_encoded() -> None:
    many = replace(TERMS, kinds=tuple(Kind(f"{number}{'诊' * 250}") for number in range(256)))
    with pytest.raises(ValueError, match="grant several consents"):
        granted(many)


def test_a_standing_follows_from_final_and_newest_state() -> None:
    state = samples.state_of(granted())
    later = samples.NOW.replace(year=samples.NOW.year + 1)
    granted_now = samples.reading(state)
    assert granted_now.standing(samples.NOW) == "granted"
    assert granted_now.standing(later) == "expired"
    assert samples.reading(None).standing(samples.NOW) == "unknown"
    assert replace(granted_now, final=None).standing(samples.NOW) == "pending"
    assert replace(granted_now, newest=replace(state, revoked_at_s=5)).standing(samples.NOW) == "revoked"
    assert replace(granted_now, revocation_seen=True).standing(later) == "revoked"


def test_staleness_is_that_of_the_read_and_with_a_block_period_that_of_the_head() -> None:
    seen = samples.head(5, time_s=samples.NOW_S - 60)
    later = samples.NOW.replace(second=samples.NOW.second + 3)
    assert seen.staleness_s(later, 0) == 3
    assert seen.staleness_s(later, 5) == 63
