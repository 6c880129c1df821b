"""Recognitions and what they rest on, in `records.db` (`ports.recognition.reliance`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store.sql_statements import Statement
from node.adapters.database.recognition.tables_reliance import (
    lifted_recalls,
    reliances,
    result_replacements,
    retrieved_results,
    reversals,
)
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.ports.recognition.reliance import KeptReliance, KeptReplacement
from node.ports.records.transaction import RecordsTransaction
from node.supervision.findings import EntryPlace
from node.supervision.reliance import (
    RETRIEVAL_GRACE_MS,
    Lifted,
    Reliance,
    ReliancePart,
    Replaced,
    RetrievedResult,
    TakenBack,
)

_CHUNK: Final = 500
_LIFTED_AT: Final = (
    sa.select(lifted_recalls.c.at_ms)
    .where(
        lifted_recalls.c.recall_id == result_replacements.c.recall_id,
        lifted_recalls.c.origin == result_replacements.c.origin,
        lifted_recalls.c.leaf_index > result_replacements.c.leaf_index,
    )
    .order_by(lifted_recalls.c.leaf_index)
    .limit(1)
    .scalar_subquery()
)
"""When the recall behind a replacement was lifted: by the first lifting after it."""


def _insert_new(table: sa.Table) -> Statement:
    return Statement(
        {
            "sqlite": sqlite.insert(table).on_conflict_do_nothing(),
            "postgresql": postgresql.insert(table).on_conflict_do_nothing(),
        }
    )


_KEEP_RELIANCE: Final = _insert_new(reliances)
_KEEP_REPLACEMENT: Final = _insert_new(result_replacements)
_KEEP_REVERSAL: Final = _insert_new(reversals)
_KEEP_LIFTING: Final = _insert_new(lifted_recalls)
_KEEP_RETRIEVAL: Final = _insert_new(retrieved_results)
_LOG: Final[sa.BindParameter[str]] = sa.bindparam("log")
_LEAF: Final[sa.BindParameter[bytes]] = sa.bindparam("leaf")
_AT: Final[sa.BindParameter[int]] = sa.bindparam("at")
_IS_REPLACED: Final = Statement(
    sa.select(result_replacements.c.leaf_index)
    .where(result_replacements.c.replaces == _LEAF, result_replacements.c.origin == _LOG)
    .limit(1)
)
_VERSION_BEFORE: Final = Statement(
    sa.select(result_replacements.c.replaces).where(result_replacements.c.leaf_hash == _LEAF, result_replacements.c.origin == _LOG)
)
_OF_DECISION: Final = sa.and_(reliances.c.decision_origin == _LOG, reliances.c.decision_hash == _LEAF)
_LOOK_AT_DECISION: Final = Statement(reliances.update().where(_OF_DECISION).values(look_at_ms=_AT))
_LOOK_AT_OWN: Final = Statement(
    reliances.update().where(_OF_DECISION, reliances.c.institution == sa.bindparam("by")).values(look_at_ms=_AT)
)
_LOOK_AT_RESULT: Final = Statement(
    reliances.update().where(reliances.c.result_hash == _LEAF, reliances.c.result_origin == _LOG).values(look_at_ms=_AT)
)
_LOOK_AT_USE: Final = Statement(
    reliances.update()
    .where(
        reliances.c.result_hash == _LEAF,
        reliances.c.result_origin == _LOG,
        reliances.c.institution == sa.bindparam("by"),
    )
    .values(look_at_ms=_AT)
)


class SqlRelianceStore:
    """A `RelianceStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def note(self, transaction: RecordsTransaction, said: Sequence[ReliancePart], now_ms: int) -> None:
        """Keep what entries say, and have the recognitions that it concerns looked at."""
        connection = connection_of(transaction)
        # replacements first: a recognition that comes with them finds them
        for each in sorted(said, key=lambda part: isinstance(part, Reliance)):
            match each:
                case Replaced():
                    _keep_replacement(connection, each, now_ms)
                case Lifted():
                    _keep_lifting(connection, each, now_ms)
                case TakenBack():
                    _keep_reversal(connection, each, now_ms)
                case RetrievedResult():
                    _keep_retrieval(connection, each, now_ms)
                case Reliance():
                    _keep_reliance(connection, each, now_ms)

    def due(self, now_ms: int, limit: int) -> list[LeafReference]:
        """Return decisions to look at, the longest overdue first."""
        table = reliances
        decision = table.c.decision_origin, table.c.decision_hash
        first = sa.func.min(table.c.look_at_ms)
        query = sa.select(*decision).where(table.c.look_at_ms <= now_ms).group_by(*decision).order_by(first).limit(limit)
        with self._readers.connect() as connection:
            return [LeafReference(Origin(origin), bytes(leaf_hash)) for origin, leaf_hash in connection.execute(query)]

    def reliances(self, decisions: Collection[LeafReference]) -> list[KeptReliance]:
        """Return what decisions rest on."""
        table = reliances
        same = sa.and_(
            reversals.c.institution == table.c.institution,
            reversals.c.decision_origin == table.c.decision_origin,
            reversals.c.decision_hash == table.c.decision_hash,
        )
        got = sa.and_(
            retrieved_results.c.institution == table.c.institution,
            retrieved_results.c.result_origin == table.c.result_origin,
            retrieved_results.c.result_hash == table.c.result_hash,
        )
        query = sa.select(
            table,
            sa.select(reversals.c.institution).where(same).exists().label("is_taken_back"),
            sa.select(retrieved_results.c.institution).where(got).exists().label("is_retrieved"),
        )
        wanted = set(decisions)
        rows = self._chosen(query, table.c.decision_hash, [each.leaf_hash for each in wanted])
        found = [_reliance(row) for row in rows]
        return [each for each in found if _reference(each.reliance.decision) in wanted]

    def replacements(self, results: Collection[LeafReference]) -> Mapping[LeafReference, Sequence[KeptReplacement]]:
        """Return what replaces versions of results at once; nothing for most."""
        wanted, found = set(results), defaultdict[LeafReference, list[KeptReplacement]](list)
        table = result_replacements
        query = sa.select(table, _LIFTED_AT.label("lifted_at_ms"))
        for row in self._chosen(query, table.c.replaces, [each.leaf_hash for each in wanted]):
            replaced = LeafReference(Origin(row.origin), bytes(row.replaces))
            if replaced in wanted:
                place = EntryPlace(replaced.origin, row.leaf_index, bytes(row.leaf_hash), row.tree_size)
                found[replaced].append(KeptReplacement(place, row.seen_at_ms, row.is_withdrawal, row.at_ms, row.lifted_at_ms))
        return found

    def look_again(self, transaction: RecordsTransaction, looks: Mapping[LeafReference, int | None]) -> None:
        """Set when to look at decisions, unix ms; None for not until something new is read."""
        connection = connection_of(transaction)
        for decision, look_at_ms in looks.items():
            _LOOK_AT_DECISION.run(connection, log=decision.origin, leaf=decision.leaf_hash, at=look_at_ms)

    def _chosen(self, query: sa.Select[Any], column: sa.Column[bytes], hashes: Sequence[bytes]) -> Iterator[sa.Row[Any]]:
        with self._readers.connect() as connection:
            for start in range(0, len(hashes), _CHUNK):
                yield from connection.execute(query.where(column.in_(hashes[start : start + _CHUNK])))


def _keep_reliance(connection: sa.Connection, said: Reliance, now_ms: int) -> None:
    is_replaced = _IS_REPLACED.row(connection, leaf=said.result.leaf_hash, log=said.result.origin) is not None
    values: dict[str, object] = {
        "decision_origin": said.decision.origin,
        "decision_hash": said.decision.leaf_hash,
        "decision_index": said.decision.leaf_index,
        "tree_size": said.decision.tree_size,
        "result_origin": said.result.origin,
        "result_hash": said.result.leaf_hash,
        "institution": said.institution,
        "issuer": said.issuer,
        "decided_at_ms": said.at_ms,
        "seen_at_ms": now_ms,
        "look_at_ms": now_ms if is_replaced else now_ms + RETRIEVAL_GRACE_MS,
    }
    # a header may name a result twice
    _KEEP_RELIANCE.run(connection, **values)


def _keep_replacement(connection: sa.Connection, said: Replaced, now_ms: int) -> None:
    place = said.place
    values: dict[str, object] = {
        "origin": place.origin,
        "leaf_index": place.leaf_index,
        "leaf_hash": place.leaf_hash,
        "tree_size": place.tree_size,
        "replaces": said.replaces,
        "is_withdrawal": said.is_withdrawal,
        "at_ms": said.at_ms,
        "recall_id": said.recall_id,
        "seen_at_ms": now_ms,
    }
    _KEEP_REPLACEMENT.run(connection, **values)
    # versions before it, too: whoever recognised the first one relies on what the last one took back
    for version in _versions_before(connection, place.origin, said.replaces):
        _LOOK_AT_RESULT.run(connection, leaf=version, log=place.origin, at=now_ms)


def _keep_lifting(connection: sa.Connection, said: Lifted, now_ms: int) -> None:
    table, place = result_replacements, said.place
    at = {"recall_id": said.recall_id, "origin": place.origin, "leaf_index": place.leaf_index}
    _KEEP_LIFTING.run(connection, **at, at_ms=said.at_ms)
    # whoever relies on what the recall listed, or on a version before it; in one statement: it may have listed a million
    recalled = sa.select(table.c.replaces).where(table.c.recall_id == said.recall_id, table.c.origin == place.origin)
    versions = recalled.cte("versions", recursive=True)
    before = sa.select(table.c.replaces).where(table.c.leaf_hash == versions.c.replaces, table.c.origin == place.origin)
    versions = versions.union(before)
    chosen = sa.and_(reliances.c.result_hash.in_(sa.select(versions.c.replaces)), reliances.c.result_origin == place.origin)
    connection.execute(reliances.update().where(chosen).values(look_at_ms=now_ms))


def _versions_before(connection: sa.Connection, origin: Origin, leaf_hash: bytes) -> Iterator[bytes]:
    seen, left = set[bytes](), [leaf_hash]
    while left:
        version = left.pop()
        if version in seen:
            continue
        seen.add(version)
        yield version
        left += [bytes(row.replaces) for row in _VERSION_BEFORE.rows(connection, leaf=version, log=origin)]


def _keep_retrieval(connection: sa.Connection, said: RetrievedResult, now_ms: int) -> None:
    result = {"result_origin": said.result.origin, "result_hash": said.result.leaf_hash}
    _KEEP_RETRIEVAL.run(connection, institution=said.institution, **result)
    _LOOK_AT_USE.run(connection, by=said.institution, log=said.result.origin, leaf=said.result.leaf_hash, at=now_ms)


def _keep_reversal(connection: sa.Connection, said: TakenBack, now_ms: int) -> None:
    origin, leaf_hash = said.decision.origin, said.decision.leaf_hash
    _KEEP_REVERSAL.run(connection, institution=said.institution, decision_origin=origin, decision_hash=leaf_hash)
    _LOOK_AT_OWN.run(connection, log=origin, leaf=leaf_hash, by=said.institution, at=now_ms)


def _reference(place: EntryPlace) -> LeafReference:
    return LeafReference(place.origin, place.leaf_hash)


def _reliance(row: sa.Row[Any]) -> KeptReliance:
    decision = EntryPlace(Origin(row.decision_origin), row.decision_index, bytes(row.decision_hash), row.tree_size)
    result = LeafReference(Origin(row.result_origin), bytes(row.result_hash))
    said = Reliance(decision, InstitutionId(row.institution), InstitutionId(row.issuer), result, row.decided_at_ms)
    return KeptReliance(said, row.seen_at_ms, bool(row.is_taken_back), bool(row.is_retrieved))
