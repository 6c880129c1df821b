"""The one writer of the chain: it turns transactions that arrived together into one durable block.

A transaction whose turn has come is executed at once; one that runs ahead of its sender's nonce is kept in a durable pool until the
gap is filled, as in geth. Nothing is answered before the commit, so a hash that a client holds is on disk.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eth.abc import BlockHeaderAPI, ReceiptAPI
from eth.db.trie import make_trie_root_and_nodes
from eth_typing import Address
from eth_utils.exceptions import ValidationError

from devnet.engines.embedded import rules
from devnet.engines.embedded.admission import Admitted, decode_transaction
from devnet.engines.embedded.errors import InternalError, RpcError, TransactionRefusedError
from devnet.engines.embedded.nodes import NodeDatabase, atomic
from devnet.engines.embedded.store import (
    BlockRow,
    ChainStore,
    LogRow,
    PooledRow,
    TransactionRow,
    transaction,
)

LOGGER = logging.getLogger(__name__)
MAX_POOLED_PER_SENDER = 64
"""Transactions ahead of their nonce that one sender may have waiting, as in geth."""
MAX_POOLED = 4096
"""The same for all senders together."""
PRICE_BUMP_PERCENT = 10
"""What a waiting transaction's replacement must offer more, as in geth."""

Outcome = bytes | RpcError
"""The hash of a transaction that is durable, or why it was refused."""


@dataclass(slots=True)
class _Round:
    """One block in the making."""

    vm: rules.EmbeddedVM
    header: BlockHeaderAPI
    executed: list[Admitted] = field(default_factory=list)
    receipts: list[ReceiptAPI] = field(default_factory=list)
    ahead: dict[tuple[bytes, int], Admitted] = field(default_factory=dict)
    """Transactions of this round that wait for an earlier nonce."""
    hashes: set[bytes] = field(default_factory=set)
    """Of all that this round accepted."""
    stalled: set[Address] = field(default_factory=set)
    """Whose next transaction waits for nothing but gas of the next block."""


