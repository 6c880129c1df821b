"""Trees for the tests: the tiles of a log, held in a dict, and hash readers over them or over plain leaves."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.compact import Frontier
from ledger.errors import ResourceMissingError
from ledger.hashing import LeafHash, NodeHash, TreeSize, hash_leaves, root_of_leaves
from ledger.tiles import TileAddress, TileHashReader, cut_tiles, encode_tile_path


class TileDict:
    """The tiles of a log as batches of leaves made them; counts the requests."""

    def __init__(self) -> None:
        self.tiles: dict[TileAddress, bytes] = {}
        self.frontier = Frontier.empty()
        self.requests: list[tuple[TileAddress, ...]] = []

    def append(self, leaves: Sequence[LeafHash]) -> None:
        self.frontier, runs = self.frontier.append(leaves)
        for run in runs:
            self.tiles.update(cut_tiles(run.level, run.first_index, run.hashes))

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        self.requests.append(tuple(addresses))
        missing = [address for address in addresses if address not in self.tiles]
        if missing:
            raise ResourceMissingError(encode_tile_path(missing[0]))
        return [self.tiles[address] for address in addresses]

    def reader(self, size: int | None = None) -> TileHashReader:
        return TileHashReader(self, self.frontier.size if size is None else TreeSize(size))


class LeafReader:
    """Reads node hashes by hashing the leaves below each: slow and plain."""

    def __init__(self, leaves: Sequence[LeafHash]) -> None:
        self.leaves = leaves

    def read_hashes(self, coordinates: Sequence[tuple[int, int]]) -> list[NodeHash]:
        spans = [self.leaves[index << level : (index + 1) << level] for level, index in coordinates]
        assert all(len(span) == 1 << level for span, (level, _) in zip(spans, coordinates, strict=True))
        return [NodeHash(root_of_leaves(span)) for span in spans]


def numbered_entries(count: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(count)]


def numbered_leaves(count: int) -> list[LeafHash]:
    return hash_leaves(numbered_entries(count))
