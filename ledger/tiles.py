"""Tiles and entry bundles: C2SP tlog-tiles, paths and contents, and which of them a tree of a given size consists of.

A tile of level l holds 256 consecutive hashes of tree level 8 * l (the leaves' hashes at level 0); the rightmost one
of a level may be partial. An entry bundle holds the entries under one tile of level 0, each after its u16 big-endian
length.

Left out: HTTP (caching headers, compression), pruning, and where tiles are kept (`ledger.store`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ledger.errors import EntryTooLargeError, MalformedTileError, OutOfRangeError
from ledger.hashing import HASH_BYTES, MAX_TREE_SIZE, NodeCoordinate, NodeHash, TreeSize, hash_subtree

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 256
FULL_TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
MAX_ENTRY_BYTES: Final = 0xFFFF
MAX_TILE_LEVEL: Final = 63

_MAX_INDEX: Final = MAX_TREE_SIZE // TILE_WIDTH
_LENGTH_BYTES: Final = 2
_LENGTH_PREFIXES: Final = tuple(length.to_bytes(_LENGTH_BYTES, "big") for length in range(1024))
_PATH: Final = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True, order=True)
class TileAddress:
    """The name of one tile of hashes, full or partial."""

    level: int
    """Tile level, 0 to 63; its hashes are nodes of tree level 8 * level."""
    index: int
    """Position within the level, from 0."""
    width: int = TILE_WIDTH
    """How many hashes it holds, 1 to 256; below 256 it is partial."""

    def __post_init__(self) -> None:
        if not 0 <= self.level <= MAX_TILE_LEVEL:
            raise MalformedTileError("tile level", f"{self.level} is not between 0 and {MAX_TILE_LEVEL}")
        _check_position(self.index, self.width)


@dataclass(frozen=True, slots=True, order=True)
class BundleAddress:
    """The name of one entry bundle, full or partial."""

    index: int
    """Position, from 0; entry i is in bundle i // 256."""
    width: int = TILE_WIDTH
    """How many entries it holds, 1 to 256; below 256 it is partial."""

    def __post_init__(self) -> None:
        _check_position(self.index, self.width)


Resource = TileAddress | BundleAddress
"""What a log serves besides its checkpoint."""


class TileSource(Protocol):
    """Whatever holds tiles: a store, a mirror, a folder."""

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        """Return the contents of the tiles, in the order asked.

        A source may answer a partial tile from a wider one of the same index by cutting it.

        Raises:
            ResourceMissingError: One of them is not there.
        """
        ...


def _check_position(index: int, width: int) -> None:
    if not 0 <= index <= _MAX_INDEX:
        raise MalformedTileError("tile index", f"{index} is not between 0 and {_MAX_INDEX}")
    if not 1 <= width <= TILE_WIDTH:
        raise MalformedTileError("tile width", f"{width} is not between 1 and {TILE_WIDTH}")


# Paths


def encode_tile_path(address: TileAddress | BundleAddress) -> str:
    """Spell the path of a tile or bundle below the log's prefix, such as `tile/0/x001/x234/067.p/8`."""
    groups = [f"{address.index % 1000:03}"]
    rest = address.index // 1000
    while rest:
        groups.append(f"x{rest % 1000:03}")
        rest //= 1000
    level = address.level if isinstance(address, TileAddress) else "entries"
    suffix = "" if address.width == TILE_WIDTH else f".p/{address.width}"
    return f"tile/{level}/{'/'.join(reversed(groups))}{suffix}"


