"""Tables of requests to other members, and of what came back."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

retrieval_requests = sa.Table(
    "retrieval_requests",
    records_metadata,
    sa.Column("request_id", sa.String(32), primary_key=True),
    sa.Column("retrieval_id", sa.String(32), nullable=False, index=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("holder", sa.String(64), nullable=False),
    sa.Column("origin", sa.String(255), nullable=False),
    sa.Column("leaf_index", sa.BigInteger, nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False, index=True),
    sa.Column("tag", sa.LargeBinary, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_attempt_at_ms", sa.BigInteger, nullable=False),
    sa.Column("created_at_ms", sa.BigInteger, nullable=False),
    sa.Column("settled_at_ms", sa.BigInteger),
    sa.Column("body_sealed", sa.LargeBinary, comment="the request, as it is sent; null once forgotten"),
    sa.Column("patient_sealed", sa.LargeBinary, comment="the patient's keys; null once forgotten"),
    sa.Index("retrieval_requests_by_time", "settled_at_ms", "next_attempt_at_ms"),
)

retrieved_parts = sa.Table(
    "retrieved_parts",
    records_metadata,
    sa.Column("request_id", sa.String(32), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False, comment="0: evidence without its parts"),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
