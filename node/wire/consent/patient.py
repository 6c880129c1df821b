"""What a patient's tools do with the seed: grant a consent, revoke it (docs/spec/consent.md). Pure: id and salt are given.

The seed is used and not kept. Left out: where it is kept, and how what is made here reaches a node.
"""

from __future__ import annotations

from node.domain.access import ConsentId
from node.domain.consent import ConsentSalt, ConsentScope, ConsentTerms, PatientAuthority, PatientGrant, PresentedConsent
from node.domain.consent_message import ConsentAddress, ContractDomain, Grant, Revoke, SignedMessage
from node.domain.patient import PatientSeed
from node.errors import ConsentAuthorityError
from node.identity.consent_signing import consent_key, sign_as_patient
from node.identity.typed_data import address_of_key, recover_signer, sign_message
from node.wire.consent.scopes import patient_message, scope_digest
from node.wire.consent.text import encode_scope, parse_scope


def grant_as_patient(
    seed: PatientSeed, terms: ConsentTerms, domain: ContractDomain, consent: ConsentId, salt: ConsentSalt
) -> PatientGrant:
    """Grant a consent.

    Args:
        seed: The patient's.
        terms: What is granted.
        domain: The contract that keeps it.
        consent: A fresh random id, 32 bytes.
        salt: A fresh random salt, 32 bytes.

    Raises:
        ValueError: A length differs, or the terms are too many.
    """
    key = consent_key(seed, consent)
    address = ConsentAddress(address_of_key(key))
    authority = PatientAuthority(address, sign_as_patient(seed, patient_message(consent, address, terms)))
    scope = encode_scope(ConsentScope(terms, authority))
    message = Grant(consent, scope_digest(salt, scope), terms.expires_at_s)
    return PatientGrant(PresentedConsent(consent, salt, scope), sign_message(key, domain, message))


def revoke_as_patient(seed: PatientSeed, domain: ContractDomain, consent: ConsentId) -> SignedMessage:
    """Revoke a consent that the same seed granted; nothing but its id is needed."""
    message = Revoke(consent)
    return SignedMessage(message, sign_message(consent_key(seed, consent), domain, message))


def grant_message(grant: PatientGrant, domain: ContractDomain) -> tuple[Grant, ConsentAddress]:
    """Return the message of a patient's grant, and the key that signed it as the scope names it.

    Raises:
        MalformedConsentError, UnknownFormatError: The scope is none.
        ConsentAuthorityError: It is not granted by a patient, or another key signed the message.
    """
    presented = grant.presented
    scope = parse_scope(presented.scope)
    if not isinstance(scope.authority, PatientAuthority):
        raise ConsentAuthorityError("an institution's scope is not for a patient's key to grant")
    digest = scope_digest(presented.salt, presented.scope)
    message = Grant(presented.consent, digest, scope.terms.expires_at_s)
    try:
        signer = recover_signer(domain, message, grant.signature)
    except ValueError as error:
        raise ConsentAuthorityError("the signature of the grant is none") from error
    if signer != scope.authority.address:
        raise ConsentAuthorityError("another key than the scope names signed the grant, or for another contract")
    return message, scope.authority.address
