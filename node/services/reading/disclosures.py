"""Answer other members' requests to read records: decide, log, then disclose (FORMATS "Retrieval").

The decision falls in the transaction that stages the holder's receipt, so that limits count exactly and a crash leaves
either both or nothing. The receipt is durable before the first byte is sealed. A denial is logged in the same way, one
entry each, whether the record is hidden or never existed; past a limit per requester denials are neither logged nor told
apart, so that nobody fills a log with them. A retry under the same request id is decided anew and logged once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from node.domain.access import AccessContent, AccessOutcome, AccessSide, Purpose
from node.domain.entry import InstitutionId, Origin
from node.errors import AccessDeniedError, NotYetLoggedError, RecordErasedError, RequestConflictError, TooManyDenialsError
from node.policy.decision import NOT_AVAILABLE, Basis, Decision, Denial, Permit, decide
from node.policy.facts import AccessRequest, Facts, HolderRules
from node.ports.clock import Clock, unix_ms
from node.ports.keys.signing import NodeKeys
from node.ports.reading.disclosures import AnsweredRequest, DisclosureStore
from node.ports.records.transaction import Act, EntryRow, RecordsTransaction
from node.services.reading.access_facts import AccessFacts, Gathered
from node.services.records.entries import EntryComposer
from node.services.records.evidence import EvidenceService, ProvenEntry
from node.services.records.receipts import ReceiptDraft, receipt_entry
from node.wire.evidence.file import Evidence
from node.wire.members.disclosure import DisclosureBasis, DisclosureRequest

_HOUR_MS = 3_600_000
_PERSON = "emergency-clinician"


@dataclass(frozen=True, slots=True)
class DisclosureLimits:
    """What the settings allow."""

    rules: HolderRules
    """What the policy goes by."""
    denials_per_hour: int
    """Of one requester; beyond it they are not logged one by one."""


@dataclass(frozen=True, slots=True)
class DisclosureParts:
    """What the service is made of."""

    facts: AccessFacts
    """Gathers facts."""
    evidence: EvidenceService
    """Proves and opens entries."""
    store: DisclosureStore
    """Knows what was answered."""
    composer: EntryComposer
    """Stages receipts."""
    keys: NodeKeys
    """Recognises clinicians."""
    clock: Clock
    """Tells the time."""
    staged: Callable[[Origin], None]
    """Says that a log has something staged."""
    alarm: Callable[[RecordsTransaction, DisclosureRequest, InstitutionId], None]
    """Raises the alarm of an emergency, in the transaction that logs it."""
    disclosed: Callable[[RecordsTransaction, InstitutionId, EntryRow], None]
    """Is told who reads which entry, in the transaction that logs it."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request on its way through the service."""

    request: DisclosureRequest
    requester: InstitutionId
    body: bytes
    gathered: Gathered
    clinician: bytes | None

    @property
    def access(self) -> AccessRequest:
        """Return what the policy sees of it."""
        request = self.request
        return AccessRequest(self.requester, request.actor, request.purpose, request.subject)


