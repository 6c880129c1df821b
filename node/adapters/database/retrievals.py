"""Requests to other members, and what came back, in `records.db` (`ports.retrievals`, `ports.bodies.RetrievedCopies`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from node.adapters.database.tables_retrievals import retrieval_requests, retrieved_parts
from node.adapters.database.transaction import connection_of
from node.domain.access import RequestId
from node.domain.entry import InstitutionId, LeafReference, Origin, Version
from node.domain.retrieval import RequestState, RetrievalId, RetrievalRequest, Target
from node.ports.records import RecordsTransaction
from node.ports.retrievals import SealedOrder, StateChange


class SqlRetrievalStore:
    """Keeps requests."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def insert(self, transaction: RecordsTransaction, request: RetrievalRequest, order: SealedOrder) -> None:
        """Keep a request."""
        connection, target = connection_of(transaction), request.target
        together = retrieval_requests.c.retrieval_id == request.retrieval_id
        position = connection.execute(sa.select(sa.func.count()).select_from(retrieval_requests).where(together)).scalar_one()
        connection.execute(
            retrieval_requests.insert().values(
                request_id=request.request_id,
                retrieval_id=request.retrieval_id,
                position=position,
                institution=request.institution,
                holder=target.holder,
                origin=target.reference.origin,
                leaf_index=target.leaf_index,
                leaf_hash=target.reference.leaf_hash,
                tag=target.tag,
                version=target.version,
                state=request.state.value,
                reason=request.reason,
                attempts=request.attempts,
                next_attempt_at_ms=request.next_attempt_at_ms,
                created_at_ms=request.created_at_ms,
                settled_at_ms=request.settled_at_ms,
                body_sealed=order.body,
                patient_sealed=order.patient,
            )
        )

    def due(self, now_ms: int, limit: int) -> list[RetrievalRequest]:
        """Return open requests that are to be sent now, oldest first."""
        table = retrieval_requests
        waiting = sa.and_(table.c.settled_at_ms.is_(None), table.c.next_attempt_at_ms <= now_ms)
        return self._requests(sa.select(table).where(waiting).order_by(table.c.next_attempt_at_ms, table.c.position).limit(limit))

    def order(self, request_id: RequestId) -> SealedOrder | None:
        """Return what a request needs; None once it was forgotten."""
        table = retrieval_requests
        query = sa.select(table.c.body_sealed, table.c.patient_sealed).where(table.c.request_id == request_id)
        with self._readers.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None or row.body_sealed is None else SealedOrder(row.body_sealed, row.patient_sealed)

    def request(self, request_id: RequestId) -> RetrievalRequest | None:
        """Return a request."""
        found = self._requests(sa.select(retrieval_requests).where(retrieval_requests.c.request_id == request_id))
        return found[0] if found else None

    def retrieval(self, institution: InstitutionId, retrieval_id: RetrievalId) -> list[RetrievalRequest]:
        """Return an institution's requests that were ordered together, in order; none for another institution's."""
        table = retrieval_requests
        chosen = sa.and_(table.c.retrieval_id == retrieval_id, table.c.institution == institution)
        return self._requests(sa.select(table).where(chosen).order_by(table.c.position))

    def change(self, transaction: RecordsTransaction, request_id: RequestId, change: StateChange) -> bool:
        """Change a request's state; False where it was settled or forgotten meanwhile, and nothing was changed."""
        table = retrieval_requests
        result = connection_of(transaction).execute(
            table.update()
            .where(table.c.request_id == request_id, table.c.settled_at_ms.is_(None))
            .values(
                state=change.state.value,
                reason=change.reason,
                attempts=change.attempts,
                next_attempt_at_ms=change.next_attempt_at_ms,
                settled_at_ms=change.settled_at_ms,
            )
        )
        return result.rowcount > 0

    def keep_parts(self, transaction: RecordsTransaction, request_id: RequestId, parts: Sequence[tuple[int, bytes]]) -> None:
        """Keep parts that were verified, sealed; the head is number 0."""
        values = [{"request_id": request_id, "number": number, "sealed": sealed} for number, sealed in parts]
        connection_of(transaction).execute(retrieved_parts.insert(), values)

    def drop_parts(self, transaction: RecordsTransaction, request_id: RequestId) -> None:
        """Remove what was kept of an answer."""
        connection_of(transaction).execute(retrieved_parts.delete().where(retrieved_parts.c.request_id == request_id))

    def forget(self, transaction: RecordsTransaction, request_id: RequestId, at_ms: int) -> None:
        """Remove order and parts; the request stays as forgotten."""
        self.drop_parts(transaction, request_id)
        table = retrieval_requests
        connection_of(transaction).execute(
            table.update()
            .where(table.c.request_id == request_id)
            .values(state=RequestState.FORGOTTEN.value, settled_at_ms=at_ms, body_sealed=None, patient_sealed=None)
        )

    def open_count(self) -> int:
        """Return how many requests are open."""
        query = sa.select(sa.func.count()).select_from(retrieval_requests).where(retrieval_requests.c.settled_at_ms.is_(None))
        with self._readers.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def _requests(self, query: sa.Select[Any]) -> list[RetrievalRequest]:
        with self._readers.connect() as connection:
            return [_request(row) for row in connection.execute(query)]


class SqlRetrievedCopies:
    """Reads what came back; built for `services.disclosure` alone."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def numbers(self, request: RequestId) -> list[int]:
        """Return the numbers of a request's parts, the head's 0 first; none once they were forgotten."""
        query = sa.select(retrieved_parts.c.number).where(retrieved_parts.c.request_id == request)
        with self._readers.connect() as connection:
            return list(connection.scalars(query.order_by(retrieved_parts.c.number)))

    def read(self, request: RequestId, number: int) -> bytes | None:
        """Return a part, sealed for this node, or None once it was forgotten."""
        chosen = sa.and_(retrieved_parts.c.request_id == request, retrieved_parts.c.number == number)
        with self._readers.connect() as connection:
            return connection.execute(sa.select(retrieved_parts.c.sealed).where(chosen)).scalar()


def _request(row: sa.Row[Any]) -> RetrievalRequest:
    target = Target(
        reference=LeafReference(Origin(row.origin), row.leaf_hash),
        leaf_index=row.leaf_index,
        holder=InstitutionId(row.holder),
        tag=row.tag,
        version=Version(row.version),
    )
    return RetrievalRequest(
        request_id=RequestId(row.request_id),
        retrieval_id=RetrievalId(row.retrieval_id),
        institution=InstitutionId(row.institution),
        target=target,
        state=RequestState(row.state),
        reason=row.reason,
        attempts=row.attempts,
        next_attempt_at_ms=row.next_attempt_at_ms,
        created_at_ms=row.created_at_ms,
        settled_at_ms=row.settled_at_ms,
    )
