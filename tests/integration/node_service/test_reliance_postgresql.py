"""Recognitions and what became of their results, on PostgreSQL: what is noted is found, followed and looked at again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from node.adapters.database.recognition.reliance import SqlRelianceStore
from node.adapters.database.records.tables import records_metadata
from node.adapters.database.records.transaction import SqlRecordsTransaction
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.recall import RecallId
from node.supervision.findings import EntryPlace
from node.supervision.reliance import Lifted, Reliance, ReliancePart, Replaced, TakenBack
from tests.integration.ledger_log.test_postgresql import server_url

__all__ = ["server_url"]
pytestmark = [pytest.mark.slow, pytest.mark.network]

A, B = InstitutionId("hospital-a"), InstitutionId("hospital-b")
LOG_A, LOG_B = Origin("hospital-a.example/log"), Origin("hospital-b.example/log")
RESULT, DECISION = LeafReference(LOG_A, b"r" * 32), LeafReference(LOG_B, b"d" * 32)
AMENDED = EntryPlace(LOG_A, 2, b"a" * 32, 5)
RELIANCE = Reliance(EntryPlace(LOG_B, 7, b"d" * 32, 9), B, A, RESULT, 600_000)


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
    note(engine, store, 2_000, Replaced(AMENDED, RESULT.leaf_hash, is_withdrawal=False, at_ms=2_000))
    assert store.due(2_000, 10) == [DECISION]
    with engine.begin() as connection:
        store.look_again(SqlRecordsTransaction(connection), {DECISION: None})
    assert store.due(3_000, 10) == []
    withdrawal = Replaced(EntryPlace(LOG_A, 3, b"w" * 32, 5), AMENDED.leaf_hash, is_withdrawal=True, at_ms=3_000)
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
    note(engine, store, 1_000, Replaced(AMENDED, RESULT.leaf_hash, is_withdrawal=True, at_ms=1_000))
    note(engine, store, 2_000, RELIANCE)
    assert store.due(2_000, 10) == [DECISION]
    assert store.replacements([RESULT])[RESULT][0].place == AMENDED


def test_a_lifting_has_what_it_concerns_looked_at_and_ends_what_is_before_it_in_the_log(engine: sa.Engine) -> None:
    store, recall_id = SqlRelianceStore(engine), RecallId("ab" * 16)
    amended, listing = Replaced(AMENDED, RESULT.leaf_hash, is_withdrawal=False, at_ms=0), EntryPlace(LOG_A, 3, b"l" * 32, 5)
    recalled = Replaced(listing, AMENDED.leaf_hash, is_withdrawal=True, at_ms=1_000, recall_id=recall_id)
    note(engine, store, 1_000, RELIANCE, amended, recalled)
    with engine.begin() as connection:
        store.look_again(SqlRecordsTransaction(connection), {DECISION: None})
    for by in (LOG_B, LOG_A):
        lifting = Lifted(EntryPlace(by, 4, b"f" * 32, 5), recall_id, 2_000)
        note(engine, store, 2_000, lifting, lifting)
        assert store.due(2_000, 10) == ([DECISION] if by == LOG_A else [])
    latest = LeafReference(LOG_A, AMENDED.leaf_hash)
    assert [each.lifted_at_ms for each in store.replacements([latest])[latest]] == [2_000]
    again = Replaced(EntryPlace(LOG_A, 5, b"m" * 32, 6), AMENDED.leaf_hash, is_withdrawal=True, at_ms=3_000, recall_id=recall_id)
    note(engine, store, 3_000, again)
    kept = sorted(store.replacements([latest])[latest], key=lambda each: each.place)
    assert [each.lifted_at_ms for each in kept] == [2_000, None]
