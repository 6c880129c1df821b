"""Recalls, filings, disclosures and liftings in any order, while the worker crashes before and after its commits: against a model.

The search itself is the model's: what fits is drawn. What is real is the work, what it keeps, its lists in the log and the notices.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from node.adapters.database.members.outbox import SqlOutboxStore
from node.adapters.database.recognition.notices import SqlReliances, SqlSentNotices
from node.adapters.database.recognition.recalls import SqlRecallStore
from node.adapters.database.records.own_headers import SqlOwnHeaders
from node.adapters.database.records.transaction import SqlRecordsTransaction
from node.adapters.database.schema import RECORDS, create_databases, open_database
from node.domain.access import Actor
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin, RecordId, Version
from node.domain.recall import LiftingReason, RecallCriteria, RecallId, RecallListing, RecallReason
from node.domain.record import RecordStatus
from node.domain.revision_notice import NoticeChange
from node.ports.recognition.notices import NoticeFilter
from node.ports.recognition.recalls import RecalledResult
from node.ports.records.transaction import EntryRow
from node.services.members.outbox import Outbox
from node.services.recognition.recall_search import Run
from node.services.recognition.recall_work import RecallWork, RecallWorkParts
from node.services.recognition.recalls import RecallOrder, RecallParts, Recalls
from node.services.records.sent_notices import RevisionNotices
from node.wire.public_entry import open_public_entry
from node.wire.recall_entry import recall_statement
from tests.unit.services_records.world import HOSPITAL, MovingClock

pytestmark = pytest.mark.slow

ORIGIN = Origin("hospital-a.example/log")
MEMBERS = [InstitutionId(each) for each in ("hospital-b", "hospital-c")]
LOTS = ("L1", "L2")
CHIEF = Actor(HOSPITAL, "06.01", "a-3", "", "password", "chief")

Told = tuple[NoticeChange, bytes, LeafReference, InstitutionId]
"""What, the entry that says so, what is concerned, who."""


class CrashError(Exception):
    """The process ended."""


class Fault(Enum):
    """When the process ends."""

    NEVER = auto()
    BEFORE = auto()
    """Before the commit: nothing of the transaction is there."""
    AFTER = auto()
    """After it: all of it is there, and nobody was told."""


class FaultyWriter:
    """Runs one transaction at a time; the process may end at its commit."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self.fault = Fault.NEVER

    def submit(self, work: Callable[[SqlRecordsTransaction], Any]) -> Future[Any]:
        done: Future[Any] = Future()
        with self._engine.connect() as connection, connection.begin() as begun:
            result = work(SqlRecordsTransaction(connection))
            if self.fault is Fault.BEFORE:
                begun.rollback()
                raise CrashError
        if self.fault is Fault.AFTER:
            raise CrashError
        done.set_result(result)
        return done


@dataclass
class DrawnSearch:
    """Finds what the model says fits."""

    headers: SqlOwnHeaders
    made_with: dict[int, tuple[LeafReference, str]]

    def size(self, institution: InstitutionId) -> int:
        del institution
        return self.headers.size(ORIGIN)

    def run(self, institution: InstitutionId, recalls: Sequence[RecallCriteria], start: int, end: int) -> Run:
        del institution
        within = [self.made_with[at] for at in range(start, end) if at in self.made_with]
        found = [[RecalledResult(leaf, RecordId("r")) for leaf, lot in within if lot == each.lot] for each in recalls]
        return Run(end, found)


class PlainKeys:
    """Seals nothing."""

    def seal(self, purpose: str, data: bytes) -> bytes:
        del purpose
        return data

    def open(self, purpose: str, sealed: bytes) -> bytes:
        del purpose
        return sealed


