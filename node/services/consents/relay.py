"""Send signed messages to the `consents` contract until they are final: whoever signed them need not be there any more.

What is sent, and whether again, is decided from contract state alone: after a crash, a reorganisation or an answer that was
lost the next step finds out what the chain has. A message that the contract refuses by name is kept as refused.
"""

from __future__ import annotations

import structlog

from node.domain.access import ConsentId
from node.domain.consent_message import (
    Grant,
    InstitutionGrant,
    InstitutionRevoke,
    OpenEmergency,
    ReviewEmergency,
    Revoke,
)
from node.domain.consent_state import ConsentState
from node.errors import TransactionMissingError, TransactionRevertedError
from node.ports.consents.store import ConsentChain, ConsentStore, MessageStage, QueuedMessage
from node.ports.records.transaction import RecordsWriter

log = structlog.get_logger(__name__)


class ConsentRelay:
    """Takes what is queued to the chain."""

    def __init__(self, chain: ConsentChain, store: ConsentStore, writer: RecordsWriter) -> None:
        self._chain = chain
        self._store = store
        self._writer = writer

    def step(self) -> None:
        """Take every waiting message one step on; the step of a loop.

        Raises:
            ChainError: The chain does not answer; everything waits.
        """
        granting: set[ConsentId] = set()
        for queued in self._store.waiting():
            message = queued.signed.message
            if isinstance(message, Revoke | InstitutionRevoke) and message.consent in granting:
                continue  # its grant comes first
            if not self._is_settled(queued) and isinstance(message, Grant | InstitutionGrant):
                granting.add(message.consent)

    def _is_settled(self, queued: QueuedMessage) -> bool:
        in_final, in_newest = self._seen(queued)
        if in_final:
            self._settle(queued, MessageStage.FINAL, "")
            return True
        if in_newest:
            return False
        try:
            self._chain.send(queued.signed, queued.patient_key)
        except TransactionRevertedError as error:
            # refused because it has just happened: the next step sees it
            if not any(self._seen(queued)):
                log.warning("consent_message_refused", message=type(queued.signed.message).__name__, reason=error.name)
                self._settle(queued, MessageStage.REFUSED, error.name)
                return True
        except TransactionMissingError as error:
            log.warning("consent_message_in_no_block_yet", reason=str(error))
        return self._seen(queued)[0] and self._settle(queued, MessageStage.FINAL, "")

    def _settle(self, queued: QueuedMessage, stage: MessageStage, reason: str) -> bool:
        self._writer.submit(lambda transaction: self._store.set_stage(transaction, queued.number, stage, reason)).result()
        return True

    def _seen(self, queued: QueuedMessage) -> tuple[bool, bool]:
        """Tell whether what a message asks for is in the final, and in the newest block's state."""
        message = queued.signed.message
        if isinstance(message, OpenEmergency | ReviewEmergency):
            # an emergency is cited at the newest block: it is reviewed whatever becomes of its block
            state = self._chain.emergency(message.emergency)
            done = state is not None and (isinstance(message, OpenEmergency) or state.reviewed_at_s is not None)
            return done, done
        reading = self._chain.consent(message.consent)
        return _has(reading.final, queued), _has(reading.newest, queued)


def _has(state: ConsentState | None, queued: QueuedMessage) -> bool:
    message = queued.signed.message
    if state is None:
        return False
    if isinstance(message, Grant | InstitutionGrant):
        # the same id with another scope or key is somebody else's consent
        return state.scope == message.scope and state.patient_key == queued.patient_key
    return state.revoked_at_s is not None
