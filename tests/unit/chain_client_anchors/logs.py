"""A growing log whose roots and proofs any size can be asked for."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.hashing import NodeCoordinate, NodeHash, RootHash, TreeSize, hash_children, hash_leaf
from ledger.proofs import prove_consistency, root_at
from node.domain.entry import Origin


class GrowingLog:
    """The log of numbered entries; `seed` makes another history."""

    def __init__(self, origin: str, seed: str = "entry", entries: int = 64) -> None:
        self.origin = Origin(origin)
        self._levels = [[NodeHash(hash_leaf(f"{seed} {index}".encode())) for index in range(entries)]]
        while len(row := self._levels[-1]) > 1:
            self._levels.append([hash_children(*row[at : at + 2]) for at in range(0, len(row) - 1, 2)])

    def read_hashes(self, coordinates: Sequence[NodeCoordinate]) -> list[NodeHash]:
        return [self._levels[level][index] for level, index in coordinates]

    def root(self, size: int) -> RootHash:
        return root_at(self, TreeSize(size))

    def proof(self, old: int, new: int) -> tuple[NodeHash, ...]:
        return prove_consistency(self, TreeSize(old), TreeSize(new))
