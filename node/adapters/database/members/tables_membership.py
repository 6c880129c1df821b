"""The table of the last registry that was read from the chain."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

registry_snapshot = sa.Table(
    "registry_snapshot",
    records_metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False, comment="always 1"),
    sa.Column("seen_at_ms", sa.BigInteger, nullable=False),
    sa.Column("registry", sa.LargeBinary, nullable=False, comment="members, keys and logs as JSON; all of it public"),
)
