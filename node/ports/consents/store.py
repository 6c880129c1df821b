"""Consents and emergencies on chain, the keys that speak for institutions there, and what a node keeps of consents.

A grant is read at the final block and a revocation at the newest one, so that every reading holds both. Every method of
`ConsentChain` may raise a `ChainError` as in `node.ports.chain.anchoring`. A consortium whose trust root pins no contract
`consents` has no `ConsentChain` at all (`ConsentsOffError`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from node.domain.access import ConsentId
from node.domain.consent import PresentedConsent
from node.domain.consent_message import ConsentAddress, ContractDomain, EmergencyId, InstitutionMessage, SignedMessage
from node.domain.consent_state import ConsentHistories, ConsentReading, EmergencyState, SeenBlock, SeenHead
from node.domain.entry import InstitutionId, LeafReference
from node.ports.records.transaction import PatientId, PatientRow, RecordsTransaction


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """Something that happened to a consent in a block that is not yet left behind."""

    consent: ConsentId
    """Which consent."""
    is_revocation: bool
    """Whether it was revoked; else it was granted."""


@dataclass(frozen=True, slots=True)
class ConsentChanges:
    """What happened in a range of blocks up to the newest one."""

    head: SeenHead
    """The head at which it was read."""
    changes: tuple[ConsentChange, ...]
    """In chain order."""


class ConsentChain(Protocol):
    """Reads the contract, and sends what others signed; for one thread at a time."""

    @property
    def domain(self) -> ContractDomain:
        """What binds signatures to this contract."""
        ...

    def head(self) -> SeenHead:
        """Return the final and the newest block."""

    def consent(self, consent: ConsentId) -> ConsentReading:
        """Return a consent at the final and at the newest block, both of one chain."""

    def emergency(self, emergency: EmergencyId) -> EmergencyState | None:
        """Return an emergency at the newest block, or None when the chain has none of this id."""

    def histories(self, consents: Sequence[ConsentId]) -> ConsentHistories:
        """Return what happened to consents up to the final block, asked at once."""

    def block(self, number: int) -> SeenBlock:
        """Return a block that is not newer than the newest one."""

    def changes(self, from_block: int) -> ConsentChanges:
        """Return what happened to consents from a block on up to the newest one."""

    def send(self, signed: SignedMessage, patient_key: ConsentAddress | None) -> None:
        """Send a message from this node's own relay account, and wait until it is in a block.

        Args:
            signed: What was signed.
            patient_key: The key that signed a patient's `Grant`; None for every other message.

        Raises:
            TransactionRevertedError: The contract refuses, by name; nothing was sent, or another message came first.
            TransactionMissingError: It was sent and is in no block yet.
        """


class ConsentSigner(Protocol):
    """Signs for the hosted institutions with their anchor keys."""

    def sign(self, institution: InstitutionId, message: InstitutionMessage) -> SignedMessage:
        """Sign a message of an institution that this node hosts.

        Raises:
            KeyError: It hosts no such institution.
        """


class ConsentRole(StrEnum):
    """Why a node keeps a consent."""

    ASSERTED = "asserted"
    """An institution here asserted it."""
    RELAYED = "relayed"
    """A patient handed it in, and this node sent it to the chain."""
    RECEIVED = "received"
    """Another member sent it: the institution is the grantee. Whose it is, the patient's keys tell."""


@dataclass(frozen=True, slots=True)
class KeptConsent:
    """A consent as a node keeps it for one of its institutions."""

    institution: InstitutionId
    """For whom."""
    presented: PresentedConsent
    """What is shown to a holder; enough to check it."""
    role: ConsentRole
    """Why it is kept."""
    patient: PatientId | None
    """The institution's patient; None where it has no keys of the patient."""
    document: LeafReference | None
    """The consent document (type 7) in the institution's own log; None where there is none."""
    kept_at_ms: int
    """When, unix ms."""
    revoked_at_ms: int | None
    """When a revocation was first known here, unix ms; None while none is."""