def parse_tile_path(path: str) -> TileAddress | BundleAddress:
    """Parse the path of a tile or bundle below the log's prefix.

    Raises:
        MalformedTileError: Not such a path, or not its only spelling.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise MalformedTileError("tile path", "not of the form tile/<level>/<index>[.p/<width>]")
    level, groups, suffix = match.groups()
    if groups.startswith("x000/"):
        raise MalformedTileError("tile path", "the index has a leading group of zeros")
    width = TILE_WIDTH if suffix is None else int(suffix)
    if suffix is not None and width >= TILE_WIDTH:
        raise MalformedTileError("tile path", f"a partial tile has at most {TILE_WIDTH - 1} hashes, not {suffix}")
    index = int(groups.replace("x", "").replace("/", ""))
    return BundleAddress(index, width) if level == "entries" else TileAddress(int(level), index, width)


# Contents


def parse_tile(data: bytes, address: TileAddress) -> tuple[NodeHash, ...]:
    """Split a tile into its hashes.

    Raises:
        MalformedTileError: Its length is not that of `address.width` hashes.
    """
    check_tile_length(data, address)
    return tuple(NodeHash(data[at : at + HASH_BYTES]) for at in range(0, len(data), HASH_BYTES))


def check_tile_length(data: bytes, address: TileAddress) -> None:
    """Check that a tile has exactly the bytes that its address promises.

    Raises:
        MalformedTileError: It has more or fewer.
    """
    if len(data) != address.width * HASH_BYTES:
        wanted = address.width * HASH_BYTES
        raise MalformedTileError(encode_tile_path(address), f"{len(data)} bytes instead of {wanted}")


def encode_tile(hashes: Sequence[bytes]) -> bytes:
    """Join 1 to 256 hashes into a tile.

    Raises:
        MalformedTileError: None, too many, or one that is not 32 bytes long.
    """
    if not 1 <= len(hashes) <= TILE_WIDTH:
        raise MalformedTileError("tile", f"{len(hashes)} hashes; a tile holds 1 to {TILE_WIDTH}")
    if any(len(each) != HASH_BYTES for each in hashes):
        raise MalformedTileError("tile", f"a hash is not {HASH_BYTES} bytes long")
    return b"".join(hashes)


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """Pack entries, any number of them, each after its u16 length.

    Raises:
        EntryTooLargeError: One is longer than 65535 bytes.
    """
    pieces: list[bytes] = []
    append = pieces.append
    for position, entry in enumerate(entries):
        length = len(entry)
        if length < len(_LENGTH_PREFIXES):
            append(_LENGTH_PREFIXES[length])
        elif length <= MAX_ENTRY_BYTES:
            append(length.to_bytes(_LENGTH_BYTES, "big"))
        else:
            raise EntryTooLargeError(position, length)
        append(entry)
    return b"".join(pieces)


def parse_entries(data: bytes) -> list[bytes]:
    """Unpack what `encode_entries` packed.

    Raises:
        MalformedTileError: The last entry is cut off.
    """
    entries: list[bytes] = []
    at, end = 0, len(data)
    while at < end:
        # A one-byte rest reads as a length below 256 whose entry then lies beyond the end.
        start = at + _LENGTH_BYTES
        at = start + (data[at] << 8 | data[at + 1]) if start <= end else end + 1
        if at > end:
            raise MalformedTileError("entry bundle", f"entry {len(entries)} is cut off")
        entries.append(data[start:at])
    return entries


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Pack 1 to 256 entries into an entry bundle.

    Raises:
        MalformedTileError: None or too many.
        EntryTooLargeError: One is longer than 65535 bytes.
    """
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise MalformedTileError("entry bundle", f"{len(entries)} entries; a bundle holds 1 to {TILE_WIDTH}")
    return encode_entries(entries)


def parse_bundle(data: bytes, address: BundleAddress) -> list[bytes]:
    """Unpack an entry bundle.

    Raises:
        MalformedTileError: An entry is cut off, or there are not exactly `address.width`.
    """
    entries = parse_entries(data)
    if len(entries) != address.width:
        raise MalformedTileError(encode_tile_path(address), f"{len(entries)} entries instead of {address.width}")
    return entries


# Which tiles a tree consists of


def tiles_of(size: TreeSize) -> Iterator[TileAddress]:
    """Name every tile of a tree, full ones and the partial one of each level, level by level from the leaves."""
    return tiles_between(TreeSize(0), size)


def tiles_between(old_size: TreeSize, new_size: TreeSize) -> Iterator[TileAddress]:
    """Name the tiles that growing from `old_size` to `new_size` makes or widens, level by level from the leaves.

    Raises:
        OutOfRangeError: The tree would shrink.
    """
    _check_growth(old_size, new_size)
    level, old, new = 0, int(old_size), int(new_size)
    while old != new:
        for index, width in _positions(old, new):
            yield TileAddress(level, index, width)
        level, old, new = level + 1, old // TILE_WIDTH, new // TILE_WIDTH


def bundles_of(size: TreeSize) -> Iterator[BundleAddress]:
    """Name every entry bundle of a tree."""
    return bundles_between(TreeSize(0), size)


