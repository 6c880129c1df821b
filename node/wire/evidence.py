"""Evidence: one file that proves a record, or chosen parts of it, to whoever holds the trust root (docs/spec/evidence.md).

Media type `application/vnd.concord.evidence+json`, format version 1. Nothing in a parsed `Evidence` is verified; that is
`node.wire.verification`. Keys are never in it: whoever writes evidence could write keys.
Left out: the QR form; filling in header, seals and state proofs, which `StatedAnchor` has the place for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EVIDENCE_MEDIA_TYPE: Final = "application/vnd.concord.evidence+json"


@dataclass(frozen=True, slots=True)
class OpenedPart:
    """The bytes of a part and what opens them in the commitment."""

    number: int
    """0 for the manifest."""
    full_url: str
    """The Bundle entry's fullUrl, or empty. Media type and role are in the manifest."""
    salt: bytes
    """32 bytes."""
    proof: tuple[bytes, ...]
    """Inclusion proof of the part in the commitment, from the sibling up; 32 bytes each."""
    content: bytes
    """Its bytes."""


@dataclass(frozen=True, slots=True)
class StatedAnchor:
    """What the evidence says of its anchor; true only where the chain says so too."""

    chain_id: int
    """EIP-155 chain id."""
    contract: bytes
    """Address of `log_anchors`, 20 bytes."""
    size: int
    """Tree size of the accepted head: that of the checkpoint, or larger."""
    root: bytes
    """Its root, 32 bytes."""
    consistency: tuple[bytes, ...]
    """Consistency proof from the checkpoint to that head; empty where they are equal."""
    block_number: int
    """The block in which the contract accepted it."""
    block_hash: bytes
    """That block's hash, 32 bytes."""
    timestamp_s: int
    """That block's time, unix s."""
    header: bytes | None = None
    """The block's header, for offline checks; not yet made or read."""
    seals: tuple[bytes, ...] = ()
    """The validators' seals of that block; not yet made or read."""
    account_proof: tuple[bytes, ...] = ()
    """Proof of the contract's account in the block's state; not yet made or read."""
    storage_proof: tuple[bytes, ...] = ()
    """Proof of the head in the contract's storage; not yet made or read."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An evidence file, parsed."""

    leaf: bytes
    """The log's entry, 106 bytes."""
    manifest: OpenedPart
    """Part 0."""
    parts: tuple[OpenedPart, ...]
    """The disclosed parts, in order of their numbers."""
    proof: bytes
    """C2SP tlog-proof, verbatim: inclusion of the leaf, checkpoint, cosignatures."""
    anchor: StatedAnchor | None
    """The anchor, or None where the entry is not anchored."""


def parse_evidence(data: bytes) -> Evidence:
    """Parse an evidence file, verifying nothing.

    Raises:
        MalformedEvidenceError: Not an evidence file.
        UnknownFormatError: A version that this release does not know.
    """
    raise NotImplementedError


def encode_evidence(evidence: Evidence) -> bytes:
    """Encode an evidence file."""
    raise NotImplementedError
