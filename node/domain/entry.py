"""Log entries: their types, levels and names (DESIGN section 2, FORMATS "Leaf")."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, NewType

InstitutionId = NewType("InstitutionId", str)
"""A consortium member, such as `hospital-a.example`; unique in the consortium."""

Origin = NewType("Origin", str)
"""The origin line of a log's checkpoints (C2SP tlog-checkpoint); one institution each."""

RecordId = NewType("RecordId", str)
"""The id that a node issues for a record; random, so that it says nothing."""

Version = NewType("Version", int)
"""A record's version, from 1."""


class EntryType(IntEnum):
    """What a leaf stands for (FORMATS "Leaf v1")."""

    RECORD = 1
    AMENDMENT = 2
    WITHDRAWAL = 3
    ACCESS_RECEIPT = 4
    RECOGNITION_DECISION = 5
    TRAIL_EVIDENCE = 6
    CONSENT_DOCUMENT = 7
    CATALOGUE = 8
    ADMINISTRATIVE = 9
    RELOCATION = 10
    OBJECTION = 11
    CHECK_OUTCOME = 12


KEPT_TYPES: Final = frozenset(
    {
        EntryType.ACCESS_RECEIPT,
        EntryType.RECOGNITION_DECISION,
        EntryType.CONSENT_DOCUMENT,
        EntryType.CATALOGUE,
        EntryType.ADMINISTRATIVE,
        EntryType.CHECK_OUTCOME,
    }
)
"""Types whose headers are never deleted (FORMATS "Header")."""


class Level(StrEnum):
    """How far an entry got; always the honest one (DESIGN section 2)."""

    STORED = "stored"
    """Durable at the node, not yet in a signed checkpoint."""
    LOGGED = "logged"
    """Covered by a signed checkpoint of the institution's log."""
    ANCHORED = "anchored"
    """Covered by a head that the chain accepted, at the finality that the trust root names."""


@dataclass(frozen=True, slots=True)
class LeafReference:
    """Names an entry by what it is, not by where it is."""

    origin: Origin
    """The log that holds it."""
    leaf_hash: bytes
    """RFC 9162 leaf hash, 32 bytes; the index is looked up."""
