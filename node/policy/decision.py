"""Decide: a permit for one entry, one requester and one purpose, or a denial with its reason (docs/spec/retrieval.md "Policy").

A denial's reason is for the holder's own receipt. What the requester is told (`Denial.told`) depends on nothing but what it
sent and what anybody reads on chain: a record that is hidden, locked or erased is answered like one that never existed.
Nothing but this module makes a `Permit`, and no body is opened without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final

from node.domain.access import Actor, BlockStamp, ConsentId, Purpose
from node.domain.consent import ConsentTerms
from node.domain.consent_state import ConsentStanding
from node.domain.entry import InstitutionId, LeafReference
from node.policy.facts import AccessRequest, ConsentFacts, EmergencyFacts, Facts, HolderRules, RecordFacts, RecordState


class DenialReason(StrEnum):
    """Why not; the order is that in which reasons are looked for."""

    REQUESTER_NOT_ACTIVE = "requester-not-active"
    """The registry does not have the requester as an active member."""
    ACTOR_FOREIGN = "actor-foreign"
    """The actor is another institution's."""
    PURPOSE_REFUSED = "purpose-refused"
    """The holder lets nothing leave for this purpose."""
    EMERGENCY_INCOMPLETE = "emergency-incomplete"
    """No emergency is cited, or without a reason, or without a named clinician, or not stated for this request."""
    EMERGENCY_NOT_OPENED = "emergency-not-opened"
    """The chain does not have the emergency as the requester's."""
    EMERGENCY_LIMIT = "emergency-limit"
    """The clinician or the institution has cited too many emergencies of late."""
    NO_CONSENT = "no-consent"
    """None was shown."""
    CONSENT_REVOKED = "consent-revoked"
    """It was revoked."""
    CONSENT_UNKNOWN = "consent-unknown"
    """Its state could not be read, or not recently enough."""
    CONSENT_NOT_FOUND = "consent-not-found"
    """The chain has none of this id."""
    CONSENT_PENDING = "consent-pending"
    """It is granted, and not final yet."""
    CONSENT_EXPIRED = "consent-expired"
    """Its time is over."""
    CONSENT_MISMATCH = "consent-mismatch"
    """What was shown is not what the chain has."""
    GRANTEE_DIFFERS = "grantee-differs"
    """It is granted to another institution, department or role."""
    PURPOSE_NOT_GRANTED = "purpose-not-granted"
    """It does not name the purpose."""
    SELF_ASSERTED = "self-asserted"
    """The grantee asserts it itself, which this holder does not accept."""
    USES_EXHAUSTED = "uses-exhausted"
    """It was used as often as it allows."""
    RECORD_UNKNOWN = "record-unknown"
    """Nothing of this reference is here."""
    RECORD_ERASED = "record-erased"
    """It was erased."""
    RECORD_LOCKED = "record-locked"
    """The patient withdrew: nothing is done with it but keeping it."""
    EMERGENCY_FOREIGN = "emergency-foreign"
    """It is another patient's."""
    CONSENT_FOREIGN = "consent-foreign"
    """It is not this patient's."""
    LABEL_NOT_GRANTED = "label-not-granted"
    """It does not name a label of the record."""
    KIND_NOT_GRANTED = "kind-not-granted"
    """It does not name the kind."""
    ITEM_NOT_GRANTED = "item-not-granted"
    """It does not name what was examined."""
    PERIOD_NOT_GRANTED = "period-not-granted"
    """The record is of another period of care."""


NOT_AVAILABLE: Final = "not-available"
"""What a requester is told whenever the record has a part in the reason."""

_OF_THE_RECORD: Final = frozenset(list(DenialReason)[list(DenialReason).index(DenialReason.RECORD_UNKNOWN) :])
_STANDINGS: Final = {
    ConsentStanding.REVOKED: DenialReason.CONSENT_REVOKED,
    ConsentStanding.UNKNOWN: DenialReason.CONSENT_NOT_FOUND,
    ConsentStanding.PENDING: DenialReason.CONSENT_PENDING,
    ConsentStanding.EXPIRED: DenialReason.CONSENT_EXPIRED,
}
_MS: Final = 1_000


