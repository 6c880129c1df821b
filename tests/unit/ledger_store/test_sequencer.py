from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger.checkpoints import Checkpoint
from ledger.errors import (
    CheckpointConflictError,
    GuardUndecidedError,
    RootMismatchError,
    SignatureError,
    StateBehindError,
    StateInconsistentError,
    StorageError,
)
from ledger.hashing import LeafIndex, hash_leaf, root_of_leaves
from ledger.notes import NoteSigner
from ledger.ports import LogStore
from ledger.sequencer import Sequencer
from ledger.store.memory import MemoryLogStore
from ledger.tiles import BundleAddress, TileAddress
from tests.log_audit import audited_entries, check_history, open_note
from tests.log_media import Medium
from tests.simulators import ORIGIN, SIGNER, FaultPlan, FaultyStore, InjectedFaultError, ScriptedGuard


def entries_of(count: int, name: str = "e") -> list[bytes]:
    return [b"%s %d" % (name.encode(), number) for number in range(count)]


def sequencer(guard: ScriptedGuard | None = None) -> Sequencer:
    return Sequencer(SIGNER, guard or ScriptedGuard())


@pytest.mark.parametrize("sizes", [[1], [256], [255, 1, 1], [3, 700, 256, 1, 65]])
def test_a_log_grows_in_staging_order(medium: Medium, sizes: list[int]) -> None:
    grower = sequencer()
    expected: list[bytes] = []
    for number, size in enumerate(sizes):
        batch = entries_of(size, f"batch {number}")
        with medium.open() as store:
            assert store.stage(batch) == len(expected)
        expected += batch
        with medium.open() as store:
            checkpoint = grower.step(store)
        assert checkpoint is not None
        assert (checkpoint.origin, checkpoint.size) == (ORIGIN, len(expected))
        with medium.open() as store:
            assert audited_entries(store) == expected


def test_a_limit_cuts_a_batch_and_nothing_staged_is_nothing_done(medium: Medium) -> None:
    grower = sequencer()
    with medium.open() as store:
        store.stage(entries_of(10))
        sizes = [checkpoint.size for _ in range(5) if (checkpoint := grower.step(store, 4)) is not None]
        assert sizes == [4, 8, 10]
        assert audited_entries(store) == entries_of(10)


def test_growing_across_three_tile_levels() -> None:
    store = MemoryLogStore(ORIGIN)
    grower = sequencer()
    entries = entries_of(66_000)
    for at in range(0, len(entries), 30_000):
        store.stage(entries[at : at + 30_000])
        grower.step(store)
    note = store.checkpoint()
    assert note is not None
    assert open_note(note).root == root_of_leaves([hash_leaf(entry) for entry in entries])
    assert Sequencer(SIGNER, ScriptedGuard()).recover(store) == open_note(note)


def test_the_guard_is_asked_until_it_passes_once(medium: Medium) -> None:
    guard = ScriptedGuard([GuardUndecidedError("nobody"), GuardUndecidedError("nobody")])
    grower = sequencer(guard)
    with medium.open() as store:
        assert grower.step(store) is None
        assert guard.asked == []
        store.stage(entries_of(3))
        for _ in range(2):
            with pytest.raises(GuardUndecidedError):
                grower.step(store)
            assert store.committed() is None
        for _ in range(2):
            grower.step(store)
            store.stage(entries_of(3))
        grower.step(store)
    assert guard.asked == [None, None, None]


@pytest.mark.parametrize("refusal", [StateBehindError(3, 9, "the chain"), StateInconsistentError(3, 9, "the chain")])
def test_a_refused_state_is_never_signed(medium: Medium, refusal: StateBehindError | StateInconsistentError) -> None:
    with medium.open() as store:
        store.stage(entries_of(3))
        first = sequencer().step(store)
        store.stage(entries_of(1))
    guard = ScriptedGuard([refusal] * 3)
    grower = sequencer(guard)
    with medium.open() as store:
        with pytest.raises(type(refusal)):
            grower.recover(store)
        for _ in range(2):
            with pytest.raises(type(refusal)):
                grower.step(store)
        committed = store.committed()
    assert committed is not None
    assert open_note(committed) == first
    assert guard.asked == [first] * 3


def test_recovering_finishes_a_publication_even_if_the_guard_is_undecided(medium: Medium) -> None:
    with medium.open() as store:
        store.stage(entries_of(5))
        plan = FaultPlan()
        sequencer().step(FaultyStore(store, plan))
    publish = plan.calls.index("publish")
    with medium.open() as store:
        store.stage(entries_of(5))
        with pytest.raises(StorageError):
            sequencer().step(FaultyStore(store, FaultPlan(failing_call=publish + plan.calls.count("bundle") + 2)))
        committed = store.committed()
        assert committed != store.checkpoint()
    with medium.open() as store:
        with pytest.raises(GuardUndecidedError):
            sequencer(ScriptedGuard([GuardUndecidedError("nobody")])).recover(store)
        assert store.checkpoint() == committed


def test_two_sequencers_on_one_store() -> None:
    store = MemoryLogStore(ORIGIN)
    first, second = sequencer(), sequencer()
    store.stage(entries_of(3))
    first.step(store)
    second.recover(store)
    store.stage(entries_of(3, "more"))
    first.step(store)
    for _ in range(2):
        with pytest.raises(CheckpointConflictError):
            second.step(store)
    store.stage(entries_of(1, "last"))
    first.step(store)
    assert audited_entries(store) == entries_of(3) + entries_of(3, "more") + entries_of(1, "last")


def step_and_fail(grower: Sequencer, store: LogStore) -> None:
    grower.step(store)
    raise InjectedFaultError("before the commit")


