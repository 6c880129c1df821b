"""Any sequence of disclosures, decisions, versions, recalls and acknowledgements: who is told what, against a model of sets."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from node.adapters.database.members.outbox import SqlOutboxStore
from node.adapters.database.recognition.decisions import SqlHeardDecisionStore
from node.adapters.database.recognition.notices import SqlReliances, SqlSentNotices
from node.adapters.database.recognition.recalls import SqlRecallStore
from node.adapters.database.records.transaction import SqlRecordsTransaction
from node.adapters.database.schema import RECORDS, create_databases, open_database
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin, RecordId, Version
from node.domain.message import MemberMessage, MessageId
from node.domain.recall import LiftingReason, RecallCriteria, RecallId, RecallReason
from node.domain.recognition_acts import DecisionId
from node.domain.record import Kind, RecordStatus
from node.domain.revision_notice import NoticeChange, Revision
from node.errors import UnknownNoticeError
from node.ports.recognition.decisions import HeardDecision
from node.ports.recognition.notices import NoticeFilter, NoticeState
from node.ports.recognition.recalls import KeptLifting, KeptRecall, RecalledResult, SearchedRun
from node.ports.records.transaction import EntryRow, IdentityMac, RecordRow
from node.services.members.outbox import Outbox
from node.services.records.sent_notices import RevisionNotices
from node.services.records.staging_receipts import revisions_of
from node.wire.members.revisions import (
    ACKNOWLEDGEMENT_KIND,
    AcknowledgementMessage,
    encode_acknowledgement_message,
    parse_revision_message,
)
from tests.unit.services_records.world import HOSPITAL, MovingClock

pytestmark = pytest.mark.slow

ORIGIN = Origin("hospital-a.example/log")
members = st.sampled_from([InstitutionId(each) for each in ("hospital-b", "hospital-c", "hospital-d")])
types = st.sampled_from([EntryType.AMENDMENT, EntryType.WITHDRAWAL])

Told = tuple[bytes, bytes, InstitutionId]
"""Reason, what is concerned, who."""


class Notices(RuleBasedStateMachine):
    entries = Bundle("entries")
    decisions = Bundle("decisions")

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        create_databases(Path(self.directory.name), [ORIGIN])
        self.engine = open_database(Path(self.directory.name), RECORDS, writer=True)
        self.readers = open_database(Path(self.directory.name), RECORDS, writer=False)
        clock = MovingClock()
        self.outbox = Outbox(store=SqlOutboxStore(self.readers), clients={}, writer=None, clock=clock)  # type: ignore[arg-type]
        self.store, self.recalls = SqlSentNotices(self.readers), SqlRecallStore(self.readers)
        self.heard = SqlHeardDecisionStore(self.readers)
        self.service = RevisionNotices(
            reliances=SqlReliances(), store=self.store, recalls=self.recalls, outbox=self.outbox, clock=clock, overdue_s=60
        )
        self.count = 0
        self.versions: dict[RecordId, list[EntryRow]] = {}
        self.retrieved: set[tuple[bytes, InstitutionId]] = set()
        self.recognised: Counter[tuple[bytes, InstitutionId]] = Counter()
        self.recalled: dict[bytes, set[bytes]] = {}
        self.standing: dict[bytes, RecallId] = {}
        self.told: set[Told] = set()
        self.acknowledged: set[MessageId] = set()

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.outbox.close()
            self.engine.dispose()
            self.readers.dispose()
            self.directory.cleanup()

    @contextmanager
    def transaction(self) -> Iterator[SqlRecordsTransaction]:
        with self.engine.begin() as connection:
            yield SqlRecordsTransaction(connection)

    @rule(target=entries)
    def file(self) -> EntryRow:
        record_id = RecordId(self.name(8).hex())
        record = RecordRow(record_id, HOSPITAL, Kind("exam-result"), IdentityMac(self.name(32)), None, ())
        row = self.row(record_id, 1, EntryType.RECORD)
        with self.transaction() as transaction:
            transaction.insert_records([record])
            transaction.insert_entries([row])
        self.versions[record_id] = [row]
        return row

    @rule(target=entries, earlier=entries, entry_type=types, crashes=st.booleans())
    def revise(self, earlier: EntryRow, entry_type: EntryType, *, crashes: bool) -> object:
        assert earlier.record_id is not None
        versions = self.versions[earlier.record_id]
        row = self.row(earlier.record_id, versions[-1].version + 1, entry_type)
        with self.engine.connect() as connection, connection.begin() as begun:
            transaction = SqlRecordsTransaction(connection)
            record = transaction.record(earlier.record_id)
            assert record is not None
            transaction.insert_entries([row])
            self.service.revised(transaction, revisions_of(record, row))
            if crashes:
                begun.rollback()
                return multiple()
        for each in versions:
            self.tell(row.leaf_hash, each.leaf_hash, self.relying(each.leaf_hash))
        versions.append(row)
        return row

    @rule(entry=entries, member=members)
    def disclose(self, entry: EntryRow, member: InstitutionId) -> None:
        with self.transaction() as transaction:
            self.service.disclosed(transaction, member, entry)
        self.retrieved.add((entry.leaf_hash, member))
        assert entry.record_id is not None
        latest = self.versions[entry.record_id][-1]
        if latest.version > entry.version:
            self.tell(latest.leaf_hash, entry.leaf_hash, {member})
        for recall, named in self.recalled.items():
            if entry.leaf_hash in named:
                self.tell(recall, entry.leaf_hash, {member})

    @rule(target=decisions, entry=entries, member=members, outcome=st.sampled_from(["recognised", "reordered"]))
    def decide(self, entry: EntryRow, member: InstitutionId, outcome: str) -> tuple[DecisionId, bytes, InstitutionId, str]:
        decision_id = DecisionId(self.name(16).hex())
        result = LeafReference(ORIGIN, entry.leaf_hash)
        heard = HeardDecision(decision_id, HOSPITAL, member, result, outcome, None, 0, None)
        with self.transaction() as transaction:
            self.heard.hear(transaction, [heard])
        if outcome == "recognised":
            self.recognised[entry.leaf_hash, member] += 1
        return decision_id, entry.leaf_hash, member, outcome

    @rule(decision=consumes(decisions))
    def reverse(self, decision: tuple[DecisionId, bytes, InstitutionId, str]) -> None:
        decision_id, leaf_hash, member, outcome = decision
        with self.transaction() as transaction:
            assert self.heard.reverse(transaction, member, decision_id, 1)
        if outcome == "recognised":
            self.recognised[leaf_hash, member] -= 1

    @rule(chosen=st.lists(entries, min_size=1, max_size=4))
    def recall(self, chosen: list[EntryRow]) -> None:
        named = tuple(dict.fromkeys(LeafReference(ORIGIN, each.leaf_hash) for each in chosen))
        reason = LeafReference(ORIGIN, self.name(32))
        criteria = RecallCriteria("", "", "L1", 0, 1)
        recall_id = RecallId(self.name(16).hex())
        kept = KeptRecall(recall_id, HOSPITAL, criteria, RecallReason.REAGENT, reason, 0, self.count, b"", 0, 0, None)
        with self.transaction() as transaction:
            self.recalls.keep(transaction, kept)
            found = [RecalledResult(each, RecordId("r")) for each in named]
            assert self.recalls.searched(transaction, kept, SearchedRun(1, found, (), ())) == list(named)
            self.service.revised(transaction, [Revision(HOSPITAL, None, NoticeChange.RECALLED, reason, named)])
        self.recalled[reason.leaf_hash] = {each.leaf_hash for each in named}
        self.standing[reason.leaf_hash] = recall_id
        for each in named:
            self.tell(reason.leaf_hash, each.leaf_hash, self.relying(each.leaf_hash))

    @rule(at=st.integers(0, 50), limit=st.integers(1, 3), crashes=st.booleans())
    def lift(self, at: int, limit: int, *, crashes: bool) -> None:
        """Lift a recall, and tell it in steps; one that crashes is done again."""
        if not self.standing:
            return
        recall, recall_id = list(self.standing.items())[at % len(self.standing)]
        lifting = LeafReference(ORIGIN, self.name(32))
        with self.transaction() as transaction:
            kept = KeptLifting(LiftingReason.CLEARED, lifting, 0, b"", MessageId(""), is_told=False)
            self.recalls.lift(transaction, recall_id, kept)
        while [each.recall_id for each in self.recalls.to_tell(HOSPITAL)] == [recall_id]:
            with self.engine.connect() as connection, connection.begin() as begun:
                transaction = SqlRecordsTransaction(connection)
                known = self.recalls.known(transaction, recall_id)
                assert known is not None
                assert known.lifting is not None
                told_to = self.service.lifted(transaction, known.entry, lifting, known.lifting.told_to, limit)
                self.recalls.told(transaction, recall_id, told_to)
                if crashes:
                    begun.rollback()
                    crashes = False
        for reason, concerned, member in [each for each in self.told if each[0] == recall]:
            assert reason == recall
            self.tell(lifting.leaf_hash, concerned, {member})
        del self.recalled[recall], self.standing[recall]

    @rule(at=st.integers(0, 50), member=members)
    def acknowledge(self, at: int, member: InstitutionId) -> None:
        # in an order that every run of the same steps has
        states = sorted(self.page(), key=_place)
        named = states[at % len(states)].notice if states else None
        message_id = MessageId("0" * 32) if named is None else named.message_id
        body = encode_acknowledgement_message(AcknowledgementMessage(message_id, 7))
        message = MemberMessage(MessageId(self.name(16).hex()), ACKNOWLEDGEMENT_KIND, member, HOSPITAL, "x", body, 0)
        try:
            with self.transaction() as transaction:
                self.service.acknowledged(transaction, message)
        except UnknownNoticeError:
            assert named is None or named.recipient != member
        else:
            assert named is not None
            assert named.recipient == member
            self.acknowledged.add(message_id)

    @invariant()
    def each_is_told_once_of_all_that_concerns_it_and_nobody_else(self) -> None:
        if not hasattr(self, "engine"):
            return
        states = self.page()
        told = [
            (each.notice.entry.leaf_hash, one.leaf_hash, each.notice.recipient) for each in states for one in each.notice.concerned
        ]
        assert len(told) == len(set(told))
        assert set(told) == self.told
        assert {each.notice.message_id for each in states if each.acknowledged_at_ms is not None} == self.acknowledged
        with self.readers.connect() as connection:
            sent = connection.execute(sa.text("select message_id, recipient, body from outbox")).all()
        assert {row.message_id for row in sent} == {each.notice.message_id for each in states}
        bodies = {row.message_id: parse_revision_message(row.body) for row in sent}
        assert all(bodies[each.notice.message_id].concerned == each.notice.concerned for each in states)
        assert self.service.waiting(HOSPITAL).count == len(states) - len(self.acknowledged)

    def page(self) -> list[NoticeState]:
        return self.service.page(HOSPITAL, NoticeFilter(), 10_000)

    def relying(self, leaf_hash: bytes) -> set[InstitutionId]:
        found = {member for entry, member in self.retrieved if entry == leaf_hash}
        return found | {member for (entry, member), count in self.recognised.items() if entry == leaf_hash and count > 0}

    def tell(self, reason: bytes, concerned: bytes, relying: set[InstitutionId]) -> None:
        self.told |= {(reason, concerned, member) for member in relying}

    def name(self, length: int) -> bytes:
        """Return bytes that nothing else is named by, the same in every run of the same steps."""
        self.count += 1
        return self.count.to_bytes(length, "big")

    def row(self, record_id: RecordId, version: int, entry_type: EntryType) -> EntryRow:
        leaf, leaf_hash = self.name(106), self.name(32)
        return EntryRow(
            origin=ORIGIN,
            leaf_index=self.count,
            institution=HOSPITAL,
            record_id=record_id,
            version=Version(version),
            entry_type=entry_type,
            status=RecordStatus("final"),
            staged_at_ms=self.count,
            leaf=leaf,
            leaf_hash=leaf_hash,
            sameness_mac=None,
            issued_at_ms=None,
            out_of_order=False,
            secret_id=None,
        )


def _place(state: NoticeState) -> tuple[bytes, str, bytes]:
    return state.notice.entry.leaf_hash, state.notice.recipient, state.notice.concerned[0].leaf_hash


class TestNotices(Notices.TestCase):  # type: ignore[misc,valid-type]  # Hypothesis makes it
    settings = settings(max_examples=10, stateful_step_count=40, deadline=None)
