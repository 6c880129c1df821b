"""Decisions, and what others decided, in `records.db` (`ports.recognition.decisions`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ledger.store.sql_statements import Statement
from node.adapters.database.reading.tables_retrievals import retrieval_requests
from node.adapters.database.recognition.tables_checks import decisions, heard_decisions
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.recognition_acts import CheckId, DecisionId
from node.domain.retrieval import RequestState
from node.ports.recognition.decisions import HeardDecision, KeptDecision
from node.ports.records.transaction import RecordsTransaction

_CHUNK = 400
"""Values in one IN list: below every engine's limit on bound parameters."""
_OWN = decisions.c.institution == sa.bindparam("institution")
_KEEP = Statement(decisions.insert())
_DECISION = Statement(sa.select(decisions).where(decisions.c.decision_id == sa.bindparam("decision"), _OWN))
_STANDING = Statement(
    sa.select(decisions).where(_OWN, decisions.c.order_mac == sa.bindparam("mac"), decisions.c.reversed_at_ms.is_(None))
)
_REVERSE = Statement(
    decisions.update().where(decisions.c.decision_id == sa.bindparam("decision")).values(reversed_at_ms=sa.bindparam("at"))
)
_OF_DECIDER = sa.and_(heard_decisions.c.decider == sa.bindparam("by"), heard_decisions.c.decision_id == sa.bindparam("decision"))
_HEARD = Statement(
    sa.select(heard_decisions.c.decider).where(
        _OF_DECIDER, heard_decisions.c.origin == sa.bindparam("log"), heard_decisions.c.leaf_hash == sa.bindparam("leaf")
    )
)
_HEAR = Statement(heard_decisions.insert())
_REVERSE_HEARD = Statement(heard_decisions.update().where(_OF_DECIDER).values(reversed_at_ms=sa.bindparam("at")))
_VERIFIED = Statement(
    sa.select(retrieval_requests.c.origin, retrieval_requests.c.leaf_hash).where(
        retrieval_requests.c.institution == sa.bindparam("institution"),
        retrieval_requests.c.state == RequestState.VERIFIED.value,
        retrieval_requests.c.leaf_hash.in_(sa.bindparam("hashes", expanding=True)),
    )
)


class SqlDecisionStore:
    """A `DecisionStore`."""

    def keep(self, transaction: RecordsTransaction, decision: KeptDecision) -> None:
        """Keep a decision."""
        _KEEP.run(
            connection_of(transaction),
            decision_id=decision.decision_id,
            check_id=decision.check_id,
            institution=decision.institution,
            order_mac=decision.order_mac,
            origin=decision.entry.origin,
            leaf_hash=decision.entry.leaf_hash,
            decided_at_ms=decision.decided_at_ms,
            reversed_at_ms=decision.reversed_at_ms,
            content_sealed=decision.content,
            patient_sealed=decision.patient,
        )

    def decision(self, transaction: RecordsTransaction, institution: InstitutionId, decision_id: DecisionId) -> KeptDecision | None:
        """Return an institution's decision; None for another institution's."""
        return _decision(_DECISION.row(connection_of(transaction), decision=decision_id, institution=institution))

    def standing(self, transaction: RecordsTransaction, institution: InstitutionId, order_mac: bytes) -> KeptDecision | None:
        """Return the decision that stands for an order line."""
        return _decision(_STANDING.row(connection_of(transaction), institution=institution, mac=order_mac))

    def reverse(self, transaction: RecordsTransaction, decision_id: DecisionId, at_ms: int) -> None:
        """Note that a decision was taken back."""
        _REVERSE.run(connection_of(transaction), decision=decision_id, at=at_ms)


def _decision(row: Any) -> KeptDecision | None:  # noqa: ANN401 - a row of `decisions`, or None
    if row is None:
        return None
    return KeptDecision(
        decision_id=DecisionId(row.decision_id),
        check_id=CheckId(row.check_id),
        institution=InstitutionId(row.institution),
        order_mac=row.order_mac,
        entry=LeafReference(Origin(row.origin), row.leaf_hash),
        decided_at_ms=row.decided_at_ms,
        reversed_at_ms=row.reversed_at_ms,
        content=row.content_sealed,
        patient=row.patient_sealed,
    )


class SqlHeardDecisionStore:
    """A `HeardDecisionStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def hear(self, transaction: RecordsTransaction, heard: Sequence[HeardDecision]) -> None:
        """Keep decisions, those that are known already apart."""
        connection = connection_of(transaction)
        for each in heard:
            origin, leaf_hash = each.result.origin, each.result.leaf_hash
            if _HEARD.row(connection, by=each.decider, decision=each.decision_id, log=origin, leaf=leaf_hash) is None:
                _HEAR.run(
                    connection,
                    decider=each.decider,
                    decision_id=each.decision_id,
                    origin=origin,
                    leaf_hash=leaf_hash,
                    institution=each.institution,
                    outcome=each.outcome,
                    reason=each.reason,
                    decided_at_ms=each.decided_at_ms,
                    reversed_at_ms=each.reversed_at_ms,
                )

    def reverse(self, transaction: RecordsTransaction, decider: InstitutionId, decision_id: DecisionId, at_ms: int) -> bool:
        """Note that a decision was taken back; False where it is not known (yet)."""
        return _REVERSE_HEARD.run(connection_of(transaction), by=decider, decision=decision_id, at=at_ms) > 0

    def heard(self, institution: InstitutionId, limit: int) -> list[HeardDecision]:
        """Return what others decided on an institution's results, the newest first."""
        table = heard_decisions
        query = sa.select(table).where(table.c.institution == institution).order_by(table.c.decided_at_ms.desc()).limit(limit)
        with self._readers.connect() as connection:
            return [
                HeardDecision(
                    decision_id=DecisionId(row.decision_id),
                    institution=InstitutionId(row.institution),
                    decider=InstitutionId(row.decider),
                    result=LeafReference(Origin(row.origin), row.leaf_hash),
                    outcome=row.outcome,
                    reason=row.reason,
                    decided_at_ms=row.decided_at_ms,
                    reversed_at_ms=row.reversed_at_ms,
                )
                for row in connection.execute(query)
            ]


class SqlVerifiedRetrievals:
    """Knows what was retrieved and verified (`ports.recognition.decisions.VerifiedRetrievals`)."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def verified(self, institution: InstitutionId, results: Sequence[LeafReference]) -> frozenset[LeafReference]:
        """Return those of these results that an institution retrieved, verified and still keeps."""
        wanted = frozenset(results)
        hashes = sorted({each.leaf_hash for each in wanted})
        found: set[LeafReference] = set()
        for start in range(0, len(hashes), _CHUNK):
            rows = _VERIFIED.read(self._readers, institution=institution, hashes=hashes[start : start + _CHUNK])
            found.update(LeafReference(Origin(row.origin), row.leaf_hash) for row in rows)
        return wanted & found
