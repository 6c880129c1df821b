"""Recovering a log from a mirror: the mirror is believed nothing that the log did not sign."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from ledger.errors import (
    LedgerError,
    MalformedTileError,
    OutOfRangeError,
    RootMismatchError,
    SignatureError,
    StateInconsistentError,
    StorageError,
    VerificationError,
)
from ledger.hashing import LeafIndex, TreeSize
from ledger.mirror import VerifiedTiles, fetch_entries
from ledger.notes import NoteSigner
from ledger.sequencer import Recovery, Sequencer, recover_log
from ledger.store.memory import MemoryLogStore
from ledger.tiles import BundleAddress, TileAddress, encode_entries
from tests.log_audit import audited_entries, open_note
from tests.log_media import Medium
from tests.simulators import ORIGIN, SIGNER, FaultPlan, FaultyStore, InjectedFaultError, ScriptedGuard

pytestmark = pytest.mark.slow

KEYS = (SIGNER.verifier_key,)


def named(name: str, count: int) -> list[bytes]:
    return [f"{name} {number}".encode() for number in range(count)]


def log_of(*batches: Sequence[bytes], signer: NoteSigner = SIGNER) -> MemoryLogStore:
    store = MemoryLogStore(ORIGIN)
    grower = Sequencer(signer, ScriptedGuard())
    for batch in batches:
        store.stage(batch)
        grower.step(store)
    return store


def restore(medium: Medium, logged: Sequence[bytes], staged: Sequence[bytes]) -> None:
    with medium.open() as store:
        store.stage(logged)
        if logged:
            Sequencer(SIGNER, ScriptedGuard()).step(store)
        store.stage(staged)


OLD, LOST, NEW = named("old", 300), named("lost", 5_000), named("new", 40)


@pytest.mark.parametrize(
    ("staged", "expected", "renumbered"),
    [
        ([], [*OLD, *LOST], (300, 0)),
        (LOST[:7], [*OLD, *LOST], (307, 0)),
        (NEW, [*OLD, *LOST, *NEW], (300, 40)),
        ([*LOST[:7], *NEW], [*OLD, *LOST, *NEW], (307, 40)),
        ([*LOST, *NEW], [*OLD, *LOST, *NEW], (5300, 0)),
        (LOST, [*OLD, *LOST], (5300, 0)),
    ],
    ids=["nothing staged", "staged was logged", "staged is new", "both", "all were logged", "exactly all"],
)
@pytest.mark.usefixtures("unsynced")
def test_missing_leaves_come_back_and_staged_ones_follow(
    medium: Medium, staged: list[bytes], expected: list[bytes], renumbered: tuple[int, int]
) -> None:
    mirror = log_of(OLD, LOST)
    restore(medium, OLD, staged)
    with medium.open() as store:
        recovery = recover_log(store, mirror, KEYS)
    first, count = renumbered
    assert recovery == Recovery(TreeSize(300), TreeSize(5300), LeafIndex(first), LeafIndex(5300), count)
    grower = Sequencer(SIGNER, ScriptedGuard())
    with medium.open() as store:
        assert store.checkpoint() == store.committed() == mirror.checkpoint()
        assert store.stage([b"after"]) == len(expected)
        while grower.step(store) is not None:
            pass
        assert audited_entries(store) == [*expected, b"after"]


def test_an_empty_state_is_recovered_whole(medium: Medium) -> None:
    restore(medium, [], [])
    with medium.open() as store:
        assert recover_log(store, log_of(OLD, NEW), KEYS).new_size == 340
        assert audited_entries(store) == [*OLD, *NEW]


@pytest.mark.parametrize("logged", [OLD, [*OLD, b"one more"]])
def test_a_mirror_that_is_not_ahead_changes_nothing(medium: Medium, logged: list[bytes]) -> None:
    restore(medium, logged, NEW)
    with medium.open() as store:
        before = store.committed()
        assert recover_log(store, log_of(OLD), KEYS).renumbered_count == 0
        assert store.committed() == before
        assert store.staged_range().stop == len(logged) + 40


def test_a_mirror_of_another_history_is_refused(medium: Medium) -> None:
    restore(medium, OLD, NEW)
    with medium.open() as store:
        before = store.committed()
        with pytest.raises(StateInconsistentError):
            recover_log(store, log_of([*OLD[:-1], b"another"], LOST), KEYS)
        assert store.committed() == before
        Sequencer(SIGNER, ScriptedGuard()).step(store)
        assert audited_entries(store) == [*OLD, *NEW]


def test_a_mirror_with_another_key_or_without_a_checkpoint_is_refused() -> None:
    store = log_of(OLD)
    foreign = NoteSigner.from_seed(ORIGIN, b"\x07" * 32)
    with pytest.raises(SignatureError):
        recover_log(store, log_of(OLD, LOST, signer=foreign), KEYS)
    with pytest.raises(SignatureError):
        recover_log(store, log_of(OLD, LOST), ())
    with pytest.raises(StorageError):
        recover_log(store, MemoryLogStore(ORIGIN), KEYS)


def damage_bundle(mirror: MemoryLogStore) -> None:
    entries = encode_entries([*LOST[212:467], b"forged"])
    mirror.write_batch({}, {BundleAddress(2): entries}, replace=True)


def damage_partial_bundle(mirror: MemoryLogStore) -> None:
    entries = encode_entries([*LOST[-180 + 1 :], b"forged"])
    mirror.write_batch({}, {BundleAddress(20, 180): entries}, replace=True)


def damage_edge_tile(mirror: MemoryLogStore) -> None:
    mirror.write_batch({TileAddress(1, 0, 20): bytes(32 * 20)}, {}, replace=True)


def shorten_tile(mirror: MemoryLogStore) -> None:
    mirror.write_batch({TileAddress(1, 0, 20): bytes(32 * 19)}, {}, replace=True)


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (damage_bundle, VerificationError),
        (damage_partial_bundle, VerificationError),
        (damage_edge_tile, RootMismatchError),
        (shorten_tile, MalformedTileError),
    ],
)
def test_a_damaged_mirror_is_refused_and_a_good_one_accepted_afterwards(
    medium: Medium, damage: Callable[[MemoryLogStore], None], error: type[LedgerError]
) -> None:
    restore(medium, OLD, NEW)
    mirror = log_of(OLD, LOST)
    damage(mirror)
    with medium.open() as store:
        before = store.committed()
        with pytest.raises(error):
            recover_log(store, mirror, KEYS)
        assert store.committed() == before
        recover_log(store, log_of(OLD, LOST), KEYS)
        Sequencer(SIGNER, ScriptedGuard()).step(store)
        assert audited_entries(store) == [*OLD, *LOST, *NEW]


def test_a_tile_inside_the_tree_is_proven_by_the_one_above() -> None:
    mirror = log_of(named("entry", 66_000))
    note = mirror.checkpoint()
    assert note is not None
    checkpoint = open_note(note)
    tiles = VerifiedTiles(mirror, checkpoint)
    wanted = [TileAddress(0, 5), TileAddress(1, 0), TileAddress(0, 5, 9), TileAddress(2, 0, 1)]
    assert tiles.read_tiles(wanted) == mirror.read_tiles(wanted)
    for outside in (TileAddress(0, 300), TileAddress(3, 0, 1), TileAddress(0, 257, 255), TileAddress(0, 256, 1)):
        with pytest.raises(OutOfRangeError):
            tiles.read_tiles([outside])
    mirror.write_batch({TileAddress(0, 6): bytes(8192)}, {}, replace=True)
    with pytest.raises(VerificationError):
        tiles.read_tiles([TileAddress(0, 6)])


@pytest.mark.parametrize(("damage", "start"), [(damage_bundle, 512), (damage_partial_bundle, 5_120)])
def test_no_forged_entry_is_handed_out(damage: Callable[[MemoryLogStore], None], start: int) -> None:
    mirror = log_of(OLD, LOST)
    note = mirror.checkpoint()
    assert note is not None
    damage(mirror)
    fetched = fetch_entries(mirror, open_note(note), LeafIndex(0), TreeSize(5_300))
    good = [next(fetched) for _ in range(start // 256)]
    assert [entry for entries in good for entry in entries] == [*OLD, *LOST][:start]
    with pytest.raises(VerificationError):
        next(fetched)


def test_entries_outside_the_tree_are_not_fetched() -> None:
    mirror = log_of(OLD)
    note = mirror.checkpoint()
    assert note is not None
    for start, stop in ((0, 301), (5, 4), (-1, 4)):
        with pytest.raises(OutOfRangeError):
            list(fetch_entries(mirror, open_note(note), LeafIndex(start), TreeSize(stop)))
    assert list(fetch_entries(mirror, open_note(note), LeafIndex(250), TreeSize(260))) == [OLD[250:256], OLD[256:260]]
    assert list(fetch_entries(mirror, open_note(note), LeafIndex(300), TreeSize(300))) == []


@pytest.mark.slow
@pytest.mark.usefixtures("unsynced")
def test_an_interrupted_recovery_is_done_again(media: Iterator[Medium]) -> None:
    mirror = log_of(OLD, LOST)
    plan = FaultPlan()
    calls = recover_with(next(media), mirror, plan)
    assert {"write_batch", "restage", "swap_checkpoint", "publish", "discard"} <= set(calls)
    for number in range(len(calls)):
        for persisted in (False, True):
            recover_with(next(media), mirror, FaultPlan(failing_call=number, persisted=persisted))


def recover_with(medium: Medium, mirror: MemoryLogStore, plan: FaultPlan) -> list[str]:
    restore(medium, OLD, [*LOST[:7], *NEW])
    for _ in range(2):
        try:
            with medium.open() as store:
                recover_log(FaultyStore(store, plan), mirror, KEYS)
        except InjectedFaultError:
            continue
    with medium.open() as store:
        grower = Sequencer(SIGNER, ScriptedGuard())
        grower.recover(store)
        grower.step(store)
        assert audited_entries(store) == [*OLD, *LOST, *NEW]
    return plan.calls
