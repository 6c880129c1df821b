"""A log in a directory: what is published can be served by any static file server, what is private lies beside it.

```
public/checkpoint, public/tile/...   C2SP tlog-tiles, verbatim; `DirectoryLogReader` reads this, or a mirror's
state/origin                         the log that this is; a directory is never taken for another log's
state/committed                      the checkpoint that was compared and swapped; published a moment later
state/staged/                        entries that wait (`ledger.store.segments`)
state/temporary/, state/lock         files on their way; the lock of the one process that writes
```

Everything is durable when its call returns. A partial tile or bundle is removed once the full one is there, as
tlog-tiles allows. Left out: HTTP, pruning of full tiles, two processes on one directory (the lock refuses the second
one).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from ledger.checkpoints import parse_checkpoint
from ledger.errors import CheckpointConflictError, ResourceConflictError, StorageError, StoreLockedError
from ledger.hashing import LeafIndex
from ledger.mirror import read_or_cut, resources_of
from ledger.notes import parse_note
from ledger.store.durable import DurableDirectory, sync_directories
from ledger.store.segments import SegmentLog
from ledger.tiles import TILE_WIDTH, BundleAddress, Resource, TileAddress, encode_tile_path

_CHECKPOINT = "checkpoint"
_PARTIAL_SUFFIX = ".p"


class DirectoryLogReader:
    """Reads a published log from a directory; writes nothing."""

    def __init__(self, public: Path, origin: str) -> None:
        """Read the log below `public`, which holds `checkpoint` and `tile/`."""
        self._public = public
        self._origin = origin

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._origin

    def checkpoint(self) -> bytes | None:
        """Return the published checkpoint, or None before the first."""
        return _read_if_there(self._public / _CHECKPOINT)

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        """Return the contents of tiles, in the order asked.

        Raises:
            ResourceMissingError: One of them is not there.
        """
        return [self.tile(address) for address in addresses]

    def tile(self, address: TileAddress) -> bytes:
        """Return the contents of one tile.

        Raises:
            ResourceMissingError: It is not there.
        """
        return read_or_cut(address, self._fetch)

    def bundle(self, address: BundleAddress) -> bytes:
        """Return the contents of one entry bundle.

        Raises:
            ResourceMissingError: It is not there.
        """
        return read_or_cut(address, self._fetch)

    def _fetch(self, address: Resource) -> bytes | None:
        return _read_if_there(self._public / encode_tile_path(address))


class PosixLogStore(DirectoryLogReader):
    """A `LogStore` in a directory. Safe for one thread that stages and another that sequences."""

    def __init__(self, root: Path, origin: str) -> None:
        """Open a log that `create_posix_log` made.

        Raises:
            StoreLockedError: Another process has it open.
            StorageError: It is not there, is another log's, or its staged entries are damaged.
        """
        super().__init__(root / "public", origin)
        self._root = root
        self._state = root / "state"
        self._mutex = threading.RLock()
        self._lock = _lock(root, self._state / "lock")
        try:
            _check_origin(self._state / "origin", origin)
            self._files = DurableDirectory(root, self._state / "temporary")
            self._segments = SegmentLog(self._state / "staged", self._files, self._committed_size())
            self._replaced = _partial_directories(self._public / "tile")
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the staged file and let another process have the log."""
        with self._mutex:
            self._segments.close()
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    @property
    def public(self) -> Path:
        """The directory to serve."""
        return self._public

    def stage(self, entries: Sequence[bytes]) -> LeafIndex:
        """Append entries to the staging sequence; they are durable when it returns.

        Raises:
            EntryTooLargeError: One is longer than 65535 bytes; nothing is staged.
            StorageError: Nothing is acknowledged; some of the entries may turn out to have been staged.
        """
        with self._mutex, _storage_errors(self._state):
            return self._segments.append(entries)

    def staged(self, start: LeafIndex, limit: int) -> list[bytes]:
        """Return staged entries.

        Raises:
            StorageError: They start after `start`, or cannot be read.
        """
        with self._mutex, _storage_errors(self._state):
            return self._segments.read(start, limit)

    def staged_range(self) -> range:
        """Return the indices that are staged."""
        with self._mutex:
            return range(self._segments.start, self._segments.end)

    def restage(self, first: LeafIndex, entries: Sequence[bytes]) -> None:
        """Replace what is staged, in one step."""
        with self._mutex, _storage_errors(self._state):
            self._segments.replace(first, entries)

    def committed(self) -> bytes | None:
        """Return the committed checkpoint."""
        with _storage_errors(self._state):
            return _read_if_there(self._state / "committed")

    def write_batch(
        self, tiles: Mapping[TileAddress, bytes], bundles: Mapping[BundleAddress, bytes], *, replace: bool = False
    ) -> None:
        """Write tiles and entry bundles; those that are there with the same bytes are left alone.

        Raises:
            ResourceConflictError: One is there with other bytes and `replace` is not set; nothing is written.
            StorageError: Some may have been written.
        """
        with _storage_errors(self._public):
            fresh: dict[Path, bytes] = {}
            for address, data in resources_of(tiles, bundles).items():
                path = self._public / encode_tile_path(address)
                there = _read_if_there(path)
                if there is not None and there != data and not replace:
                    raise ResourceConflictError(encode_tile_path(address))
                if there != data:
                    fresh[path] = data
                if address.width < TILE_WIDTH:
                    self._replaced.add(path.parent)
            self._files.write(fresh)

    def swap_checkpoint(self, expected: bytes | None, new: bytes) -> None:
        """Replace the committed checkpoint; the lock makes this process the only one that can.

        Raises:
            CheckpointConflictError: Another one is committed.
        """
        with self._mutex, _storage_errors(self._state):
            self._check_committed(expected)
            self._files.write({self._state / "committed": new})

    def publish(self, note: bytes) -> None:
        """Make the committed checkpoint the published one.

        Raises:
            CheckpointConflictError: Another one is committed.
        """
        with self._mutex, _storage_errors(self._public):
            self._check_committed(note)
            self._files.write({self._public / _CHECKPOINT: note})

    def discard(self, below: LeafIndex) -> None:
        """Delete staged files wholly below an index, and partial tiles and bundles that a full one replaced."""
        with self._mutex, _storage_errors(self._root):
            self._segments.discard(below)
            for directory in sorted(self._replaced):
                if directory.with_suffix("").exists():
                    shutil.rmtree(directory, ignore_errors=True)
                    self._replaced.discard(directory)

    def _check_committed(self, expected: bytes | None) -> None:
        actual = self.committed()
        if actual != expected:
            raise CheckpointConflictError(expected, actual)

    def _committed_size(self) -> int:
        note = self.committed()
        return 0 if note is None else parse_checkpoint(parse_note(note).text).size