class Basis(StrEnum):
    """What a permit rests on."""

    CONSENT = "consent"
    """A consent in force."""
    EMERGENCY = "emergency"
    """Break-glass."""
    OWN = "own"
    """The institution reads what it holds itself."""
    PATIENT = "patient"
    """The patient reads what is theirs."""


class Permit:
    """Leave to open one entry for one institution; made by this module alone."""

    __slots__ = ("basis", "consent", "emergency_id", "purpose", "reference", "requester", "stamp")

    basis: Basis
    """What it rests on."""
    reference: LeafReference
    """The entry."""
    requester: InstitutionId
    """For whom."""
    purpose: Purpose | None
    """Why; None for the holder's own access."""
    consent: ConsentId | None
    """The consent."""
    stamp: BlockStamp | None
    """The block in whose state the consent was read."""
    emergency_id: bytes | None
    """The emergency."""

    def __init__(self) -> None:
        raise TypeError("permits are made by node.policy.decision alone")


@dataclass(frozen=True, slots=True)
class Denial:
    """No."""

    reason: DenialReason
    """Why; for the holder's receipt, and for whoever may see that."""
    stamp: BlockStamp | None
    """The block in whose state the consent was read, where one was."""

    @property
    def told(self) -> str:
        """Return what the requester is told."""
        return NOT_AVAILABLE if self.reason in _OF_THE_RECORD else self.reason.value


Decision = Permit | Denial


def decide(request: AccessRequest, facts: Facts) -> Decision:
    """Decide whether another institution may read an entry now."""
    for reason in _about_the_requester(request, facts):
        return Denial(reason, None)
    if request.purpose is Purpose.EMERGENCY:
        return _decide_emergency(request, facts)
    denials = []
    for consent in facts.consents:
        reasons = chain(
            _about_the_consent(request, consent, facts.rules), _about_the_record(facts.record), _about_cover(consent, facts.record)
        )
        first = next(reasons, None)
        if first is None:
            return _permit(request, Basis.CONSENT, consent=consent)
        denials.append(Denial(first, consent.stamp))
    return denials[0] if denials else Denial(DenialReason.NO_CONSENT, None)


def permit_own(institution: InstitutionId, holder: InstitutionId, reference: LeafReference, state: RecordState) -> Decision:
    """Decide whether an institution may read an entry through its own client.

    Args:
        institution: Whose client asks.
        holder: Whose entry it is.
        reference: The entry.
        state: What may be done with it.
    """
    if institution != holder:
        return Denial(DenialReason.RECORD_UNKNOWN, None)
    if state is not RecordState.AVAILABLE:
        return Denial(DenialReason.RECORD_ERASED if state is RecordState.ERASED else DenialReason.RECORD_LOCKED, None)
    return _make(reference, institution, Basis.OWN)


def permit_patient(holder: InstitutionId, reference: LeafReference, state: RecordState) -> Decision:
    """Decide whether a patient may read an entry of their own, having shown that it is.

    Args:
        holder: Whose entry it is.
        reference: The entry.
        state: What may be done with it.
    """
    if state is not RecordState.AVAILABLE:
        return Denial(DenialReason.RECORD_ERASED if state is RecordState.ERASED else DenialReason.RECORD_LOCKED, None)
    return _make(reference, holder, Basis.PATIENT)


def _decide_emergency(request: AccessRequest, facts: Facts) -> Decision:
    emergency = facts.emergency
    if emergency is None:
        return Denial(DenialReason.EMERGENCY_INCOMPLETE, None)
    reasons = chain(_about_the_emergency(request.actor, emergency, facts.rules), _about_the_record(facts.record))
    for reason in reasons:
        return Denial(reason, None)
    if not emergency.is_of_patient:
        return Denial(DenialReason.EMERGENCY_FOREIGN, None)
    return _permit(request, Basis.EMERGENCY, emergency=emergency)


def _about_the_requester(request: AccessRequest, facts: Facts) -> Iterator[DenialReason]:
    if not facts.requester_is_active:
        yield DenialReason.REQUESTER_NOT_ACTIVE
    if request.actor.institution != request.requester:
        yield DenialReason.ACTOR_FOREIGN
    if request.purpose in facts.rules.refused_purposes:
        yield DenialReason.PURPOSE_REFUSED


