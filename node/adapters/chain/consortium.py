"""Proposes, votes and registers keys with an institution's chain key (`ports.chain.consortium.ConsortiumChain`).

An operator's commands, one at a time, each watched until it is in a block: no journal. A command that was cut off is
given again; what it did already the contract refuses by name (`AlreadyVoted`, `RepeatedKey`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from contracts.events import Executed, Proposed, decode_event
from contracts.terms import KeyKind
from node.adapters.chain.connection import ChainConnection
from node.adapters.chain.registry import ADDRESS_KINDS, CONSORTIUM, NOTHING, RegistryReader, role_mask
from node.adapters.chain.signers import TransactionSigner
from node.adapters.chain.watched import WatchedCalls
from node.ports.chain.consortium import (
    AddOrigin,
    Admit,
    ChangeRoles,
    ChangeThreshold,
    CloseOrigin,
    Motion,
    Proposal,
    ProposalNumber,
    RegisterCatalogue,
    RegisterKind,
    Registry,
    Reinstate,
    ReplaceChainAccount,
    Suspend,
)

WAIT_S: Final = 60.0
WORD_BYTES: Final = 32


def institution_id(identifier: str) -> bytes:
    """Return the id under which the contract knows an institution."""
    return keccak(identifier.encode())


class ChainConsortium:
    """The registry, and one institution's votes; a `ConsortiumChain`."""

    def __init__(
        self,
        connection: ChainConnection,
        signer: TransactionSigner | None = None,
        *,
        wait_s: float = WAIT_S,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nothing yet.

        Args:
            connection: The chain.
            signer: The institution's chain key; None to read only.
            wait_s: How long a transaction may take to get into a block.
            monotonic_s: Measures that.
        """
        self._connection = connection
        self._calls = None if signer is None else WatchedCalls(connection, signer, wait_s=wait_s, monotonic_s=monotonic_s)
        self._reader = RegistryReader(connection)

    def registry(self) -> Registry:
        """Return the consortium at the final block."""
        return self._reader.registry()

    def proposals(self) -> Sequence[Proposal]:
        """Return all proposals, oldest first."""
        return self._reader.proposals()

    def propose(self, motion: Motion) -> ProposalNumber:
        """Propose, and wait until it is in a block; the proposer's vote is cast with it.

        Raises:
            TransactionRevertedError: The contract refuses, by name; nothing was sent.
            TransactionMissingError: It was sent and is in no block yet.
        """
        name, arguments = _call(motion)
        events = self._transact(name, *arguments)
        return ProposalNumber(next(event.proposal for event in events if isinstance(event, Proposed)))

    def vote(self, number: ProposalNumber) -> bool:
        """Vote for a proposal and wait until the vote is in a block; return whether the proposal is carried.

        Raises:
            TransactionRevertedError: The contract refuses, by name; nothing was sent.
            TransactionMissingError: It was sent and is in no block yet.
        """
        return any(isinstance(event, Executed) for event in self._transact("vote", number))

    def register_key(self, kind: str, key: bytes, overlap_s: int) -> None:
        """Register the own institution's new key of a kind; its last one stays valid for the overlap.

        Raises:
            TransactionRevertedError: The contract refuses, by name; nothing was sent.
            TransactionMissingError: It was sent and is in no block yet.
        """
        which = KeyKind[kind.upper()]
        word = key.rjust(WORD_BYTES, b"\0") if which in ADDRESS_KINDS else key
        self._transact("register_key", int(which), word, overlap_s)

    def _transact(self, name: str, *arguments: object) -> list[object]:
        """Send a call, wait for its receipt, and return the contract's events in it."""
        if self._calls is None:
            raise ValueError(f"consortium.{name} needs a chain key")
        receipt = self._calls.send(CONSORTIUM, name, *arguments)
        return [decode_event(CONSORTIUM, [bytes(topic) for topic in log["topics"]], bytes(log["data"])) for log in receipt["logs"]]


def _call(motion: Motion) -> tuple[str, tuple[Any, ...]]:  # noqa: C901, PLR0911 - one line for each motion
    """Return the contract's function for a motion, and its arguments."""
    match motion:
        case Admit(institution, roles, account):
            return "propose_admit", (institution, role_mask(roles), to_checksum_address(account))
        case Suspend(institution):
            return "propose_suspend", (institution_id(institution),)
        case Reinstate(institution):
            return "propose_reinstate", (institution_id(institution),)
        case ChangeRoles(institution, roles):
            return "propose_change_roles", (institution_id(institution), role_mask(roles))
        case AddOrigin(institution, origin, endpoint):
            return "propose_add_origin", (institution_id(institution), origin, endpoint)
        case CloseOrigin(origin, size, root, successor):
            after = NOTHING if successor is None else keccak(successor.encode())
            return "propose_close_origin", (keccak(origin.encode()), size, root, after)
        case RegisterKind(name, digest):
            return "propose_register_kind", (name, digest)
        case RegisterCatalogue(name, digest):
            return "propose_register_catalogue", (name, digest)
        case ChangeThreshold(threshold):
            return "propose_change_threshold", (threshold,)
        case ReplaceChainAccount(institution, account):
            return "propose_replace_chain_key", (institution_id(institution), to_checksum_address(account))