class Searches(RuleBasedStateMachine):
    entries = Bundle("entries")
    recalls = Bundle("recalls")

    @initialize(run=st.integers(1, 4), listed=st.integers(1, 3))
    def begin(self, run: int, listed: int) -> None:
        self.patch = pytest.MonkeyPatch()
        for name, value in (("RUN_ENTRIES", run), ("MAX_RESULTS", listed), ("TOLD_AT_ONCE", 1)):
            self.patch.setattr(f"node.services.recognition.recall_work.{name}", value)
        self.directory = tempfile.TemporaryDirectory()
        create_databases(Path(self.directory.name), [ORIGIN])
        self.engine = open_database(Path(self.directory.name), RECORDS, writer=True)
        self.readers = open_database(Path(self.directory.name), RECORDS, writer=False)
        self.writer, self.made_with = FaultyWriter(self.engine), dict[int, tuple[LeafReference, str]]()
        clock, origins = MovingClock(), {HOSPITAL: ORIGIN}
        self.outbox = Outbox(store=SqlOutboxStore(self.readers), clients={}, writer=None, clock=clock)  # type: ignore[arg-type]
        self.sent, self.store = SqlSentNotices(self.readers), SqlRecallStore(self.readers)
        self.notices = RevisionNotices(
            reliances=SqlReliances(), store=self.sent, recalls=self.store, outbox=self.outbox, clock=clock, overdue_s=60
        )
        search: Any = DrawnSearch(SqlOwnHeaders(self.readers), self.made_with)
        writer: Any = self.writer
        keys: Any = PlainKeys()
        self.work = RecallWork(RecallWorkParts(search, self.store, self.notices, writer, clock, _ignore, origins))
        self.service = Recalls(
            RecallParts(search, self.store, self.notices, keys, writer, clock, _ignore, origins, changed=lambda: None)
        )
        self.retrieved: dict[LeafReference, set[InstitutionId]] = {}
        self.lots: dict[RecallId, str] = {}
        self.lifted: set[RecallId] = set()

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            try:
                self.settle()
            finally:
                self.patch.undo()
                self.outbox.close()
                self.engine.dispose()
                self.readers.dispose()
                self.directory.cleanup()

    @rule(target=entries, lot=st.sampled_from(LOTS))
    def file(self, lot: str) -> EntryRow:
        leaf = len(self.made_with).to_bytes(106, "big")

        def work(transaction: SqlRecordsTransaction) -> EntryRow:
            index = transaction.log(ORIGIN).stage([leaf])
            row = _row(index, leaf)
            transaction.insert_entries([row])
            return row

        row: EntryRow = self.writer.submit(work).result()
        self.made_with[row.leaf_index] = LeafReference(ORIGIN, row.leaf_hash), lot
        return row

    @rule(entry=entries, member=st.sampled_from(MEMBERS))
    def disclose(self, entry: EntryRow, member: InstitutionId) -> None:
        self.writer.submit(lambda transaction: self.notices.disclosed(transaction, member, entry)).result()
        self.retrieved.setdefault(LeafReference(ORIGIN, entry.leaf_hash), set()).add(member)

    @rule(target=recalls, lot=st.sampled_from(LOTS))
    def announce(self, lot: str) -> RecallId:
        recall_id = RecallId(f"{len(self.lots):032x}")
        order = RecallOrder(recall_id, RecallCriteria("", "", lot, 0, 1), RecallReason.REAGENT, CHIEF)
        self.service.announce(HOSPITAL, order)
        self.lots[recall_id] = lot
        return recall_id

    @rule(recall_id=recalls)
    def lift(self, recall_id: RecallId) -> None:
        self.service.lift(HOSPITAL, recall_id, LiftingReason.CLEARED, CHIEF)
        self.lifted.add(recall_id)

    @rule(fault=st.sampled_from(Fault))
    def step(self, fault: Fault) -> None:
        self.writer.fault = fault
        with contextlib.suppress(CrashError):
            self.work.step()
        self.writer.fault = Fault.NEVER

    @invariant()
    def nothing_is_doubled(self) -> None:
        if not hasattr(self, "engine"):
            return
        assert all(count == 1 for count in Counter(self.told()).values())
        assert all(count == 1 for count in Counter(self.listed()).values())
        for recall_id in self.lots:
            recall = self.service.show(HOSPITAL, recall_id, limit=1_000)
            searched = {leaf for at, (leaf, lot) in self.made_with.items() if self._fits(recall_id, lot, at)}
            assert {each.entry for each in recall.results} == searched
            assert recall.recall.total == len(searched)

    def settle(self) -> None:
        """Let the worker work off everything, and compare all of it."""
        while self.work.step():
            pass
        self.nothing_is_doubled()
        reports = {recall_id: self.service.show(HOSPITAL, recall_id, limit=1_000) for recall_id in self.lots}
        told, listed = set(self.told()), set(self.listed())
        for recall_id, report in reports.items():
            reason = report.recall.entry.leaf_hash
            got = _of(told, NoticeChange.RECALLED, reason)
            if recall_id not in self.lifted:
                fitting = {leaf for leaf, lot in self.made_with.values() if lot == self.lots[recall_id]}
                assert {each.entry for each in report.results} == fitting
                assert {leaf for named, leaf in listed if named == recall_id} == {each.leaf_hash for each in fitting}
                assert got == {(leaf, member) for leaf in fitting for member in self.retrieved.get(leaf, ())}
            else:
                assert report.recall.lifting is not None
                lifting = report.recall.lifting.entry.leaf_hash
                assert _of(told, NoticeChange.LIFTED, lifting) == got

    def told(self) -> list[Told]:
        page = [state.notice for state in self.sent.page(HOSPITAL, NoticeFilter(), 10_000)]
        return [(each.change, each.entry.leaf_hash, leaf, each.recipient) for each in page for leaf in each.concerned]

    def listed(self) -> list[tuple[RecallId, bytes]]:
        query = sa.text("SELECT leaf, header FROM entries JOIN headers USING (origin, leaf_index)")
        with self.readers.connect() as connection:
            said = [recall_statement(open_public_entry(leaf, header, ORIGIN)) for leaf, header in connection.execute(query)]
        lists = [each for each in said if isinstance(each, RecallListing)]
        return [(each.recall_id, leaf_hash) for each in lists for leaf_hash in each.leaf_hashes]

    def _fits(self, recall_id: RecallId, lot: str, at: int) -> bool:
        recall = self.store.recall(HOSPITAL, recall_id)
        return recall is not None and lot == self.lots[recall_id] and at < recall.next_index


def _of(told: set[Told], change: NoticeChange, entry: bytes) -> set[tuple[LeafReference, InstitutionId]]:
    return {(leaf, member) for what, reason, leaf, member in told if (what, reason) == (change, entry)}


def _row(index: int, leaf: bytes) -> EntryRow:
    return EntryRow(
        origin=ORIGIN,
        leaf_index=index,
        institution=HOSPITAL,
        record_id=None,
        version=Version(1),
        entry_type=EntryType.RECORD,
        status=RecordStatus("final"),
        staged_at_ms=0,
        leaf=leaf,
        leaf_hash=index.to_bytes(32, "big"),
        sameness_mac=None,
        issued_at_ms=None,
        out_of_order=False,
        secret_id=None,
    )


def _ignore(origin: Origin) -> None:
    del origin


class TestSearches(Searches.TestCase):  # type: ignore[misc,valid-type]  # Hypothesis makes it
    settings = settings(max_examples=10, stateful_step_count=30, deadline=None)
