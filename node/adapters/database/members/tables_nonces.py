"""The table of nonces of signed requests."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

request_nonces = sa.Table(
    "request_nonces",
    records_metadata,
    sa.Column("key_id", sa.String(128), primary_key=True),
    sa.Column("nonce", sa.String(128), primary_key=True),
    sa.Column("forget_at_s", sa.BigInteger, nullable=False, index=True),
)
