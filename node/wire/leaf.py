"""Leaf v1: the 106 bytes that a log holds of an entry (FORMATS "Leaf v1", docs/spec/leaf.md).

Left out: what the hashes commit to (`commitment`, `header`), the tree that holds the leaf (`ledger`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from node.domain.entry import EntryType
from node.domain.patient import LocatorTag
from node.errors import MalformedLeafError, UnknownFormatError

LEAF_VERSION: Final = 1
LEAF_BYTES: Final = 106
LEAF_COMMITMENT_SLICE: Final = slice(10, 42)
"""Where a leaf holds its commitment."""
LEAF_TAG_SLICE: Final = slice(42, 74)
"""Where a leaf holds its locator tag."""

_LAYOUT: Final = struct.Struct(">BBQ32s32s32s")
_HASH_BYTES: Final = 32
_MAX_TIME_MS: Final = 2**64 - 1
_MINUTE_MS: Final = 60_000
_ROUNDED: Final = frozenset(
    {
        EntryType.WITHDRAWAL,
        EntryType.ACCESS_RECEIPT,
        EntryType.RECOGNITION_DECISION,
        EntryType.TRAIL_EVIDENCE,
        EntryType.CONSENT_DOCUMENT,
        EntryType.RELOCATION,
        EntryType.CHECK_OUTCOME,
    }
)
_TYPES: Final = {int(entry_type): entry_type for entry_type in EntryType}


@dataclass(frozen=True, slots=True)
class Leaf:
    """What the log holds of an entry. Nothing in it is verified."""

    entry_type: EntryType
    """What the entry is."""
    claimed_time_ms: int
    """The issuer's claim, unix ms; types 3 to 7, 10 and 12 on the minute."""
    commitment: bytes
    """Commits to manifest and parts, 32 bytes."""
    tag: LocatorTag
    """What the patient's hospitals find it by, 32 bytes; random where there is no patient."""
    header_digest: bytes
    """SHA-256 of the sealed header, or of a public entry's plain one."""


def round_claimed_time(entry_type: EntryType, time_ms: int) -> int:
    """Return the time that a leaf of this type claims: the minute begun, where the exact time would tell too much."""
    return time_ms - time_ms % _MINUTE_MS if entry_type in _ROUNDED else time_ms


def encode_leaf(leaf: Leaf) -> bytes:
    """Encode a leaf into its 106 bytes.

    Raises:
        ValueError: A field is not of its length, or the time is not what this type of leaf may claim.
    """
    hashes = (leaf.commitment, leaf.tag, leaf.header_digest)
    if any(len(each) != _HASH_BYTES for each in hashes):
        raise ValueError("commitment, tag and header digest have 32 bytes each")
    if not 0 <= leaf.claimed_time_ms <= _MAX_TIME_MS:
        raise ValueError("the claimed time is an unsigned 64-bit number of milliseconds")
    if round_claimed_time(leaf.entry_type, leaf.claimed_time_ms) != leaf.claimed_time_ms:
        raise ValueError(f"a leaf of type {int(leaf.entry_type)} claims a whole minute")
    return _LAYOUT.pack(LEAF_VERSION, leaf.entry_type, leaf.claimed_time_ms, *hashes)


def parse_leaf(data: bytes) -> Leaf:
    """Parse the bytes of a leaf.

    Raises:
        MalformedLeafError: Not 106 bytes, or a time finer than the type allows.
        UnknownFormatError: A version or type that this release does not know.
    """
    if not data:
        raise MalformedLeafError("a leaf is empty")
    if data[0] != LEAF_VERSION:
        raise UnknownFormatError("leaf version", data[0])
    if len(data) != LEAF_BYTES:
        raise MalformedLeafError(f"a leaf of version 1 has {LEAF_BYTES} bytes, not {len(data)}")
    _, code, time_ms, commitment, tag, digest = _LAYOUT.unpack(data)
    entry_type = _TYPES.get(code)
    if entry_type is None:
        raise UnknownFormatError("leaf type", code)
    if round_claimed_time(entry_type, time_ms) != time_ms:
        raise MalformedLeafError(f"a leaf of type {code} claims a whole minute; this one tells more")
    return Leaf(entry_type, time_ms, commitment, LocatorTag(tag), digest)
