"""Read a log from wherever it is served, and believe only what its checkpoint proves: pure logic over a `LogReader`.

Implements the client's side of C2SP tlog-tiles: a partial tile that is gone is cut from the full one, tiles hash up to
the root that the log signed, and entries hash to the tiles above them. `fetch_entries` serves recovery (`concord log
recover --from`): everything is checked against one verified checkpoint before it is handed out.

Left out: transport (each `LogReader`), writing what was fetched (`ledger.sequencer.recover_log`), following a growing
log.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from ledger.checkpoints import Checkpoint, open_checkpoint
from ledger.compact import Frontier
from ledger.errors import (
    MalformedTileError,
    OutOfRangeError,
    ResourceMissingError,
    RootMismatchError,
    SignatureError,
    VerificationError,
)
from ledger.hashing import HASH_BYTES, LeafIndex, NodeHash, TreeSize, hash_leaves, hash_level, hash_subtree
from ledger.notes import VerifierKey
from ledger.ports import LogReader
from ledger.tiles import (
    TILE_WIDTH,
    BundleAddress,
    Resource,
    TileAddress,
    TileSource,
    check_tile_length,
    edge_tiles,
    encode_entries,
    encode_tile_path,
    locate_node,
    parse_bundle,
    parse_entries,
)

ContentT = TypeVar("ContentT")

DEFAULT_CACHED_TILES = 1024
"""Tiles that a cache keeps, 8 or 16 KiB each: enough for all above the leaves' in a log with 60 million entries."""


def open_log_checkpoint(note: bytes, keys: Sequence[VerifierKey], origin: str) -> Checkpoint:
    """Open a checkpoint that any of the log's keys signed: the present one first, then former ones.

    Raises:
        SignatureError: None of them signed it.
        MalformedError: Not a checkpoint.
        OriginMismatchError: It is a checkpoint of another log.
    """
    refused = SignatureError(f"no key is known for log {origin!r}")
    for key in keys:
        try:
            return open_checkpoint(note, key, origin)
        except SignatureError as error:
            refused = error
    raise refused


def read_frontier(source: TileSource, checkpoint: Checkpoint) -> Frontier:
    """Read the right edge of a tree and check that it hashes to the checkpoint's root.

    Raises:
        RootMismatchError: The tiles are not those of this checkpoint.
        MalformedTileError: A tile has another length than its address says.
        StorageError: A tile could not be read.
    """
    edge = edge_tiles(checkpoint.size)
    wanted = [address for address in edge if address is not None]
    contents = dict(zip(wanted, source.read_tiles(wanted), strict=True))
    for address, data in contents.items():
        check_tile_length(data, address)
    frontier = Frontier(checkpoint.size, tuple(contents[address] if address else b"" for address in edge))
    root = frontier.root()
    if root != checkpoint.root:
        raise RootMismatchError(checkpoint.size, checkpoint.root, root)
    return frontier


