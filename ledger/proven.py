"""The tree of one checkpoint as far as it is needed: tiles that are proven, each by the tile above it, up to the right edge.

Unlike `ledger.mirror.VerifiedTiles` it fetches nothing: it names what it misses and is given it. Left out: which tiles to
keep (`ledger.follower`), proofs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.checkpoints import Checkpoint
from ledger.compact import Frontier
from ledger.errors import RootMismatchError, VerificationError
from ledger.hashing import HASH_BYTES, NodeCoordinate, NodeHash, TreeSize, hash_subtree
from ledger.tiles import (
    TILE_WIDTH,
    BundleAddress,
    Resource,
    TileAddress,
    check_tile_length,
    edge_tiles,
    encode_tile_path,
    locate_node,
)


@dataclass(slots=True)
class HashPlan:
    """A hash reader that only notes what it is asked for."""

    nodes: set[NodeCoordinate] = field(default_factory=set)
    """What it was asked for."""

    def read_hashes(self, coordinates: Sequence[NodeCoordinate]) -> list[NodeHash]:
        """Note the nodes, and make up hashes for them."""
        self.nodes.update(coordinates)
        return [NodeHash(bytes(HASH_BYTES))] * len(coordinates)


class ProvenTree:
    """Tiles of one tree, each proven by the tile above it, up to the right edge and the root."""

    def __init__(self, size: TreeSize, edges: tuple[bytes, ...]) -> None:
        self._size = size
        self._edges = edges
        self._proven: dict[TileAddress, bytes] = {}

    @classmethod
    def open(cls, checkpoint: Checkpoint, contents: Mapping[Resource, bytes]) -> ProvenTree:
        """Prove the right edge.

        Args:
            checkpoint: A signed checkpoint.
            contents: The tiles that `edge_tiles` names.

        Raises:
            MalformedTileError: A tile has another length than its address says.
            RootMismatchError: They are not of this checkpoint's tree.
        """
        edge = edge_tiles(checkpoint.size)
        for address in edge:
            if address is not None:
                check_tile_length(contents[address], address)
        frontier = Frontier(checkpoint.size, tuple(contents[address] if address else b"" for address in edge))
        root = frontier.root()
        if root != checkpoint.root:
            raise RootMismatchError(checkpoint.size, checkpoint.root, root)
        return cls(checkpoint.size, frontier.edges)

    def address(self, level: int, index: int) -> TileAddress:
        """Name the tile of this tree at a place, partial at the edge."""
        return TileAddress(level, index, min(TILE_WIDTH, (self._size >> 8 * level) - index * TILE_WIDTH))

    def missing(self, addresses: Iterable[TileAddress]) -> tuple[TileAddress, ...]:
        """Name those of the tiles, and of the tiles above them, that are neither proven nor of the edge; highest first."""
        found: set[TileAddress] = set()
        for address in addresses:
            at = address
            while at.width == TILE_WIDTH and at not in self._proven and at not in found:
                found.add(at)
                at = self.address(at.level + 1, at.index // TILE_WIDTH)
        return tuple(sorted(found, key=lambda each: (-each.level, each.index)))

    def keep(self, addresses: Iterable[TileAddress]) -> None:
        """Forget proven tiles that are neither among these nor above them."""
        kept: dict[TileAddress, bytes] = {}
        for address in addresses:
            at = address
            while at in self._proven and at not in kept:
                kept[at] = self._proven[at]
                at = self.address(at.level + 1, at.index // TILE_WIDTH)
        self._proven = kept

    def prove(self, contents: Mapping[TileAddress, bytes]) -> None:
        """Take tiles, all of which have to hash to what the tiles above them hold.

        Raises:
            MalformedTileError: A tile has another length than its address says.
            VerificationError: It does not hash to what is above it.
        """
        for address in sorted(contents, key=lambda each: -each.level):
            data = contents[address]
            check_tile_length(data, address)
            self._check(address.level, address.index, data, encode_tile_path(address))
            self._proven[address] = data

    def check_leaves(self, address: BundleAddress, leaves: bytes) -> None:
        """Check the concatenated leaf hashes of one bundle.

        Raises:
            VerificationError: They are not the tree's.
        """
        if address.width == TILE_WIDTH:
            self._check(0, address.index, leaves, encode_tile_path(address))
        elif leaves != self._edges[0]:
            raise VerificationError(f"{encode_tile_path(address)} does not hash to what size {self._size} was signed for")

    def _check(self, level: int, index: int, hashes: bytes, resource: str) -> None:
        parent, position = divmod(index, TILE_WIDTH)
        above = self._tile(self.address(level + 1, parent))
        if hash_subtree(hashes) != above[position * HASH_BYTES : (position + 1) * HASH_BYTES]:
            raise VerificationError(f"{resource} does not hash to what size {self._size} was signed for")

    def _tile(self, address: TileAddress) -> bytes:
        return self._proven[address] if address.width == TILE_WIDTH else self._edges[address.level]

    def read_hashes(self, coordinates: Sequence[NodeCoordinate]) -> list[NodeHash]:
        """Return the hashes of nodes whose tiles are proven."""
        places = (locate_node(level, index, self._size) for level, index in coordinates)
        return [hash_subtree(self._tile(address)[start:stop]) for address, start, stop in places]
