"""What the sequencer and the readers of a log need of storage and of the world.

Implemented by `ledger.store` and, over HTTP, outside this package. Left out: transactions; a store joins its caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ledger.checkpoints import Checkpoint
from ledger.hashing import HashReader, LeafIndex
from ledger.tiles import BundleAddress, TileAddress

__all__ = ["HashReader", "HeadGuard", "LogReader", "LogStore"]


class LogReader(Protocol):
    """A published log, read: a store, a folder, a mirror."""

    @property
    def origin(self) -> str:
        """The name of the log."""
        ...

    def checkpoint(self) -> bytes | None:
        """Return the published checkpoint, a signed note; None before the first."""
        ...

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        """Return the contents of tiles, in the order asked; a partial one may be cut from a wider one.

        Raises:
            ResourceMissingError: One of them is not there.
        """
        ...

    def tile(self, address: TileAddress) -> bytes:
        """Return the contents of one tile.

        Raises:
            ResourceMissingError: It is not there.
        """
        ...

    def bundle(self, address: BundleAddress) -> bytes:
        """Return the contents of one entry bundle; a partial one may be cut from a wider one.

        Raises:
            ResourceMissingError: It is not there.
        """
        ...


class LogStore(LogReader, Protocol):
    """A log's storage. Every write is durable, or part of the caller's transaction, when the call returns."""

    def stage(self, entries: Sequence[bytes]) -> LeafIndex:
        """Append entries to the staging sequence, which is contiguous from 0 and equals the leaf index.

        Returns:
            The index of the first of them.

        Raises:
            EntryTooLargeError: One is longer than 65535 bytes; nothing is staged.
        """
        ...

    def staged(self, start: LeafIndex, limit: int) -> list[bytes]:
        """Return up to `limit` staged entries from `start` on; fewer when they are large, none only at the end.

        Raises:
            StorageError: The staged entries start after `start`: the state is damaged or half recovered.
        """
        ...

    def staged_range(self) -> range:
        """Return the indices that are staged, committed ones until they are discarded; `stop` is the next entry's."""
        ...

    def restage(self, first: LeafIndex, entries: Sequence[bytes]) -> None:
        """Replace everything staged by these entries, the first of which gets index `first`. For recovery only."""
        ...

    def committed(self) -> bytes | None:
        """Return the committed checkpoint, a signed note that may not be published yet; None before the first."""
        ...

    def write_batch(
        self,
        tiles: Mapping[TileAddress, bytes],
        bundles: Mapping[BundleAddress, bytes],
        *,
        replace: bool = False,
    ) -> None:
        """Write the tiles and bundles that a larger tree adds to the committed one. The same bytes again are no error.

        Args:
            tiles: Contents by address.
            bundles: Contents by address.
            replace: Whether other bytes give way: only a recovery knows that nobody ever committed to them.

        Raises:
            ResourceConflictError: One of them is there with other bytes, and `replace` is not set.
        """
        ...

    def swap_checkpoint(self, expected: bytes | None, new: bytes) -> None:
        """Replace the committed checkpoint if it still is the expected one. The only step that decides what the log is.

        Raises:
            CheckpointConflictError: Another one is committed; nothing is changed.
        """
        ...

    def publish(self, note: bytes) -> None:
        """Make the committed checkpoint the one that readers get.

        Raises:
            CheckpointConflictError: Another one is committed; nothing is changed.
        """
        ...

    def discard(self, below: LeafIndex) -> None:
        """Forget staged entries below an index, and partial tiles and bundles that a published full one replaced."""
        ...


class HeadGuard(Protocol):
    """Asks the world for the log's last head before the first signature after a start."""

    def check(self, committed: Checkpoint | None, reader: HashReader) -> None:
        """Compare the log's own state with what the chain, witnesses or followers hold.

        Args:
            committed: The committed checkpoint; None for a log without one.
            reader: Reads the hashes of the tree of that size.

        Raises:
            StateBehindError: Someone holds a larger head: refuse to sign until the log is recovered.
            StateInconsistentError: Someone holds a head that this state contradicts: refuse to sign.
            GuardUndecidedError: Nobody answered: sign nothing yet, ask again later.
        """
        ...