def fetch_entries(reader: LogReader, checkpoint: Checkpoint, start: LeafIndex, stop: TreeSize) -> Iterator[list[bytes]]:
    """Fetch the entries from `start` up to, not including, `stop`, bundle by bundle, each proven before it is yielded.

    Args:
        reader: The mirror.
        checkpoint: The log's checkpoint, verified by the caller; nothing else is believed.
        start: Index of the first entry.
        stop: At most the checkpoint's size.

    Raises:
        OutOfRangeError: The checkpoint's tree does not hold these entries.
        RootMismatchError: The tiles at the tree's right edge do not hash to the checkpoint's root.
        MalformedTileError: A tile or bundle is not what its address says.
        VerificationError: A tile or an entry does not hash to what is above it.
        StorageError: Something could not be read.
    """
    if not 0 <= start <= stop <= checkpoint.size:
        raise OutOfRangeError(f"a tree of size {checkpoint.size} has no entries {start} to {stop}")
    tiles = VerifiedTiles(reader, checkpoint)
    for index in range(start // TILE_WIDTH, -(-stop // TILE_WIDTH)) if start < stop else ():
        first = index * TILE_WIDTH
        address = BundleAddress(index, min(TILE_WIDTH, checkpoint.size - first))
        entries = parse_bundle(reader.bundle(address), address)
        tiles.check_leaves(address, b"".join(hash_leaves(entries)))
        yield entries[max(0, start - first) : stop - first]


class VerifiedTiles:
    """The tiles of one checkpoint's tree, each proven by the tile above it, up to the right edge and the root."""

    def __init__(self, source: TileSource, checkpoint: Checkpoint) -> None:
        """Read and verify the right edge; see `read_frontier` for what it raises."""
        self._source = source
        self._size = checkpoint.size
        self._edges = read_frontier(source, checkpoint).edges
        self._proven: TileCache[bytes] = TileCache()

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        """Return the contents of tiles, all of them proven.

        Raises:
            VerificationError: A tile does not hash to what the tile above it holds.
            OutOfRangeError: The tree has no such tile.
            StorageError: A tile could not be read.
        """
        return [self._tile(address) for address in addresses]

    def check_leaves(self, address: BundleAddress, leaves: bytes) -> None:
        """Check the concatenated leaf hashes of one bundle against the tree.

        Raises:
            VerificationError: They are not the tree's.
        """
        self._check(TileAddress(0, address.index, address.width), leaves, encode_tile_path(address))

    def _tile(self, address: TileAddress) -> bytes:
        if (address.index + 1) * TILE_WIDTH > self._size >> 8 * address.level:
            return self._edge(address)
        if address.width < TILE_WIDTH:
            return cut(address, self._tile(TileAddress(address.level, address.index)))
        proven = self._proven.get(address)
        if proven is None:
            proven = self._source.read_tiles([address])[0]
            check_tile_length(proven, address)
            self._check(address, proven, encode_tile_path(address))
            self._proven.put(address, proven)
        return proven

    def _check(self, address: TileAddress, hashes: bytes, resource: str) -> None:
        if address.width < TILE_WIDTH:
            holds = hashes == self._edge(address)
        else:
            parent_index, position = divmod(address.index, TILE_WIDTH)
            level = address.level + 1
            width = min(TILE_WIDTH, (self._size >> 8 * level) - parent_index * TILE_WIDTH)
            parent = self._tile(TileAddress(level, parent_index, width))
            holds = hash_subtree(hashes) == parent[position * HASH_BYTES : (position + 1) * HASH_BYTES]
        if not holds:
            raise VerificationError(f"{resource} does not hash to what the checkpoint of size {self._size} proves")

    def _edge(self, address: TileAddress) -> bytes:
        index = (self._size >> 8 * address.level) // TILE_WIDTH
        edge = self._edges[address.level] if address.level < len(self._edges) else b""
        if index != address.index or len(edge) < address.width * HASH_BYTES:
            raise OutOfRangeError(f"a tree of size {self._size} has no {encode_tile_path(address)}")
        return edge[: address.width * HASH_BYTES]


class TileCache(Generic[ContentT]):
    """What belongs to the tiles used last. Tiles never change, so nothing is dropped for being old. Safe for threads."""

    def __init__(self, capacity: int = DEFAULT_CACHED_TILES) -> None:
        self._capacity = capacity
        self._contents: OrderedDict[TileAddress, ContentT] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, address: TileAddress) -> ContentT | None:
        """Return what was kept for a tile if it is still here, and mark it as used."""
        with self._lock:
            content = self._contents.get(address)
            if content is not None:
                self._contents.move_to_end(address)
            return content

    def put(self, address: TileAddress, content: ContentT) -> None:
        """Keep something for a tile, in place of what was used least lately."""
        with self._lock:
            self._contents[address] = content
            if len(self._contents) > self._capacity:
                self._contents.popitem(last=False)


