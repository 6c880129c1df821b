"""Hashes read through the cache are those read without it, and the second reading reads no tile."""

from __future__ import annotations

import pytest

from ledger.errors import MalformedTileError, OutOfRangeError
from ledger.hashing import LeafIndex, TreeSize
from ledger.mirror import CachedHashReader, TileCache
from ledger.proofs import prove_consistency, prove_inclusion
from ledger.sequencer import Sequencer
from ledger.store.memory import MemoryLogStore
from ledger.tiles import TileAddress, TileHashReader
from tests.simulators import ORIGIN, SIGNER, FaultPlan, FaultyStore, ScriptedGuard

SIZE = 66_313


@pytest.fixture(scope="module")
def log() -> MemoryLogStore:
    store = MemoryLogStore(ORIGIN)
    store.stage([b"%d" % number for number in range(SIZE)])
    grower = Sequencer(SIGNER, ScriptedGuard())
    while grower.step(store, 20_000) is not None:
        pass
    return store


def test_every_node_of_the_right_edge_and_many_others(log: MemoryLogStore) -> None:
    cached = CachedHashReader(log, TreeSize(SIZE), TileCache())
    plain = TileHashReader(log, TreeSize(SIZE))
    nodes = [(level, (SIZE >> level) - back) for level in range(17) for back in (1, 2, 3) if SIZE >> level >= back]
    nodes += [(level, index * 37 % (SIZE >> level)) for level in range(16) for index in range(40)]
    assert cached.read_hashes(nodes) == plain.read_hashes(nodes)
    for outside in ((0, SIZE), (16, 1), (17, 0)):
        with pytest.raises(OutOfRangeError):
            cached.read_hashes([outside])


def test_proofs_at_several_sizes_share_a_cache(log: MemoryLogStore) -> None:
    cache: TileCache[tuple[bytes, ...]] = TileCache(4)
    for size in map(TreeSize, (40_000, 60_000, SIZE)):
        cached, plain = CachedHashReader(log, size, cache), TileHashReader(log, size)
        for index in map(LeafIndex, (0, 255, 256, 39_999)):
            assert prove_inclusion(cached, index, size) == prove_inclusion(plain, index, size)
        old = TreeSize(30_001)
        assert prove_consistency(cached, old, size) == prove_consistency(plain, old, size)


def test_what_is_cached_is_not_read_again(log: MemoryLogStore) -> None:
    plan = FaultPlan()
    cached = CachedHashReader(FaultyStore(log, plan), TreeSize(SIZE), TileCache())
    first = prove_inclusion(cached, LeafIndex(7), TreeSize(SIZE))
    assert plan.calls == ["read_tiles"]
    assert prove_inclusion(cached, LeafIndex(7), TreeSize(SIZE)) == first
    assert plan.calls == ["read_tiles"]


def test_a_tile_of_a_wrong_length_is_refused() -> None:
    store = MemoryLogStore(ORIGIN)
    store.write_batch({TileAddress(0, 0, 3): bytes(64)}, {})
    with pytest.raises(MalformedTileError):
        CachedHashReader(store, TreeSize(3), TileCache()).read_hashes([(0, 0)])


def test_a_cache_lets_go_of_what_was_used_least_lately() -> None:
    cache: TileCache[bytes] = TileCache(2)
    tiles = [TileAddress(0, index) for index in range(3)]
    for tile in tiles[:2]:
        cache.put(tile, b"content")
    assert cache.get(tiles[0]) == b"content"
    cache.put(tiles[2], b"content")
    assert [cache.get(tile) for tile in tiles] == [b"content", None, b"content"]
