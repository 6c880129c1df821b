"""The table of how far logs had been read for checks at order time."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

check_reads = sa.Table(
    "check_reads",
    records_metadata,
    sa.Column("check_id", sa.String(32), primary_key=True),
    sa.Column("logs_sealed", sa.LargeBinary, nullable=False),
)
