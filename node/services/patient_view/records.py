"""Let a patient read their own records at the holder: recognised by the key that the record's patient has on file, and logged.

The request names one entry by its tag and is signed by RFC 9421 (tag concord-patient/v1) with the patient's Ed25519 key, for the
address that the trust root gives the log. An unknown tag, another patient's and a key that is not on file are answered alike.
The decision is the policy's, the body comes through `disclosure`, and the receipt is durable before the first byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.hashing import hash_leaf
from node.domain.access import AccessContent, AccessOutcome, AccessSide, Actor, Purpose
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.patient import PatientKeys
from node.errors import AlteredRequestError, NotYetLoggedError, ReplayedRequestError, UnknownPatientEntryError
from node.policy.decision import Decision, Denial, permit_patient
from node.policy.facts import RecordState
from node.ports.clock import Clock, unix_ms
from node.ports.custody.withdrawals import WithdrawalStore
from node.ports.members.nonces import NonceStore, UsedNonce
from node.ports.records.held_entries import HeldEntries, HeldEntry
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.services.logs.sequencing import SequencingService
from node.services.members.signed_requests import ReceivedRequest
from node.services.patient_view.entries import PatientEntries
from node.services.patients.index import PatientIndex
from node.services.records.entries import EntryComposer
from node.services.records.evidence import EvidenceService
from node.services.records.receipts import ReceiptDraft, receipt_entry
from node.wire.evidence.file import encode_evidence
from node.wire.members.http_signature import (
    SignatureTag,
    SignatureTerms,
    SignatureWindow,
    SignedRequest,
    patient_key_id,
    target_uri,
    verify_request,
)
from node.wire.patient.entries import OwnRecordRequest

PATIENT_ROLE = "patient"
"""Role and means by which a receipt says that the patient read themselves."""
PATIENT_KEY = "patient-key"


@dataclass(frozen=True, slots=True)
class PatientRecordParts:
    """What the service stands on."""

    entries: PatientEntries
    """Entries by their tags."""
    held: HeldEntries
    """Own records and whose they are."""
    patients: PatientIndex
    """Opens patients' keys."""
    locks: WithdrawalStore
    """What is locked."""
    evidence: EvidenceService
    """Proves and opens."""
    composer: EntryComposer
    """Stages receipts."""
    nonces: NonceStore
    """Requests that came before."""
    writer: RecordsWriter
    """The one writer."""
    sequencing: SequencingService
    """Told that a log has something staged."""
    clock: Clock
    """Tells the time."""
    window: SignatureWindow
    """Which times of a signature are accepted."""


@dataclass(frozen=True, slots=True)
class _Own:
    """An entry whose patient signed the request."""

    held: HeldEntry
    keys: PatientKeys
    terms: SignatureTerms


class PatientRecords:
    """Discloses to patients what is theirs; any thread."""

    def __init__(
        self, parts: PatientRecordParts, institutions: Mapping[Origin, InstitutionId], endpoints: Mapping[Origin, str]
    ) -> None:
        """Take what is needed.

        Args:
            parts: What the service stands on.
            institutions: Logs of this node.
            endpoints: The addresses that patients sign for: those of the trust root.
        """
        self._parts = parts
        self._institutions = institutions
        self._endpoints = endpoints

    def read(self, asked: OwnRecordRequest, received: ReceivedRequest) -> bytes:
        """Return evidence of a whole record, once that is logged.

        Args:
            asked: Which entry.
            received: The request as it came.

        Raises:
            UnknownPatientEntryError: Nothing here has this tag for whoever signed; or it was erased, or is locked.
            RequestSignatureError: The signature is malformed, has expired, or was used before.
        """
        own = self._recognise(asked, received)
        institution = self._institutions[asked.origin]
        reference = LeafReference(asked.origin, own.held.entry.leaf_hash)
        decision = permit_patient(institution, reference, self._state(own.held))
        try:
            proven = self._parts.evidence.prove(own.held.entry)
        except NotYetLoggedError as error:
            raise UnknownPatientEntryError from error
        self._log(institution, asked, own, decision, received.body)
        if isinstance(decision, Denial):
            raise UnknownPatientEntryError
        return encode_evidence(self._parts.evidence.disclose(proven, decision, None))

    def _recognise(self, asked: OwnRecordRequest, received: ReceivedRequest) -> _Own:
        if asked.origin in self._institutions:
            for entry in self._parts.entries.find(asked.origin, [asked.tag]):
                reference = LeafReference(asked.origin, hash_leaf(entry.leaf))
                held = self._parts.held.find(reference, int(entry.place.index))
                if held is None or held.patient is None or held.entry.record_id is None:
                    continue
                keys = self._parts.patients.keys_of(held.patient)
                try:
                    terms = self._verify(asked.origin, received, keys.signing_public_key)
                except AlteredRequestError:
                    continue  # another patient's: answered like what is not there
                return _Own(held, keys, terms)
        raise UnknownPatientEntryError

    def _verify(self, origin: Origin, received: ReceivedRequest, public_key: bytes) -> SignatureTerms:
        uri = target_uri(self._endpoints[origin], received.path_and_query)
        request = SignedRequest(received.method, uri, received.headers, received.body)
        terms = verify_request(request, SignatureTag.PATIENT, public_key, self._parts.clock.now(), self._parts.window)
        # under the key's own id only: nonces of members are kept beside those of patients
        if terms.key_id != patient_key_id(public_key):
            raise AlteredRequestError(terms.key_id)
        return terms

    def _state(self, held: HeldEntry) -> RecordState:
        if held.is_erased or held.entry.record_id is None:
            return RecordState.ERASED
        return RecordState.LOCKED if self._parts.locks.locked([held.entry.record_id]) else RecordState.AVAILABLE

    def _log(self, institution: InstitutionId, asked: OwnRecordRequest, own: _Own, decision: Decision, body: bytes) -> None:
        """Use the nonce up and stage the receipt, in one transaction; durable on return."""
        now_ms, terms = unix_ms(self._parts.clock), own.terms
        content = AccessContent(
            request_id=asked.request_id,
            side=AccessSide.HOLDER,
            counterpart=institution,
            actor=Actor(institution, "", "", "", PATIENT_KEY, PATIENT_ROLE),
            purpose=Purpose.TREATMENT,
            outcome=AccessOutcome.DENIED if isinstance(decision, Denial) else AccessOutcome.DISCLOSED,
            reason=decision.reason.value if isinstance(decision, Denial) else "",
            consent_id=None,
            consent_block=None,
            emergency_id=None,
            subjects=(LeafReference(asked.origin, own.held.entry.leaf_hash),),
            occurred_at_ms=now_ms,
        )
        used = UsedNonce(terms.key_id, terms.nonce, terms.expires_s + self._parts.window.max_skew_s + 1)

        def work(transaction: RecordsTransaction) -> None:
            (is_new,) = self._parts.nonces.claim(transaction, [used], now_ms // 1000)
            if not is_new:
                raise ReplayedRequestError(terms.key_id)
            receipt = receipt_entry(ReceiptDraft(content, own.keys, body))
            self._parts.composer.stage(transaction, institution, [receipt])

        self._parts.writer.submit(work).result()
        self._parts.sequencing.staged(asked.origin)
