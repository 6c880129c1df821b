"""Tables of recalls that institutions here announced."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

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
    sa.Column("origin", sa.String(255), nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False, comment="of its announcement"),
    sa.Column("leaf_index", sa.BigInteger, nullable=False),
    sa.Column("announced_at_ms", sa.BigInteger, nullable=False),
    sa.Column("actor_sealed", sa.LargeBinary, nullable=False),
    sa.Column("next_index", sa.BigInteger, nullable=False, comment="the log was searched below"),
    sa.Column("total", sa.BigInteger, nullable=False, comment="results that were found there"),
    sa.Index("recalls_by_time", "institution", "announced_at_ms"),
)

recalled_entries = sa.Table(
    "recalled_entries",
    records_metadata,
    sa.Column("leaf_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("recall_id", sa.String(32), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("record_id", sa.String(40), nullable=False),
    sa.Column("list_index", sa.BigInteger, comment="place of the entry that lists it; null while none does"),
    sa.Index("recalled_entries_by_recall", "recall_id", "position"),
    sa.Index("recalled_entries_by_list", "recall_id", "list_index", "position"),
)

recall_unread = sa.Table(
    "recall_unread",
    records_metadata,
    sa.Column("recall_id", sa.String(32), primary_key=True),
    sa.Column("leaf_hash", sa.LargeBinary(32), primary_key=True, comment="a result whose header nobody here has the keys for"),
)

recall_liftings = sa.Table(
    "recall_liftings",
    records_metadata,
    sa.Column("recall_id", sa.String(32), primary_key=True),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False, comment="of the lifting, in the log of the recall"),
    sa.Column("lifted_at_ms", sa.BigInteger, nullable=False),
    sa.Column("actor_sealed", sa.LargeBinary, nullable=False),
    sa.Column("told_to", sa.String(32), nullable=False, comment="the last notice of the recall whose recipient was told"),
    sa.Column("is_told", sa.Boolean, nullable=False),
)
