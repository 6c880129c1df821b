"""What a decision goes by: the request, what is known of the consents shown, of an emergency, of the record and the holder's rules.

Whoever gathers facts has verified what is verifiable: signatures, digests, on whose word a consent stands. A fact that could
not be learned is None or infinite, and counts against the requester. Left out: gathering (`services.access_facts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from node.domain.access import Actor, BlockStamp, ConsentId, Purpose
from node.domain.consent import ConsentTerms
from node.domain.consent_state import ConsentStanding
from node.domain.entry import InstitutionId, LeafReference
from node.domain.labels import SensitivityLabel
from node.domain.record import Item, Kind


class RecordState(StrEnum):
    """What may be done with a record at all."""

    AVAILABLE = "available"
    """It is here, and not locked."""
    LOCKED = "locked"
    """Processing stopped: the patient withdrew, and a retention period keeps it (PIPL 47)."""
    ERASED = "erased"
    """Its secret is gone."""


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """Who wants to read, and why."""

    requester: InstitutionId
    """The institution whose request key signed."""
    actor: Actor
    """Who acts there, as it asserts."""
    purpose: Purpose
    """Why."""
    reference: LeafReference
    """The entry that is asked for."""


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """A record that is here."""

    kind: Kind
    """Its kind."""
    items: tuple[Item, ...]
    """What was examined; none where the record does not say."""
    labels: frozenset[SensitivityLabel]
    """What makes it sensitive; none for most."""
    performed_at_ms: int
    """When it took place, unix ms."""
    state: RecordState
    """What may be done with it."""


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """A consent that was shown."""

    consent: ConsentId
    """Its id."""
    standing: ConsentStanding | None
    """Whether the chain has it in force; None where the chain's state could not be read."""
    staleness_s: float
    """How old what was read is; infinite where nothing was."""
    revocation_known: bool
    """Whether anybody told this node of a revocation, on chain or not."""
    stamp: BlockStamp | None
    """The block in whose state it was read."""
    terms: ConsentTerms | None
    """What it grants; None where what was shown cannot be read, or has another digest than the chain's."""
    asserted_by: InstitutionId | None
    """The institution that asserts it; None where a patient's key granted it."""
    is_of_patient: bool
    """Whether it stands on the word of this record's patient, or of who has that patient's keys: verified."""
    uses: int
    """How often this holder disclosed under it, this request not counted."""


@dataclass(frozen=True, slots=True)
class EmergencyFacts:
    """An emergency that a request cites."""

    emergency_id: bytes
    """Its id, 32 bytes."""
    reason: str
    """Why, in the clinician's words."""
    is_stated: bool
    """Whether the statement that the chain has a digest of names this clinician and reason."""
    is_of_patient: bool
    """Whether it names this record's patient."""
    is_on_chain: bool | None
    """Whether the chain has it as the requester's; None where the chain is away, and it follows."""
    recent: int
    """Emergencies of this clinician at this holder within the limit's window, this one not counted."""
    recent_of_institution: int
    """The same, of the whole institution."""


@dataclass(frozen=True, slots=True)
class HolderRules:
    """What the holder decides for itself."""

    max_staleness_s: float
    """How old the state of a consent may be."""
    accepts_self_asserted: bool
    """Whether a consent counts that the grantee asserts itself."""
    refused_purposes: frozenset[Purpose]
    """Purposes for which nothing leaves."""
    max_emergencies: int
    """Of one clinician within the window."""
    max_emergencies_of_institution: int
    """Of one institution within the window."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it."""

    requester_is_active: bool
    """Whether the registry has the requester as an active member."""
    record: RecordFacts | None
    """The record; None where nothing of this reference is here, or ever was."""
    consents: tuple[ConsentFacts, ...]
    """The consents shown; one that covers the request is enough."""
    emergency: EmergencyFacts | None
    """The emergency cited."""
    rules: HolderRules
    """The holder's rules."""
    now_ms: int
    """The holder's time, unix ms."""
