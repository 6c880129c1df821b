from __future__ import annotations

import pytest

from ledger import compact, tiles
from ledger.compact import Frontier, LevelRun
from ledger.errors import MalformedTileError, OutOfRangeError
from ledger.hashing import EMPTY_ROOT, HASH_BYTES, MAX_TREE_SIZE, TreeSize, hash_leaves, root_of_leaves

LEAVES = hash_leaves([b"%d" % at for at in range(600)])


def test_an_edge_is_a_partial_tile() -> None:
    assert compact.EDGE_WIDTH == tiles.TILE_WIDTH == 1 << tiles.TILE_HEIGHT


def test_the_empty_tree() -> None:
    assert Frontier.empty().root() == EMPTY_ROOT
    assert Frontier.empty().append([]) == (Frontier.empty(), ())


def test_an_append_leaves_the_old_frontier_as_it_was() -> None:
    old = Frontier.empty().append(LEAVES[:5])[0]
    new, runs = old.append(LEAVES[5:8])
    assert (old.size, new.size) == (5, 8)
    assert old.root() == root_of_leaves(LEAVES[:5])
    assert new.root() == root_of_leaves(LEAVES[:8])
    assert runs == (LevelRun(0, 0, b"".join(LEAVES[:8])),)


def test_runs_start_at_the_tile_that_was_partial() -> None:
    old = Frontier.empty().append(LEAVES[:300])[0]
    new, runs = old.append(LEAVES[300:600])
    full = root_of_leaves(LEAVES[:256]), root_of_leaves(LEAVES[256:512])
    assert runs == (LevelRun(0, 256, b"".join(LEAVES[256:600])), LevelRun(1, 0, b"".join(full)))
    assert new.edges == (b"".join(LEAVES[512:600]), b"".join(full))


def test_a_full_level_has_an_empty_edge() -> None:
    frontier = Frontier.empty().append(LEAVES[:512])[0]
    assert [len(edge) // HASH_BYTES for edge in frontier.edges] == [0, 2]
    assert frontier.root() == root_of_leaves(LEAVES[:512])


@pytest.mark.parametrize(
    ("size", "edges"), [(0, (b"",)), (1, ()), (1, (b"\0" * 31,)), (1, (b"\0" * 64,)), (256, (b"",)), (1, (b"\0" * 32, b""))]
)
def test_edges_of_another_size_are_refused(size: int, edges: tuple[bytes, ...]) -> None:
    with pytest.raises(MalformedTileError, match="frontier"):
        Frontier(TreeSize(size), edges)


@pytest.mark.parametrize("size", [-1, MAX_TREE_SIZE + 1])
def test_sizes_beyond_the_bounds(size: int) -> None:
    with pytest.raises(OutOfRangeError):
        Frontier(TreeSize(size), ())


def test_the_largest_tree_does_not_grow() -> None:
    edges = tuple(b"\x11" * 32 * (127 if level == 7 else 255) for level in range(8))
    full = Frontier(TreeSize(MAX_TREE_SIZE), edges)
    with pytest.raises(OutOfRangeError):
        full.append(LEAVES[:1])
