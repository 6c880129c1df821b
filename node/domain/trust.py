"""What a verifier believes of the consortium (FORMATS "Trust root").

Left out: the signed file that says so (`node.wire.trust_root`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ledger.notes import VerifierKey
from node.domain.entry import InstitutionId, Origin
from node.domain.record import Kind


@dataclass(frozen=True, slots=True)
class ContractPin:
    """A contract that the consortium uses."""

    name: str
    """Its name in `contracts`, such as `log_anchors`."""
    address: bytes
    """20 bytes."""
    code_hash: bytes
    """Keccak-256 of its deployed code, 32 bytes."""


@dataclass(frozen=True, slots=True)
class Finality:
    """When a block counts as final."""

    depth: int
    """Blocks that must follow; 0 where the engine's blocks are final at once."""

    @property
    def rule(self) -> str:
        """The rule as written: `immediate` or `depth:N`."""
        return f"depth:{self.depth}" if self.depth else "immediate"


@dataclass(frozen=True, slots=True)
class ValidatorCheckpoint:
    """The chain's validators at a block: where offline checks of seals start."""

    block_number: int
    """The block."""
    block_hash: bytes
    """Its hash, 32 bytes."""
    validators: tuple[bytes, ...]
    """Their addresses, 20 bytes each."""


@dataclass(frozen=True, slots=True)
class ChainPin:
    """The chain on which the consortium anchors."""

    chain_id: int
    """EIP-155 chain id."""
    genesis_hash: bytes
    """Hash of block 0, 32 bytes."""
    finality: Finality
    """When a head counts."""
    validators: ValidatorCheckpoint | None
    """A recent set of validators, or None where their seals cannot be checked offline."""
    contracts: Mapping[str, ContractPin]
    """By name."""


@dataclass(frozen=True, slots=True)
class TrustedInstitution:
    """A member of the consortium."""

    institution: InstitutionId
    """Its id."""
    name: str
    """For people."""
    roles: tuple[str, ...]
    """DESIGN section 2."""


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key of a log and the checkpoints that it may sign; checkpoints carry no time, so sizes bound it."""

    key: VerifierKey
    """Ed25519 verifier key, named as the origin."""
    from_size: int
    """Smallest tree size."""
    to_size: int | None
    """Largest tree size; None while the key is in use."""

    def covers(self, size: int) -> bool:
        """Tell whether the key may sign a checkpoint of this size."""
        return self.from_size <= size and (self.to_size is None or size <= self.to_size)


@dataclass(frozen=True, slots=True)
class Closure:
    """The end of a log that the consortium closed."""

    final_size: int
    """Entries from this index on are void."""
    successor: Origin | None
    """The log that goes on in its place."""


@dataclass(frozen=True, slots=True)
class TrustedLog:
    """A log of the consortium."""

    origin: Origin
    """Its name."""
    institution: InstitutionId
    """Whose log it is."""
    endpoint: str
    """Base URL of its node."""
    keys: tuple[LogKey, ...]
    """Its keys, old ones included."""
    closed: Closure | None
    """Set once it is closed."""


@dataclass(frozen=True, slots=True)
class TrustedWitness:
    """A witness whose cosignatures count."""

    institution: InstitutionId
    """Whose witness."""
    key: VerifierKey
    """Cosignature key (type 0x04)."""


@dataclass(frozen=True, slots=True)
class AuditKey:
    """A regulator's key, to which headers are sealed."""

    institution: InstitutionId
    """Whose key."""
    public_key: bytes
    """X25519 public key, 32 bytes."""


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """What a verifier believes; parsed and found signed, perhaps expired."""

    serial: int
    """From 1; a greater one replaces a smaller."""
    expires_at: datetime
    """After that nothing is verified with it; aware, UTC, whole seconds."""
    signers: tuple[VerifierKey, ...]
    """Who may sign this root's successor."""
    threshold: int
    """How many of them must."""
    chain: ChainPin
    """The chain."""
    institutions: Mapping[InstitutionId, TrustedInstitution]
    """The members."""
    logs: Mapping[Origin, TrustedLog]
    """Their logs."""
    witnesses: tuple[TrustedWitness, ...]
    """Their witnesses."""
    witness_quorum: int
    """Other institutions whose witnesses must cosign for `witnessed`; 0 while there are too few witnesses."""
    audit_keys: tuple[AuditKey, ...]
    """The regulators' keys."""
    kinds: tuple[Kind, ...]
    """The kinds that the consortium registered."""
