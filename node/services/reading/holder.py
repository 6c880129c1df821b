"""The holder's answer to another member as it goes out: parsed, decided, logged, sealed to the key that the registry names."""

from __future__ import annotations

from node.domain.entry import InstitutionId
from node.errors import AccessDeniedError
from node.policy.decision import DenialReason
from node.ports.clock import Clock
from node.ports.members.membership import KeyDirectory
from node.ports.records.transaction import Act
from node.services.reading.disclosure_stream import SealedDisclosure, seal_disclosure
from node.services.reading.disclosures import Disclosures
from node.telemetry import DISCLOSURES
from node.wire.members.disclosure import parse_request

_EXCHANGE_KEY = "exchange"


class Holder:
    """Answers requests."""

    def __init__(self, disclosures: Disclosures, directory: KeyDirectory, clock: Clock) -> None:
        self._disclosures = disclosures
        self._directory = directory
        self._clock = clock

    def disclose(self, requester: InstitutionId, body: bytes, act: Act) -> SealedDisclosure:
        """Answer a request; its receipt is durable when this returns or denies.

        Args:
            requester: Who signed it.
            body: The request, as it was signed.
            act: Runs the transaction that decides and logs.

        Raises:
            WireError: It is none.
            AccessDeniedError: Policy says no.
            TooManyDenialsError: This requester was denied too often of late.
            RequestConflictError: Another request has its id.
        """
        request = parse_request(body)
        # before the decision: what could not be sealed must not count as disclosed
        keys = self._directory.keys(requester, _EXCHANGE_KEY, self._clock.now())
        if not keys:
            raise AccessDeniedError(DenialReason.REQUESTER_NOT_ACTIVE.value)
        try:
            basis, evidence = self._disclosures.answer(request, requester, body, act)
        except AccessDeniedError:
            DISCLOSURES.labels(request.audience, "denied").inc()
            raise
        DISCLOSURES.labels(request.audience, "disclosed").inc()
        return seal_disclosure(basis, evidence, keys[0].value, request.request_id)
