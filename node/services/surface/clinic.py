"""What clinicians see beside checks and decisions, as the API sees it: links to results, cards and feedback on them, slips."""

from __future__ import annotations

from dataclasses import dataclass

from node.ports.recognition.pages import SlipPages, ViewPages
from node.services.recognition.card_feedback import CardFeedbackService
from node.services.recognition.slips import Slips
from node.services.recognition.viewing import Viewing


@dataclass(frozen=True, slots=True)
class Clinic:
    """The services."""

    viewing: Viewing
    """Opens one-time links to results."""
    pages: ViewPages
    """Draws what they show."""
    feedback: CardFeedbackService
    """Keeps cards, and takes what is said of them."""
    slips: Slips
    """Makes slips for the medical record."""
    slip_pages: SlipPages
    """Draws them."""

    def sweep(self) -> None:
        """Forget links and cards whose time is over; a step of a loop."""
        self.viewing.sweep()
        self.feedback.sweep()
