"""Anchors heads of this node's logs: `ports.chain.anchoring.AnchorChain` over a gateway and a journal.

What may happen between any two lines here, and what the next `settle` does about it:

- before the transaction is stored: nothing was promised; the caller submits again;
- stored and not sent, or sent and dropped by the nodes: the same bytes are sent again;
- sent, in a block and not final, then taken back by a reorg: the same bytes are sent again;
- final and not recorded by the caller: the news is returned again;
- final, recorded, and taken back by a reorg deeper than the finality: `VANISHED`, and the same bytes are sent again.

One head of a log is on its way at a time: the next one's proof starts from it. Left out: when to anchor (`services`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa

from ledger.hashing import NodeHash, RootHash, TreeSize
from node.adapters.chain.gateway import AnchorGateway, encode_anchor
from node.adapters.chain.journal import Journal, JournalTables, Row, Wanted
from node.adapters.chain.sending import AnchorSender
from node.adapters.chain.settling import AnchorSettler, read_head
from node.adapters.chain.signers import TransactionSigner
from node.adapters.chain.transact import Transact
from node.domain.entry import Origin
from node.errors import (
    AnchorBaseGoneError,
    AnchorPendingError,
    ChainRefusedError,
    TransactionRevertedError,
    UnknownOriginError,
)
from node.ports.chain.anchoring import AnchoredHead, ChainHead, PendingAnchor, Settled, TransactionId
from node.ports.clock import Clock

READ_ATTEMPTS: Final = 3


class ChainAnchors:
    """The node's anchors; an `AnchorChain`. Used by one thread at a time."""

    def __init__(
        self,
        gateway: AnchorGateway,
        signers: Mapping[Origin, TransactionSigner],
        transact: Transact,
        declared: JournalTables,
        clock: Clock,
    ) -> None:
        """Ask nothing yet: the chain may be away.

        Args:
            gateway: The chain.
            signers: Anchor keys of this node's logs; logs of one institution share one.
            transact: Runs work in a transaction of the database that holds the journal.
            declared: The journal's tables there.
            clock: Tells the time.
        """
        self._gateway = gateway
        self._signers = dict(signers)
        self._transact = transact
        self._declared = declared
        self._sender = AnchorSender(gateway, transact, declared, clock)
        self._settler = AnchorSettler(gateway, self._sender, transact, declared, tuple(self._signers))

    def head(self) -> ChainHead:
        """Return the newest block that counts as final."""
        return self._gateway.final_block(self._gateway.newest_block())

    def anchored_head(self, origin: Origin) -> AnchoredHead | None:
        """Return the contract's head of a log at that block, or None when nothing is anchored yet."""
        for _ in range(READ_ATTEMPTS):
            final = self.head()
            found = read_head(self._gateway, origin, final)
            # blocks are named by number: had another one taken this one's place meanwhile, the parts may not fit
            if self._gateway.block_at(final.number).hash == final.hash:
                return found
        raise ChainRefusedError("log_anchors.head", f"block {final.number} keeps changing while it is read")

    def submit_anchor(
        self, origin: Origin, size: TreeSize, root: RootHash, proof: Sequence[NodeHash], base_size: TreeSize
    ) -> TransactionId:
        """Persist and send a transaction that anchors a head; the same head again returns the same id.

        Raises:
            AnchorPendingError: Another head of this log is on its way; submit when it has settled.
            AnchorBaseGoneError: The chain's head is not `base_size`; make a new proof.
            TransactionRevertedError: The contract would refuse it, by name; nothing was sent.
            NonceTakenError: The anchor key was used outside this node.
            UnknownOriginError: This node holds no anchor key of the log.
        """
        signer = self._signers.get(origin)
        if signer is None:
            raise UnknownOriginError(origin)
        wanted = Wanted(origin, size, root, base_size)
        known = self._transact(lambda connection: self._known(connection, wanted))
        if known is not None:
            return known.id
        self._settler.wake()
        newest = self._gateway.newest_block()
        data = encode_anchor(origin, size, root, proof)
        if self._is_anchored_already(wanted, data, signer.address, newest):
            return self._sender.observe(wanted)
        return self._sender.submit(wanted, data, signer, newest)

    def pending(self, origin: Origin) -> PendingAnchor | None:
        """Return the anchor of a log that is on its way, without asking the chain."""
        return self._transact(lambda connection: Journal(connection, self._declared).pending(origin))

    def settle(self) -> Sequence[Settled]:
        """Send again what is not on the chain yet, and return the news, read from contract state."""
        return self._settler.settle()

    def adopt_nonces(self) -> None:
        """Account for all transactions of the anchor keys that the chain counts, as this node's own.

        For an operator who has restored an older database, after it is certain that no other node uses the keys.
        """
        newest = self._gateway.newest_block()
        counts = {signer.address: self._gateway.count_at(signer.address, newest) for signer in self._signers.values()}

        def store(connection: sa.Connection) -> None:
            for sender, count in counts.items():
                Journal(connection, self._declared).adopt(sender, count)

        self._transact(store)

    def _known(self, connection: sa.Connection, wanted: Wanted) -> Row | None:
        journal = Journal(connection, self._declared)
        same = journal.find(wanted)
        pending = journal.pending(wanted.origin)
        if same is None and pending is not None:
            raise AnchorPendingError(wanted.origin, pending.size)
        return same

    def _is_anchored_already(self, wanted: Wanted, data: bytes, sender: bytes, newest: ChainHead) -> bool:
        """Ask the contract before a nonce is spent."""
        head = self._gateway.head_at(wanted.origin, newest)
        base_size = 0 if head is None else head.size
        try:
            self._gateway.check(sender, data, newest)
        except TransactionRevertedError as error:
            if error.name == "RepeatedHead" and head is not None:
                return True
            if error.name == "Fork" and base_size not in (wanted.base_size, wanted.size):
                # the proof is from elsewhere: that is no fork of the log
                raise AnchorBaseGoneError(wanted.origin, wanted.base_size, base_size) from error
            raise
        if base_size != wanted.base_size:
            raise AnchorBaseGoneError(wanted.origin, wanted.base_size, base_size)
        return False
