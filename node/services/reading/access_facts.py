"""Gather what the policy decides by, at the holder: the record, the consents that were shown, the emergency that was cited.

Everything that takes time is done here, before the transaction in which the decision falls: the chain's state, signatures,
headers. What other requests may change meanwhile (uses, limits) is counted in that transaction (`disclosures`). Whatever
cannot be learned counts against the requester.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from node.domain.access import Actor, ConsentId
from node.domain.consent import AssertedAuthority, ConsentTerms, PresentedConsent
from node.domain.consent_state import ConsentReading, ConsentState
from node.domain.entry import InstitutionId
from node.domain.header import HeaderContent
from node.domain.patient import PatientKeys
from node.domain.record import Item
from node.errors import (
    ConsentRefutedError,
    ConsentStateUnknownError,
    HeaderVerificationError,
    InputError,
)
from node.policy.facts import ConsentFacts, EmergencyFacts, RecordFacts, RecordState
from node.ports.clock import Clock
from node.ports.consents.states import ConsentStates
from node.ports.custody.withdrawals import WithdrawalStore
from node.ports.keys.identities import InstitutionIdentity
from node.ports.members.membership import KeyDirectory
from node.ports.records.held_entries import HeldEntries, HeldEntry
from node.services.patients.index import PatientIndex
from node.wire.consent.scopes import scope_digest, verify_presented
from node.wire.consent.text import parse_scope
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import parse_leaf
from node.wire.members.disclosure import CitedEmergency, DisclosureRequest

_REQUEST_KEY = "request"

CheckEmergency = Callable[[CitedEmergency, Actor, PatientKeys | None], EmergencyFacts]
"""Says what is known of an emergency that somebody cites for a patient; its like not counted yet."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of a request before its transaction."""

    held: HeldEntry | None
    """The record, if it is here and the audience's."""
    patient: PatientKeys | None
    """Whose it is."""
    requester_is_active: bool
    """Whether the registry has the requester as an active member."""
    record: RecordFacts | None
    """What the policy sees of the record."""
    consents: tuple[ConsentFacts, ...]
    """The consents, their uses not counted yet."""
    emergency: EmergencyFacts | None
    """The emergency, its like not counted yet."""


@dataclass(frozen=True, slots=True)
class FactSources:
    """Whence the facts come."""

    directory: KeyDirectory
    """The registry."""
    held: HeldEntries
    """Own records."""
    patients: PatientIndex
    """Their patients' keys."""
    identities: Mapping[InstitutionId, InstitutionIdentity]
    """Agree on pairwise keys."""
    states: ConsentStates | None
    """The chain's word on consents; None where the consortium has no contract for them."""
    locks: WithdrawalStore
    """What is locked."""
    check_emergency: CheckEmergency
    """Checks an emergency that somebody cites."""
    clock: Clock
    """Tells the time."""


