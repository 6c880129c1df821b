"""The one place where a log grows: staged entries become leaves, a signed checkpoint, and a published tree.

One step is stage -> integrate -> write tiles -> sign -> compare and swap -> publish -> discard (C2SP tlog-tiles for
what is written, tlog-checkpoint for what is signed). Every write before the swap is idempotent and lies beyond the
committed tree, so a crash anywhere is mended by doing the next step; there is no other recovery code. Before the first
signature after a start the guard asks the world for the log's last head: a restored backup must not sign a second
history (DESIGN section 3.2).

Left out: transactions and threads (the caller's), staging (the store's), cosignatures, anchoring.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ledger.checkpoints import Checkpoint, sign_checkpoint
from ledger.compact import Frontier
from ledger.errors import CheckpointConflictError, RootMismatchError, StateInconsistentError, StorageError
from ledger.hashing import LeafIndex, TreeSize, hash_leaves
from ledger.mirror import VerifiedTiles, fetch_entries, open_log_checkpoint, read_frontier
from ledger.notes import NoteSigner, VerifierKey
from ledger.ports import HeadGuard, LogReader, LogStore
from ledger.tiles import TILE_WIDTH, BundleAddress, TileAddress, TileHashReader, cut_tiles, encode_entries, parse_bundle

DEFAULT_BATCH = 65_536
"""Entries a step at the most: 256 full tiles, about 10 MB of hashes and short entries in memory."""
_RECOVERY_BATCH = 4_096
"""Entries that a recovery writes at a time: at most 270 MB even with the largest entries."""
_OWN_NOTES = 16
"""How many of its last checkpoints a sequencer remembers as its own: a caller may roll back that many steps."""
_EMPTY = Frontier.empty()


@dataclass(frozen=True, slots=True)
class LogEdge:
    """What appending needs of the committed tree; read again whenever the store commits to something else."""

    note: bytes | None = None
    """The committed checkpoint that this belongs to."""
    checkpoint: Checkpoint | None = None
    """The same, opened."""
    frontier: Frontier = _EMPTY
    """The right edge of its tree."""
    last_bundle: bytes = b""
    """The partial entry bundle at its end, empty where the tree ends with a full one."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a run of entries adds to a tree."""

    frontier: Frontier
    """The right edge afterwards."""
    tiles: dict[TileAddress, bytes]
    """New or widened tiles."""
    bundles: dict[BundleAddress, bytes]
    """New or widened entry bundles."""
    last_bundle: bytes
    """The partial bundle at the end."""


def integrate(frontier: Frontier, last_bundle: bytes, entries: Sequence[bytes]) -> Batch:
    """Compute what appending entries changes; pure.

    Args:
        frontier: The right edge before.
        last_bundle: The partial entry bundle before.
        entries: What to append, at least one.
    """
    after, runs = frontier.append(hash_leaves(entries))
    tiles = {address: data for run in runs for address, data in cut_tiles(run.level, run.first_index, run.hashes)}
    first, filled = divmod(frontier.size, TILE_WIDTH)
    bundles: dict[BundleAddress, bytes] = {}
    data, width = last_bundle, filled
    position = 0
    while position < len(entries):
        taken = entries[position : position + TILE_WIDTH - width]
        data, width = data + encode_entries(taken), width + len(taken)
        bundles[BundleAddress(first, width)] = data
        position += len(taken)
        if width == TILE_WIDTH:
            first, data, width = first + 1, b"", 0
    return Batch(after, tiles, bundles, data)


