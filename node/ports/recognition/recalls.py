"""Recalls that institutions here announced, how far each was searched and told, and the own headers that one searches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin, RecordId
from node.domain.message import MessageId
from node.domain.recall import LiftingReason, RecallCriteria, RecallId, RecallReason
from node.ports.records.transaction import PatientId, PatientRow, RecordsTransaction


@dataclass(frozen=True, slots=True)
class OwnHeader:
    """An own entry of types 1, 2 or 10 whose header is kept."""

    leaf_index: int
    """Its place in the log."""
    entry_type: EntryType
    """Its type."""
    leaf: bytes
    """The 106 bytes of the log."""
    leaf_hash: bytes
    """RFC 9162 leaf hash, 32 bytes."""
    owner_sealed: bytes | None
    """Whose it is, sealed; None for dummies, and where nobody knows."""
    header: bytes
    """The sealed header."""


class OwnHeaders(Protocol):
    """Reads them, as they are committed."""

    def size(self, origin: Origin) -> int:
        """Return how many entries a log has, those that are staged included."""

    def between(self, origin: Origin, start: int, end: int, staged_from_ms: int) -> list[OwnHeader]:
        """Return headers of a run of entries, in order, of those that were staged at a time or later, unix ms."""

    def patients(self, patient_ids: Collection[PatientId]) -> Mapping[PatientId, PatientRow]:
        """Return patients by id, those that are not known apart."""


@dataclass(frozen=True, slots=True)
class RecalledResult:
    """A result that is recalled."""

    entry: LeafReference
    """The entry."""
    record_id: RecordId
    """The record that it is a version of."""


@dataclass(frozen=True, slots=True)
class KeptLifting:
    """That a recall was lifted."""

    reason: LiftingReason
    """Why."""
    entry: LeafReference
    """The lifting."""
    lifted_at_ms: int
    """When, unix ms."""
    actor: bytes
    """Who lifted it, sealed for this node."""
    told_to: MessageId
    """The last notice of the recall whose recipient was told, in the order of their ids; empty before the first."""
    is_told: bool
    """Whether everybody was told who had been told of the recall."""


@dataclass(frozen=True, slots=True)
class KeptRecall:
    """A recall that was announced."""

    recall_id: RecallId
    """Names it."""
    institution: InstitutionId
    """Who recalls."""
    criteria: RecallCriteria
    """Which results."""
    reason: RecallReason
    """Why."""
    entry: LeafReference
    """Its announcement: what notices name."""
    leaf_index: int
    """The place of that entry: what lies below was filed before."""
    announced_at_ms: int
    """When, unix ms."""
    actor: bytes
    """Who announced it, sealed for this node."""
    next_index: int
    """The log was searched below."""
    total: int
    """How many results were found there."""
    lifting: KeptLifting | None
    """None while it stands."""


@dataclass(frozen=True, slots=True)
class SearchedRun:
    """What a run of entries brought for one recall."""

    next_index: int
    """Where the run ended."""
    results: Sequence[RecalledResult]
    """What fits."""
    unread: Collection[bytes]
    """Leaf hashes of results whose headers nobody here has the keys for."""
    read: Collection[bytes]
    """Leaf hashes of results that a relocation told of, whatever became of their own headers."""


class RecallStore(Protocol):
    """Keeps recalls; writes join the caller's transaction."""

    def keep(self, transaction: RecordsTransaction, recall: KeptRecall) -> None:
        """Keep a recall that nothing was searched for yet."""

    def known(self, transaction: RecordsTransaction, recall_id: RecallId) -> KeptRecall | None:
        """Return a recall, whoever announced it."""

    def naming(self, transaction: RecordsTransaction, entry: LeafReference) -> list[LeafReference]:
        """Return the announcements of the recalls that stand and found a result, the oldest first."""

    def standing(self, transaction: RecordsTransaction | None) -> Mapping[Origin, Sequence[RecallCriteria]]:
        """Return what the recalls that stand are about, by log; without a transaction, as it is committed."""

    def searched(self, transaction: RecordsTransaction, recall: KeptRecall, run: SearchedRun) -> list[LeafReference]:
        """Keep what a run brought and how far the search got; return what was not known yet."""

    def unlisted(self, transaction: RecordsTransaction, recall_id: RecallId, limit: int) -> list[bytes]:
        """Return leaf hashes of results that no entry lists yet, in the order in which they were found."""

    def listed(self, transaction: RecordsTransaction, recall_id: RecallId, leaf_hashes: Sequence[bytes], index: int) -> None:
        """Note which entry lists results."""

    def lift(self, transaction: RecordsTransaction, recall_id: RecallId, lifting: KeptLifting) -> None:
        """Keep that a recall is lifted."""

    def told(self, transaction: RecordsTransaction, recall_id: RecallId, told_to: MessageId | None) -> None:
        """Note how far it was told that a recall is lifted; None for to the end."""

    def at_work(self) -> list[InstitutionId]:
        """Return whose recalls there is to search for or to tell of, sorted."""

    def to_search(self, institution: InstitutionId) -> list[KeptRecall]:
        """Return an institution's recalls that stand, those that were searched least first."""

    def to_tell(self, institution: InstitutionId) -> list[KeptRecall]:
        """Return an institution's recalls that were lifted and whose lifting was not told to all."""

    def recall(self, institution: InstitutionId, recall_id: RecallId) -> KeptRecall | None:
        """Return an institution's recall; None for another institution's."""

    def results(self, recall_id: RecallId, start: int, limit: int) -> list[RecalledResult]:
        """Return what a recall found, in that order, from a position on."""

    def unreadable(self, recall_id: RecallId) -> int:
        """Return how many results could not be searched."""

    def page(self, institution: InstitutionId, limit: int) -> list[KeptRecall]:
        """Return an institution's recalls, the newest first."""
