"""All that a node asks of the chain, over one connection."""

from __future__ import annotations

from collections.abc import Mapping

from node.adapters.chain.anchors import ChainAnchors
from node.adapters.chain.connection import READ_TIMEOUT_S, ChainConnection
from node.adapters.chain.consents import ChainConsents
from node.adapters.chain.consortium import ChainConsortium
from node.adapters.chain.events import ContractEvents
from node.adapters.chain.gateway import ContractGateway
from node.adapters.chain.journal import JournalTables
from node.adapters.chain.signers import TransactionSigner
from node.adapters.chain.transact import Transact
from node.domain.entry import Origin
from node.domain.trust import ChainPin
from node.ports.clock import Clock


class ChainClient:
    """Builds the chain's ports for one endpoint; nothing is asked until one of them is used."""

    def __init__(self, rpc_url: str, pin: ChainPin, *, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        """Take the endpoint and what the trust root says of its chain."""
        self._connection = ChainConnection(rpc_url, pin, read_timeout_s=read_timeout_s)

    def check(self) -> None:
        """Ask now whether it is the pinned chain.

        Raises:
            ChainAwayError: The chain does not answer.
            WrongChainError: Another chain answers.
            ContractMismatchError: A contract's code is not the pinned one.
        """
        self._connection.identify()

    def anchors(
        self,
        signers: Mapping[Origin, TransactionSigner],
        transact: Transact,
        declared: JournalTables,
        clock: Clock,
    ) -> ChainAnchors:
        """Return an `AnchorChain` for this node's logs; for one thread at a time."""
        return ChainAnchors(ContractGateway(self._connection), signers, transact, declared, clock)

    def events(self, *, first_block: int = 0) -> ContractEvents:
        """Return a `ChainEvents` from a block on."""
        return ContractEvents(self._connection, first_block=first_block)

    def consortium(self, signer: TransactionSigner | None = None) -> ChainConsortium:
        """Return a `ConsortiumChain`; without an institution's chain key, to read only."""
        return ChainConsortium(self._connection, signer)

    def consents(self, relay: TransactionSigner, clock: Clock) -> ChainConsents:
        """Return a `ConsentChain`.

        Args:
            relay: The account that sends what others signed.
            clock: Tells the time.

        Raises:
            ContractMismatchError: The trust root pins no contract `consents`.
        """
        return ChainConsents(self._connection, relay, clock)

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()
