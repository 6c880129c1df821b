"""The table of codes that occurred and lead nowhere."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

unmapped_codes = sa.Table(
    "unmapped_codes",
    records_metadata,
    sa.Column("institution", sa.String(64), primary_key=True, comment="whose worklist"),
    sa.Column("occurrence", sa.String(16), primary_key=True),
    sa.Column("mapped_by", sa.String(64), primary_key=True, comment="whose map does not know it"),
    sa.Column("system", sa.String(255), primary_key=True),
    sa.Column("code", sa.String(128), primary_key=True),
    sa.Column("specimen", sa.String(64), primary_key=True),
    sa.Column("times", sa.BigInteger, nullable=False),
    sa.Column("first_seen_ms", sa.BigInteger, nullable=False),
    sa.Column("last_seen_ms", sa.BigInteger, nullable=False),
)
