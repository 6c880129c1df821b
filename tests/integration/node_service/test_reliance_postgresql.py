"""Recognitions and what became of their results, on PostgreSQL: what is noted is found, followed and looked at again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from node.adapters.database.reliance import SqlRelianceStore
from node.adapters.database.tables import records_metadata
from node.adapters.database.transaction import SqlRecordsTransaction
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.supervision.findings import EntryPlace
from node.supervision.reliance import Reliance, ReliancePart, Replaced, TakenBack
from tests.integration.ledger_log.test_postgresql import server_url

__all__ = ["server_url"]
pytestmark = [pytest.mark.slow, pytest.mark.network]

A, B = InstitutionId("hospital-a"), InstitutionId("hospital-b")
LOG_A, LOG_B = Origin("hospital-a.example/log"), Origin("hospital-b.example/log")
RESULT, DECISION = LeafReference(LOG_A, b"r" * 32), LeafReference(LOG_B, b"d" * 32)
AMENDED = EntryPlace(LOG_A, 2, b"a" * 32, 5)
RELIANCE = Reliance(EntryPlace(LOG_B, 7, b"d" * 32, 9), B, A, RESULT)


@pytest.fixture
def engine(server_url: sa.URL) -> Iterator[sa.Engine]:
    made = sa.create_engine(server_url)
    records_metadata.create_all(made)
    yield made
    records_metadata.drop_all(made)
    made.dispose()


def note(engine: sa.Engine, store: SqlRelianceStore, now_ms: int, *said: ReliancePart) -> None:
    with engine.begin() as connection:
        store.note(SqlRecordsTransaction(connection), said, now_ms)


def test_what_concerns_a_recognition_has_it_looked_at_again(engine: sa.Engine) -> None:
    store = SqlRelianceStore(engine)
    note(engine, store, 1_000, RELIANCE, RELIANCE)
    assert store.due(2_000, 10) == []
    note(engine, store, 2_000, Replaced(AMENDED, RESULT.leaf_hash, is_withdrawal=False))
    assert store.due(2_000, 10) == [DECISION]
    with engine.begin() as connection:
        store.look_again(SqlRecordsTransaction(connection), {DECISION: None})
    assert store.due(3_000, 10) == []
    withdrawal = Replaced(EntryPlace(LOG_A, 3, b"w" * 32, 5), AMENDED.leaf_hash, is_withdrawal=True)
    note(engine, store, 3_000, withdrawal, withdrawal)
    assert store.due(3_000, 10) == [DECISION]
    ((kept,),) = [store.replacements([LeafReference(LOG_A, AMENDED.leaf_hash)])[LeafReference(LOG_A, AMENDED.leaf_hash)]]
    assert (kept.place, kept.is_withdrawal, kept.seen_at_ms) == (withdrawal.place, True, 3_000)
    assert [each.is_taken_back for each in store.reliances([DECISION])] == [False]
    note(engine, store, 4_000, TakenBack(A, DECISION), TakenBack(B, DECISION))
    (kept_reliance,) = store.reliances([DECISION])
    assert (kept_reliance.reliance, kept_reliance.is_taken_back) == (RELIANCE, True)


def test_a_recognition_that_is_read_after_the_withdrawal_is_looked_at(engine: sa.Engine) -> None:
    store = SqlRelianceStore(engine)
    note(engine, store, 1_000, Replaced(AMENDED, RESULT.leaf_hash, is_withdrawal=True))
    note(engine, store, 2_000, RELIANCE)
    assert store.due(2_000, 10) == [DECISION]
    assert store.replacements([RESULT])[RESULT][0].place == AMENDED
