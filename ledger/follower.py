"""Follow a log that grows elsewhere: bytes in, requests and events out, no I/O (in the manner of h11).

`offer` takes a signed checkpoint and the heads that others hold of the log; `wanted` names the tiles and bundles that the
follower needs next, `receive` takes them and returns what came of it. In this order, and never another:

1. the checkpoint is signed by a key that may sign its size, and is not smaller than the trusted one;
2. the tiles of its right edge hash to its root;
3. its tree has, at the size of the trusted checkpoint and of every other known head, the root that those have;
4. it is trusted: `HeadTrusted`, to be made durable before anything else;
5. leaves are released in order, each bundle proven against tiles that are proven up to the root.

What is signed and does not fit is a `Contradicted` event with its proof; tiles and bundles that do not fit are only what
somebody served: an error, and the same checkpoint may be offered again. Memory holds one window of bundles and the tiles
above it, whatever the size of the log.

Left out: transport, storage, when to ask (`node.services.logs.following`); what a contradiction leads to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.checkpoints import Checkpoint, parse_checkpoint
from ledger.errors import MalformedCheckpointError
from ledger.forks import Contradiction, ContradictionKind, KnownHead, SizedKey, open_sized_checkpoint
from ledger.hashing import (
    LeafHash,
    LeafIndex,
    NodeHash,
    TreeSize,
    hash_leaves,
)
from ledger.notes import parse_note
from ledger.proofs import prove_consistency, root_at
from ledger.proven import HashPlan, ProvenTree
from ledger.tiles import (
    TILE_WIDTH,
    BundleAddress,
    Resource,
    TileAddress,
    edge_tiles,
    locate_node,
    parse_bundle,
)

WINDOW_BUNDLES: Final = 32
"""Bundles asked for at once: 8,192 leaves."""

_STATE_VERSION: Final = 1
_RELEASED_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class FollowerState:
    """What has to outlive a restart."""

    note: bytes | None = None
    """The last trusted checkpoint, verbatim; None before the first."""
    released: LeafIndex = LeafIndex(0)  # noqa: RUF009 - an int
    """Leaves that were released: the index of the next one."""


def encode_state(state: FollowerState) -> bytes:
    """Encode a state: version u8 = 1 · released u64 · the note, or nothing."""
    return bytes((_STATE_VERSION,)) + state.released.to_bytes(_RELEASED_BYTES, "big") + (state.note or b"")


def parse_state(data: bytes) -> FollowerState:
    """Parse a state.

    Raises:
        MalformedCheckpointError: It is none, or its checkpoint is none.
        MalformedNoteError: Its note is none.
    """
    if len(data) <= _RELEASED_BYTES or data[0] != _STATE_VERSION:
        raise MalformedCheckpointError("follower state", "cut off, or written by another release")
    released = LeafIndex(int.from_bytes(data[1 : 1 + _RELEASED_BYTES], "big"))
    note = data[1 + _RELEASED_BYTES :] or None
    size = 0 if note is None else parse_checkpoint(parse_note(note).text).size
    if released > size:
        raise MalformedCheckpointError("follower state", f"{released} leaves were released of a log of size {size}")
    return FollowerState(note, released)


@dataclass(frozen=True, slots=True)
class HeadTrusted:
    """A checkpoint extends everything that is known of its log; leaves follow."""

    checkpoint: Checkpoint
    """The checkpoint."""
    note: bytes
    """Its signed note, verbatim."""


@dataclass(frozen=True, slots=True)
class LeavesVerified:
    """Leaves of the trusted tree, in order, none left out."""

    first: LeafIndex
    """Index of the first."""
    entries: tuple[bytes, ...]
    """The leaves' bytes."""
    hashes: tuple[LeafHash, ...]
    """Their leaf hashes."""


@dataclass(frozen=True, slots=True)
class HeadBehind:
    """The log serves a smaller head than the chain or a witness holds of it: late, or restored from a backup."""

    size: TreeSize
    """The size that was offered."""
    known_size: TreeSize
    """The largest size that is known."""


@dataclass(frozen=True, slots=True)
class Contradicted:
    """The log signed what cannot be; the offered checkpoint is not trusted."""

    contradiction: Contradiction
    """The proof."""