def bundles_between(old_size: TreeSize, new_size: TreeSize) -> Iterator[BundleAddress]:
    """Name the entry bundles that growing from `old_size` to `new_size` makes or widens.

    Raises:
        OutOfRangeError: The tree would shrink.
    """
    _check_growth(old_size, new_size)
    for index, width in _positions(int(old_size), int(new_size)):
        yield BundleAddress(index, width)


def edge_tiles(size: TreeSize) -> list[TileAddress | None]:
    """Name the partial tile of each level of a tree, from the leaves up; None where a level ends with a full tile."""
    edge: list[TileAddress | None] = []
    level, count = 0, int(size)
    while count:
        index, width = divmod(count, TILE_WIDTH)
        edge.append(TileAddress(level, index, width) if width else None)
        level, count = level + 1, index
    return edge


def cut_tiles(level: int, first_index: int, hashes: bytes) -> Iterator[tuple[TileAddress, bytes]]:
    """Cut a run of hashes into tiles, the last one partial if the run does not fill it.

    Args:
        level: Tile level.
        first_index: The index of the run's first hash in tree level 8 * `level`; a multiple of 256.
        hashes: The concatenated hashes up to the end of that level.
    """
    first_tile, misplaced = divmod(first_index, TILE_WIDTH)
    if misplaced or len(hashes) % HASH_BYTES:
        raise MalformedTileError(f"level {level} run", "it does not start at a tile or does not end at a hash")
    for number, at in enumerate(range(0, len(hashes), FULL_TILE_BYTES), first_tile):
        data = hashes[at : at + FULL_TILE_BYTES]
        yield TileAddress(level, number, len(data) // HASH_BYTES), data


def _check_growth(old_size: int, new_size: int) -> None:
    if not 0 <= old_size <= new_size <= MAX_TREE_SIZE:
        raise OutOfRangeError(f"a tree does not grow from size {old_size} to {new_size}")


def _positions(old: int, new: int) -> Iterator[tuple[int, int]]:
    """Yield (index, width) of the tiles of one level that hold any of its hashes from `old` up to `new`."""
    for index in range(old // TILE_WIDTH, -(-new // TILE_WIDTH)):
        yield index, min(TILE_WIDTH, new - index * TILE_WIDTH)


# Reading hashes from tiles


class TileHashReader:
    """Reads the hashes of a tree of one size from its tiles, each tile once per call and all in one request."""

    def __init__(self, source: TileSource, size: TreeSize) -> None:
        self._source = source
        self._size = size

    @property
    def size(self) -> TreeSize:
        """The size of the tree that is read."""
        return self._size

    def read_hashes(self, coordinates: Sequence[NodeCoordinate]) -> list[NodeHash]:
        """Return the hashes of the nodes (level, index), in the order asked.

        Raises:
            OutOfRangeError: The tree does not contain one of the nodes.
            MalformedTileError: The source answered with bytes that are not the tile.
            StorageError: A tile could not be read.
        """
        places = [locate_node(level, index, self._size) for level, index in coordinates]
        tiles = self._fetch(address for address, _, _ in places)
        return [hash_subtree(tiles[address][start:stop]) for address, start, stop in places]

    def _fetch(self, addresses: Iterable[TileAddress]) -> Mapping[TileAddress, bytes]:
        wanted = list(dict.fromkeys(addresses))
        tiles = dict(zip(wanted, self._source.read_tiles(wanted), strict=True))
        for address, data in tiles.items():
            check_tile_length(data, address)
        return tiles


def locate_node(level: int, index: int, size: TreeSize) -> tuple[TileAddress, int, int]:
    """Locate a node of a tree: the tile, and the byte range in it of the hashes below that node.

    Raises:
        OutOfRangeError: The tree does not contain it.
    """
    if level < 0 or index < 0 or (index + 1) << level > size:
        raise OutOfRangeError(f"a tree of size {size} has no node {index} at level {level}")
    tile_level, height = divmod(level, TILE_HEIGHT)
    first = index << height
    tile_index = first // TILE_WIDTH
    width = min(TILE_WIDTH, (size >> TILE_HEIGHT * tile_level) - tile_index * TILE_WIDTH)
    start = (first - tile_index * TILE_WIDTH) * HASH_BYTES
    return TileAddress(tile_level, tile_index, width), start, start + (HASH_BYTES << height)
