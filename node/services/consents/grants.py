"""Grant, revoke and show consents, as an institution does for its patients (FORMATS "Consent").

A patient's grant is checked against the patient's keys on file and sent on. A grant that the institution asserts needs the
consent document first: its leaf is staged in the same transaction, before the scope that names it, and tells the patient.
Everything that must happen together is one transaction; the message to the chain is queued in it. Left out: sending it
(`relay`), what the chain says (`watch`), what is covered (`node.policy`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from node.domain.access import Actor, ConsentContent, ConsentId
from node.domain.consent import AssertedAuthority, ConsentSalt, ConsentScope, ConsentTerms, PatientGrant, PresentedConsent
from node.domain.consent_message import InstitutionGrant, InstitutionRevoke, MessageSignature, Revoke, SignedMessage
from node.domain.consent_state import ConsentReading
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.patient import PatientKeys
from node.domain.record import Kind, Part, PatientNumber
from node.errors import ConsentAuthorityError, ConsentInputError, SelfAssertedError, UnknownConsentError, UnknownPatientError
from node.identity.consent_signing import verify_signature
from node.identity.typed_data import recover_signer
from node.ports.clock import Clock, unix_ms
from node.ports.consents.store import ConsentChain, ConsentRole, ConsentSigner, ConsentStore, KeptConsent
from node.ports.keys.identities import InstitutionIdentity
from node.ports.records.transaction import PatientRow, RecordsTransaction, RecordsWriter
from node.services.consents.delivery import ConsentDelivery, Tell
from node.services.consents.watch import ConsentWatch
from node.services.patients.index import PatientIndex
from node.services.records.entries import ActEntry, EntryComposer
from node.wire.consent.document import (
    DOCUMENT_MEDIA_TYPE,
    ConsentAct,
    ConsentDocument,
    EvidenceMethod,
    encode_consent_document,
)
from node.wire.consent.notice import encode_revocation
from node.wire.consent.patient import grant_message
from node.wire.consent.scopes import asserted_message, patient_message, patient_tag, scope_digest, verify_patient
from node.wire.consent.text import encode_scope, parse_scope

CONSENT_DOCUMENT = Kind("consent-document")
"""Kind of an entry of type 7."""
REVOCATION = "consent-revoked"
"""Kind of the message that tells a grantee of a revocation."""

_ID_BYTES = 32
_CLASS = 1


@dataclass(frozen=True, slots=True)
class ConsentEvidence:
    """How an institution knows the patient's will."""

    method: EvidenceMethod
    """How it was established."""
    digest: bytes
    """SHA-256 of the evidence, which the institution keeps, 32 bytes."""
    actor: Actor
    """Who recorded it."""


@dataclass(frozen=True, slots=True)
class ConsentPolicy:
    """What the settings refuse."""

    refuse_self_asserted: bool
    """Whether an institution may not assert a consent to itself."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A consent, and the number of the message that takes it to the chain."""

    kept: KeptConsent
    """The consent."""
    message: int
    """Number of the message."""


