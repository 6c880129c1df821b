"""What supervision keeps: how far it read each log, the receipts of each request, and its findings.

Headers are not kept here a second time: a receipt is a place in the followed index, and is opened again when its request
is judged. One loop writes; reads come from any thread.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.access import RequestId
from node.domain.entry import InstitutionId, Origin
from node.ports.records.transaction import RecordsTransaction
from node.supervision.findings import EntryPlace, FindingCode, FindingId, SupervisionFinding


@dataclass(frozen=True, slots=True)
class LogCursor:
    """How far a log was read."""

    next_index: int
    """The first entry that was not looked at."""
    complete_at_ms: int
    """When all that the log had published was looked at last, unix ms; 0 for never."""


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """Where a receipt is, and when it was seen."""

    place: EntryPlace
    """The entry."""
    request_id: RequestId
    """Its request."""
    first_seen_ms: int
    """When it was seen, unix ms."""
    absent_at_ms: int | None
    """When the log was last complete without it, unix ms."""


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """A finding and its history."""

    finding: SupervisionFinding
    """What was found."""
    raised_at_ms: int
    """When it was found first, unix ms."""
    settled_at_ms: int | None
    """When it was found no longer, unix ms; None while it is open."""


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings to return."""

    codes: Collection[FindingCode] = ()
    """Of these kinds; empty for all."""
    institution: InstitutionId | None = None
    """That this institution has to answer for."""
    open_only: bool = False
    """Without settled ones."""


@dataclass(frozen=True, slots=True)
class SupervisionUpdate:
    """What one step found; kept whole or not at all."""

    now_ms: int
    """When."""
    cursors: Mapping[Origin, LogCursor]
    """How far logs were read."""
    waiting: Collection[tuple[Origin, int]]
    """Entries whose header has not come."""
    arrived: Collection[tuple[Origin, int]]
    """Entries that were waiting and wait no longer."""
    receipts: Sequence[ReceiptRow]
    """New ones."""
    due: Mapping[RequestId, int | None]
    """When to judge requests again, unix ms; None for not until something new is logged."""
    groups: Mapping[str, Sequence[SupervisionFinding]]
    """All that is found now about some subjects; what was open there and is not among it has settled."""

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to keep."""
        return not (self.cursors or self.waiting or self.arrived or self.receipts or self.due or self.groups)


def found_update(now_ms: int, groups: Mapping[str, Sequence[SupervisionFinding]]) -> SupervisionUpdate:
    """Return an update that is about findings only."""
    return SupervisionUpdate(now_ms=now_ms, cursors={}, waiting=(), arrived=(), receipts=(), due={}, groups=groups)


class SupervisionStore(Protocol):
    """Keeps what supervision found."""

    def cursors(self) -> Mapping[Origin, LogCursor]:
        """Return how far each log was read."""

    def waiting(self, limit: int) -> Mapping[Origin, Sequence[int]]:
        """Return entries whose header has not come, by log, lowest first; the limit counts over all logs."""

    def receipts(self, request_ids: Collection[RequestId]) -> list[ReceiptRow]:
        """Return all receipts of some requests."""

    def due(self, now_ms: int, limit: int) -> list[RequestId]:
        """Return requests that have to be judged again, the longest overdue first."""

    def keep(self, transaction: RecordsTransaction, update: SupervisionUpdate) -> None:
        """Keep what a step found."""

    def findings(self, wanted: FindingFilter, before: tuple[int, FindingId] | None, limit: int) -> list[KeptFinding]:
        """Return findings, newest first; after a page, those raised before its last."""

    def finding(self, finding_id: FindingId) -> KeptFinding | None:
        """Return a finding."""