def create_posix_log(root: Path, origin: str) -> None:
    """Make the directory of a new, empty log.

    Creating is never implied by opening: a log whose directory is lost must not start again from nothing unnoticed.

    Raises:
        StorageError: The directory exists and is not empty, or cannot be written.
    """
    with _storage_errors(root):
        if root.exists() and any(root.iterdir()):
            raise StorageError(f"{root} is not empty: choose another directory for log {origin!r}")
        (root / "public" / "tile").mkdir(parents=True)
        state = root / "state"
        (state / "staged").mkdir(parents=True)
        DurableDirectory(root, state / "temporary").write({state / "origin": origin.encode()})
        sync_directories([root / "public", state, root, root.parent])


def _lock(root: Path, path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except FileNotFoundError as error:
        raise StorageError(f"{root} holds no log: create it first, or restore it") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StoreLockedError(str(root)) from error
    return descriptor


def _check_origin(path: Path, origin: str) -> None:
    there = _read_if_there(path)
    if there != origin.encode():
        found = "no log" if there is None else f"log {there.decode(errors='replace')!r}"
        raise StorageError(f"{path.parent} holds {found}, not log {origin!r}")


def _partial_directories(tiles: Path) -> set[Path]:
    """Find the directories of partial tiles and bundles; a crash may have left some whose full one is there."""
    found: set[Path] = set()
    for directory, names, _ in os.walk(tiles):
        found.update(Path(directory, name) for name in names if name.endswith(_PARTIAL_SUFFIX))
        names[:] = [name for name in names if not name.endswith(_PARTIAL_SUFFIX)]
    return found


def _read_if_there(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _storage_errors(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"{place}: {error}") from error
