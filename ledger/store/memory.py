"""A log in memory, for tests, for tools that build a small log, and as the plainest reading of what a store has to do.

Nothing survives the process. Not safe for threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ledger.errors import CheckpointConflictError, ResourceConflictError, StorageError
from ledger.hashing import LeafIndex
from ledger.mirror import full_address, read_or_cut, resources_of
from ledger.tiles import TILE_WIDTH, BundleAddress, Resource, TileAddress, encode_entries, encode_tile_path


class MemoryLogStore:
    """A `LogStore` whose contents are dictionaries."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._staged: list[bytes] = []
        self._staged_start = 0
        self._resources: dict[Resource, bytes] = {}
        self._partial: set[Resource] = set()
        self._committed: bytes | None = None
        self._published: bytes | None = None

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._origin

    def checkpoint(self) -> bytes | None:
        """Return the published checkpoint."""
        return self._published

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        """Return the contents of tiles."""
        return [self.tile(address) for address in addresses]

    def tile(self, address: TileAddress) -> bytes:
        """Return the contents of one tile."""
        return read_or_cut(address, self._resources.get)

    def bundle(self, address: BundleAddress) -> bytes:
        """Return the contents of one entry bundle."""
        return read_or_cut(address, self._resources.get)

    def stage(self, entries: Sequence[bytes]) -> LeafIndex:
        """Append entries to the staging sequence."""
        encode_entries(entries)  # refuses what no bundle can hold
        first = self.staged_range().stop
        self._staged.extend(entries)
        return LeafIndex(first)

    def staged(self, start: LeafIndex, limit: int) -> list[bytes]:
        """Return staged entries."""
        if start < self._staged_start and self._staged:
            raise StorageError(f"staged entries {start} to {self._staged_start - 1} are missing")
        return self._staged[start - self._staged_start :][:limit]

    def staged_range(self) -> range:
        """Return the indices that are staged."""
        return range(self._staged_start, self._staged_start + len(self._staged))

    def restage(self, first: LeafIndex, entries: Sequence[bytes]) -> None:
        """Replace what is staged."""
        self._staged_start, self._staged = first, list(entries)

    def committed(self) -> bytes | None:
        """Return the committed checkpoint."""
        return self._committed

    def write_batch(
        self, tiles: Mapping[TileAddress, bytes], bundles: Mapping[BundleAddress, bytes], *, replace: bool = False
    ) -> None:
        """Write tiles and entry bundles."""
        for address, data in resources_of(tiles, bundles).items():
            if not replace and self._resources.get(address, data) != data:
                raise ResourceConflictError(encode_tile_path(address))
        for address, data in resources_of(tiles, bundles).items():
            self._resources[address] = data
            if address.width < TILE_WIDTH:
                self._partial.add(address)

    def swap_checkpoint(self, expected: bytes | None, new: bytes) -> None:
        """Replace the committed checkpoint if it still is the expected one."""
        if self._committed != expected:
            raise CheckpointConflictError(expected, self._committed)
        self._committed = new

    def publish(self, note: bytes) -> None:
        """Make the committed checkpoint the published one."""
        if self._committed != note:
            raise CheckpointConflictError(note, self._committed)
        self._published = note

    def discard(self, below: LeafIndex) -> None:
        """Forget staged entries below an index."""
        dropped = min(max(below - self._staged_start, 0), len(self._staged))
        del self._staged[:dropped]
        self._staged_start += dropped
        self._drop_partial()

    def _drop_partial(self) -> None:
        for partial in [partial for partial in self._partial if full_address(partial) in self._resources]:
            self._partial.remove(partial)
            del self._resources[partial]
