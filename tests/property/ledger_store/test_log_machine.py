"""A log under every order of staging, stepping, failing, crashing, restarting, losing its state and being recovered."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ledger.errors import StorageError
from ledger.sequencer import Sequencer, recover_log
from ledger.store.memory import MemoryLogStore
from tests.log_audit import audited_entries, check_history
from tests.log_media import Medium, MemoryMedium, PosixMedium, SqlMedium, sqlite_engine
from tests.simulators import ORIGIN, SIGNER, FaultPlan, FaultyStore, InjectedFaultError, ScriptedGuard

pytestmark = pytest.mark.slow

sizes = st.sampled_from([0, 1, 2, 3, 40, 255, 256, 257, 600])


class LogMachine(RuleBasedStateMachine):
    """The model is the list of entries that the log must hold or may hold at each index."""

    def __init__(self) -> None:
        super().__init__()
        self.medium = self.make_medium()
        self.grower = Sequencer(SIGNER, ScriptedGuard())
        self.acknowledged: dict[int, bytes] = {}
        self.published: list[bytes] = []
        self.counter = 0

    def make_medium(self) -> Medium:
        return MemoryMedium()

    def teardown(self) -> None:
        self.grower = Sequencer(SIGNER, ScriptedGuard())
        with self.medium.open() as store:
            self.grower.recover(store)
            while self.grower.step(store) is not None:
                pass
            entries = audited_entries(store)
        self.medium.close()
        assert {index: entries[index] for index in self.acknowledged} == self.acknowledged
        assert len(set(entries)) == len(entries)
        check_history(self.published, entries)

    def fresh(self, size: int) -> list[bytes]:
        self.counter += 1
        return [b"%d %d" % (self.counter, number) for number in range(size)]

    @rule(size=sizes)
    def stage(self, size: int) -> None:
        entries = self.fresh(size)
        with self.medium.open() as store:
            first = store.stage(entries)
        assert not self.acknowledged.keys() & set(range(first, first + size))
        self.acknowledged.update(enumerate(entries, first))

    @rule(size=sizes, persisted=st.booleans())
    def stage_and_fail(self, size: int, *, persisted: bool) -> None:
        with contextlib.suppress(InjectedFaultError), self.medium.open() as store:
            FaultyStore(store, FaultPlan(0, persisted)).stage(self.fresh(size))

    @rule(limit=st.sampled_from([1, 100, 256, 1000]))
    def step(self, limit: int) -> None:
        with self.medium.open() as store:
            self.grower.step(FaultyStore(store, FaultPlan(), self.published), limit)

    @rule(failing_call=st.integers(0, 12), persisted=st.booleans(), restart=st.booleans())
    def step_and_fail(self, failing_call: int, *, persisted: bool, restart: bool) -> None:
        plan = FaultPlan(failing_call, persisted)
        with contextlib.suppress(StorageError), self.medium.open() as store:
            self.grower.step(FaultyStore(store, plan, self.published), 300)
        if restart:
            self.restart()

    @rule()
    def restart(self) -> None:
        self.grower = Sequencer(SIGNER, ScriptedGuard())

    @invariant()
    def what_is_published_is_a_log(self) -> None:
        with self.medium.open() as store:
            published = audited_entries(store)
            committed, staged = store.committed(), store.staged_range()
        assert {at: entry for at, entry in enumerate(published) if at in self.acknowledged} == {
            at: entry for at, entry in self.acknowledged.items() if at < len(published)
        }
        assert committed is not None or published == []
        assert staged.stop >= len(published)


class PosixLogMachine(LogMachine):
    """The same on files."""

    def make_medium(self) -> Medium:
        self.directory = tempfile.TemporaryDirectory()
        return PosixMedium(Path(self.directory.name) / "log")

    def teardown(self) -> None:
        super().teardown()
        self.directory.cleanup()


class SqlLogMachine(LogMachine):
    """The same in transactions, which roll back when a call fails."""

    def make_medium(self) -> Medium:
        self.directory = tempfile.TemporaryDirectory()
        return SqlMedium(sqlite_engine(Path(self.directory.name) / "log.db", "OFF"), joined=True)

    def teardown(self) -> None:
        super().teardown()
        self.directory.cleanup()


TestMemoryLog = LogMachine.TestCase
TestMemoryLog.settings = settings(max_examples=60, stateful_step_count=25)
TestPosixLog = PosixLogMachine.TestCase
TestPosixLog.settings = settings(max_examples=8, stateful_step_count=20)
TestSqlLog = SqlLogMachine.TestCase
TestSqlLog.settings = settings(max_examples=15, stateful_step_count=20)


def batches_of(name: str) -> st.SearchStrategy[list[bytes]]:
    return sizes.map(lambda size: [f"{name} {number}".encode() for number in range(size)])


def grown(*batches: Sequence[bytes]) -> MemoryLogStore:
    store = MemoryLogStore(ORIGIN)
    grower = Sequencer(SIGNER, ScriptedGuard())
    for batch in batches:
        store.stage(batch)
        grower.step(store)
    return store


@given(old=batches_of("old"), lost=batches_of("lost"), kept=st.integers(0, 600), new=batches_of("new"))
def test_recovery_yields_the_lost_entries_and_then_the_new_ones(
    old: list[bytes], lost: list[bytes], kept: int, new: list[bytes]
) -> None:
    mirror = grown(old, lost)
    store = grown(old)
    store.stage([*lost[:kept], *new])
    if not old and not lost:
        return
    recovery = recover_log(store, mirror, [SIGNER.verifier_key])
    assert recovery.renumbered_count in {0, len(new)}
    assert recovery.renumbered_to - recovery.renumbered_from == len(lost) - min(kept, len(lost))
    Sequencer(SIGNER, ScriptedGuard()).step(store)
    assert audited_entries(store) == [*old, *lost, *new]
