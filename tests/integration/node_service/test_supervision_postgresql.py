"""What supervision keeps of order lines, claimed marks and consents, on PostgreSQL: noted in any order, due, judged, put off."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from node.adapters.database.consents.scopes import SqlConsentScopeStore
from node.adapters.database.records.tables import records_metadata
from node.adapters.database.records.transaction import SqlRecordsTransaction
from node.adapters.database.supervision.marks import SqlMarkStore
from node.adapters.database.supervision.orders import SqlOrderStore
from node.domain.access import AccessSide, ConsentId, Purpose
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.recognition import DocumentDigest, Pin
from node.ports.records.transaction import RecordsTransaction
from node.ports.supervision.marks import ConcernedClaims, ItemName, KeptClaim
from node.ports.supervision.orders import CheckName, HistoryName, KeptOrderNote
from node.supervision.consent_scope import ConsentDocumented, PersonName, ScopedUse
from node.supervision.findings import EntryPlace
from tests.integration.ledger_log.test_postgresql import server_url

__all__ = ["server_url"]
pytestmark = [pytest.mark.slow, pytest.mark.network]

A, LOG_A = InstitutionId("hospital-a"), Origin("hospital-a.example/log")
CHECK = CheckName(b"c" * 32)
PERSON, NOBODY = HistoryName(b"p" * 32), HistoryName(bytes(CHECK))
ALT, AST = ItemName(b"1" * 32), ItemName(b"2" * 32)
RESULT = LeafReference(Origin("hospital-b.example/log"), b"r" * 32)
CONSENT = ConsentId(b"k" * 32)


@pytest.fixture
def engine(server_url: sa.URL) -> Iterator[sa.Engine]:
    made = sa.create_engine(server_url)
    records_metadata.create_all(made)
    yield made
    records_metadata.drop_all(made)
    made.dispose()


def within(engine: sa.Engine, work: Callable[[RecordsTransaction], None]) -> None:
    with engine.begin() as connection:
        work(SqlRecordsTransaction(connection))


def place(index: int) -> EntryPlace:
    return EntryPlace(LOG_A, index, bytes([index]) * 32, 9)


def note(index: int, history: HistoryName, *, is_check: bool, weighs: bool) -> KeptOrderNote:
    return KeptOrderNote(history, CHECK, is_check, weighs, A, LOG_A, index, 0, (RESULT,) if is_check else (), b"sealed %d" % index)


def test_a_history_is_due_for_what_weighs_and_holds_the_checks_that_its_decisions_name(engine: sa.Engine) -> None:
    store = SqlOrderStore(engine)
    decision, check = note(1, NOBODY, is_check=False, weighs=False), note(2, PERSON, is_check=True, weighs=True)
    within(engine, lambda tx: store.note(tx, [decision], [], 1_000))
    assert store.due(1_000, 10) == []
    within(engine, lambda tx: store.note(tx, [check, check], [], 2_000))
    assert sorted(store.due(2_000, 10)) == sorted([PERSON, NOBODY])
    held = store.histories([PERSON, NOBODY])
    assert {name: (whose, sorted(sealed)) for name, (whose, sealed) in held.items()} == {
        PERSON: (A, [b"sealed 2"]),
        NOBODY: (A, [b"sealed 1", b"sealed 2"]),
    }
    within(engine, lambda tx: store.look_again(tx, {PERSON: None, NOBODY: 3_000}))
    assert (store.due(2_999, 10), store.due(3_000, 10)) == ([], [NOBODY])
    within(engine, lambda tx: store.note(tx, [], [RESULT], 2_500))
    assert sorted(store.due(2_500, 10)) == sorted([PERSON, NOBODY]), "what was offered was replaced"


def test_claims_are_due_until_judged_and_again_where_a_change_concerns_them(engine: sa.Engine) -> None:
    store, pins = SqlMarkStore(engine), (Pin("certificates", "", DocumentDigest(b"d" * 32)),)
    claims = [KeptClaim(place(1), A, 10, (ALT, AST)), KeptClaim(place(2), A, 20, (AST,))]
    within(engine, lambda tx: store.note(tx, claims))
    assert store.due(10) == [place(1), place(2)]
    within(engine, lambda tx: store.judged(tx, claims[:1], [place(2)]))
    assert (store.due(10), store.documents()) == ([], ())
    for item, run, due in ((ALT, (0, 99), [place(1)]), (AST, (15, 99), [place(2)]), (None, (0, 20), [place(1)])):
        concerned = [ConcernedClaims(A, item, *run)]
        within(engine, lambda tx, concerned=concerned: store.judge_again(tx, concerned, pins))  # type: ignore[misc]  # of this turn
        assert store.due(10) == due
        within(engine, lambda tx: store.judged(tx, claims, []))
    assert store.documents() == pins


def test_receipts_are_due_after_the_grace_period_or_with_a_document(engine: sa.Engine) -> None:
    store, person = SqlConsentScopeStore(engine), PersonName(b"")
    uses = [ScopedUse(place(each), A, AccessSide.HOLDER, CONSENT, A, Purpose.TREATMENT, person, 7) for each in (1, 2)]
    document = ConsentDocumented(place(3), CONSENT, A, (Purpose.TREATMENT, Purpose.RESEARCH), person, 5)
    within(engine, lambda tx: store.note(tx, uses[:1], [], 10, 1_000))
    assert (store.due(999, 10), store.due(1_000, 10)) == ([], uses[:1])
    within(engine, lambda tx: store.note(tx, [], [document], 20, 1_000))
    assert store.due(20, 10) == uses[:1]
    within(engine, lambda tx: store.judged(tx, [uses[0].place]))
    within(engine, lambda tx: store.note(tx, uses[1:], [], 30, 1_000))
    assert store.due(30, 10) == uses[1:]
    assert store.documents([CONSENT, ConsentId(bytes(32))]) == {CONSENT: [document]}
