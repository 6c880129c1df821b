"""Hashes of the log's Merkle tree: RFC 9162 section 2.1.1 with SHA-256, and the names of the tree's nodes.

A node is named by its level above the leaves and its index in that level: node (l, i) covers the leaves from i * 2^l
up to, not including, (i + 1) * 2^l, and exists once all of these do. Left out: proofs (`ledger.proofs`), storage
(`ledger.tiles`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, NewType, Protocol, TypeAlias

LeafIndex = NewType("LeafIndex", int)
"""The position of an entry in its log, from 0."""
TreeSize = NewType("TreeSize", int)
"""The number of leaves of a tree."""
LeafHash = NewType("LeafHash", bytes)
"""SHA-256(0x00 · entry), 32 bytes."""
NodeHash = NewType("NodeHash", bytes)
"""The root of a full subtree: of one leaf (then its leaf hash) or SHA-256(0x01 · left · right), 32 bytes."""
RootHash = NewType("RootHash", bytes)
"""The Merkle tree hash of all leaves of a tree, 32 bytes."""

NodeCoordinate: TypeAlias = tuple[int, int]
"""The name of a full subtree: levels above the leaves, index within the level from 0."""

HASH_BYTES: Final = 32
MAX_TREE_SIZE: Final = TreeSize(2**63 - 1)
EMPTY_ROOT: Final = RootHash(sha256(b"").digest())

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"
_PAIR_BYTES: Final = 2 * HASH_BYTES


class HashReader(Protocol):
    """Whatever can tell the hashes of full subtrees of one tree."""

    def read_hashes(self, coordinates: Sequence[NodeCoordinate]) -> list[NodeHash]:
        """Return the hashes of the nodes (level, index), in the order asked.

        Args:
            coordinates: Nodes that the tree contains; a plan for one proof comes in one call.

        Raises:
            OutOfRangeError: The tree does not contain one of the nodes.
            StorageError: The node is part of the tree but could not be read.
        """
        ...


def hash_leaf(entry: bytes) -> LeafHash:
    """Hash one entry into its leaf."""
    return LeafHash(sha256(_LEAF + entry).digest())


def hash_leaves(entries: Iterable[bytes]) -> list[LeafHash]:
    """Hash many entries into their leaves; the loop that bounds the speed of an append."""
    digest = sha256
    return [digest(b"\x00" + entry).digest() for entry in entries]  # type: ignore[misc]  # NewType calls cost 10 %


def hash_children(left: bytes, right: bytes) -> NodeHash:
    """Hash two sibling nodes into their parent."""
    return NodeHash(sha256(_NODE + left + right).digest())


def hash_level(hashes: bytes) -> bytes:
    """Hash a run of concatenated sibling pairs into the concatenated run of their parents.

    Args:
        hashes: An even number of 32-byte hashes, the first at an even index of its level.
    """
    digest = sha256
    pairs = range(0, len(hashes), _PAIR_BYTES)
    return b"".join([digest(b"\x01" + hashes[at : at + _PAIR_BYTES]).digest() for at in pairs])


def hash_subtree(hashes: bytes) -> NodeHash:
    """Hash a full subtree, given its concatenated lowest hashes (a power of two of them), into its root."""
    while len(hashes) > HASH_BYTES:
        hashes = hash_level(hashes)
    return NodeHash(hashes)


def root_of_leaves(leaves: Sequence[LeafHash]) -> RootHash:
    """Compute the root of the tree with these leaves, in memory.

    Splitting at the largest power of two is the same as pairing level by level, an odd last node passing up unchanged.
    """
    if not leaves:
        return EMPTY_ROOT
    level = b"".join(leaves)
    while len(level) > HASH_BYTES:
        odd = len(level) % _PAIR_BYTES
        level = hash_level(level[:-odd]) + level[-odd:] if odd else hash_level(level)
    return RootHash(level)
