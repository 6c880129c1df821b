"""Any sequence of submissions, withdrawals, erasures and restarts, against a model that knows the rules in twenty lines."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ledger.hashing import hash_leaf
from node.domain.entry import EntryType, InstitutionId, Level, RecordId
from node.domain.receipt import Outcome, Receipt
from node.errors import RecordErasedError, UnknownRecordError
from node.identity.codes import draw_seed, keys_of_seed
from node.services.patients.index import Registration
from node.services.records.ingest import Submission
from node.wire.leaf import parse_leaf
from node.wire.locator import ORDINARY, locator_tag
from tests.unit.services_records.test_tags import NUMBER
from tests.unit.services_records.world import CLINIC, HOSPITAL, LOCATOR_SECRETS, World, make_world, report

institutions = st.sampled_from([HOSPITAL, CLINIC])
numbers = st.sampled_from(["1", "2", "3"])
contents = st.sampled_from(["a", "b", "c"])
statuses = st.sampled_from(["final", "final", "entered-in-error"])


@dataclass
class Known:
    """What the model knows of a record."""

    record_id: RecordId
    versions: list[tuple[str, str, bytes]] = field(default_factory=list)
    erased: bool = False


class Records(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.world: World = make_world(Path(self.directory.name) / "n").start()
        self.keys = {name: keys_of_seed(draw_seed(), LOCATOR_SECRETS, provisional=False) for name in (HOSPITAL, CLINIC)}
        for name, keys in self.keys.items():
            self.world.running.node.patients.register(name, Registration(NUMBER, keys))
        self.known: dict[tuple[InstitutionId, str], Known] = {}
        self.staged: dict[InstitutionId, list[bytes]] = {HOSPITAL: [], CLINIC: []}
        self.tagged: dict[InstitutionId, int] = {HOSPITAL: 0, CLINIC: 0}

    def teardown(self) -> None:
        self.world.stop()
        self.directory.cleanup()

    @rule(institution=institutions, number=numbers, content=contents, status=statuses)
    def submit(self, institution: InstitutionId, number: str, content: str, status: str) -> None:
        self.expect(
            institution, number, content, status, self.world.receipt(report(number, value=content, status=status), institution)
        )

    @rule(institution=institutions, chosen=st.lists(st.tuples(numbers, contents), min_size=2, max_size=5, unique=True))
    def submit_together(self, institution: InstitutionId, chosen: list[tuple[str, str]]) -> None:
        stream = self.world.running.node.ingest.stream(institution)
        answered = stream.submit_many([json.dumps(report(number, value=content)).encode() for number, content in chosen])
        receipts = [answer.receipts[0] for answer in answered.result(30) if isinstance(answer, Submission)]
        # leaf order is staging order: records that share no identity may change places
        told = sorted(zip(chosen, receipts, strict=True), key=lambda pair: -1 if pair[1].leaf_index is None else pair[1].leaf_index)
        for (number, content), receipt in told:
            if receipt.outcome in {Outcome.SAME, Outcome.ERASED}:
                continue
            self.expect(institution, number, content, "final", receipt)
        for (number, content), receipt in told:
            if receipt.outcome in {Outcome.SAME, Outcome.ERASED}:
                self.expect(institution, number, content, "final", receipt)

    def expect(self, institution: InstitutionId, number: str, content: str, status: str, receipt: Receipt) -> None:
        record = self.known.setdefault((institution, number), Known(receipt.record_id))
        assert receipt.record_id == record.record_id
        if record.erased:
            assert (receipt.outcome, receipt.leaf_hash) == (Outcome.ERASED, None)
            return
        same = [leaf_hash for known, known_status, leaf_hash in record.versions if (known, known_status) == (content, status)]
        if same:
            assert (receipt.outcome, receipt.leaf_hash) == (Outcome.SAME, same[0])
            return
        amends = bool(record.versions)
        expected = (Outcome.AMENDED, EntryType.AMENDMENT) if amends else (Outcome.NEW, EntryType.RECORD)
        if status == "entered-in-error":
            expected = (Outcome.WITHDRAWN, EntryType.WITHDRAWAL)
        assert (receipt.outcome, receipt.entry_type) == expected
        assert receipt.version == len(record.versions) + 1
        assert receipt.leaf_index == len(self.staged[institution])
        assert receipt.leaf_hash is not None
        record.versions.append((content, status, receipt.leaf_hash))
        self.staged[institution].append(receipt.leaf_hash)
        self.tagged[institution] += 1

    @precondition(lambda self: any(not one.erased for one in self.known.values()))
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        institution, number = data.draw(st.sampled_from([place for place, one in self.known.items() if not one.erased]))
        record = self.known[institution, number]
        erasure = self.world.running.node.erasure.erase(institution, record.record_id)
        first = len(self.staged[institution])
        assert erasure.tombstones == tuple(range(first, first + len(record.versions)))
        rows = self.world.rows(
            "SELECT leaf_hash FROM entries WHERE origin = ? AND leaf_index >= ?", f"{institution}.example/log", first
        )
        self.staged[institution] += [row[0] for row in rows]
        record.erased = True

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def erase_what_is_not_there(self, data: st.DataObject) -> None:
        (institution, _), record = data.draw(st.sampled_from(list(self.known.items())))
        other = CLINIC if institution == HOSPITAL else HOSPITAL
        erase = self.world.running.node.erasure.erase
        try:
            erase(other, record.record_id)
        except UnknownRecordError:
            pass
        else:
            raise AssertionError("another institution's record was erased")
        if record.erased:
            try:
                erase(institution, record.record_id)
            except RecordErasedError:
                return
            raise AssertionError("it was erased twice")

    @rule()
    def restart(self) -> None:
        self.world.restart()

    @invariant()
    def the_log_holds_what_was_staged_and_its_tags_are_found(self) -> None:
        for institution, staged in self.staged.items():
            if not staged:
                continue
            origin = self.world.origin(institution)
            self.world.running.sequencing.staged(origin)
            self.world.running.node.progress.reached(origin, len(staged) - 1, Level.LOGGED).result(30)
            leaves = self.world.leaves(institution)
            assert [hash_leaf(leaf) for leaf in leaves] == staged
            tags = {parse_leaf(leaf).tag for leaf in leaves}
            assert len(tags) == len(leaves)
            key = self.keys[institution].epoch_keys[1]
            found = 0
            while locator_tag(key, origin, ORDINARY, found) in tags:
                found += 1
            assert found == self.tagged[institution]


@pytest.mark.slow
class TestRecords(Records.TestCase):  # type: ignore[misc,valid-type]  # Hypothesis makes it
    settings = settings(max_examples=10, stateful_step_count=20, deadline=None)
