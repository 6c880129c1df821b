"""Recalls that institutions here announced, and the own headers that a recall searches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin, RecordId
from node.domain.recall import RecallCriteria, RecallId, RecallReason
from node.ports.records import PatientId, PatientRow, RecordsTransaction


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
    """Reads them, in a transaction, or as they are committed where none is given."""

    def page(
        self, transaction: RecordsTransaction | None, origin: Origin, start: int, staged_from_ms: int, limit: int
    ) -> list[OwnHeader]:
        """Return headers from an index on, in order, of entries that were staged at a time or later, unix ms."""

    def patients(
        self, transaction: RecordsTransaction | None, patient_ids: Collection[PatientId]
    ) -> Mapping[PatientId, PatientRow]:
        """Return patients by id, those that are not known apart."""


@dataclass(frozen=True, slots=True)
class RecalledResult:
    """A result that is recalled."""

    entry: LeafReference
    """The entry."""
    record_id: RecordId
    """The record that it is a version of."""


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
    total: int
    """How many results."""
    entry: LeafReference
    """Its first entry: what notices name."""
    leaf_index: int
    """The place of that entry; the others follow it."""
    pages: int
    """How many entries."""
    announced_at_ms: int
    """When, unix ms."""
    actor: bytes
    """Who announced it, sealed for this node."""


class RecallStore(Protocol):
    """Keeps recalls; writes join the caller's transaction."""

    def keep(self, transaction: RecordsTransaction, recall: KeptRecall, results: Sequence[RecalledResult]) -> None:
        """Keep a recall."""

    def known(self, transaction: RecordsTransaction, recall_id: RecallId) -> KeptRecall | None:
        """Return a recall, whoever announced it."""

    def naming(self, transaction: RecordsTransaction, entry: LeafReference) -> list[LeafReference]:
        """Return the first entries of the recalls that name a result, the oldest first."""

    def recall(self, institution: InstitutionId, recall_id: RecallId) -> KeptRecall | None:
        """Return an institution's recall; None for another institution's."""

    def results(self, recall_id: RecallId) -> list[RecalledResult]:
        """Return what a recall lists, in the order of its entries."""

    def page(self, institution: InstitutionId, limit: int) -> list[KeptRecall]:
        """Return an institution's recalls, the newest first."""