class AccessFacts:
    """Gathers; any thread."""

    def __init__(self, sources: FactSources) -> None:
        self._sources = sources
        self._directory = sources.directory
        self._patients = sources.patients
        self._clock = sources.clock

    def gather(self, request: DisclosureRequest, requester: InstitutionId) -> Gathered:
        """Gather the facts of a request.

        Args:
            request: What was asked.
            requester: Who signed it.
        """
        held = self._sources.held.find(request.subject, request.leaf_index)
        if held is not None and held.entry.institution != request.audience:
            held = None
        patient = None if held is None or held.patient is None else self._patients.keys_of(held.patient)
        member = self._directory.member(requester)
        emergency = request.emergency
        return Gathered(
            held=held,
            patient=patient,
            requester_is_active=member is not None and member.is_active,
            record=None if held is None else self._record(held, patient),
            consents=tuple(self._consent(each, patient) for each in request.consents),
            emergency=None if emergency is None else self._sources.check_emergency(emergency, request.actor, patient),
        )

    def _record(self, held: HeldEntry, patient: PatientKeys | None) -> RecordFacts:
        content = None if patient is None else self._header(held, patient)
        return RecordFacts(
            kind=held.kind,
            items=() if content is None else _items(content),
            labels=held.labels,
            performed_at_ms=held.entry.staged_at_ms if content is None else content.performed_at_ms,
            state=self._state(held),
        )

    def _state(self, held: HeldEntry) -> RecordState:
        if held.is_erased or held.entry.record_id is None:
            return RecordState.ERASED
        return RecordState.LOCKED if self._sources.locks.locked([held.entry.record_id]) else RecordState.AVAILABLE

    def _header(self, held: HeldEntry, patient: PatientKeys) -> HeaderContent | None:
        """Open a record's own header under whichever of the patient's keys it was sealed with."""
        if held.header is None:
            return None
        leaf = parse_leaf(held.entry.leaf)
        place = HeaderPlace(held.entry.origin, leaf.entry_type, leaf.tag)
        for key in (
            *patient.epoch_keys.values(),
            *self._sources.identities[held.entry.institution].pairwise_keys(patient.exchange_public_key),
        ):
            try:
                content = open_header_reader(held.header, place, key).content
            except (HeaderVerificationError, InputError):
                continue
            return content if isinstance(content, HeaderContent) else None
        return None

    def _consent(self, presented: PresentedConsent, patient: PatientKeys | None) -> ConsentFacts:
        reading = self._read(presented.consent)
        if reading is None:
            return _unknown(presented.consent)
        now = self._clock.now()
        state = reading.newest or reading.final
        terms, asserted_by = (None, None) if state is None else _terms(presented, state)
        return ConsentFacts(
            consent=presented.consent,
            standing=reading.standing(now),
            staleness_s=(now - reading.head.read_at).total_seconds(),
            revocation_known=reading.revocation_seen,
            stamp=reading.head.newest.stamp,
            terms=terms,
            asserted_by=asserted_by,
            is_of_patient=state is not None and patient is not None and self._is_of(presented, state, patient, now),
            uses=0,
        )

    def _read(self, consent: ConsentId) -> ConsentReading | None:
        try:
            return None if self._sources.states is None else self._sources.states.read(consent)
        except ConsentStateUnknownError:
            return None

    def _is_of(self, presented: PresentedConsent, state: ConsentState, patient: PatientKeys, now: datetime) -> bool:
        """Tell whether a consent stands on the word of a record's patient."""
        try:
            verify_presented(
                presented,
                state,
                patient_signing_key=patient.signing_public_key,
                epoch_keys=patient.epoch_keys,
                request_keys_of=lambda institution: self._request_keys(institution, now),
            )
        except (ConsentRefutedError, InputError):
            return False
        return True

    def _request_keys(self, institution: InstitutionId, now: datetime) -> Sequence[bytes]:
        """Return the keys under which an assertion counts: all that an active institution ever had."""
        if not self._directory.keys(institution, _REQUEST_KEY, now):
            return ()
        return [key.value for key in self._directory.former_keys(institution, _REQUEST_KEY)]


def _terms(presented: PresentedConsent, state: ConsentState) -> tuple[ConsentTerms | None, InstitutionId | None]:
    """Return what was shown grants, and who asserts it; nothing where it is not what the chain has a digest of."""
    if scope_digest(presented.salt, presented.scope) != state.scope:
        return None, None
    try:
        scope = parse_scope(presented.scope)
    except InputError:
        return None, None
    authority = scope.authority
    return scope.terms, authority.institution if isinstance(authority, AssertedAuthority) else None


def _unknown(consent: ConsentId) -> ConsentFacts:
    return ConsentFacts(
        consent=consent,
        standing=None,
        staleness_s=math.inf,
        revocation_known=False,
        stamp=None,
        terms=None,
        asserted_by=None,
        is_of_patient=False,
        uses=0,
    )


def _items(content: HeaderContent) -> tuple[Item, ...]:
    return content.items
