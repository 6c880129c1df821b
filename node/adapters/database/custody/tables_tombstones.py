"""The tables of tombstones and of who has acknowledged them."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

tombstones = sa.Table(
    "tombstones",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False, comment="of the tombstone"),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("target", sa.LargeBinary(32), nullable=False, comment="leaf hash of the entry whose header was deleted"),
    sa.Column("staged_at_ms", sa.BigInteger, nullable=False),
)

tombstone_acknowledgements = sa.Table(
    "tombstone_acknowledgements",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("member", sa.String(64), primary_key=True),
    sa.Column("acknowledged_at_ms", sa.BigInteger, comment="null while the member has not said that it deleted the header"),
)
