"""What a node knows of the entries of its own logs beside their rows: where a tag stands, what makes an entry sensitive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from node.domain.entry import InstitutionId, Origin
from node.domain.labels import SensitivityLabel
from node.domain.patient import LocatorTag
from node.ports.records.transaction import EntryRow, PatientId, PatientRow, RecordsTransaction

Labels = frozenset[SensitivityLabel]
"""Labels of one entry."""


class Patients(Protocol):
    """Finds patients by the id that entries name."""

    def patient(self, transaction: RecordsTransaction, patient_id: PatientId) -> PatientRow | None:
        """Return a patient of a hosted institution."""


class PatientNumbers(Protocol):
    """Finds patients by an institution's own number; any thread."""

    def numbered(self, institution: InstitutionId, number_mac: bytes) -> PatientRow | None:
        """Return the patient of a keyed hash of a number, as far as it was committed."""


class OwnTags(Protocol):
    """Finds own entries by their tags; tombstoned ones and recovered ones are hits like all others."""

    def places(self, transaction: RecordsTransaction, origin: Origin, tags: Sequence[LocatorTag]) -> dict[LocatorTag, EntryRow]:
        """Return the entries of a log that have these tags."""

    def with_leaves(self, transaction: RecordsTransaction, origin: Origin, leaf_hashes: Sequence[bytes]) -> list[EntryRow]:
        """Return the entries of a log that have these leaves; reads all entries of the log once."""


class EntryLabels(Protocol):
    """Keeps the sensitivity labels of own entries."""

    def insert(self, transaction: RecordsTransaction, labels: Mapping[tuple[Origin, int], Labels]) -> None:
        """Keep the labels of entries, given by log and leaf index."""

    def of(self, transaction: RecordsTransaction, entries: Iterable[EntryRow]) -> Labels:
        """Return all labels that any of these entries bears."""
