"""Receipts that name consents, and the chain's answers, on PostgreSQL: kept, put off, replaced and dropped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from node.adapters.database.consents.review import SqlConsentReviewStore
from node.adapters.database.records.tables import records_metadata
from node.adapters.database.records.transaction import SqlRecordsTransaction
from node.domain.access import AccessSide, BlockStamp, ConsentId
from node.domain.consent_state import ConsentHistory, SeenBlock
from node.domain.entry import InstitutionId, Origin
from node.supervision.consented import ConsentUse, KnownConsent
from node.supervision.findings import EntryPlace
from tests.integration.ledger_log.test_postgresql import server_url

__all__ = ["server_url"]
pytestmark = [pytest.mark.slow, pytest.mark.network]

A, LOG_A = InstitutionId("hospital-a"), Origin("hospital-a.example/log")
FIRST, SECOND = ConsentId(b"1" * 32), ConsentId(b"2" * 32)


@pytest.fixture
def engine(server_url: sa.URL) -> Iterator[sa.Engine]:
    made = sa.create_engine(server_url)
    records_metadata.create_all(made)
    yield made
    records_metadata.drop_all(made)
    made.dispose()


def use(index: int, consent: ConsentId, cited: BlockStamp | None) -> ConsentUse:
    return ConsentUse(EntryPlace(LOG_A, index, bytes([index]) * 32, 9), A, AccessSide.HOLDER, consent, cited, 1_772_366_400_000)


def block(number: int) -> SeenBlock:
    return SeenBlock(BlockStamp(number, number.to_bytes(32, "big")), 1_772_366_400 + number)


def test_receipts_wait_until_they_are_judged(engine: sa.Engine) -> None:
    store = SqlConsentReviewStore(engine)
    uses = [use(1, FIRST, block(7).stamp), use(2, SECOND, None), use(3, FIRST, None)]
    with engine.begin() as connection:
        store.note(SqlRecordsTransaction(connection), uses, 1_000)
    assert (store.due(999, 10), store.due(1_000, 10), store.due(1_000, 2)) == ([], uses, uses[:2])
    with engine.begin() as connection:
        store.judged(SqlRecordsTransaction(connection), [uses[0].place])
        store.look_again(SqlRecordsTransaction(connection), [uses[1].place], 2_000)
    assert (store.due(1_000, 10), store.due(2_000, 10)) == ([uses[2]], [uses[2], uses[1]])


def test_the_latest_answer_is_kept_of_each_consent(engine: sa.Engine) -> None:
    store = SqlConsentReviewStore(engine)
    granted = KnownConsent(ConsentHistory(block(3), 4_000_000_000, None), block(9))
    revoked = KnownConsent(ConsentHistory(block(3), 4_000_000_000, block(11)), block(12))
    unknown = KnownConsent(None, block(9))
    for answers in ({FIRST: granted, SECOND: unknown}, {FIRST: revoked}):
        with engine.begin() as connection:
            store.remember(SqlRecordsTransaction(connection), answers)
    assert store.known([FIRST, SECOND, ConsentId(bytes(32))]) == {FIRST: revoked, SECOND: unknown}
