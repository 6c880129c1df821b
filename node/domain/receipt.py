"""What a submitter learns of a record: durable, and how far it got."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from node.domain.entry import EntryType, InstitutionId, Level, Origin, RecordId, Version
from node.domain.record import Kind, RecordStatus


class Outcome(StrEnum):
    """What a submission did."""

    NEW = "new"
    """A record that was not known."""
    SAME = "same"
    """The same content was here before: its first receipt."""
    AMENDED = "amended"
    """The next version of a known record."""
    WITHDRAWN = "withdrawn"
    """A version that takes the record back."""
    ERASED = "erased"
    """The record was erased before: nothing was stored."""


class Receipt(NamedTuple):
    """The answer for one record of a document."""

    record_id: RecordId
    """The id in API paths."""
    institution: InstitutionId
    """Whose record it is."""
    origin: Origin
    """The log."""
    kind: Kind
    """Its kind."""
    outcome: Outcome
    """What the submission did."""
    version: Version
    """The record's version; 0 when erased."""
    status: RecordStatus
    """The document's status; empty when erased."""
    entry_type: EntryType | None
    """Type of the leaf; None when erased."""
    leaf_index: int | None
    """Its place in the log; None when erased."""
    leaf_hash: bytes | None
    """RFC 9162 leaf hash, 32 bytes; None when erased."""
    commitment: bytes | None
    """32 bytes; None when erased."""
    level: Level | None
    """How far the entry got; None when erased."""
    out_of_order: bool
    """Whether a newer version had arrived before."""
    witnessed: bool = False
    """Whether a quorum of other institutions cosigned a checkpoint that covers it."""
