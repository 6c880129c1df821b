"""Requests to other members, and what came back, in `records.db`.

Ports: `ports.reading.retrievals`, `ports.records.bodies.RetrievedCopies`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from ledger.store.sql_statements import Statement
from node.adapters.database.driver import insert_rows
from node.adapters.database.reading.tables_retrievals import retrieval_requests, retrieved_parts
from node.adapters.database.records.transaction import connection_of
from node.domain.access import RequestId
from node.domain.entry import InstitutionId, LeafReference, Origin, Version
from node.domain.retrieval import RequestState, RetrievalId, RetrievalRequest, Target
from node.ports.reading.retrievals import SealedOrder, StateChange
from node.ports.records.transaction import RecordsTransaction

_TABLE: Final = retrieval_requests.c
_COLUMNS: Final = (
    _TABLE.request_id,
    _TABLE.retrieval_id,
    _TABLE.institution,
    _TABLE.holder,
    _TABLE.origin,
    _TABLE.leaf_index,
    _TABLE.leaf_hash,
    _TABLE.tag,
    _TABLE.version,
    _TABLE.state,
    _TABLE.reason,
    _TABLE.attempts,
    _TABLE.next_attempt_at_ms,
    _TABLE.created_at_ms,
    _TABLE.settled_at_ms,
)
_OF_REQUEST: Final = _TABLE.request_id == sa.bindparam("request")
_INSERT: Final = retrieval_requests.insert()
_DUE: Final = Statement(
    sa.select(*_COLUMNS)
    .where(_TABLE.settled_at_ms.is_(None), _TABLE.next_attempt_at_ms <= sa.bindparam("now_ms"))
    .order_by(_TABLE.next_attempt_at_ms, _TABLE.position)
    .limit(sa.bindparam("most"))
)
_ORDER: Final = Statement(sa.select(_TABLE.body_sealed, _TABLE.patient_sealed).where(_OF_REQUEST))
_REQUEST: Final = Statement(sa.select(*_COLUMNS).where(_OF_REQUEST))
_RETRIEVAL: Final = Statement(
    sa.select(*_COLUMNS)
    .where(_TABLE.retrieval_id == sa.bindparam("retrieval"), _TABLE.institution == sa.bindparam("of"))
    .order_by(_TABLE.position)
)
_CHANGE: Final = Statement(
    retrieval_requests.update()
    .where(_OF_REQUEST, _TABLE.settled_at_ms.is_(None))
    .values(
        state=sa.bindparam("new_state"),
        reason=sa.bindparam("why"),
        attempts=sa.bindparam("tried"),
        next_attempt_at_ms=sa.bindparam("next_at_ms"),
        settled_at_ms=sa.bindparam("at_ms"),
    )
)
_OPEN_COUNT: Final = Statement(sa.select(sa.func.count()).select_from(retrieval_requests).where(_TABLE.settled_at_ms.is_(None)))
_INSERT_PARTS: Final = retrieved_parts.insert()
_DROP_PARTS: Final = Statement(retrieved_parts.delete().where(retrieved_parts.c.request_id == sa.bindparam("request")))
_NUMBERS: Final = Statement(
    sa.select(retrieved_parts.c.number)
    .where(retrieved_parts.c.request_id == sa.bindparam("request"))
    .order_by(retrieved_parts.c.number)
)
_PART: Final = Statement(
    sa.select(retrieved_parts.c.sealed).where(
        retrieved_parts.c.request_id == sa.bindparam("request"), retrieved_parts.c.number == sa.bindparam("wanted")
    )
)


class SqlRetrievalStore:
    """Keeps requests."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def insert(self, transaction: RecordsTransaction, requests: Sequence[tuple[RetrievalRequest, SealedOrder]]) -> None:
        """Keep all requests of a retrieval, in their order."""
        values = [_values(position, request, order) for position, (request, order) in enumerate(requests)]
        insert_rows(connection_of(transaction), _INSERT, values)

    def due(self, now_ms: int, limit: int) -> list[RetrievalRequest]:
        """Return open requests that are to be sent now, oldest first."""
        return list(map(_request, _DUE.read(self._readers, now_ms=now_ms, most=limit)))

    def order(self, request_id: RequestId) -> SealedOrder | None:
        """Return what a request needs; None once it was forgotten."""
        row = _ORDER.read_one(self._readers, request=request_id)
        return None if row is None or row.body_sealed is None else SealedOrder(*row)

    def request(self, request_id: RequestId) -> RetrievalRequest | None:
        """Return a request."""
        row = _REQUEST.read_one(self._readers, request=request_id)
        return None if row is None else _request(row)

    def retrieval(self, institution: InstitutionId, retrieval_id: RetrievalId) -> list[RetrievalRequest]:
        """Return an institution's requests that were ordered together, in order; none for another institution's."""
        return list(map(_request, _RETRIEVAL.read(self._readers, retrieval=retrieval_id, of=institution)))

    def change(self, transaction: RecordsTransaction, request_id: RequestId, change: StateChange) -> bool:
        """Change a request's state; False where it was settled or forgotten meanwhile, and nothing was changed."""
        values = {
            "request": request_id,
            "new_state": change.state.value,
            "why": change.reason,
            "tried": change.attempts,
            "next_at_ms": change.next_attempt_at_ms,
            "at_ms": change.settled_at_ms,
        }
        return _CHANGE.run(connection_of(transaction), **values) > 0

    def keep_parts(self, transaction: RecordsTransaction, request_id: RequestId, parts: Sequence[tuple[int, bytes]]) -> None:
        """Keep parts that were verified, sealed; the head is number 0."""
        values = [(request_id, number, sealed) for number, sealed in parts]
        insert_rows(connection_of(transaction), _INSERT_PARTS, values)

    def drop_parts(self, transaction: RecordsTransaction, request_id: RequestId) -> None:
        """Remove what was kept of an answer."""
        _DROP_PARTS.run(connection_of(transaction), request=request_id)

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
        ((count,),) = _OPEN_COUNT.read(self._readers)
        return int(count)