class Disclosures:
    """The holder's side."""

    def __init__(self, parts: DisclosureParts, limits: DisclosureLimits, origins: Mapping[InstitutionId, Origin]) -> None:
        """Take what is needed.

        Args:
            parts: What the service is made of.
            limits: What the settings allow.
            origins: Logs of the hosted institutions.
        """
        self._parts = parts
        self._limits = limits
        self._origins = origins

    def answer(
        self, request: DisclosureRequest, requester: InstitutionId, body: bytes, act: Act
    ) -> tuple[DisclosureBasis, Evidence]:
        """Answer a request.

        Args:
            request: What was asked.
            requester: Who signed it.
            body: The request as it was signed.
            act: Runs the transaction that decides and logs.

        Returns:
            What it rests on, and evidence of the parts that were asked for; the receipt is durable.

        Raises:
            AccessDeniedError: Policy says no; that is logged too.
            TooManyDenialsError: This requester was denied too often of late.
            RequestConflictError: Another request has this id.
        """
        gathered = self._parts.facts.gather(request, requester)
        clinician = self._person(requester, request) if request.purpose is Purpose.EMERGENCY else None
        proven = self._prove(gathered)
        asked = _Asked(request, requester, body, gathered if proven else replace(gathered, record=None), clinician)
        decision = act(lambda transaction: self._settle(transaction, asked))
        self._parts.staged(self._origins[request.audience])
        if isinstance(decision, Denial) or proven is None:
            raise AccessDeniedError(decision.told if isinstance(decision, Denial) else NOT_AVAILABLE)
        try:
            evidence = self._parts.evidence.disclose(proven, decision, request.parts)
        except RecordErasedError as error:
            # erased in the moment between the decision and this: there is nothing to disclose any more
            raise AccessDeniedError(NOT_AVAILABLE) from error
        return DisclosureBasis(decision.consent, decision.stamp, decision.emergency_id), evidence

    def _prove(self, gathered: Gathered) -> ProvenEntry | None:
        """Prove that the record is logged; what is not yet logged cannot be found by anybody, and is not there."""
        if gathered.held is None:
            return None
        try:
            return self._parts.evidence.prove(gathered.held.entry)
        except NotYetLoggedError:
            return None

    def _settle(self, transaction: RecordsTransaction, asked: _Asked) -> Decision:
        """Decide and log, in one transaction."""
        request, requester, store = asked.request, asked.requester, self._parts.store
        digest = hashlib.sha256(asked.body).digest()
        known = store.answered(transaction, requester, request.request_id)
        if known is not None and known.digest != digest:
            raise RequestConflictError(request.request_id)
        now_ms = unix_ms(self._parts.clock)
        decision = decide(asked.access, self._facts(transaction, asked, now_ms))
        outcome = AccessOutcome.DENIED if isinstance(decision, Denial) else AccessOutcome.DISCLOSED
        if known is not None and known.outcome is outcome:
            return decision  # a retry: its receipt is there
        if outcome is AccessOutcome.DENIED:
            self._check_denials(transaction, request.audience, requester, now_ms)
        receipt = ReceiptDraft(_content(asked, decision, outcome, now_ms), asked.gathered.patient, asked.body)
        self._parts.composer.stage(transaction, request.audience, [receipt_entry(receipt)])
        used = decision.consent if isinstance(decision, Permit) else None
        store.record(
            transaction,
            AnsweredRequest(
                requester=requester,
                request_id=request.request_id,
                holder=request.audience,
                digest=digest,
                outcome=outcome,
                # what was disclosed once stays counted, whatever is decided later
                consent=used if known is None or used is not None else known.consent,
                clinician=asked.clinician,
                answered_at_ms=now_ms,
            ),
        )
        if isinstance(decision, Permit) and asked.gathered.held is not None:
            self._parts.disclosed(transaction, requester, asked.gathered.held.entry)
        if isinstance(decision, Permit) and decision.basis is Basis.EMERGENCY:
            self._parts.alarm(transaction, request, requester)
        return decision

    def _facts(self, transaction: RecordsTransaction, asked: _Asked, now_ms: int) -> Facts:
        """Complete the facts by what other requests may have changed."""
        gathered, request, store = asked.gathered, asked.request, self._parts.store
        emergency = gathered.emergency
        if emergency is not None and asked.clinician is not None:
            count = store.emergencies(transaction, asked.requester, asked.clinician, now_ms - _HOUR_MS, request.request_id)
            emergency = replace(emergency, recent=count.of_clinician, recent_of_institution=count.of_institution)
        return Facts(
            requester_is_active=gathered.requester_is_active,
            record=gathered.record,
            consents=tuple(
                replace(each, uses=store.uses(transaction, request.audience, each.consent, request.request_id))
                for each in gathered.consents
            ),
            emergency=emergency,
            rules=self._limits.rules,
            now_ms=now_ms,
        )

    def _check_denials(self, transaction: RecordsTransaction, holder: InstitutionId, requester: InstitutionId, now_ms: int) -> None:
        limit = self._limits.denials_per_hour
        if self._parts.store.denials(transaction, holder, requester, now_ms - _HOUR_MS) >= limit:
            raise TooManyDenialsError(limit)

    def _person(self, requester: InstitutionId, request: DisclosureRequest) -> bytes:
        return self._parts.keys.mac(_PERSON, requester.encode() + b"\0" + request.actor.staff_number.encode())


def _content(asked: _Asked, decision: Decision, outcome: AccessOutcome, now_ms: int) -> AccessContent:
    request, emergency = asked.request, asked.gathered.emergency
    shown = request.consents[0].consent if request.consents else None
    if isinstance(decision, Denial):
        reason, consent = decision.reason.value, shown
    else:
        reason, consent = "" if emergency is None else emergency.reason, decision.consent
    return AccessContent(
        request_id=request.request_id,
        side=AccessSide.HOLDER,
        counterpart=asked.requester,
        actor=request.actor,
        purpose=request.purpose,
        outcome=outcome,
        reason=reason,
        consent_id=consent,
        consent_block=decision.stamp,
        emergency_id=None if request.emergency is None else request.emergency.emergency_id,
        subjects=(request.subject,),
        occurred_at_ms=now_ms,
        encounter=request.encounter,
    )