Event = HeadTrusted | LeavesVerified | HeadBehind | Contradicted
"""What the follower tells."""


class Follower:
    """Follows one log. Not safe for threads."""

    def __init__(
        self,
        origin: str,
        keys: Iterable[SizedKey],
        state: FollowerState = FollowerState(),
        *,
        window_bundles: int = WINDOW_BUNDLES,
    ) -> None:
        """Take up following where a state says.

        Args:
            origin: The log.
            keys: Its keys, former ones included.
            state: From `state` of an earlier follower; what was released may lie anywhere below the trusted size.
            window_bundles: Bundles to ask for at once; bounds the memory.
        """
        self._origin = origin
        self._keys = tuple(keys)
        self._note = state.note
        self._trusted = None if state.note is None else parse_checkpoint(parse_note(state.note).text)
        self._released = state.released
        self._window_bundles = window_bundles
        self._agreed: frozenset[tuple[int, bytes]] = frozenset()
        self._pending: _Pending | None = None

    @property
    def state(self) -> FollowerState:
        """What has to outlive a restart."""
        return FollowerState(self._note, self._released)

    @property
    def trusted(self) -> Checkpoint | None:
        """The last trusted checkpoint."""
        return self._trusted

    def offer(self, note: bytes, known: Sequence[KnownHead] = ()) -> list[Event]:
        """Take a checkpoint of the log; what was under way for another one is dropped.

        Args:
            note: The signed note.
            known: Heads that the chain or witnesses hold of this log.

        Raises:
            MalformedNoteError, MalformedCheckpointError: Not a checkpoint.
            SignatureError: No key that may sign its size signed it.
            OriginMismatchError: It is of another log.
        """
        self._pending = None
        checkpoint = open_sized_checkpoint(note, self._keys, self._origin)
        contradiction = self._contradiction(checkpoint, note, known)
        if contradiction is not None:
            return [Contradicted(contradiction)]
        events: list[Event] = []
        ahead = max((head.size for head in known if head.size > checkpoint.size), default=None)
        if ahead is not None:
            events.append(HeadBehind(checkpoint.size, ahead))
        heads = [head for head in known if 0 < head.size < checkpoint.size and (head.size, head.root) not in self._agreed]
        if self._note is not None and self._trusted is not None and 0 < self._trusted.size < checkpoint.size:
            heads.insert(0, KnownHead(self._trusted.size, self._trusted.root, self._note))
        news = self._trusted is None or checkpoint.size > self._trusted.size
        if news or heads or self._released < checkpoint.size:
            self._pending = _Pending(checkpoint, note, tuple(heads), news=news)
            events += self._advance()
        return events

    def wanted(self) -> tuple[Resource, ...]:
        """Name what `receive` has to be given next; nothing when the follower waits for a checkpoint."""
        return () if self._pending is None else self._pending.wanted

    def receive(self, contents: Mapping[Resource, bytes]) -> list[Event]:
        """Take the contents of all that was wanted.

        Raises:
            MalformedTileError: A tile or bundle is not what its address says.
            RootMismatchError, VerificationError: It is not of the checkpoint's tree; what was under way is dropped.
        """
        pending = self._pending
        if pending is None:
            return []
        self._pending = None
        events: list[Event] = []
        if pending.tree is None:
            pending.tree = ProvenTree.open(pending.checkpoint, contents)
        else:
            tiles = {address: data for address, data in contents.items() if isinstance(address, TileAddress)}
            pending.tree.prove(tiles)
            if pending.agreed:
                events += self._release(pending, contents)
        self._pending = pending
        return events + self._advance()

    def _contradiction(self, checkpoint: Checkpoint, note: bytes, known: Sequence[KnownHead]) -> Contradiction | None:
        """Find what contradicts at equal sizes, or shrinks: that needs no tile."""
        if self._trusted is not None and checkpoint.size < self._trusted.size:
            return Contradiction(ContradictionKind.ROLLBACK, self._note, note)
        heads = [] if self._trusted is None else [KnownHead(self._trusted.size, self._trusted.root, self._note)]
        for head in (*heads, *known):
            if head.size == checkpoint.size and head.root != checkpoint.root:
                return _contradiction(head, note)
        return None

    def _advance(self) -> list[Event]:
        """Go on as far as what is held allows, and say what is wanted next."""
        events: list[Event] = []
        pending = self._pending
        if pending is None:
            return events
        if pending.tree is None:
            pending.wanted = tuple(address for address in edge_tiles(pending.checkpoint.size) if address is not None)
            if pending.wanted:
                return events
            # the empty tree has no edge, and only one root
            pending.tree = ProvenTree.open(pending.checkpoint, {})
        if not pending.agreed:
            pending.wanted = pending.tree.missing(_history_tiles(pending))
            if pending.wanted:
                return events
            events += self._judge(pending, pending.tree)
        if self._pending is not None:
            pending.wanted = self._window(pending.checkpoint.size, pending.tree)
            if not pending.wanted:
                self._pending = None
        return events

    def _judge(self, pending: _Pending, tree: ProvenTree) -> list[Event]:
        """Compare the tree with all that is known, and trust it if nothing contradicts."""
        for head in pending.heads:
            prefix_root = root_at(tree, head.size)
            if prefix_root != head.root:
                proof = prove_consistency(tree, head.size, pending.checkpoint.size)
                self._pending = None
                return [Contradicted(_contradiction(head, pending.note, prefix_root, proof))]
        pending.agreed = True
        self._agreed = frozenset((head.size, head.root) for head in pending.heads)
        if not pending.news:
            return []
        self._note, self._trusted = pending.note, pending.checkpoint
        return [HeadTrusted(pending.checkpoint, pending.note)]

    def _window(self, size: TreeSize, tree: ProvenTree) -> tuple[Resource, ...]:
        if self._released >= size:
            return ()
        first = self._released // TILE_WIDTH
        last = min(first + self._window_bundles, -(-size // TILE_WIDTH))
        bundles = [BundleAddress(index, min(TILE_WIDTH, size - index * TILE_WIDTH)) for index in range(first, last)]
        parents = {tree.address(1, bundle.index // TILE_WIDTH) for bundle in bundles if bundle.width == TILE_WIDTH}
        missing = tree.missing(parents)
        tree.keep(parents)
        return (*missing, *bundles)

    def _release(self, pending: _Pending, contents: Mapping[Resource, bytes]) -> list[Event]:
        tree = pending.tree
        first = self._released
        entries: list[bytes] = []
        hashes: list[LeafHash] = []
        for address in pending.wanted:
            if tree is not None and isinstance(address, BundleAddress):
                found = parse_bundle(contents[address], address)
                leaves = hash_leaves(found)
                tree.check_leaves(address, b"".join(leaves))
                skipped = max(0, first - address.index * TILE_WIDTH)
                entries += found[skipped:]
                hashes += leaves[skipped:]
        self._released = LeafIndex(first + len(entries))
        return [LeavesVerified(first, tuple(entries), tuple(hashes))]


def _contradiction(head: KnownHead, note: bytes, prefix_root: bytes | None = None, proof: Sequence[NodeHash] = ()) -> Contradiction:
    root = None if prefix_root is None else type(head.root)(prefix_root)
    if head.note is None:
        return Contradiction(ContradictionKind.ANCHOR, None, note, head, root, tuple(proof))
    return Contradiction(ContradictionKind.FORK, head.note, note, None, root, tuple(proof))


@dataclass(slots=True)
class _Pending:
    """A checkpoint that is being looked into."""

    checkpoint: Checkpoint
    note: bytes
    heads: tuple[KnownHead, ...]
    """Smaller heads that its tree must have, the trusted one first."""
    news: bool
    """Whether it becomes the trusted one."""
    tree: ProvenTree | None = None
    """Its tree, once the right edge is proven."""
    agreed: bool = False
    """Whether nothing contradicts it."""
    wanted: tuple[Resource, ...] = ()


def _history_tiles(pending: _Pending) -> set[TileAddress]:
    """Name the tiles from which the roots at the known sizes, and the proofs that would show a fork, are made."""
    plan = HashPlan()
    for head in pending.heads:
        root_at(plan, head.size)
        prove_consistency(plan, head.size, pending.checkpoint.size)
    return {locate_node(level, index, pending.checkpoint.size)[0] for level, index in plan.nodes}