class Sequencer:
    """Grows one log. Of several on one store, the compare-and-swap lets one go on; the others stop for good."""

    def __init__(self, signer: NoteSigner, guard: HeadGuard, former_keys: Sequence[VerifierKey] = ()) -> None:
        """Keep what does not change from step to step.

        Args:
            signer: The log's key; by its name a verifier finds the log, so it has to be the origin.
            guard: Asked until it passes once after each start.
            former_keys: Keys that may have signed the committed checkpoint before a rotation.
        """
        self._signer = signer
        self._guard = guard
        self._keys = (signer.verifier_key, *former_keys)
        self._edge: LogEdge | None = None
        self._own_notes: deque[bytes | None] = deque(maxlen=_OWN_NOTES)
        self._guarded = False
        self._lost: CheckpointConflictError | None = None

    def recover(self, store: LogStore) -> Checkpoint | None:
        """Finish a publication that a crash cut off, and ask the guard: what a node does when it starts.

        Returns:
            The committed checkpoint.

        Raises:
            StateBehindError, StateInconsistentError: The state is not the log's last one; nothing will be signed.
            GuardUndecidedError: Nobody could say; ask again later.
            VerificationError: The committed checkpoint or its tiles do not verify.
            StorageError: The store failed.
        """
        edge = self._load(store)
        self._finish(store, edge)
        self._pass_guard(store, edge)
        return edge.checkpoint

    def step(self, store: LogStore, limit: int = DEFAULT_BATCH) -> Checkpoint | None:
        """Append one batch of staged entries, then sign, commit and publish.

        Args:
            store: The log; another object every time if need be, such as one a transaction.
            limit: Entries to append at the most.

        Returns:
            The new checkpoint, None if nothing was staged. It is the log's once the caller's transaction is committed.

        Raises:
            CheckpointConflictError: Another sequencer grows this log. This one stops: every later call raises the same.
            StateBehindError, StateInconsistentError: The guard refuses.
            GuardUndecidedError: The guard could not ask anybody; entries stay staged.
            VerificationError: The committed checkpoint or its tiles do not verify.
            StorageError: The store failed; the next step takes up where this one stopped.
        """
        edge = self._load(store)
        self._finish(store, edge)
        entries = store.staged(LeafIndex(edge.frontier.size), limit)
        if not entries:
            return None
        self._pass_guard(store, edge)
        batch = integrate(edge.frontier, edge.last_bundle, entries)
        # Tiles before the checkpoint that needs them: whoever sees the checkpoint must find them.
        store.write_batch(batch.tiles, batch.bundles)
        checkpoint = Checkpoint(store.origin, batch.frontier.size, batch.frontier.root())
        note = sign_checkpoint(checkpoint, self._signer)
        self._swap(store, edge.note, note)
        self._edge = LogEdge(note, checkpoint, batch.frontier, batch.last_bundle)
        self._finish(store, self._edge)
        return checkpoint

    def _load(self, store: LogStore) -> LogEdge:
        """Return the edge of the committed tree, from memory if the store still commits to it."""
        if self._lost is not None:
            raise self._lost
        if store.origin != self._signer.verifier_key.name:
            name = self._signer.verifier_key.name
            raise StorageError(f"the store holds log {store.origin!r}, the key signs for {name!r}")
        note = store.committed()
        if self._edge is not None and self._edge.note == note:
            return self._edge
        if self._own_notes and note not in self._own_notes:
            self._lost = CheckpointConflictError(self._edge.note if self._edge else None, note)
            raise self._lost
        # The first step, a caller's roll-back, or a swap that failed and yet took place. It may also be an older state
        # that was put in place under our feet: ask the guard again.
        self._guarded = False
        self._edge = None
        edge = read_edge(store, note, self._keys)
        self._own_notes.append(note)
        self._edge = edge
        return edge

    def _pass_guard(self, store: LogStore, edge: LogEdge) -> None:
        if not self._guarded:
            self._guard.check(edge.checkpoint, TileHashReader(store, edge.frontier.size))
            self._guarded = True

    def _swap(self, store: LogStore, expected: bytes | None, new: bytes) -> None:
        self._own_notes.append(new)  # before the swap: a swap that fails may have taken place all the same
        try:
            store.swap_checkpoint(expected, new)
        except CheckpointConflictError as error:
            self._lost = error
            raise

    def _finish(self, store: LogStore, edge: LogEdge) -> None:
        """Publish the committed checkpoint unless it is published, then let go of what it made superfluous."""
        if edge.note is not None and store.checkpoint() != edge.note:
            store.publish(edge.note)
            store.discard(LeafIndex(edge.frontier.size))