@dataclass(frozen=True, slots=True)
class ConsentParts:
    """What the service is made of."""

    chain: ConsentChain
    """The contract."""
    store: ConsentStore
    """Keeps consents."""
    watch: ConsentWatch
    """Knows their state."""
    signer: ConsentSigner
    """Signs for institutions on chain."""
    identities: Mapping[InstitutionId, InstitutionIdentity]
    """Signs scopes."""
    origins: Mapping[InstitutionId, Origin]
    """Logs of the hosted institutions."""
    composer: EntryComposer
    """Stages consent documents."""
    patients: PatientIndex
    """Patients by number."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    tell: Tell
    """Tells other members."""
    delivery: ConsentDelivery
    """Brings consents to their grantees."""
    opened: Callable[[RecordsTransaction, KeptConsent, ConsentTerms], None]
    """Makes records with the labels that a consent names findable."""
    staged: Callable[[Origin], None]
    """Says that a log has something staged."""
    queued: Callable[[], None]
    """Wakes whatever sends messages to the chain."""


class ConsentService:
    """Consents of the hosted institutions."""

    def __init__(self, parts: ConsentParts, policy: ConsentPolicy) -> None:
        self._parts = parts
        self._policy = policy

    def hand_in(self, institution: InstitutionId, number: PatientNumber, grant: PatientGrant) -> Queued:
        """Take a patient's grant to the chain, after checking all that can be checked before.

        Raises:
            MalformedConsentError, UnknownFormatError: The scope is none.
            UnknownPatientError: The institution has no keys of this patient.
            ConsentAuthorityError: Another patient granted it, or the message does not fit the scope.
        """
        parts, presented = self._parts, grant.presented
        message, address = grant_message(grant, parts.chain.domain)
        scope = parse_scope(presented.scope)
        self._check_lifetime(scope.terms)
        signature = scope.authority.signature

        def work(transaction: RecordsTransaction) -> Queued:
            row, keys = self._patient(transaction, institution, number)
            signed = patient_message(presented.consent, address, scope.terms)
            verify_signature(keys.signing_public_key, signed, signature, "the patient")
            document = ConsentDocument(
                ConsentAct.GRANTED, presented.consent, scope.terms, EvidenceMethod.PATIENT_KEY, message.scope, None
            )
            reference = self._log(transaction, institution, keys, document, asserted=False)
            kept = self._kept(institution, presented, ConsentRole.RELAYED, row, reference)
            self._keep(transaction, kept)
            parts.opened(transaction, kept, scope.terms)
            return Queued(kept, parts.store.queue(transaction, SignedMessage(message, grant.signature), address))

        known = parts.store.consent(institution, presented.consent)
        if known is not None and known.presented == presented:
            # handed in again after a lost answer: the same message keeps its number
            again = parts.writer.submit(
                lambda transaction: parts.store.queue(transaction, SignedMessage(message, grant.signature), address)
            )
            return Queued(known, again.result())
        return self._submit(institution, work)

    def assert_grant(
        self, institution: InstitutionId, number: PatientNumber, terms: ConsentTerms, evidence: ConsentEvidence
    ) -> Queued:
        """Grant a consent on the institution's word: log its document, then queue the grant, in one transaction.

        Raises:
            SelfAssertedError: It is to the institution itself, and the settings refuse that.
            UnknownPatientError: The institution has no keys of this patient.
        """
        if self._policy.refuse_self_asserted and terms.grantee.institution == institution:
            raise SelfAssertedError(institution)
        self._check_lifetime(terms)
        parts, origin = self._parts, self._parts.origins[institution]
        consent, salt = ConsentId(secrets.token_bytes(_ID_BYTES)), ConsentSalt(secrets.token_bytes(_ID_BYTES))

        def work(transaction: RecordsTransaction) -> Queued:
            row, keys = self._patient(transaction, institution, number)
            document = ConsentDocument(ConsentAct.GRANTED, consent, terms, evidence.method, evidence.digest, evidence.actor)
            # first: the scope names the leaf, so that no grant is without it
            reference = self._log(transaction, institution, keys, document, asserted=True)
            scope = encode_scope(ConsentScope(terms, self._authority(institution, consent, keys, reference, terms)))
            kept = self._kept(institution, PresentedConsent(consent, salt, scope), ConsentRole.ASSERTED, row, reference)
            self._keep(transaction, kept)
            parts.opened(transaction, kept, terms)
            granted = InstitutionGrant(origin, consent, scope_digest(salt, scope), terms.expires_at_s)
            return Queued(kept, parts.store.queue(transaction, parts.signer.sign(institution, granted), None))

        return self._submit(institution, work)

    def revoke(self, institution: InstitutionId, consent: ConsentId, evidence: ConsentEvidence) -> Queued:
        """Revoke what the institution asserted; it counts here at once, elsewhere as soon as it is seen.

        Raises:
            UnknownConsentError: The institution keeps no such consent.
            ConsentInputError: The patient granted it: only the patient's key revokes it.
        """
        parts = self._parts
        kept = self.show(institution, consent)
        if kept.role is not ConsentRole.ASSERTED:
            raise ConsentInputError("the patient's own key granted this consent, and it alone revokes it")
        signed = parts.signer.sign(institution, InstitutionRevoke(parts.origins[institution], consent))
        return self._revoke(kept, signed, evidence)

    def hand_in_revocation(self, institution: InstitutionId, consent: ConsentId, signature: MessageSignature) -> Queued:
        """Take a patient's revocation to the chain; it counts here at once.

        Raises:
            UnknownConsentError: The institution keeps no such consent.
            ConsentAuthorityError: Another key signed it than the one that granted it.
        """
        kept = self.show(institution, consent)
        authority = parse_scope(kept.presented.scope).authority
        message = Revoke(consent)
        try:
            signer = recover_signer(self._parts.chain.domain, message, signature)
        except ValueError as error:
            raise ConsentAuthorityError("the signature of the revocation is none") from error
        if isinstance(authority, AssertedAuthority) or signer != authority.address:
            raise ConsentAuthorityError("another key signed the revocation than the one that granted the consent")
        return self._revoke(kept, SignedMessage(message, signature), None)

    def show(self, institution: InstitutionId, consent: ConsentId) -> KeptConsent:
        """Return a consent that the institution keeps.

        Raises:
            UnknownConsentError: It keeps none of this id.
        """
        found = self._parts.store.consent(institution, consent)
        if found is None:
            raise UnknownConsentError(consent.hex())
        return found

    def list(self, institution: InstitutionId, number: PatientNumber | None) -> Sequence[KeptConsent]:
        """Return the institution's consents, newest first; of one patient, or of all.

        Raises:
            UnknownPatientError: The institution has no keys of this patient.
        """
        store = self._parts.store
        if number is None:
            return store.consents(institution, None)
        lookup = self._parts.writer.submit(lambda transaction: self._patient(transaction, institution, number))
        row, keys = lookup.result()
        # what was received names nobody: the patient's keys tell whose it is
        received = (kept for kept in store.consents(institution, None) if kept.role is ConsentRole.RECEIVED)
        return [*store.consents(institution, row.patient_id), *(kept for kept in received if _is_of(kept, keys))]

    def reading(self, consent: ConsentId) -> ConsentReading:
        """Return what the chain says of a consent.

        Raises:
            ConsentStateUnknownError: It cannot be known now.
        """
        return self._parts.watch.read(consent)

    def _revoke(self, kept: KeptConsent, signed: SignedMessage, evidence: ConsentEvidence | None) -> Queued:
        parts, consent = self._parts, kept.presented.consent
        terms = parse_scope(kept.presented.scope).terms
        # before anything can fail: a revocation is effective when it is first seen, and it is seen now
        parts.watch.revoked_here(consent)

        def work(transaction: RecordsTransaction) -> Queued:
            keys = self._keys_of(transaction, kept)
            if keys is not None:
                method = EvidenceMethod.PATIENT_KEY if evidence is None else evidence.method
                digest = scope_digest(kept.presented.salt, kept.presented.scope) if evidence is None else evidence.digest
                actor = None if evidence is None else evidence.actor
                document = ConsentDocument(ConsentAct.REVOKED, consent, terms, method, digest, actor)
                asserted = kept.role is ConsentRole.ASSERTED
                self._log(transaction, kept.institution, keys, document, asserted=asserted)
            parts.store.mark_revoked(transaction, [consent], unix_ms(parts.clock))
            grantee = terms.grantee.institution
            if grantee != kept.institution:
                told = encode_revocation(consent)
                parts.tell(transaction, kept.institution, [grantee], REVOCATION, consent.hex(), told)
            return Queued(kept, parts.store.queue(transaction, signed, None))

        return self._submit(kept.institution, work)

    def _submit(self, institution: InstitutionId, work: Callable[[RecordsTransaction], Queued]) -> Queued:
        queued = self._parts.writer.submit(work).result()
        self._parts.staged(self._parts.origins[institution])
        self._parts.queued()
        return queued

    def _check_lifetime(self, terms: ConsentTerms) -> None:
        if terms.expires_at_s <= self._parts.clock.now().timestamp():
            raise ConsentInputError("the consent is over already: expires_at_s lies in the past")

    def _authority(
        self, institution: InstitutionId, consent: ConsentId, keys: PatientKeys, document: LeafReference, terms: ConsentTerms
    ) -> AssertedAuthority:
        epoch = max(keys.epoch_keys)
        tag = patient_tag(keys.epoch_keys[epoch], consent)
        message = asserted_message(consent, institution, epoch, tag, document, terms)
        return AssertedAuthority(institution, epoch, tag, document, self._parts.identities[institution].sign(message))

    def _log(
        self,
        transaction: RecordsTransaction,
        institution: InstitutionId,
        keys: PatientKeys,
        document: ConsentDocument,
        *,
        asserted: bool,
    ) -> LeafReference:
        now_ms, terms = unix_ms(self._parts.clock), document.terms
        content = ConsentContent(
            consent_id=document.consent,
            asserted=asserted,
            granter=institution,
            grantee=terms.grantee.institution,
            purposes=terms.purposes,
            expires_at_ms=terms.expires_at_s * 1000,
            revoked=document.act is ConsentAct.REVOKED,
            occurred_at_ms=now_ms,
        )
        part = Part(DOCUMENT_MEDIA_TYPE, "consent-document", "", encode_consent_document(document), "")
        entry = ActEntry(EntryType.CONSENT_DOCUMENT, CONSENT_DOCUMENT, content, (part,), now_ms, keys, _CLASS)
        return self._parts.composer.stage(transaction, institution, [entry])[0].reference

    def _kept(
        self,
        institution: InstitutionId,
        presented: PresentedConsent,
        role: ConsentRole,
        row: PatientRow,
        document: LeafReference,
    ) -> KeptConsent:
        return KeptConsent(institution, presented, role, row.patient_id, document, unix_ms(self._parts.clock), None)

    def _keep(self, transaction: RecordsTransaction, kept: KeptConsent) -> None:
        self._parts.store.keep(transaction, kept)
        self._parts.delivery.send(transaction, kept)

    def _patient(
        self, transaction: RecordsTransaction, institution: InstitutionId, number: PatientNumber
    ) -> tuple[PatientRow, PatientKeys]:
        patients = self._parts.patients
        mac = patients.number_mac(number)
        row = transaction.patients_by_number(institution, [mac]).get(mac)
        if row is None:
            raise UnknownPatientError
        return row, patients.keys_of(row)

    def _keys_of(self, transaction: RecordsTransaction, kept: KeptConsent) -> PatientKeys | None:
        row = None if kept.patient is None else self._parts.store.patient(transaction, kept.patient)
        return None if row is None else self._parts.patients.keys_of(row)


def _is_of(kept: KeptConsent, keys: PatientKeys) -> bool:
    try:
        verify_patient(kept.presented, patient_signing_key=keys.signing_public_key, epoch_keys=keys.epoch_keys)
    except ConsentAuthorityError:
        return False
    return True
