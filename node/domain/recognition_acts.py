"""What the log says of checks at order time and of decisions: the headers of entry types 12 and 5 (docs/spec/header.md).

Sealed for the patient and for supervision. They hold what figures are computed from; everything that the clinician saw is
in the entry's body. Left out: access receipts and check outcomes of searches (`node.domain.access`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from node.domain.access import Actor
from node.domain.entry import InstitutionId, LeafReference
from node.domain.recognition import DecisionOutcome, ItemCode, OrderLine, Pin, Reason, ReasonCode

CheckId = NewType("CheckId", str)
"""Names a check at order time, 32 lower-case hex digits."""

DecisionId = NewType("DecisionId", str)
"""Names a decision on an order line, 32 lower-case hex digits."""


@dataclass(frozen=True, slots=True)
class OfferedResult:
    """A recognisable result that was offered, or that is used."""

    leaf: LeafReference
    """The entry."""
    institution: InstitutionId
    """Who performed it."""
    items: tuple[ItemCode, ...]
    """What it answers of the order line."""


@dataclass(frozen=True, slots=True)
class CheckedLine:
    """An order line, and what was offered for it."""

    line: OrderLine
    """The line."""
    offers: tuple[OfferedResult, ...]
    """What was offered, the newest first."""


@dataclass(frozen=True, slots=True)
class CheckedOrder:
    """One check."""

    check_id: CheckId
    """Names it."""
    encounter: str
    """The encounter, or empty."""
    checked_at_ms: int
    """When it was answered, unix ms."""
    lines: tuple[CheckedLine, ...]
    """What was asked."""
    pins: tuple[Pin, ...]
    """The versions that it rests on: those of all, and the maps of the institutions in it."""
    answered: bool = True
    """Whether there was an answer; if not, the order went ahead unchecked."""
    campus: str = ""
    """The campus where it was ordered, by the institution's own code; empty where it names none."""


@dataclass(frozen=True, slots=True)
class CheckContent:
    """The header of the checks that one clinician made for one patient within one hour (type 12)."""

    actor: Actor
    """Who asked."""
    checks: tuple[CheckedOrder, ...]
    """The checks, in their order."""


@dataclass(frozen=True, slots=True)
class DecisionContent:
    """The header of a decision (type 5)."""

    decision_id: DecisionId
    """Names it."""
    check_id: CheckId
    """The check that it rests on."""
    actor: Actor
    """Who decided."""
    encounter: str
    """The encounter, or empty."""
    line: OrderLine
    """The order line."""
    outcome: DecisionOutcome
    """What was decided."""
    results: tuple[OfferedResult, ...]
    """The results that are used; none for a re-order."""
    items: tuple[ItemCode, ...]
    """The items that they answer, or that are ordered again."""
    reason: Reason | None
    """Why it is ordered again; None where no reason was due or given."""
    sub_reason: ReasonCode | None
    """The region's sub-reason."""
    saving_fen: int
    """Saved, at the ordering institution's price of that day."""
    warned: bool
    """Whether a reason was due and a rule let it pass."""
    pins: tuple[Pin, ...]
    """The versions that it rests on."""
    decided_at_ms: int
    """When, unix ms."""
    campus: str = ""
    """The campus where it was ordered, as the check has it."""


@dataclass(frozen=True, slots=True)
class ReversalContent:
    """The header of an entry that takes a decision back (type 5)."""

    decision_id: DecisionId
    """The decision that was taken back."""
    decision: LeafReference
    """Its entry."""
    actor: Actor
    """Who took it back."""
    occurred_at_ms: int
    """When, unix ms."""


RecognitionContent = CheckContent | DecisionContent | ReversalContent
"""What is logged of recognition."""