class CachedHashReader:
    """Reads the hashes of one tree from tiles that are kept with all hashes inside them: what proofs need again and again."""

    def __init__(self, source: TileSource, size: TreeSize, cache: TileCache[tuple[bytes, ...]]) -> None:
        """Read a tree.

        Args:
            source: The tiles of a committed state: what a roll-back undoes would stay in the cache.
            size: The tree's size.
            cache: Shared by the readers of one log, whatever their sizes.
        """
        self._source = source
        self._size = size
        self._cache = cache

    def read_hashes(self, coordinates: Sequence[tuple[int, int]]) -> list[NodeHash]:
        """Return the hashes of the nodes (level, index), in the order asked.

        Raises:
            OutOfRangeError: The tree does not contain one of the nodes.
            MalformedTileError: The source answered with bytes that are not the tile.
            StorageError: A tile could not be read.
        """
        places = [locate_node(level, index, self._size) for level, index in coordinates]
        tiles = self._expanded({address for address, _, _ in places})
        return [_node(tiles[address], start, stop) for address, start, stop in places]

    def _expanded(self, addresses: set[TileAddress]) -> dict[TileAddress, tuple[bytes, ...]]:
        found: dict[TileAddress, tuple[bytes, ...]] = {}
        missing: list[TileAddress] = []
        for address in addresses:
            levels = self._cache.get(address)
            if levels is None:
                missing.append(address)
            else:
                found[address] = levels
        for address, data in zip(missing, self._source.read_tiles(missing) if missing else (), strict=True):
            check_tile_length(data, address)
            found[address] = _expand(data)
            self._cache.put(address, found[address])
        return found


def _expand(tile: bytes) -> tuple[bytes, ...]:
    """Compute all full subtrees inside a tile: its hashes, their parents, and so on."""
    levels = [tile]
    while len(levels[-1]) > HASH_BYTES:
        levels.append(hash_level(levels[-1][: len(levels[-1]) // (2 * HASH_BYTES) * (2 * HASH_BYTES)]))
    return tuple(levels)


def _node(levels: tuple[bytes, ...], start: int, stop: int) -> NodeHash:
    """Pick the root of the subtree over the bytes from `start` to `stop` of a tile."""
    height = ((stop - start) // HASH_BYTES).bit_length() - 1
    return NodeHash(levels[height][start >> height : (start >> height) + HASH_BYTES])


def read_or_cut(address: Resource, fetch: Callable[[Resource], bytes | None]) -> bytes:
    """Fetch a tile or bundle; a partial one that is gone is cut from the full one, which replaced it.

    Args:
        address: What is wanted.
        fetch: Returns the contents at exactly one address, or None where there is nothing.

    Raises:
        ResourceMissingError: Neither is there.
    """
    data = fetch(address)
    if data is None and address.width < TILE_WIDTH:
        wider = fetch(full_address(address))
        data = None if wider is None else cut(address, wider)
    if data is None:
        raise ResourceMissingError(encode_tile_path(address))
    return data


def full_address(address: Resource) -> Resource:
    """Return the address of the full tile or bundle that a partial one grows into."""
    return TileAddress(address.level, address.index) if isinstance(address, TileAddress) else BundleAddress(address.index)


def cut(address: Resource, wider: bytes) -> bytes:
    """Cut a partial tile or bundle from a wider one of the same index.

    Raises:
        MalformedTileError: The wider one is not wide enough.
    """
    if isinstance(address, BundleAddress):
        entries = parse_entries(wider)[: address.width]
        if len(entries) < address.width:
            raise MalformedTileError(encode_tile_path(address), f"only {len(entries)} entries are there")
        return encode_entries(entries)
    data = wider[: address.width * HASH_BYTES]
    check_tile_length(data, address)
    return data


def resources_of(tiles: Mapping[TileAddress, bytes], bundles: Mapping[BundleAddress, bytes]) -> dict[Resource, bytes]:
    """Join the tiles and bundles of a batch."""
    return dict[Resource, bytes]((*tiles.items(), *bundles.items()))
