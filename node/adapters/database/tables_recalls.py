"""Tables of recalls that institutions here announced."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.tables import records_metadata

recalls = sa.Table(
    "recalls",
    records_metadata,
    sa.Column("recall_id", sa.String(32), primary_key=True),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("item", sa.String(128), nullable=False),
    sa.Column("device", sa.String(128), nullable=False),
    sa.Column("lot", sa.String(128), nullable=False),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
    sa.Column("to_ms", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("origin", sa.String(255), nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False, comment="of its first entry"),
    sa.Column("leaf_index", sa.BigInteger, nullable=False),
    sa.Column("pages", sa.Integer, nullable=False),
    sa.Column("announced_at_ms", sa.BigInteger, nullable=False),
    sa.Column("actor_sealed", sa.LargeBinary, nullable=False),
    sa.Index("recalls_by_time", "institution", "announced_at_ms"),
)

recalled_entries = sa.Table(
    "recalled_entries",
    records_metadata,
    sa.Column("leaf_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("recall_id", sa.String(32), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("record_id", sa.String(40), nullable=False),
    sa.Index("recalled_entries_by_recall", "recall_id", "position"),
)
