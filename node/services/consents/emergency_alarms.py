"""Alarms of emergencies: whoever holds what is read without consent learns of it at once, and whatever happens to the request.

The requester tells the holder through the outbox, in the transaction that orders; the holder's own alarm is raised in the
transaction that logs the access. Both are events and metrics for the people who watch; the receipts are the record.
"""

from __future__ import annotations

import msgspec
import structlog

from node.domain.entry import InstitutionId
from node.domain.message import MemberMessage
from node.ports.records.transaction import RecordsTransaction
from node.services.members.outbox import Outbox
from node.telemetry import EMERGENCY_ACCESSES
from node.wire.members.disclosure import DisclosureRequest

log = structlog.get_logger(__name__)

ALARM = "emergency-alarm"
"""Kind of the message."""


class EmergencyAlarms:
    """Sends, receives and raises alarms."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def announce(self, transaction: RecordsTransaction, institution: InstitutionId, request: DisclosureRequest) -> None:
        """Tell a holder that somebody here is about to read without consent, durably with the caller's transaction."""
        if request.emergency is None:
            return
        emergency = request.emergency.emergency_id.hex()
        body = msgspec.json.encode({"emergency_id": emergency, "request_id": request.request_id})
        self._outbox.tell(transaction, institution, [request.audience], ALARM, emergency, body)

    def heard(self, transaction: RecordsTransaction, message: MemberMessage) -> None:
        """Raise the alarm that a requester sent."""
        del transaction
        log.warning("emergency_announced", holder=message.recipient, requester=message.sender, emergency=message.subject)
        EMERGENCY_ACCESSES.labels(message.recipient, "announced").inc()

    def disclosed(self, transaction: RecordsTransaction, request: DisclosureRequest, requester: InstitutionId) -> None:
        """Raise the alarm that somebody reads without consent now."""
        del transaction
        log.warning("emergency_access", holder=request.audience, requester=requester, request_id=request.request_id)
        EMERGENCY_ACCESSES.labels(request.audience, "disclosed").inc()
