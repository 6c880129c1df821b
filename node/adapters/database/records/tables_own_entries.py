"""The table of sensitivity labels, which only an institution knows of its own entries."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

entry_labels = sa.Table(
    "entry_labels",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("label", sa.String(32), primary_key=True, comment="such as HIV; never leaves the node"),
)