def read_edge(store: LogStore, note: bytes | None, keys: Sequence[VerifierKey]) -> LogEdge:
    """Read and verify the right edge of a store's committed tree.

    Raises:
        VerificationError: The checkpoint is not signed by these keys, or the tiles are not its.
        StorageError: Something could not be read.
    """
    if note is None:
        return LogEdge()
    checkpoint = open_log_checkpoint(note, keys, store.origin)
    frontier = read_frontier(store, checkpoint)
    index, width = divmod(checkpoint.size, TILE_WIDTH)
    last_bundle = b""
    if width:
        address = BundleAddress(index, width)
        last_bundle = store.bundle(address)
        leaves = b"".join(hash_leaves(parse_bundle(last_bundle, address)))
        if leaves != frontier.edges[0]:
            raise StorageError(f"the entry bundle {index} does not hash to the tile above it: restore it from a mirror")
    return LogEdge(note, checkpoint, frontier, last_bundle)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What recovering a log did to its store."""

    old_size: TreeSize
    """Size of the committed tree before."""
    new_size: TreeSize
    """Size of the committed tree now."""
    renumbered_from: LeafIndex
    """Old index of the first staged entry that moved."""
    renumbered_to: LeafIndex
    """Its new index; the others follow in order."""
    renumbered_count: int
    """How many staged entries moved: those that the recovered log does not hold. Their rows have to follow them."""


def recover_log(store: LogStore, mirror: LogReader, keys: Sequence[VerifierKey]) -> Recovery:
    """Bring a store whose state is behind up to the checkpoint that a mirror holds; sign nothing.

    Staged entries that equal the mirror's at their index were logged before the state was lost, and keep their index.
    From the first that differs on they follow after the recovered ones. A crash on the way is mended by recovering
    again.

    Args:
        store: The log, not being sequenced meanwhile.
        mirror: Whoever holds more of it. Nothing that it says is believed unless this log's signature proves it.
        keys: The log's keys, former ones included.

    Returns:
        What changed. With a mirror that is no larger than the store nothing does.

    Raises:
        StateInconsistentError: The mirror's tree does not grow from the store's: one of them is not this log.
        VerificationError: The mirror does not prove what it holds; nothing that the log has committed to was touched.
        StorageError: Something could not be read or written.
    """
    note = mirror.checkpoint()
    if note is None:
        raise StorageError("the mirror has published no checkpoint: there is nothing to recover from it")
    target = open_log_checkpoint(note, keys, store.origin)
    edge = read_edge(store, store.committed(), keys)
    old_size = edge.frontier.size
    if target.size <= old_size:
        return Recovery(old_size, old_size, LeafIndex(old_size), LeafIndex(old_size), 0)
    _check_grows(edge, target, mirror)
    same_until = _write_missing(store, edge, target, mirror)
    moved_from = LeafIndex(max(same_until, store.staged_range().start))
    moved: list[bytes] = []
    if same_until < target.size:
        # Before the swap: afterwards the staged entries below the new size would count as logged.
        moved = list(_staged_from(store, moved_from))
        if moved_from < target.size:
            store.restage(LeafIndex(target.size), moved)
    store.swap_checkpoint(edge.note, note)
    store.publish(note)
    store.discard(LeafIndex(target.size))
    return Recovery(old_size, target.size, moved_from, LeafIndex(target.size), len(moved))


def _check_grows(edge: LogEdge, target: Checkpoint, mirror: LogReader) -> None:
    """Check that the mirror's tree has ours as its prefix, before anything is written."""
    if edge.checkpoint is None:
        return
    proven = VerifiedTiles(mirror, target)
    try:
        read_frontier(proven, edge.checkpoint)
    except RootMismatchError as error:
        raise StateInconsistentError(edge.frontier.size, target.size, "the mirror") from error


def _write_missing(store: LogStore, edge: LogEdge, target: Checkpoint, mirror: LogReader) -> LeafIndex:
    """Write the mirror's entries and tiles beyond ours; return the index of the first that is not staged here."""
    frontier, last_bundle = edge.frontier, edge.last_bundle
    same_until = LeafIndex(frontier.size)
    for entries in _gather(fetch_entries(mirror, target, LeafIndex(frontier.size), target.size)):
        if int(same_until) == frontier.size:
            same_until = LeafIndex(same_until + _common_length(entries, _staged_here(store, same_until, len(entries))))
        batch = integrate(frontier, last_bundle, entries)
        store.write_batch(batch.tiles, batch.bundles, replace=True)
        frontier, last_bundle = batch.frontier, batch.last_bundle
    if frontier.root() != target.root:
        raise RootMismatchError(target.size, target.root, frontier.root())
    return same_until


def _gather(bundles: Iterable[list[bytes]]) -> Iterator[list[bytes]]:
    """Join bundles into batches that are worth a durable write."""
    batch: list[bytes] = []
    for entries in bundles:
        batch += entries
        if len(batch) >= _RECOVERY_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _common_length(left: Sequence[bytes], right: Sequence[bytes]) -> int:
    shorter = min(len(left), len(right))
    return next((at for at in range(shorter) if left[at] != right[at]), shorter)


def _staged_here(store: LogStore, start: LeafIndex, limit: int) -> list[bytes]:
    """Read staged entries; none where an interrupted recovery has staged what follows the mirror's entries already."""
    return store.staged(start, limit) if store.staged_range().start <= start else []


def _staged_from(store: LogStore, start: LeafIndex) -> Iterator[bytes]:
    position = start
    while entries := store.staged(position, DEFAULT_BATCH):
        yield from entries
        position = LeafIndex(position + len(entries))
