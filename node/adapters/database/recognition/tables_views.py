"""Table of one-time links to results."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

_HASH_BYTES = 32

result_views = sa.Table(
    "result_views",
    records_metadata,
    sa.Column("token_hash", sa.LargeBinary(_HASH_BYTES), primary_key=True),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("check_id", sa.String(32), nullable=False),
    sa.Column("expires_at_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("used_at_ms", sa.BigInteger),
    sa.Column("content_sealed", sa.LargeBinary, nullable=False),
)