class SqlRetrievedCopies:
    """Reads what came back; built for `services.disclosure` alone."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def numbers(self, request: RequestId) -> list[int]:
        """Return the numbers of a request's parts, the head's 0 first; none once they were forgotten."""
        return [row.number for row in _NUMBERS.read(self._readers, request=request)]

    def read(self, request: RequestId, number: int) -> bytes | None:
        """Return a part, sealed for this node, or None once it was forgotten."""
        row = _PART.read_one(self._readers, request=request, wanted=number)
        return None if row is None else row.sealed


def _values(position: int, request: RetrievalRequest, order: SealedOrder) -> tuple[object, ...]:
    """Write a `retrieval_requests` row, all columns in their order."""
    target = request.target
    return (
        request.request_id,
        request.retrieval_id,
        position,
        request.institution,
        target.holder,
        target.reference.origin,
        target.leaf_index,
        target.reference.leaf_hash,
        target.tag,
        target.version,
        request.state.value,
        request.reason,
        request.attempts,
        request.next_attempt_at_ms,
        request.created_at_ms,
        request.settled_at_ms,
        order.body,
        order.patient,
    )


def _request(row: Sequence[Any]) -> RetrievalRequest:
    request_id, retrieval_id, institution, holder, origin, leaf_index, leaf_hash, tag, version, *progress = row
    state, reason, attempts, next_attempt_at_ms, created_at_ms, settled_at_ms = progress
    return RetrievalRequest(
        request_id=RequestId(request_id),
        retrieval_id=RetrievalId(retrieval_id),
        institution=InstitutionId(institution),
        target=Target(LeafReference(Origin(origin), leaf_hash), leaf_index, InstitutionId(holder), tag, Version(version)),
        state=RequestState(state),
        reason=reason,
        attempts=attempts,
        next_attempt_at_ms=next_attempt_at_ms,
        created_at_ms=created_at_ms,
        settled_at_ms=settled_at_ms,
    )