class MessageStage(StrEnum):
    """How far a message to the chain got."""

    WAITING = "waiting"
    """Durable here; sent again until it is in a final block."""
    FINAL = "final"
    """In a final block's state."""
    REFUSED = "refused"
    """The contract refused it, by name."""


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message on its way to the chain."""

    number: int
    """In order of queueing."""
    signed: SignedMessage
    """What is sent, and sent again."""
    patient_key: ConsentAddress | None
    """The key of a patient's grant."""
    stage: MessageStage
    """How far it got."""
    reason: str
    """The named revert of a refused one; else empty."""


@dataclass(frozen=True, slots=True)
class KeptEmergency:
    """An emergency that an institution here opened."""

    institution: InstitutionId
    """Who."""
    emergency: EmergencyId
    """Its id."""
    salt: bytes
    """Opens its digest, 32 bytes."""
    statement_sealed: bytes
    """What the digest is of: who, why, for whom; sealed for this node."""
    opened_by: bytes
    """Keyed hash of the person who opened it, 32 bytes: another one has to review it."""
    opened_at_ms: int
    """When, unix ms."""
    reviewed_at_ms: int | None
    """When it was reviewed; None while it is open."""


class ConsentStore(Protocol):
    """What a node keeps of consents, in `records.db`; writes join the caller's transaction."""

    def keep(self, transaction: RecordsTransaction, consent: KeptConsent) -> bool:
        """Keep a consent for an institution; False where it was kept before, which changes nothing."""

    def mark_revoked(self, transaction: RecordsTransaction, ids: Sequence[ConsentId], at_ms: int) -> Sequence[KeptConsent]:
        """Note revocations; return those that were news."""

    def queue(self, transaction: RecordsTransaction, signed: SignedMessage, patient_key: ConsentAddress | None) -> int:
        """Queue a message; return its number. The same message again keeps its number."""

    def set_stage(self, transaction: RecordsTransaction, number: int, stage: MessageStage, reason: str) -> None:
        """Note how far a message got."""

    def set_cursor(self, transaction: RecordsTransaction, block_number: int) -> None:
        """Note up to which block revocations are noted."""

    def keep_emergency(self, transaction: RecordsTransaction, emergency: KeptEmergency) -> None:
        """Keep an emergency."""

    def mark_reviewed(self, transaction: RecordsTransaction, emergency: EmergencyId, at_ms: int) -> None:
        """Note a review."""

    def emergencies_since(
        self, transaction: RecordsTransaction, institution: InstitutionId, opened_by: bytes, since_ms: int
    ) -> int:
        """Count the emergencies that a person opened since a time."""

    def patient(self, transaction: RecordsTransaction, patient: PatientId) -> PatientRow | None:
        """Return a patient by the institution's random id."""

    def cursor(self) -> int | None:
        """Return up to which block revocations are noted; None before the first time."""

    def consent(self, institution: InstitutionId, consent: ConsentId) -> KeptConsent | None:
        """Return an institution's consent."""

    def consents(self, institution: InstitutionId, patient: PatientId | None) -> Sequence[KeptConsent]:
        """Return an institution's consents, newest first; of one patient, or of all."""

    def is_revoked(self, consent: ConsentId) -> bool:
        """Tell whether a revocation of a consent is known here."""

    def waiting(self) -> Sequence[QueuedMessage]:
        """Return the messages that are on their way, oldest first."""

    def message(self, number: int) -> QueuedMessage | None:
        """Return a message."""

    def emergency(self, institution: InstitutionId, emergency: EmergencyId) -> KeptEmergency | None:
        """Return an institution's emergency."""

    def open_emergencies(self) -> int:
        """Count the emergencies that nobody has reviewed yet."""

    def emergencies(self, institution: InstitutionId) -> Sequence[KeptEmergency]:
        """Return an institution's emergencies, newest first."""
