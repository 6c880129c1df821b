"""Tables of checks at order time, of decisions, and of what others decided."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

_HASH_BYTES = 32

order_checks = sa.Table(
    "order_checks",
    records_metadata,
    sa.Column("check_id", sa.String(32), primary_key=True),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("checked_at_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("hour_ms", sa.BigInteger, nullable=False),
    sa.Column("due", sa.Boolean, nullable=False, comment="goes into the log at the hour's end"),
    sa.Column("outcome_sealed", sa.LargeBinary, nullable=False),
    sa.Column("patient_sealed", sa.LargeBinary, nullable=False),
    sa.Index("order_checks_due", "due", "institution", "hour_ms"),
)

decisions = sa.Table(
    "decisions",
    records_metadata,
    sa.Column("decision_id", sa.String(32), primary_key=True),
    sa.Column("check_id", sa.String(32), nullable=False, index=True),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("order_mac", sa.LargeBinary(_HASH_BYTES), nullable=False, comment="keyed hash of encounter and order line"),
    sa.Column("origin", sa.String(255), nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary(_HASH_BYTES), nullable=False),
    sa.Column("decided_at_ms", sa.BigInteger, nullable=False),
    sa.Column("reversed_at_ms", sa.BigInteger),
    sa.Column("content_sealed", sa.LargeBinary, nullable=False),
    sa.Column("patient_sealed", sa.LargeBinary, nullable=False),
    sa.Index("decisions_by_order", "institution", "order_mac"),
)

heard_decisions = sa.Table(
    "heard_decisions",
    records_metadata,
    sa.Column("decider", sa.String(64), primary_key=True),
    sa.Column("decision_id", sa.String(32), primary_key=True),
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_hash", sa.LargeBinary(_HASH_BYTES), primary_key=True),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("reason", sa.SmallInteger),
    sa.Column("decided_at_ms", sa.BigInteger, nullable=False),
    sa.Column("reversed_at_ms", sa.BigInteger),
    sa.Index("heard_decisions_by_time", "institution", "decided_at_ms"),
    sa.Index("heard_decisions_by_result", "leaf_hash"),
)
