"""Decisions, and what others decided, in `records.db` (`ports.decisions`)."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from node.adapters.database.tables_checks import decisions, heard_decisions
from node.adapters.database.tables_retrievals import retrieval_requests
from node.adapters.database.transaction import connection_of
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.recognition_acts import CheckId, DecisionId
from node.domain.retrieval import RequestState
from node.ports.decisions import HeardDecision, KeptDecision
from node.ports.records import RecordsTransaction

_CHUNK = 400
"""Values in one IN list: below every engine's limit on bound parameters."""


class SqlDecisionStore:
    """A `DecisionStore`."""

    def keep(self, transaction: RecordsTransaction, decision: KeptDecision) -> None:
        """Keep a decision."""
        connection_of(transaction).execute(
            decisions.insert().values(
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
        )

    def decision(self, transaction: RecordsTransaction, institution: InstitutionId, decision_id: DecisionId) -> KeptDecision | None:
        """Return an institution's decision; None for another institution's."""
        return self._one(transaction, decisions.c.decision_id == decision_id, decisions.c.institution == institution)

    def standing(self, transaction: RecordsTransaction, institution: InstitutionId, order_mac: bytes) -> KeptDecision | None:
        """Return the decision that stands for an order line."""
        own = decisions.c.institution == institution
        return self._one(transaction, own, decisions.c.order_mac == order_mac, decisions.c.reversed_at_ms.is_(None))

    def reverse(self, transaction: RecordsTransaction, decision_id: DecisionId, at_ms: int) -> None:
        """Note that a decision was taken back."""
        chosen = decisions.c.decision_id == decision_id
        connection_of(transaction).execute(decisions.update().where(chosen).values(reversed_at_ms=at_ms))

    def _one(self, transaction: RecordsTransaction, *chosen: sa.ColumnElement[bool]) -> KeptDecision | None:
        row = connection_of(transaction).execute(sa.select(decisions).where(*chosen)).one_or_none()
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
        connection, table = connection_of(transaction), heard_decisions
        for each in heard:
            key = sa.and_(
                table.c.decider == each.decider,
                table.c.decision_id == each.decision_id,
                table.c.origin == each.result.origin,
                table.c.leaf_hash == each.result.leaf_hash,
            )
            if connection.execute(sa.select(table.c.decider).where(key)).first() is None:
                connection.execute(
                    table.insert().values(
                        decider=each.decider,
                        decision_id=each.decision_id,
                        origin=each.result.origin,
                        leaf_hash=each.result.leaf_hash,
                        institution=each.institution,
                        outcome=each.outcome,
                        reason=each.reason,
                        decided_at_ms=each.decided_at_ms,
                        reversed_at_ms=each.reversed_at_ms,
                    )
                )

    def reverse(self, transaction: RecordsTransaction, decider: InstitutionId, decision_id: DecisionId, at_ms: int) -> bool:
        """Note that a decision was taken back; False where it is not known (yet)."""
        table = heard_decisions
        chosen = sa.and_(table.c.decider == decider, table.c.decision_id == decision_id)
        return connection_of(transaction).execute(table.update().where(chosen).values(reversed_at_ms=at_ms)).rowcount > 0

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
    """Knows what was retrieved and verified (`ports.decisions.VerifiedRetrievals`)."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def verified(self, institution: InstitutionId, results: Sequence[LeafReference]) -> frozenset[LeafReference]:
        """Return those of these results that an institution retrieved, verified and still keeps."""
        table, wanted = retrieval_requests, frozenset(results)
        columns = sa.select(table.c.origin, table.c.leaf_hash)
        own = sa.and_(table.c.institution == institution, table.c.state == RequestState.VERIFIED.value)
        hashes = sorted({each.leaf_hash for each in wanted})
        found: set[LeafReference] = set()
        with self._readers.connect() as connection:
            for start in range(0, len(hashes), _CHUNK):
                query = columns.where(own, table.c.leaf_hash.in_(hashes[start : start + _CHUNK]))
                found.update(LeafReference(Origin(row.origin), row.leaf_hash) for row in connection.execute(query))
        return wanted & found
