"""The schedule of relocations, and what was relocated where: durable, so that a restart delays nothing and repeats nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from node.domain.access import ConsentId
from node.domain.entry import InstitutionId, Origin
from node.ports.records.transaction import EntryRow, RecordsTransaction


@dataclass(frozen=True, slots=True)
class RelocationJob:
    """Something to be done at a time that was drawn at random."""

    job_id: bytes
    """16 random bytes."""
    institution: InstitutionId
    """Whose log."""
    due_at_ms: int
    """When, unix ms."""
    sealed: bytes = field(repr=False)
    """What to do, sealed for this node: it holds a key of the patient."""
    consent_id: ConsentId | None
    """The consent that it rests on: dropped when that is revoked."""


@dataclass(frozen=True, slots=True)
class Relocated:
    """An entry that stands for another one."""

    origin: Origin
    """The log, of both."""
    leaf_index: int
    """Where the relocation is."""
    target: bytes
    """Leaf hash of the entry that was relocated, 32 bytes."""
    consent_id: ConsentId | None
    """The consent that names its label; None for other reasons."""


class RelocationStore(Protocol):
    """Keeps jobs and relocations."""

    def add(self, transaction: RecordsTransaction, jobs: Sequence[RelocationJob]) -> None:
        """Keep jobs."""

    def due(self, now_ms: int, limit: int) -> list[RelocationJob]:
        """Return jobs whose time has come, the oldest first."""

    def scheduled(self, institution: InstitutionId) -> list[RelocationJob]:
        """Return all jobs of an institution."""

    def finish(self, transaction: RecordsTransaction, job: RelocationJob) -> bool:
        """Remove a job; False when it is gone already."""

    def drop(self, transaction: RecordsTransaction, consent_id: ConsentId) -> None:
        """Remove the jobs that rest on a consent."""

    def remember(self, transaction: RecordsTransaction, relocated: Relocated) -> None:
        """Keep where an entry was relocated to."""

    def of_targets(self, transaction: RecordsTransaction, origin: Origin, targets: Sequence[bytes]) -> list[EntryRow]:
        """Return the relocations of entries, by their leaf hashes, that still have a header."""

    def of_consent(self, transaction: RecordsTransaction, consent_id: ConsentId) -> list[EntryRow]:
        """Return the relocations that rest on a consent and still have a header."""

    def waiting(self, institution: InstitutionId) -> int:
        """Return how many jobs wait."""
