"""Audit a whole log: derive all tiles and the root from the entries alone, and name whatever differs from what is served.

Pure logic over a `LogReader` and a verified checkpoint, in flat memory. Left out: what entries mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ledger.checkpoints import Checkpoint
from ledger.compact import Frontier, LevelRun
from ledger.errors import LedgerError, ResourceMissingError, RootMismatchError
from ledger.hashing import HASH_BYTES, LeafHash, hash_leaves
from ledger.mirror import VerifiedTiles
from ledger.ports import LogReader
from ledger.tiles import TILE_WIDTH, BundleAddress, TileAddress, bundles_of, cut_tiles, encode_tile_path, parse_bundle

BATCH_BUNDLES: Final = 64
"""Bundles that are fetched and hashed together: 16384 entries, some megabytes."""
FETCHERS: Final = 8
"""Requests under way at once: a served log answers with latency, not with work."""
MAX_FAULTS: Final = 100
"""After so many the log is beyond naming each."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A resource that is not what the entries or the checkpoint say."""

    resource: str
    """Its path in tlog-tiles."""
    reason: str
    """What is wrong with it."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What was derived."""

    entries: int
    """Entries hashed."""
    bundles: int
    """Entry bundles read."""
    tiles: int
    """Tiles compared."""
    faults: tuple[Fault, ...]
    """What differs; empty for a log that is what it signed."""


def audit_log(reader: LogReader, checkpoint: Checkpoint, advance: Callable[[int], None]) -> Audit:
    """Derive the log again.

    Args:
        reader: The log.
        checkpoint: Its head, verified by the caller.
        advance: Told how many entries were hashed since the last call.

    Raises:
        StorageError: Something cannot be read at all.
        RootMismatchError: Tiles and entries agree with each other and not with the checkpoint.
    """
    frontier, faults, bundles, tiles = Frontier.empty(), _Faults(), 0, 0
    with ThreadPoolExecutor(FETCHERS) as pool:
        for batch in _batches(bundles_of(checkpoint.size)):
            leaves: list[LeafHash] = []
            for address, data in zip(batch, pool.map(reader.bundle, batch), strict=True):
                leaves += faults.parsed(address, data)
            if faults.unreadable:
                return Audit(int(frontier.size), bundles, tiles, tuple(faults.found))
            frontier, runs = frontier.append(leaves)
            tiles += _compare(reader, _full_tiles(runs), pool, faults)
            bundles += len(batch)
            advance(len(leaves))
        tiles += _compare(reader, _edge_tiles(frontier), pool, faults)
    _blame(reader, checkpoint, frontier, faults)
    return Audit(int(frontier.size), bundles, tiles, tuple(faults.found))


class _Faults:
    """What was found so far."""

    def __init__(self) -> None:
        self.found: list[Fault] = []
        self.unreadable = False
        self.differing: list[TileAddress] = []

    def parsed(self, address: BundleAddress, data: bytes) -> list[LeafHash]:
        """Hash a bundle's entries; one that cannot be parsed ends the audit, for what follows has no place."""
        try:
            return hash_leaves(parse_bundle(data, address))
        except LedgerError as error:
            self.found.append(Fault(encode_tile_path(address), str(error)))
            self.unreadable = True
            return []

    def differs(self, address: TileAddress) -> None:
        """Note a tile that is not what the entries below it yield."""
        if len(self.differing) < MAX_FAULTS:
            self.differing.append(address)


def _compare(reader: LogReader, derived: Iterable[tuple[TileAddress, bytes]], pool: ThreadPoolExecutor, faults: _Faults) -> int:
    expected = dict(derived)
    for (address, data), served in zip(expected.items(), pool.map(lambda each: _tile(reader, each), expected), strict=True):
        if served != data:
            faults.differs(address)
    return len(expected)


def _tile(reader: LogReader, address: TileAddress) -> bytes | None:
    try:
        return reader.tile(address)
    except ResourceMissingError:
        return None


def _blame(reader: LogReader, checkpoint: Checkpoint, frontier: Frontier, faults: _Faults) -> None:
    """Tell which side of each difference is the altered one: the root that was signed decides."""
    root = frontier.root()
    if root == checkpoint.root:
        faults.found += [
            Fault(encode_tile_path(each), "it is missing, or not the tile of the entries below it") for each in faults.differing
        ]
        return
    proven = [each for each in faults.differing if each.level == 0 and _is_proven(reader, checkpoint, each)]
    for tile in proven:
        bundle = encode_tile_path(BundleAddress(tile.index, tile.width))
        reason = f"its entries do not hash to {encode_tile_path(tile)}, which the checkpoint of size {checkpoint.size} proves"
        faults.found.append(Fault(bundle, reason))
    if not proven:
        faults.found += [
            Fault(encode_tile_path(each), "it differs from its entries, and the checkpoint proves neither")
            for each in faults.differing
        ]
    if not faults.found:
        raise RootMismatchError(checkpoint.size, checkpoint.root, root)


def _is_proven(reader: LogReader, checkpoint: Checkpoint, address: TileAddress) -> bool:
    try:
        VerifiedTiles(reader, checkpoint).read_tiles([address])
    except LedgerError:
        return False
    return True


def _batches(addresses: Iterator[BundleAddress]) -> Iterator[Sequence[BundleAddress]]:
    while batch := list(islice(addresses, BATCH_BUNDLES)):
        yield batch


def _full_tiles(runs: Sequence[LevelRun]) -> Iterator[tuple[TileAddress, bytes]]:
    for run in runs:
        for address, data in cut_tiles(run.level, run.first_index, run.hashes):
            if address.width == TILE_WIDTH:
                yield address, data


def _edge_tiles(frontier: Frontier) -> Iterator[tuple[TileAddress, bytes]]:
    for level, edge in enumerate(frontier.edges):
        if edge:
            yield TileAddress(level, (frontier.size >> 8 * level) // TILE_WIDTH, len(edge) // HASH_BYTES), edge
