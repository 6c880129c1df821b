"""What a staged entry of a record is called, the receipt that its sender gets, and what it revises."""

from __future__ import annotations

from node.domain.entry import EntryType, LeafReference, Level, Version
from node.domain.receipt import Outcome, Receipt
from node.domain.revision_notice import Revision
from node.ports.records.transaction import EntryRow, RecordRow
from node.services.records.sent_notices import change_of
from node.wire.leaf import LEAF_COMMITMENT_SLICE


def is_out_of_order(record: RecordRow, version: Version, issued_at_ms: int | None) -> bool:
    """Tell whether a newer version had arrived before."""
    if not record.entries:
        return False
    latest = record.entries[-1]
    if version < latest.version:
        return True
    return issued_at_ms is not None and latest.issued_at_ms is not None and issued_at_ms < latest.issued_at_ms


def outcome_of(row: EntryRow, record: RecordRow) -> Outcome:
    """Return what a staged entry is for its record."""
    if row.entry_type is EntryType.WITHDRAWAL:
        return Outcome.WITHDRAWN
    return Outcome.AMENDED if record.entries else Outcome.NEW


def receipt_of(record: RecordRow, entry: EntryRow, outcome: Outcome, level: Level) -> Receipt:
    """Return the receipt for an entry of a record."""
    return Receipt(
        record_id=record.record_id,
        institution=record.institution,
        origin=entry.origin,
        kind=record.kind,
        outcome=outcome,
        version=entry.version,
        status=entry.status,
        entry_type=entry.entry_type,
        leaf_index=entry.leaf_index,
        leaf_hash=entry.leaf_hash,
        commitment=entry.leaf[LEAF_COMMITMENT_SLICE],
        level=level,
        out_of_order=entry.out_of_order,
    )


def erased_receipt(record: RecordRow) -> Receipt:
    """Return the receipt for a document whose record was erased."""
    return Receipt(
        record_id=record.record_id,
        institution=record.institution,
        origin=record.entries[-1].origin,
        kind=record.kind,
        outcome=Outcome.ERASED,
        version=Version(0),
        status=type(record.entries[-1].status)(""),
        entry_type=None,
        leaf_index=None,
        leaf_hash=None,
        commitment=None,
        level=None,
        out_of_order=False,
    )


def revisions_of(record: RecordRow, row: EntryRow) -> list[Revision]:
    """Return what a version that is being placed revises: nothing, where no version is below it."""
    below = tuple(LeafReference(each.origin, each.leaf_hash) for each in record.entries if each.version < row.version)
    if not below:
        return []
    entry = LeafReference(row.origin, row.leaf_hash)
    return [Revision(record.institution, record.record_id, change_of(row.entry_type), entry, below)]
