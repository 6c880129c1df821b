"""What becomes of a submitted anchor, judged from facts alone: no clock, no database, no chain.

Contract state decides, receipts only explain: an anchor has succeeded when the head at the finality is its size and
root, whoever's transaction did it. Everything else is about its nonce. Rules, in order:

1. the final head is this size and root: anchored, or covered where another transaction did it;
2. the final head is larger, or another one of this size: superseded;
3. nothing was sent for it: wait while the newest head is this one, else superseded;
4. it is in a block and succeeded: wait for the finality;
5. it is in a block and was reverted: wait for the finality, then superseded if its proof's base is not the head any
   more, else refused;
6. its nonce was used by another transaction: wait for the finality, then superseded if this node made that one, else
   the key is used elsewhere;
7. the newest head is this one already, by another transaction: wait;
8. its proof's base is the head, or will be once those before it are there: send the same bytes again;
9. else its base has gone and it would be reverted: superseded, and its nonce is free.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ledger.hashing import RootHash, TreeSize
from node.adapters.chain.journal import Row


class Step(Enum):
    """What to do with a row."""

    WAIT = auto()
    """Nothing, for now."""
    SEND = auto()
    """Send its bytes again."""
    ANCHORED = auto()
    """It succeeded, finally."""
    COVERED = auto()
    """Another transaction did what it should do, finally."""
    SUPERSEDED = auto()
    """It will not come."""
    REFUSED = auto()
    """The contract reverted it, finally."""
    NONCE_TAKEN = auto()
    """A transaction that this node did not make has its nonce, finally: the key is used elsewhere."""


@dataclass(frozen=True, slots=True)
class ContractHead:
    """The head of a log as `log_anchors.head` returns it."""

    size: TreeSize
    """Tree size."""
    root: RootHash
    """Root of the tree of that size."""
    block_number: int
    """The block that accepted it."""
    timestamp_s: int
    """That block's time, unix s."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a block says of a transaction that it holds."""

    block_number: int
    """The block."""
    has_succeeded: bool
    """False when a contract reverted it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the chain says that matters for one row."""

    final_number: int
    """Number of the newest final block."""
    final_head: ContractHead | None
    """Head of the row's log in that block's state."""
    newest_head: ContractHead | None
    """Head of the row's log in the newest block's state."""
    expected_size: TreeSize
    """Size of the log's head once the rows before this one are on the chain."""
    receipt: Receipt | None
    """Of the row's transaction."""
    newest_count: int
    """The sender's transactions, by the newest block."""
    final_count: int
    """The sender's transactions, by the newest final block."""
    has_rival: bool
    """Whether a block holds another transaction that this node signed with the same nonce."""


def judge(row: Row, facts: Facts) -> Step:
    """Say what to do with a row."""
    if facts.final_head is not None and facts.final_head.size >= row.wanted.size:
        return _judge_covered(row, facts)
    transaction = row.transaction
    if transaction is None:
        return Step.WAIT if _is(facts.newest_head, row) else Step.SUPERSEDED
    if facts.receipt is not None:
        return _judge_mined(row, facts, facts.receipt)
    if facts.newest_count > transaction.nonce:
        return _judge_nonce_used(facts, transaction.nonce)
    if _is(facts.newest_head, row):
        return Step.WAIT
    return Step.SEND if facts.expected_size == row.wanted.base_size else Step.SUPERSEDED


def _judge_covered(row: Row, facts: Facts) -> Step:
    if not _is(facts.final_head, row):
        return Step.SUPERSEDED
    is_own = facts.receipt is not None and facts.receipt.has_succeeded
    return Step.ANCHORED if is_own else Step.COVERED


def _judge_mined(row: Row, facts: Facts, receipt: Receipt) -> Step:
    if receipt.has_succeeded or receipt.block_number > facts.final_number:
        return Step.WAIT
    final_size = 0 if facts.final_head is None else facts.final_head.size
    return Step.REFUSED if final_size == row.wanted.base_size else Step.SUPERSEDED


def _judge_nonce_used(facts: Facts, nonce: int) -> Step:
    if facts.final_count <= nonce:
        return Step.WAIT
    return Step.SUPERSEDED if facts.has_rival else Step.NONCE_TAKEN


def _is(head: ContractHead | None, row: Row) -> bool:
    return head is not None and head.size == row.wanted.size and head.root == row.wanted.root