class RacingStore(MemoryLogStore):
    """Lets another sequencer go through a whole step just before the swap."""

    other: Sequencer | None = None

    def swap_checkpoint(self, expected: bytes | None, new: bytes) -> None:
        if self.other is not None:
            other, self.other = self.other, None
            self.stage([b"slipped in"])
            other.step(self)
        super().swap_checkpoint(expected, new)


def test_a_race_is_decided_by_the_swap() -> None:
    store = RacingStore(ORIGIN)
    store.stage(entries_of(3))
    loser, winner = sequencer(), sequencer()
    store.other = winner
    published: list[bytes] = []
    with pytest.raises(CheckpointConflictError):
        loser.step(FaultyStore(store, FaultPlan(), published))
    with pytest.raises(CheckpointConflictError):
        loser.step(store)
    assert published == []
    assert audited_entries(store) == [*entries_of(3), b"slipped in"]


def test_a_rolled_back_step_is_taken_again(medium: Medium) -> None:
    grower = sequencer()
    with medium.open() as store:
        store.stage(entries_of(300))
        grower.step(store)
        store.stage(entries_of(300, "more"))
    with pytest.raises(InjectedFaultError), medium.open() as store:
        step_and_fail(grower, store)
    with medium.open() as store:
        grower.step(store)
        assert audited_entries(store) == entries_of(300) + entries_of(300, "more")


def test_a_state_put_in_place_under_a_running_sequencer_is_shown_to_the_guard_again() -> None:
    store = MemoryLogStore(ORIGIN)
    guard = ScriptedGuard()
    grower = sequencer(guard)
    store.stage(entries_of(2))
    first = grower.step(store)
    older = store.committed()
    store.stage(entries_of(2))
    grower.step(store)
    newer = store.committed()
    assert newer is not None
    assert older is not None
    store.swap_checkpoint(newer, older)
    store.restage(LeafIndex(2), [b"another history"])
    guard.script = [StateBehindError(2, 4, "the chain")]
    with pytest.raises(StateBehindError):
        grower.step(store)
    assert guard.asked == [None, first]


def test_a_checkpoint_by_a_former_key_is_continued_and_by_a_foreign_one_is_not() -> None:
    store = MemoryLogStore(ORIGIN)
    store.stage(entries_of(2))
    sequencer().step(store)
    rotated = NoteSigner.from_seed(ORIGIN, b"\x01" * 32)
    store.stage(entries_of(1))
    with pytest.raises(SignatureError):
        Sequencer(rotated, ScriptedGuard()).step(store)
    checkpoint = Sequencer(rotated, ScriptedGuard(), (SIGNER.verifier_key,)).step(store)
    assert checkpoint is not None
    assert checkpoint.size == 3


def test_a_key_of_another_log_is_refused() -> None:
    store = MemoryLogStore("log.hospital-b.example")
    store.stage(entries_of(1))
    with pytest.raises(StorageError, match="hospital-b"):
        sequencer().step(store)


def test_damaged_tiles_are_not_built_on() -> None:
    store = MemoryLogStore(ORIGIN)
    store.stage(entries_of(5))
    sequencer().step(store)
    good = store.tile(TileAddress(0, 0, 5))
    store.write_batch({TileAddress(0, 0, 5): bytes([good[0] ^ 1]) + good[1:]}, {}, replace=True)
    with pytest.raises(RootMismatchError):
        sequencer().recover(store)
    store.write_batch({TileAddress(0, 0, 5): good}, {BundleAddress(0, 5): b"\x00\x01x" * 5}, replace=True)
    with pytest.raises(StorageError, match="bundle 0"):
        sequencer().recover(store)


@pytest.mark.parametrize("restart", [True, False], ids=["restart", "go-on"])
@pytest.mark.slow
@pytest.mark.usefixtures("unsynced")
def test_fault_matrix(media: Iterator[Medium], *, restart: bool) -> None:
    """Fail every storage call once, its work done or not, with a new sequencer afterwards or the same one."""
    calls = run_scenario(next(media), FaultPlan(), restart=restart)
    assert {"stage", "staged", "write_batch", "swap_checkpoint", "publish", "discard"} <= set(calls)
    for number in range(len(calls)):
        for persisted in (False, True):
            plan = FaultPlan(failing_call=number, persisted=persisted)
            run_scenario(next(media), plan, restart=restart)
            assert len(plan.calls) > number


def run_scenario(medium: Medium, plan: FaultPlan, *, restart: bool) -> list[str]:
    """Stage and sequence a few batches, go on after each fault, check everything."""
    grower = sequencer()
    published: list[bytes] = []
    acknowledged: dict[int, bytes] = {}
    for number, size in enumerate((2, 260, 1)):
        attempt = 0
        while True:
            batch = entries_of(size, f"batch {number} attempt {attempt}")
            try:
                with medium.open() as store:
                    first = FaultyStore(store, plan, published).stage(batch)
            except StorageError:
                attempt += 1
                continue
            acknowledged.update(enumerate(batch, first))
            break
        grower = step_until_done(medium, plan, grower, published, restart=restart)
    with medium.open() as store:
        entries = audited_entries(store)
        assert store.staged(LeafIndex(len(entries)), 1) == []
    for index, entry in acknowledged.items():
        assert entries[index] == entry
    assert len(set(entries)) == len(entries)
    check_history(published, entries)
    return plan.calls


def step_until_done(medium: Medium, plan: FaultPlan, grower: Sequencer, published: list[bytes], *, restart: bool) -> Sequencer:
    while True:
        try:
            with medium.open() as store:
                checkpoint: Checkpoint | None = grower.step(FaultyStore(store, plan, published), 200)
        except StorageError:
            if restart:
                grower = sequencer()
            continue
        if checkpoint is None:
            return grower