class Miner:
    """Makes blocks. One thread only."""

    def __init__(self, store: ChainStore, database: NodeDatabase, chain_id: int, now_s: Callable[[], int]) -> None:
        self._store = store
        self._database = database
        self._chain_id = chain_id
        self._now_s = now_s
        self._head = rules.decode_header(store.head().header)
        self._branch = int.from_bytes(store.meta("branch") or b"", "big")

    def mine(self, candidates: Sequence[Admitted]) -> list[Outcome]:
        """Execute transactions in the order of their arrival, in as few blocks as their gas allows.

        Returns:
            One outcome for each, when it is durable.
        """
        outcomes: dict[int, Outcome] = {}
        left = deque(enumerate(candidates))
        stalled: set[Address] = set()
        while left or stalled:
            try:
                stalled = self._mine_block(stalled, left, outcomes)
            except Exception as error:
                LOGGER.exception("a block could not be made; the chain stays at block %d", self._head.block_number)
                refusal = InternalError(f"internal error: no block could be made: {type(error).__name__}")
                for position in range(len(candidates)):
                    outcomes.setdefault(position, refusal)
                break
        return [outcomes[position] for position in range(len(candidates))]

    def revert_to(self, number: int) -> None:
        """Drop the blocks above `number`, as a reorganisation does; their transactions are forgotten.

        Raises:
            RpcError: there is no such block.
        """
        block = self._store.block_by_number(number)
        if block is None:
            raise TransactionRefusedError(f"no block {number}: the chain is at {self._head.block_number}")
        with transaction(self._store.connection, write=True):
            self._store.drop_blocks_above(number)
            self._store.set_meta("branch", (self._branch + 1).to_bytes(4, "big"))
        self._branch += 1
        self._head = rules.decode_header(block.header)

    def _mine_block(self, stalled: set[Address], left: deque[tuple[int, Admitted]], outcomes: dict[int, Outcome]) -> set[Address]:
        """Take from the pool of the `stalled`, then from `left`, what fits into one block; commit; only then fill `outcomes`.

        Returns:
            Whose pooled transactions did not fit.
        """
        header = rules.next_header(self._head, self._now_s(), self._branch)
        making = _Round(rules.open_vm(atomic(self._database), header, self._chain_id), header)
        found: dict[int, Outcome] = {}
        try:
            with transaction(self._store.connection, write=True):
                for sender in sorted(stalled):
                    self._execute_followers(making, sender)
                while left and self._fits(making, left[0][1]):
                    position, candidate = left.popleft()
                    found[position] = self._take(making, candidate)
                self._pool(making)
                head = self._seal(making) if making.executed else self._head
        except BaseException:
            self._database.forget()
            raise
        self._database.settle()
        self._head = head
        outcomes.update(found)
        return making.stalled

    @staticmethod
    def _fits(making: _Round, candidate: Admitted) -> bool:
        return making.header.gas_used + candidate.transaction.gas <= making.header.gas_limit

    def _take(self, making: _Round, candidate: Admitted) -> Outcome:
        """Execute a transaction and whatever waited for it, or keep it for later, or refuse it."""
        try:
            self._check_new(making, candidate)
            state_nonce = making.vm.state.get_nonce(candidate.sender)
            if candidate.nonce > state_nonce:
                self._keep_ahead(making, candidate, state_nonce)
            else:
                self._execute(making, candidate, state_nonce)
                self._execute_followers(making, candidate.sender)
        except RpcError as refusal:
            return refusal
        making.hashes.add(candidate.hash)
        return candidate.hash

    def _check_new(self, making: _Round, candidate: Admitted) -> None:
        known = (
            candidate.hash in making.hashes
            or self._store.transaction_by_hash(candidate.hash)
            or self._store.pooled_by_hash(candidate.hash)
        )
        if known:
            raise TransactionRefusedError("already known")

    def _execute(self, making: _Round, candidate: Admitted, state_nonce: int) -> None:
        if candidate.nonce < state_nonce:
            raise TransactionRefusedError(f"nonce too low: next nonce {state_nonce}, tx nonce {candidate.nonce}")
        balance = making.vm.state.get_balance(candidate.sender)
        if balance < candidate.worst_cost_wei:
            raise TransactionRefusedError(
                f"insufficient funds for gas * price + value: address 0x{candidate.sender.hex()} "
                f"have {balance} want {candidate.worst_cost_wei}"
            )
        receipt = self._apply(making, candidate)
        making.header = making.vm.add_receipt_to_header(making.header, receipt)
        making.executed.append(candidate)
        making.receipts.append(receipt)

    @staticmethod
    def _apply(making: _Round, candidate: Admitted) -> ReceiptAPI:
        """Run a transaction; one that cannot run leaves the state as it was."""
        state = making.vm.state
        state.lock_changes()
        # After the lock: what is warm is journalled anew for each transaction, and a snapshot belongs to one journal.
        snapshot = state.snapshot()
        try:
            computation = state.apply_transaction(candidate.transaction)
        except ValidationError as error:
            state.revert(snapshot)
            raise TransactionRefusedError(f"invalid transaction: {error}") from error
        except Exception as error:
            # A defect of the machine must not take down the transactions that share the block.
            state.revert(snapshot)
            LOGGER.exception("transaction 0x%s could not be executed", candidate.hash.hex())
            raise InternalError(f"internal error: {type(error).__name__}") from error
        state.commit(snapshot)
        return making.vm.make_receipt(making.header, candidate.transaction, computation, state)

    def _execute_followers(self, making: _Round, sender: Address) -> None:
        """Execute what waited for the sender's next nonce, from this round and from the pool, while it fits into the block."""
        pooled = {row.nonce: row for row in self._store.pooled_of(sender)}
        while True:
            nonce = making.vm.state.get_nonce(sender)
            follower = making.ahead.get((sender, nonce))
            if follower is None and nonce in pooled:
                row = pooled[nonce]
                follower = Admitted(row.raw, row.hash, sender, decode_transaction(row.raw))
            if follower is None:
                return
            if not self._fits(making, follower):
                making.stalled.add(sender)
                return
            making.ahead.pop((sender, nonce), None)
            try:
                self._execute(making, follower, nonce)
            except RpcError as refusal:
                # As geth does: it was taken without a look at the balance, and the balance does not suffice.
                LOGGER.info("dropped waiting transaction 0x%s: %s", follower.hash.hex(), refusal.message)
                self._store.drop_pooled_at(sender, nonce)
                return

    def _keep_ahead(self, making: _Round, candidate: Admitted, state_nonce: int) -> None:
        waiting = self._store.pooled_of(candidate.sender)
        same = next((row for row in waiting if row.nonce == candidate.nonce), None)
        rival = making.ahead.get((candidate.sender, candidate.nonce))
        offered = None
        if rival is not None:
            offered = rival.transaction.max_fee_per_gas
        elif same is not None:
            offered = decode_transaction(same.raw).max_fee_per_gas
        if offered is not None:
            if candidate.transaction.max_fee_per_gas * 100 < offered * (100 + PRICE_BUMP_PERCENT) or offered == 0:
                raise TransactionRefusedError("replacement transaction underpriced")
        elif len(waiting) + len(making.ahead) >= MAX_POOLED_PER_SENDER or self._store.pool_size() >= MAX_POOLED:
            raise TransactionRefusedError(
                f"nonce too high: next nonce {state_nonce}, tx nonce {candidate.nonce}, and the pool is full"
            )
        making.ahead[candidate.sender, candidate.nonce] = candidate

    def _pool(self, making: _Round) -> None:
        for sender in {executed.sender for executed in making.executed}:
            self._store.drop_pooled(sender, making.vm.state.get_nonce(sender))
        for waiting in making.ahead.values():
            self._store.add_pooled(PooledRow(waiting.sender, waiting.nonce, waiting.hash, waiting.raw))

    def _seal(self, making: _Round) -> BlockHeaderAPI:
        """Close the block and write it into the open transaction."""
        making.vm.state.persist()
        transaction_root, _ = make_trie_root_and_nodes([candidate.transaction for candidate in making.executed])
        receipt_root, _ = make_trie_root_and_nodes(making.receipts)
        header = making.header.copy(
            state_root=making.vm.state.state_root, transaction_root=transaction_root, receipt_root=receipt_root
        )
        block_hash = rules.block_hash(header)
        encoded = rules.encode_header(header)
        self._database[block_hash] = encoded
        self._database.flush()
        block = BlockRow(header.block_number, block_hash, encoded)
        self._store.add_block(block, *_rows(header.block_number, making.executed, making.receipts))
        return header


def _rows(number: int, executed: list[Admitted], receipts: list[ReceiptAPI]) -> tuple[list[TransactionRow], list[LogRow]]:
    transactions: list[TransactionRow] = []
    logs: list[LogRow] = []
    before = 0
    for position, (candidate, receipt) in enumerate(zip(executed, receipts, strict=True)):
        transactions.append(
            TransactionRow(
                hash=candidate.hash,
                block=number,
                position=position,
                raw=candidate.raw,
                sender=candidate.sender,
                succeeded=receipt.state_root == b"\x01",
                gas_used=receipt.gas_used - before,
                cumulative_gas_used=receipt.gas_used,
            )
        )
        before = receipt.gas_used
        for log in receipt.logs:
            topics = tuple(topic.to_bytes(32, "big") for topic in log.topics)
            logs.append(LogRow(number, len(logs), position, candidate.hash, bytes(log.address), topics, log.data))
    return transactions, logs
