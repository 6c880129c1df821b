"""What may be shown of a patient at order time: found in this node's own index, calling nobody.

Results only: no prescription or referral answers an order, and none is told as something that nobody could place. What
consent or a label withholds is absent, as it is from a find; the door to both is `finding_patients`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from node.domain.entry import EntryType, InstitutionId, LeafReference, Level, Origin
from node.domain.found_result import FoundResult
from node.domain.header import RelocationContent
from node.domain.patient import PatientKeys
from node.domain.recognition import Reachability
from node.domain.record import Kind
from node.services.reading.finding_patients import FoundRecord, PatientFinding, PatientLike
from node.services.recognition.recall_standing import RecallStanding, StandingRecalls

_RESULT: Final = Kind("exam-result")
"""The kind of records that answer orders."""


class FollowedLogs(Protocol):
    """How followed logs do; `FollowingService` is it."""

    def is_frozen(self, origin: Origin) -> bool:
        """Tell whether a log is frozen here."""

    def level(self, origin: Origin, leaf_index: int) -> Level:
        """Return how far an entry got."""

    def reachability(self, origin: Origin) -> Reachability:
        """Return whether the node that serves a log answered lately."""

    def head(self, origin: Origin) -> bytes | None:
        """Return the last trusted head of a log, a signed note: what is indexed lies below it; None before the first."""


@dataclass(frozen=True, slots=True)
class PatientResults:
    """What was found of a patient."""

    patient: PatientKeys
    """The patient's keys."""
    results: tuple[FoundResult, ...]
    """The records."""
    places: Mapping[LeafReference, tuple[Origin, int]]
    """Where each was found: what a retrieval names."""
    read: Mapping[Origin, int]
    """How far each followed log had been read for the patient."""


class OrderResults:
    """Finds what may be shown."""

    def __init__(self, finding: PatientFinding, logs: FollowedLogs, recalls: RecallStanding) -> None:
        self._finding = finding
        self._logs = logs
        self._recalls = recalls

    def find(self, institution: InstitutionId, patient: PatientLike) -> PatientResults:
        """Return what may be shown of a patient.

        Raises:
            UnknownPatientError: The institution has no keys under this number.
        """
        # what was replaced is told of once, as such
        looked = self._finding.look_through(institution, patient, with_replaced=True)
        found = [each for each in looked.records if each.content.kind == _RESULT]
        places = {each.target.reference: (each.entry.place.origin, int(each.entry.place.index)) for each in found}
        return PatientResults(looked.keys, self._results(found), places, looked.read)

    def again(self, patient: PatientKeys) -> tuple[FoundResult, ...]:
        """Return what may be shown of a patient whose keys are at hand: what a decision looks at again."""
        return self._results([each for each in self._finding.look_with(patient) if each.content.kind == _RESULT])

    def head(self, origin: Origin) -> bytes:
        """Return the signed head below which a log had been read by now; empty before the first."""
        return self._logs.head(origin) or b""

    def keys(self, institution: InstitutionId, patient: PatientLike) -> PatientKeys:
        """Return a patient's keys; raises as `find`."""
        return self._finding.look(institution, patient)[0]

    def _results(self, found: Sequence[FoundRecord]) -> tuple[FoundResult, ...]:
        standing = self._recalls.against()
        return tuple(self._result(each, standing) for each in found)

    def _result(self, found: FoundRecord, standing: StandingRecalls) -> FoundResult:
        target, header = found.target, found.entry.header
        content = None if header is None else header.content
        relocated = content if isinstance(content, RelocationContent) else None
        origin = target.reference.origin
        return FoundResult(
            content=found.content,
            entry_type=found.entry.entry_type if relocated is None else EntryType(relocated.target_type),
            institution=target.holder,
            leaf=target.reference,
            level=self._logs.level(origin, target.leaf_index),
            reachability=self._logs.reachability(origin),
            frozen=self._logs.is_frozen(origin),
            recalled=standing.covers(target.reference, target.holder, found.content),
        )
