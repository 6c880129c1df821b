"""Cards that were shown at order time, and what became of them (CDS Hooks 2.0, "Feedback")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from node.domain.entry import InstitutionId
from node.domain.recognition_acts import CheckId, DecisionId
from node.ports.records.transaction import RecordsTransaction

CardId = NewType("CardId", str)
"""Names a card, a UUID in lower case."""


@dataclass(frozen=True, slots=True)
class KeptCard:
    """A card, without its words: they are those of the check."""

    card_id: CardId
    """Names it."""
    institution: InstitutionId
    """Whose clinician saw it."""
    check_id: CheckId
    """The check."""
    line_at: int
    """The order line: its place in the check, from 0."""


@dataclass(frozen=True, slots=True)
class KeptFeedback:
    """What a client said of a card."""

    card_id: CardId
    """The card."""
    digest: bytes
    """SHA-256 of what was said, 32 bytes: the same said again changes nothing."""
    outcome: str
    """`accepted` or `overridden`."""
    said_at_ms: int
    """When the clinician acted, as the client says, unix ms."""
    received_at_ms: int
    """When it came, unix ms."""
    decision_id: DecisionId | None
    """The decision that it is; None where it decides nothing."""
    content: bytes
    """Reason and words, sealed for this node."""


class CardStore(Protocol):
    """Keeps cards and feedback; writes join the caller's transaction."""

    def keep(self, transaction: RecordsTransaction, cards: Sequence[KeptCard]) -> None:
        """Keep cards."""

    def card(self, institution: InstitutionId, card_id: CardId) -> KeptCard | None:
        """Return an institution's card; None for another institution's."""

    def note(self, transaction: RecordsTransaction, feedback: KeptFeedback) -> None:
        """Keep feedback, unless the same was said before."""

    def feedback(self, card_id: CardId, digest: bytes) -> KeptFeedback | None:
        """Return what was said of a card before, if it was the same."""

    def forget(self, transaction: RecordsTransaction) -> None:
        """Remove cards whose checks are no longer kept, and what was said of them."""
