"""Stage public entries, types 8 and 9: their secret is published, so that nothing of them is kept beside leaf and header."""

from __future__ import annotations

from collections.abc import Sequence

from node.domain.entry import EntryType, InstitutionId, Origin, Version
from node.domain.record import RecordStatus
from node.ports.records.transaction import EntryRow, RecordsTransaction
from node.wire.public_entry import PublicEntry


def stage_public(
    transaction: RecordsTransaction,
    institution: InstitutionId,
    origin: Origin,
    entry_type: EntryType,
    entries: Sequence[PublicEntry],
    now_ms: int,
) -> int:
    """Stage public entries of one type; return the leaf index of the first, the others follow it.

    Args:
        transaction: Of the records writer.
        institution: Whose.
        origin: Its log.
        entry_type: 8 or 9.
        entries: At least one.
        now_ms: Now, unix ms.
    """
    first = transaction.log(origin).stage([one.leaf for one in entries])
    placed = list(enumerate(entries, start=first))
    transaction.insert_entries(
        [
            EntryRow(
                origin=origin,
                leaf_index=index,
                institution=institution,
                record_id=None,
                version=Version(0),
                entry_type=entry_type,
                status=RecordStatus(""),
                staged_at_ms=now_ms,
                leaf=one.leaf,
                leaf_hash=one.leaf_hash,
                sameness_mac=None,
                issued_at_ms=None,
                out_of_order=False,
                secret_id=None,
            )
            for index, one in placed
        ]
    )
    transaction.insert_headers([(origin, index, one.header) for index, one in placed])
    return first
