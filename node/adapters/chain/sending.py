"""Sign an anchor with the right nonce and price, store it, then send it.

The nonce is the next one, or that of a transaction which will not come any more because its proof's base has gone. Where
that one may still wait in the node's pool, the new one has to outbid it; an account that cannot pay for that leaves the
slot to the old one, which will be reverted and do no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import structlog

from node.adapters.chain.gateway import ANCHOR_GAS, AnchorGateway
from node.adapters.chain.journal import Journal, JournalTables, Row, Transaction, Wanted
from node.adapters.chain.signers import TransactionSigner, UnsignedCall
from node.adapters.chain.transact import Transact
from node.errors import AnchorPendingError, ChainAwayError, ChainRefusedError
from node.ports.chain.anchoring import ChainHead, TransactionId
from node.ports.clock import Clock, unix_ms

BUMP_DIVISOR: Final = 8
"""A replacement offers an eighth more: the pools of all known engines ask for a tenth at the most."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Slot:
    """A nonce and the price that gets a transaction into it."""

    nonce: int
    gas_price_wei: int


class AnchorSender:
    """Turns a call into a journalled transaction and hands it to the chain's node."""

    def __init__(self, gateway: AnchorGateway, transact: Transact, declared: JournalTables, clock: Clock) -> None:
        self._gateway = gateway
        self._transact = transact
        self._declared = declared
        self._clock = clock

    def submit(self, wanted: Wanted, data: bytes, signer: TransactionSigner, newest: ChainHead) -> TransactionId:
        """Sign, store and send a call; not being able to send it now is no error, for it is sent again.

        Raises:
            ChainAwayError: The chain does not answer; nothing was stored.
            NonceTakenError: The key was used outside this node.
            AnchorPendingError: A head of the same log was submitted meanwhile, or one was taken back.
        """
        count = self._gateway.count_at(signer.address, newest)
        slot = self._slot(signer.address, count)
        call = UnsignedCall(
            chain_id=self._gateway.chain_id,
            nonce=slot.nonce,
            to=self._gateway.contract,
            data=data,
            gas=ANCHOR_GAS,
            gas_price_wei=slot.gas_price_wei,
            access_list=self._gateway.access_list(wanted.origin),
        )
        signed = signer.sign(call)
        transaction = Transaction(signer.address, slot.nonce, signed.tx_hash, signed.raw, slot.gas_price_wei)

        def store(connection: sa.Connection) -> TransactionId:
            journal = Journal(connection, self._declared)
            pending = journal.pending(wanted.origin)
            if pending is not None:
                raise AnchorPendingError(wanted.origin, pending.size)
            if slot.nonce not in journal.free_nonces(signer.address, count):
                # another thread took it between reading and writing
                raise AnchorPendingError(wanted.origin, wanted.size)
            return journal.add(wanted, transaction, unix_ms(self._clock))

        name = self._transact(store)
        try:
            self.send(transaction)
        except (ChainAwayError, ChainRefusedError) as error:
            _log.warning("anchor_not_sent_yet", origin=wanted.origin, size=wanted.size, reason=str(error))
        return name

    def observe(self, wanted: Wanted) -> TransactionId:
        """Store a head that the chain holds already, so that it settles like any other."""

        def store(connection: sa.Connection) -> TransactionId:
            return Journal(connection, self._declared).add(wanted, None, unix_ms(self._clock))

        return self._transact(store)

    def send(self, transaction: Transaction) -> None:
        """Hand the stored bytes to the chain's node.

        Nodes differ in how they say that they have a transaction already, so facts are asked for instead of words.

        Raises:
            ChainAwayError: The chain does not answer.
            ChainRefusedError: The node does not take it, and does not have it.
        """
        try:
            self._gateway.send(transaction.raw)
        except ChainRefusedError:
            newest = self._gateway.newest_block()
            if self._gateway.count_at(transaction.sender, newest) > transaction.nonce:
                return  # the nonce is used: what that means is judged when it settles
            if not self._gateway.is_known(transaction.tx_hash):
                raise

    def _slot(self, sender: bytes, count: int) -> _Slot:
        def read(connection: sa.Connection) -> list[tuple[int, list[Row]]]:
            journal = Journal(connection, self._declared)
            return [(nonce, journal.at_nonce(sender, nonce)) for nonce in journal.free_nonces(sender, count)]

        suggested = self._gateway.gas_price_wei()
        free = self._transact(read)
        for nonce, rivals in free[:-1]:
            price = self._price_over(sender, rivals, suggested)
            if price is not None:
                return _Slot(nonce, price)
        return _Slot(free[-1][0], suggested)

    def _price_over(self, sender: bytes, rivals: list[Row], suggested: int) -> int | None:
        """Return a price that wins a nonce from those which had it, or None when the account cannot pay it."""
        waiting = [
            rival.transaction.gas_price_wei
            for rival in rivals
            if rival.transaction is not None and self._gateway.is_known(rival.transaction.tx_hash)
        ]
        if not waiting:
            return suggested
        price = max(suggested, max(waiting) + max(waiting) // BUMP_DIVISOR + 1)
        return price if self._gateway.balance_wei(sender) >= price * ANCHOR_GAS else None
