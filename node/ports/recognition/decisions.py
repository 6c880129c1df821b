"""Decisions on order lines, and what other institutions decided on results of this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import InstitutionId, LeafReference
from node.domain.recognition_acts import CheckId, DecisionId
from node.ports.records.transaction import RecordsTransaction


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision, sealed for this node."""

    decision_id: DecisionId
    """Names it."""
    check_id: CheckId
    """The check that it rests on."""
    institution: InstitutionId
    """Who decided."""
    order_mac: bytes
    """Keyed hash of encounter and order line, 32 bytes: one decision stands for it at a time."""
    entry: LeafReference
    """Its entry."""
    decided_at_ms: int
    """When, unix ms."""
    reversed_at_ms: int | None
    """When it was taken back, unix ms; None while it stands."""
    content: bytes
    """Decision, actor, and whom it was told, sealed."""
    patient: bytes
    """The patient's keys, sealed."""


class DecisionStore(Protocol):
    """Keeps decisions; writes join the caller's transaction, and `standing` sees it."""

    def keep(self, transaction: RecordsTransaction, decision: KeptDecision) -> None:
        """Keep a decision."""

    def decision(self, transaction: RecordsTransaction, institution: InstitutionId, decision_id: DecisionId) -> KeptDecision | None:
        """Return an institution's decision; None for another institution's."""

    def standing(self, transaction: RecordsTransaction, institution: InstitutionId, order_mac: bytes) -> KeptDecision | None:
        """Return the decision that stands for an order line."""

    def reverse(self, transaction: RecordsTransaction, decision_id: DecisionId, at_ms: int) -> None:
        """Note that a decision was taken back."""


@dataclass(frozen=True, slots=True)
class HeardDecision:
    """What another institution decided on a result of this one."""

    decision_id: DecisionId
    """Names the decision, there."""
    institution: InstitutionId
    """Whose result it is, here."""
    decider: InstitutionId
    """Who decided."""
    result: LeafReference
    """The result."""
    outcome: str
    """`recognised` or `reordered`."""
    reason: int | None
    """One of the six, where it is ordered again and a reason was given."""
    decided_at_ms: int
    """When, unix ms."""
    reversed_at_ms: int | None
    """When it was taken back, unix ms."""


class HeardDecisionStore(Protocol):
    """Keeps what others decided."""

    def hear(self, transaction: RecordsTransaction, decisions: Sequence[HeardDecision]) -> None:
        """Keep decisions, those that are known already apart."""

    def reverse(self, transaction: RecordsTransaction, decider: InstitutionId, decision_id: DecisionId, at_ms: int) -> bool:
        """Note that a decision was taken back; False where it is not known (yet)."""

    def heard(self, institution: InstitutionId, limit: int) -> Sequence[HeardDecision]:
        """Return what others decided on an institution's results, the newest first."""


class VerifiedRetrievals(Protocol):
    """Knows what was retrieved and verified."""

    def verified(self, institution: InstitutionId, results: Sequence[LeafReference]) -> frozenset[LeafReference]:
        """Return those of these results that an institution retrieved, verified and still keeps."""
