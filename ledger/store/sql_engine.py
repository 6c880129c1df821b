"""A SQL log of which every call is a transaction of its own: for tools, and for roles that run in processes of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ledger.hashing import LeafIndex
from ledger.store.sql import SqlLogReader, SqlLogStore, transaction
from ledger.tiles import BundleAddress, TileAddress


class EngineLogStore(SqlLogReader):
    """A `LogStore` of which every call is a transaction of its own. As safe for threads as its engine."""

    def stage(self, entries: Sequence[bytes]) -> LeafIndex:
        """Append entries to the staging sequence; durable when it returns."""
        with transaction(self._engine) as connection:
            return SqlLogStore(connection, self._origin).stage(entries)

    def staged(self, start: LeafIndex, limit: int) -> list[bytes]:
        """Return staged entries."""
        with transaction(self._engine) as connection:
            return SqlLogStore(connection, self._origin).staged(start, limit)

    def staged_range(self) -> range:
        """Return the indices that are staged."""
        with transaction(self._engine) as connection:
            return SqlLogStore(connection, self._origin).staged_range()

    def restage(self, first: LeafIndex, entries: Sequence[bytes]) -> None:
        """Replace what is staged."""
        with transaction(self._engine) as connection:
            SqlLogStore(connection, self._origin).restage(first, entries)

    def committed(self) -> bytes | None:
        """Return the committed checkpoint."""
        with transaction(self._engine) as connection:
            return SqlLogStore(connection, self._origin).committed()

    def write_batch(
        self, tiles: Mapping[TileAddress, bytes], bundles: Mapping[BundleAddress, bytes], *, replace: bool = False
    ) -> None:
        """Write tiles and entry bundles."""
        with transaction(self._engine) as connection:
            SqlLogStore(connection, self._origin).write_batch(tiles, bundles, replace=replace)

    def swap_checkpoint(self, expected: bytes | None, new: bytes) -> None:
        """Replace the committed checkpoint if it still is the expected one."""
        with transaction(self._engine) as connection:
            SqlLogStore(connection, self._origin).swap_checkpoint(expected, new)

    def publish(self, note: bytes) -> None:
        """Make the committed checkpoint the published one."""
        with transaction(self._engine) as connection:
            SqlLogStore(connection, self._origin).publish(note)

    def discard(self, below: LeafIndex) -> None:
        """Forget staged entries below an index."""
        with transaction(self._engine) as connection:
            SqlLogStore(connection, self._origin).discard(below)
