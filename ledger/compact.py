"""The right edge of a growing tree: all that an append needs to know of what came before.

The edge keeps, for every eighth tree level, the hashes after the last multiple of 256: at most 255 hashes a level,
which are exactly the partial tiles of tlog-tiles. A batch of leaves yields the new edge and, per level, the run of
hashes from which full and partial tiles are cut. Whole levels are hashed at a time, without an object per node.

Left out: tile addresses and contents (`ledger.tiles`), storage, signatures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.errors import MalformedTileError, OutOfRangeError
from ledger.hashing import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_TREE_SIZE,
    LeafHash,
    RootHash,
    TreeSize,
    hash_children,
    hash_level,
    hash_subtree,
)

EDGE_WIDTH: Final = 256
"""Hashes that make one hash eight levels up; the width of a tile, so that edges are partial tiles."""

_FULL_BYTES: Final = EDGE_WIDTH * HASH_BYTES


@dataclass(frozen=True, slots=True)
class LevelRun:
    """The hashes at the end of one level that an append made, from the last tile boundary before them."""

    level: int
    """Tile level: these are nodes of tree level 8 * level."""
    first_index: int
    """The index of the first hash in its tree level; a multiple of 256."""
    hashes: bytes
    """The concatenated hashes, the old partial tile's included, up to the end of the level."""


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree of one size. Immutable: a failed batch leaves the old one in the caller's hands."""

    size: TreeSize
    """The number of leaves."""
    edges: tuple[bytes, ...]
    """Per tile level from the leaves up, the concatenated hashes of its partial tile, empty where it ends full."""

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_TREE_SIZE:
            raise OutOfRangeError(f"a tree has between 0 and {MAX_TREE_SIZE} leaves, not {self.size}")
        widths = []
        count = int(self.size)
        while count:
            count, width = divmod(count, EDGE_WIDTH)
            widths.append(width * HASH_BYTES)
        if [len(edge) for edge in self.edges] != widths:
            raise MalformedTileError("frontier", f"the edges are not those of a tree of size {self.size}")

    @classmethod
    def empty(cls) -> Frontier:
        """Make the edge of the empty tree."""
        return cls(TreeSize(0), ())

    def append(self, leaves: Sequence[LeafHash]) -> tuple[Frontier, tuple[LevelRun, ...]]:
        """Add leaves on the right.

        Returns:
            The new edge, and per level that changed, from the leaves up, its run of hashes.

        Raises:
            OutOfRangeError: The tree would have more than 2^63 - 1 leaves.
        """
        fresh = b"".join(leaves)
        size = TreeSize(self.size + len(leaves))
        edges, runs = list(self.edges), []
        level = 0
        while fresh:
            if level == len(edges):
                edges.append(b"")
            before = self.size >> 8 * level
            run = edges[level] + fresh
            runs.append(LevelRun(level, before - before % EDGE_WIDTH, run))
            full = len(run) - len(run) % _FULL_BYTES
            edges[level] = run[full:]
            fresh = _roots_of_full(run[:full])
            level += 1
        return Frontier(size, tuple(edges)), tuple(runs)

    def root(self) -> RootHash:
        """Compute the root: at most 256 hashes a level."""
        root: bytes | None = None
        for edge in self.edges:
            root = _fold_edge(edge, root)
        return EMPTY_ROOT if root is None else RootHash(root)


def _roots_of_full(run: bytes) -> bytes:
    """Hash each full tile of a run into its root, one at a time, which bounds what a large batch holds in memory."""
    return b"".join([hash_subtree(run[at : at + _FULL_BYTES]) for at in range(0, len(run), _FULL_BYTES)])


def _fold_edge(edge: bytes, right: bytes | None) -> bytes | None:
    """Put what lies right of a partial tile together with the tile's own full subtrees, from the right."""
    while edge:
        odd = len(edge) % (2 * HASH_BYTES)
        if odd:
            right = edge[-odd:] if right is None else hash_children(edge[-odd:], right)
            edge = edge[:-odd]
        edge = hash_level(edge)
    return right
