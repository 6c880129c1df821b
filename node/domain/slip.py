"""A recognition as it goes into the medical record: its summary, which is a part of the decision's entry, and the printed slip."""

from __future__ import annotations

from dataclasses import dataclass

from node.domain.entry import InstitutionId, LeafReference, Level
from node.domain.recognition import OfferedItem, OrderLine
from node.domain.recognition_acts import DecisionId


@dataclass(frozen=True, slots=True)
class SummarisedResult:
    """A result that is recognised."""

    institution: InstitutionId
    """Who performed it."""
    leaf: LeafReference
    """Its entry."""
    performed_at_ms: int
    """When it was performed, unix ms."""
    level: Level
    """How far it had got when the order was checked."""
    items: tuple[OfferedItem, ...]
    """What it answers, with mark and certificate."""


@dataclass(frozen=True, slots=True)
class DecisionSummary:
    """What a slip says of a recognition, short enough for a QR code; no words of the clinician, nothing that names the patient."""

    decision_id: DecisionId
    """Names the decision."""
    institution: InstitutionId
    """Who decided."""
    staff_number: str
    """The clinician."""
    department: str
    """The clinician's department, or empty."""
    line: OrderLine
    """The order line."""
    results: tuple[SummarisedResult, ...]
    """What is used."""
    saving_fen: int
    """What is saved."""
    checked_at_ms: int
    """When the order was checked: the levels are as of then, unix ms."""
    decided_at_ms: int
    """When it was decided, unix ms."""


@dataclass(frozen=True, slots=True)
class Slip:
    """A slip that is about to be printed."""

    summary: DecisionSummary
    """What was decided."""
    entry: LeafReference
    """The decision's entry."""
    leaf_index: int | None
    """Its place in the log; None while it is in no checkpoint."""
    level: Level
    """How far it got; `stored` while it is in no checkpoint."""
    is_witnessed: bool
    """Whether a quorum of others saw it."""
    proof: str | None
    """The text of the QR code that proves the decision; None where there is none."""
    lacks: str
    """Why there is none: `stored`, `large`, or `older` for a decision without a summary; empty where there is one."""
    made_at_ms: int
    """When the slip was made, unix ms."""
