"""Trees to prove consistency in: a real one of random leaves, and one of equal leaves that can be of any size."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from ledger.hashing import LeafHash, NodeCoordinate, NodeHash, RootHash, TreeSize, hash_children, hash_leaf
from ledger.proofs import prove_consistency, root_at


class Tree:
    """An append-only tree that keeps every full subtree's hash."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._levels: list[list[NodeHash]] = [[]]

    @property
    def size(self) -> int:
        return len(self._levels[0])

    def grow(self, count: int) -> None:
        for _ in range(count):
            self._append(hash_leaf(f"{self._seed} {self.size}".encode()))

    def copy_from(self, other: Tree, count: int) -> None:
        """Append the first leaves of another tree."""
        for leaf in other.read_hashes([(0, index) for index in range(count)]):
            self._append(LeafHash(leaf))

    def _append(self, leaf: LeafHash) -> None:
        node = NodeHash(leaf)
        for level in range(64):
            if level == len(self._levels):
                self._levels.append([])
            row = self._levels[level]
            row.append(node)
            if len(row) % 2:
                return
            node = hash_children(row[-2], row[-1])

    def read_hashes(self, coordinates: Sequence[NodeCoordinate]) -> list[NodeHash]:
        return [self._levels[level][index] for level, index in coordinates]


class EqualLeaves:
    """A tree of equal leaves: a full subtree's hash depends on its level only, so that no size costs memory."""

    def __init__(self) -> None:
        self._levels = [NodeHash(sha256(b"\x00entry").digest())]
        for _ in range(48):
            self._levels.append(hash_children(self._levels[-1], self._levels[-1]))

    def read_hashes(self, coordinates: Sequence[NodeCoordinate]) -> list[NodeHash]:
        return [self._levels[level] for level, _ in coordinates]


AnyTree = Tree | EqualLeaves


def root(tree: AnyTree, size: int) -> RootHash:
    return root_at(tree, TreeSize(size))


def prove(tree: AnyTree, old_size: int, new_size: int) -> tuple[NodeHash, ...]:
    return prove_consistency(tree, TreeSize(old_size), TreeSize(new_size))
