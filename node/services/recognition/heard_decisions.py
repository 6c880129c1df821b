"""Hear what other institutions decided on results of this one: who relies on a record, and who does not want it.

A sender speaks for its own decisions, on results in the recipient's own log. A reversal that comes before its decision is
refused, and the sender's outbox brings it again. Left out: figures, which the regulator makes of the log alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from node.domain.entry import InstitutionId, Origin
from node.domain.message import MemberMessage
from node.errors import MalformedParameterError, UnknownDecisionError
from node.ports.recognition.decisions import HeardDecision, HeardDecisionStore
from node.ports.records.transaction import RecordsTransaction
from node.wire.members.decisions import parse_decision_message

MAX_LISTED = 1_000


class HeardDecisions:
    """Hears decisions."""

    def __init__(self, store: HeardDecisionStore, origins: Mapping[InstitutionId, Origin]) -> None:
        self._store = store
        self._origins = origins

    def heard(self, transaction: RecordsTransaction, message: MemberMessage) -> None:
        """Keep what a member decided; the handler of the inbox.

        Raises:
            MalformedParameterError: A result is not the recipient's.
            UnknownDecisionError: A reversal of what was never told.
        """
        told = parse_decision_message(message.body)
        if told.outcome == "reversed":
            if not self._store.reverse(transaction, message.sender, told.decision_id, told.at_ms):
                raise UnknownDecisionError(told.decision_id)
            return
        if any(each.origin != self._origins[message.recipient] for each in told.results):
            raise MalformedParameterError("results", "name entries of the recipient's own log")
        self._store.hear(
            transaction,
            [
                HeardDecision(
                    decision_id=told.decision_id,
                    institution=message.recipient,
                    decider=message.sender,
                    result=each,
                    outcome=told.outcome,
                    reason=told.reason,
                    decided_at_ms=told.at_ms,
                    reversed_at_ms=None,
                )
                for each in told.results
            ],
        )

    def list(self, institution: InstitutionId) -> Sequence[HeardDecision]:
        """Return what others decided on an institution's results, the newest first."""
        return self._store.heard(institution, MAX_LISTED)
