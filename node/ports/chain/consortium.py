"""The consortium's registry on chain, as services and commands see it: read it, propose, vote.

Reads are at the finality that the trust root names, but for proposals, which are read from the newest block: a voter
wants to see what was proposed a moment ago. Every method may raise a `ChainError` as in `node.ports.chain.anchoring`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from ledger.hashing import RootHash, TreeSize
from node.domain.entry import InstitutionId, Origin

ProposalNumber = NewType("ProposalNumber", int)
"""Number of a proposal, from 0."""


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """A key in an institution's history."""

    kind: str
    """`chain`, `anchor`, `log`, `cosign`, `exchange`, `request` or `audit`."""
    value: bytes
    """20 bytes of an address for `chain` and `anchor`, else the 32 bytes of the public key."""
    valid_from_s: int
    """Unix s."""
    valid_until_s: int | None
    """Unix s, exclusive; None while no end is set."""


@dataclass(frozen=True, slots=True)
class Member:
    """An institution of the consortium."""

    institution: InstitutionId
    """Its identifier."""
    roles: tuple[str, ...]
    """Such as `hospital` and `regulator`."""
    is_active: bool
    """False while it is suspended."""
    chain_account: bytes
    """The account that votes for it, 20 bytes."""
    keys: tuple[RegisteredKey, ...]
    """All keys that it ever registered, by kind, oldest first."""


@dataclass(frozen=True, slots=True)
class RegisteredOrigin:
    """A log of the consortium."""

    origin: Origin
    """The origin line of its checkpoints."""
    institution: InstitutionId
    """Whose."""
    endpoint: str
    """URL under which it is served."""
    closed_at: tuple[TreeSize, RootHash] | None
    """Final size and root, once it was closed."""
    successor: Origin | None
    """The log that goes on in its place."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something the members vote on."""

    number: ProposalNumber
    """Its number."""
    action: str
    """Such as `admit` or `close_origin`."""
    summary: str
    """What it would do, in words, from what the chain says."""
    proposer: InstitutionId
    """Who proposed it."""
    votes: int
    """Votes of institutions that are active now."""
    expires_at_s: int
    """Unix s; it cannot be voted for from then on."""
    is_executed: bool
    """Whether it was carried."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The consortium at one block."""

    block_number: int
    """The block."""
    threshold: int
    """How many votes carry a proposal."""
    members: tuple[Member, ...]
    """In order of admission."""
    origins: tuple[RegisteredOrigin, ...]
    """In order of addition."""


@dataclass(frozen=True, slots=True)
class Admit:
    """Admit an institution."""

    institution: InstitutionId
    """Its identifier."""
    roles: tuple[str, ...]
    """Its roles."""
    chain_account: bytes
    """The account that will vote for it, 20 bytes."""


@dataclass(frozen=True, slots=True)
class Suspend:
    """Suspend an institution: it can no longer write."""

    institution: InstitutionId
    """Which one."""


@dataclass(frozen=True, slots=True)
class Reinstate:
    """Reinstate a suspended institution."""

    institution: InstitutionId
    """Which one."""


@dataclass(frozen=True, slots=True)
class ChangeRoles:
    """Give an institution other roles."""

    institution: InstitutionId
    """Which one."""
    roles: tuple[str, ...]
    """All roles that it shall have."""


@dataclass(frozen=True, slots=True)
class AddOrigin:
    """Add a log."""

    institution: InstitutionId
    """Whose."""
    origin: Origin
    """The origin line of its checkpoints."""
    endpoint: str
    """URL under which it is served."""


@dataclass(frozen=True, slots=True)
class CloseOrigin:
    """Close a log at its final good size; evidence for later indices is void."""

    origin: Origin
    """Which one."""
    final_size: TreeSize
    """Entries that stay good."""
    final_root: RootHash
    """Root of the tree of that size."""
    successor: Origin | None
    """The open log that goes on, or None."""


@dataclass(frozen=True, slots=True)
class RegisterKind:
    """Register a kind, or a new version of one."""

    name: str
    """Its name."""
    digest: bytes
    """SHA-256 of its definition, 32 bytes."""


@dataclass(frozen=True, slots=True)
class RegisterCatalogue:
    """Register a catalogue, or a new version of one."""

    name: str
    """Its name."""
    digest: bytes
    """SHA-256 of its bytes, 32 bytes."""


@dataclass(frozen=True, slots=True)
class ChangeThreshold:
    """Change how many votes carry a proposal."""

    threshold: int
    """1 to the number of active institutions."""


@dataclass(frozen=True, slots=True)
class ReplaceChainAccount:
    """Replace a lost or stolen chain key; the former ones end at once."""

    institution: InstitutionId
    """Whose."""
    chain_account: bytes
    """The account that votes for it from then on, 20 bytes."""


Motion = (
    Admit
    | Suspend
    | Reinstate
    | ChangeRoles
    | AddOrigin
    | CloseOrigin
    | RegisterKind
    | RegisterCatalogue
    | ChangeThreshold
    | ReplaceChainAccount
)
"""What can be proposed."""


class ConsortiumChain(Protocol):
    """Reads the registry, and votes with an institution's chain key."""

    def registry(self) -> Registry:
        """Return the consortium at the final block."""

    def proposals(self) -> Sequence[Proposal]:
        """Return all proposals, oldest first."""

    def propose(self, motion: Motion) -> ProposalNumber:
        """Propose, and wait until it is in a block; the proposer's vote is cast with it.

        Raises:
            TransactionRevertedError: The contract refuses, by name; nothing was sent.
            TransactionMissingError: It was sent and is in no block yet.
        """

    def vote(self, number: ProposalNumber) -> bool:
        """Vote for a proposal and wait until the vote is in a block; return whether the proposal is carried.

        Raises:
            TransactionRevertedError: The contract refuses, by name; nothing was sent.
            TransactionMissingError: It was sent and is in no block yet.
        """

    def register_key(self, kind: str, key: bytes, overlap_s: int) -> None:
        """Register the own institution's new key of a kind; its last one stays valid for the overlap.

        Raises:
            TransactionRevertedError: The contract refuses, by name; nothing was sent.
            TransactionMissingError: It was sent and is in no block yet.
        """
