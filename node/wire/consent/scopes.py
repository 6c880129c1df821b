"""Scopes of consents: their one encoding, their digest, on whose word they stand (FORMATS "Consent", docs/spec/consent.md).

A scope has exactly one encoding, which is signed and digested; anything else is refused. Everything that a holder has to
check is in what the grantee presents and in the chain's state. Left out: what is covered (`node.policy`), and whether the
consent is in force (`node.domain.consent_state`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from node.domain.access import ConsentId
from node.domain.consent import (
    AssertedAuthority,
    ConsentSalt,
    ConsentTerms,
    PatientAuthority,
    PresentedConsent,
    VerifiedConsent,
)
from node.domain.consent_message import ConsentAddress, ScopeDigest
from node.domain.consent_state import ConsentState
from node.domain.entry import InstitutionId, LeafReference
from node.errors import ConsentAuthorityError, ConsentDigestError
from node.identity.consent_signing import verify_signature
from node.identity.hkdf import hmac_sha256
from node.wire.consent.text import encode_terms, parse_scope

_DIGEST_LABEL: Final = b"concord/consent/v1"
_PATIENT_LABEL: Final = b"concord/consent-signature/v1"
_ASSERTED_LABEL: Final = b"concord/asserted-consent/v1"
_SALT_BYTES: Final = 32

RequestKeysOf = Callable[[InstitutionId], Sequence[bytes]]
"""Returns the request keys, Ed25519, that the registry holds of an institution."""


def scope_digest(salt: ConsentSalt, scope: bytes) -> ScopeDigest:
    """Compute what the chain holds of a scope, 32 bytes.

    Raises:
        ValueError: The salt has not 32 bytes.
    """
    if len(salt) != _SALT_BYTES:
        raise ValueError(f"a salt has {_SALT_BYTES} bytes, not {len(salt)}")
    return ScopeDigest(sha256(_DIGEST_LABEL + salt + scope).digest())


def patient_tag(epoch_key: bytes, consent: ConsentId) -> bytes:
    """Compute what says to who has K_e whose consent it is, 32 bytes."""
    return hmac_sha256(epoch_key, consent)


def patient_message(consent: ConsentId, address: ConsentAddress, terms: ConsentTerms) -> bytes:
    """Return what the patient's Ed25519 key signs."""
    return _PATIENT_LABEL + consent + address + encode_terms(terms)


def asserted_message(
    consent: ConsentId, institution: InstitutionId, epoch: int, tag: bytes, document: LeafReference, terms: ConsentTerms
) -> bytes:
    """Return what the asserting institution's request key signs."""
    return b"".join(
        (
            _ASSERTED_LABEL,
            consent,
            _text(institution),
            epoch.to_bytes(4, "big"),
            tag,
            _text(document.origin),
            document.leaf_hash,
            encode_terms(terms),
        )
    )


def verify_presented(
    presented: PresentedConsent,
    state: ConsentState,
    *,
    patient_signing_key: bytes,
    epoch_keys: Mapping[int, bytes],
    request_keys_of: RequestKeysOf,
) -> VerifiedConsent:
    """Verify that a presented consent is the one on chain, and that it stands on the word that it names.

    Args:
        presented: What the grantee shows.
        state: What the chain says of its id.
        patient_signing_key: The patient's Ed25519 public key on file, 32 bytes.
        epoch_keys: The patient's epoch keys on file.
        request_keys_of: The registry's keys.

    Raises:
        MalformedConsentError, UnknownFormatError: The scope is none.
        ConsentDigestError: It is not the scope whose digest the chain holds.
        ConsentAuthorityError: It is another patient's, or not granted by whom it names.
    """
    if presented.consent != state.consent or not compare_digest(scope_digest(presented.salt, presented.scope), state.scope):
        raise ConsentDigestError
    scope = parse_scope(presented.scope)
    if scope.terms.expires_at_s != state.expires_at_s:
        raise ConsentAuthorityError("scope and chain name different ends")
    if isinstance(scope.authority, PatientAuthority):
        _verify_patient(presented.consent, scope.terms, scope.authority, state, patient_signing_key)
        return VerifiedConsent(presented.consent, scope.terms, None, None)
    _verify_asserted(presented.consent, scope.terms, scope.authority, state, epoch_keys, request_keys_of)
    return VerifiedConsent(presented.consent, scope.terms, scope.authority.institution, scope.authority.document)


def verify_patient(presented: PresentedConsent, *, patient_signing_key: bytes, epoch_keys: Mapping[int, bytes]) -> ConsentTerms:
    """Verify that a consent is of the patient with these keys; whether it is on chain, and on whose word, is left out.

    Raises:
        MalformedConsentError, UnknownFormatError: The scope is none.
        ConsentAuthorityError: It is another patient's.
    """
    scope = parse_scope(presented.scope)
    authority = scope.authority
    if isinstance(authority, PatientAuthority):
        message = patient_message(presented.consent, authority.address, scope.terms)
        verify_signature(patient_signing_key, message, authority.signature, "the patient")
    else:
        _verify_tag(presented.consent, authority, epoch_keys)
    return scope.terms


def _verify_patient(
    consent: ConsentId, terms: ConsentTerms, authority: PatientAuthority, state: ConsentState, signing_key: bytes
) -> None:
    if state.patient_key != authority.address:
        raise ConsentAuthorityError("another key granted it on chain than the one that the patient signed for")
    verify_signature(signing_key, patient_message(consent, authority.address, terms), authority.signature, "the patient")


def _verify_asserted(
    consent: ConsentId,
    terms: ConsentTerms,
    authority: AssertedAuthority,
    state: ConsentState,
    epoch_keys: Mapping[int, bytes],
    request_keys_of: RequestKeysOf,
) -> None:
    if state.institution != authority.institution:
        raise ConsentAuthorityError("another institution granted it on chain than the one that asserts it")
    _verify_tag(consent, authority, epoch_keys)
    message = asserted_message(consent, authority.institution, authority.epoch, authority.patient_tag, authority.document, terms)
    keys = request_keys_of(authority.institution)
    for key in keys:
        try:
            verify_signature(key, message, authority.signature, authority.institution)
        except ConsentAuthorityError:
            continue
        return
    reason = "the signature fails under every request key of" if keys else "the registry holds no valid request key of"
    raise ConsentAuthorityError(f"{reason} {authority.institution}")


def _verify_tag(consent: ConsentId, authority: AssertedAuthority, epoch_keys: Mapping[int, bytes]) -> None:
    epoch_key = epoch_keys.get(authority.epoch)
    if epoch_key is None:
        raise ConsentAuthorityError(f"no key of epoch {authority.epoch} is on file: whose consent it is cannot be told")
    if not compare_digest(patient_tag(epoch_key, consent), authority.patient_tag):
        raise ConsentAuthorityError("it is another patient's")


def _text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(2, "big") + encoded
