"""The chain, as services see it: heads that it accepted, anchors that are on their way, and events by cursor.

Reads are at the finality that the trust root names (`ChainPin.finality`). Every method may raise `ChainAwayError` (the
chain does not answer; the same object works again when it does), `WrongChainError` or `ContractMismatchError` (another
chain answers). Left out: membership (`node.ports.chain.consortium`), and anything that only one engine knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Protocol

from ledger.hashing import NodeHash, RootHash, TreeSize
from node.domain.entry import Origin
from node.domain.trust import ChainPin, ContractPin, Finality

__all__ = [
    "AnchorChain",
    "AnchoredHead",
    "BlockReference",
    "ChainEvent",
    "ChainEvents",
    "ChainHead",
    "ChainPin",
    "ContractPin",
    "EventCursor",
    "EventPage",
    "Finality",
    "Outcome",
    "PendingAnchor",
    "Settled",
    "TransactionId",
]

TransactionId = NewType("TransactionId", int)
"""Names an anchor that was submitted; stays the same when its transaction is sent again."""


@dataclass(frozen=True, slots=True)
class ChainHead:
    """A block that counts as the chain's head."""

    number: int
    """Block number."""
    hash: bytes
    """Block hash, 32 bytes."""
    timestamp_s: int
    """The block's own time, unix s."""


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    """The head of a log in the contract's state."""

    origin: Origin
    """The log."""
    size: TreeSize
    """Tree size."""
    root: RootHash
    """Root of the tree of that size."""
    block_number: int
    """The block that accepted it."""
    block_hash: bytes
    """That block's hash, 32 bytes."""
    timestamp_s: int
    """That block's time, unix s."""


class Outcome(StrEnum):
    """What became of a submitted anchor."""

    ANCHORED = "anchored"
    """The contract's head is this size and root, at the finality."""
    SUPERSEDED = "superseded"
    """It will not come: the head that its proof starts from has gone, or a larger head came first. Submit a new one."""
    REFUSED = "refused"
    """The contract refused it, finally; `reason` is the named revert, or `NonceTaken`: its key is used elsewhere too."""
    VANISHED = "vanished"
    """It was anchored and the chain took it back. The same transaction, if it was this node's, is on its way again."""
    NOT_TAKEN = "not taken"
    """The chain's node does not take the transaction, `reason` says why; it is sent again at the next `settle`."""


@dataclass(frozen=True, slots=True)
class Settled:
    """News of one submitted anchor."""

    transaction: TransactionId
    """Which one."""
    origin: Origin
    """The log."""
    size: TreeSize
    """The tree size that was submitted."""
    root: RootHash
    """The root that was submitted."""
    outcome: Outcome
    """What became of it."""
    head: AnchoredHead | None
    """The contract's head of this log at the finality; None while it has none."""
    reason: str
    """Name of the revert, or what the chain's node said; else empty."""


@dataclass(frozen=True, slots=True)
class PendingAnchor:
    """An anchor that is on its way."""

    transaction: TransactionId
    """Which one."""
    origin: Origin
    """The log."""
    size: TreeSize
    """The tree size that was submitted."""
    root: RootHash
    """The root that was submitted."""


class AnchorChain(Protocol):
    """Anchors heads of this node's logs and reads those of all."""

    def head(self) -> ChainHead:
        """Return the newest block that counts as final."""

    def anchored_head(self, origin: Origin) -> AnchoredHead | None:
        """Return the contract's head of a log at that block, or None when nothing is anchored yet."""

    def submit_anchor(
        self, origin: Origin, size: TreeSize, root: RootHash, proof: Sequence[NodeHash], base_size: TreeSize
    ) -> TransactionId:
        """Persist and send a transaction that anchors a head; the same head again returns the same id.

        Args:
            origin: The log; this node must hold its anchor key.
            size: Tree size of the new head.
            root: Its root.
            proof: RFC 9162 consistency proof from the anchored head of `base_size`; empty when that is 0.
            base_size: Size of the anchored head that the proof starts from, 0 for none.

        Raises:
            AnchorPendingError: Another head of this log is on its way; submit when it has settled.
            AnchorBaseGoneError: The chain's head is not `base_size`; make a new proof.
            TransactionRevertedError: The contract would refuse it, by name; nothing was sent.
            NonceTakenError: The anchor key was used outside this node.
            UnknownOriginError: This node holds no anchor key of the log.
        """

    def pending(self, origin: Origin) -> PendingAnchor | None:
        """Return the anchor of a log that is on its way, without asking the chain."""

    def settle(self) -> Sequence[Settled]:
        """Send again what is not on the chain yet, and return the news, read from contract state.

        What was returned is forgotten at the next call, and returned again after a restart in between: record it first,
        and let recording twice do no harm.
        """


@dataclass(frozen=True, slots=True)
class BlockReference:
    """A block by number and hash."""

    number: int
    """Block number."""
    hash: bytes
    """Block hash, 32 bytes."""


@dataclass(frozen=True, slots=True)
class EventCursor:
    """How far events were read. It remembers older blocks too, so that a reorg rewinds no further than it has to."""

    blocks: tuple[BlockReference, ...]
    """Blocks up to which events were read, oldest first, the newest last; at most 32."""

    @property
    def newest(self) -> BlockReference:
        """Return the block up to which events were read."""
        return self.blocks[-1]


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """An event of one of the contracts."""

    contract: str
    """Name of the contract, such as `log_anchors`."""
    name: str
    """Name of the event."""
    fields: Mapping[str, object]
    """Its fields by name: int, str, bool, bytes (32 bytes for a `bytes32`, 20 for an `address`)."""
    block_number: int
    """The block that holds it."""
    block_hash: bytes
    """That block's hash, 32 bytes."""
    log_index: int
    """Its place in the block."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events of a range of blocks, in chain order."""

    events: tuple[ChainEvent, ...]
    """The events; empty when the page rewinds."""
    cursor: EventCursor | None
    """Where to go on; None: from the start."""
    rewound_to: int | None
    """Set when a reorg was found: drop stored events above this block (-1: all) and go on from `cursor`."""
    is_last: bool
    """Whether the cursor has reached the chain's head; False: poll again at once."""


class ChainEvents(Protocol):
    """Reads the contracts' events in order."""

    def poll(self, cursor: EventCursor | None) -> EventPage:
        """Return the next page after a cursor (None: from the start), or the page that rewinds to where chains agree."""
