"""What the chain says of consents and emergencies, fresh enough to decide on."""

from __future__ import annotations

from typing import Protocol

from node.domain.access import ConsentId
from node.domain.consent_message import EmergencyId
from node.domain.consent_state import ConsentReading, EmergencyState


class ConsentStates(Protocol):
    """Reads states; any thread."""

    def read(self, consent: ConsentId) -> ConsentReading:
        """Return what the chain says of a consent, no older than the settings allow.

        Raises:
            ConsentStateUnknownError: It cannot be known now.
        """

    def emergency(self, emergency: EmergencyId) -> EmergencyState | None:
        """Return what the chain says of an emergency at its newest block.

        Raises:
            ConsentStateUnknownError: The chain does not answer.
        """