def _about_the_emergency(actor: Actor, emergency: EmergencyFacts, rules: HolderRules) -> Iterator[DenialReason]:
    if not emergency.reason.strip() or not actor.staff_number or not emergency.is_stated:
        yield DenialReason.EMERGENCY_INCOMPLETE
    if emergency.is_on_chain is False:
        yield DenialReason.EMERGENCY_NOT_OPENED
    if emergency.recent >= rules.max_emergencies or emergency.recent_of_institution >= rules.max_emergencies_of_institution:
        yield DenialReason.EMERGENCY_LIMIT


def _about_the_consent(request: AccessRequest, consent: ConsentFacts, rules: HolderRules) -> Iterator[DenialReason]:
    """Look for reasons that anybody could find who knows the chain and what was shown."""
    # a revocation counts however it became known, and before anything else is asked
    if consent.revocation_known or consent.standing is ConsentStanding.REVOKED:
        yield DenialReason.CONSENT_REVOKED
    if consent.standing is None or not consent.staleness_s <= rules.max_staleness_s:
        yield DenialReason.CONSENT_UNKNOWN
    if consent.standing in _STANDINGS:
        yield _STANDINGS[consent.standing]
    terms = consent.terms
    if terms is None:
        yield DenialReason.CONSENT_MISMATCH
        return
    if not _is_grantee(terms, request.requester, request.actor):
        yield DenialReason.GRANTEE_DIFFERS
    if request.purpose not in terms.purposes:
        yield DenialReason.PURPOSE_NOT_GRANTED
    if consent.asserted_by == request.requester and not rules.accepts_self_asserted:
        yield DenialReason.SELF_ASSERTED
    if terms.max_uses is not None and consent.uses >= terms.max_uses:
        yield DenialReason.USES_EXHAUSTED


def _about_the_record(record: RecordFacts | None) -> Iterator[DenialReason]:
    if record is None:
        yield DenialReason.RECORD_UNKNOWN
    elif record.state is RecordState.ERASED:
        yield DenialReason.RECORD_ERASED
    elif record.state is RecordState.LOCKED:
        yield DenialReason.RECORD_LOCKED


def _about_cover(consent: ConsentFacts, record: RecordFacts | None) -> Iterator[DenialReason]:
    terms = consent.terms
    if terms is None or record is None or not consent.is_of_patient:
        yield DenialReason.CONSENT_FOREIGN
        return
    if not record.labels <= frozenset(terms.labels):
        yield DenialReason.LABEL_NOT_GRANTED
    if terms.kinds is not None and record.kind not in terms.kinds:
        yield DenialReason.KIND_NOT_GRANTED
    if not _covers_items(terms, record):
        yield DenialReason.ITEM_NOT_GRANTED
    start, end = terms.period.from_ms, terms.period.until_ms
    if (start is not None and record.performed_at_ms < start) or (end is not None and record.performed_at_ms >= end):
        yield DenialReason.PERIOD_NOT_GRANTED


def _is_grantee(terms: ConsentTerms, requester: InstitutionId, actor: Actor) -> bool:
    grantee = terms.grantee
    return (
        grantee.institution == requester
        and (grantee.departments is None or actor.department in grantee.departments)
        and (grantee.roles is None or actor.role in grantee.roles)
    )


def _covers_items(terms: ConsentTerms, record: RecordFacts) -> bool:
    """Tell whether every examination of a record is named; a record that names none is not covered by names."""
    if terms.items is None:
        return True
    named = {(item.system, item.code) for item in terms.items}
    return bool(record.items) and all((item.system, item.code) in named for item in record.items)


def _permit(
    request: AccessRequest, basis: Basis, *, consent: ConsentFacts | None = None, emergency: EmergencyFacts | None = None
) -> Permit:
    permit = _make(request.reference, request.requester, basis)
    permit.purpose = request.purpose
    permit.consent = None if consent is None else consent.consent
    permit.stamp = None if consent is None else consent.stamp
    permit.emergency_id = None if emergency is None else emergency.emergency_id
    return permit


def _make(reference: LeafReference, requester: InstitutionId, basis: Basis) -> Permit:
    permit = object.__new__(Permit)
    permit.basis, permit.reference, permit.requester = basis, reference, requester
    permit.purpose, permit.consent, permit.stamp, permit.emergency_id = None, None, None, None
    return permit
