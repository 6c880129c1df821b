"""Tables of who relies on which entries, and of notices of what became of those."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

_HASH_BYTES = 32

disclosed_entries = sa.Table(
    "disclosed_entries",
    records_metadata,
    sa.Column("leaf_hash", sa.LargeBinary(_HASH_BYTES), primary_key=True, comment="an entry of a log here"),
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("requester", sa.String(64), primary_key=True),
    sa.Column("disclosed_at_ms", sa.BigInteger, nullable=False),
)

sent_notices = sa.Table(
    "sent_notices",
    records_metadata,
    sa.Column("message_id", sa.String(32), primary_key=True),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("recipient", sa.String(64), nullable=False),
    sa.Column("change", sa.String(16), nullable=False),
    sa.Column("origin", sa.String(255), nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary(_HASH_BYTES), nullable=False, comment="of the entry that says so"),
    sa.Column("record_id", sa.String(64), index=True),
    sa.Column("told_at_ms", sa.BigInteger, nullable=False),
    sa.Column("acknowledged_at_ms", sa.BigInteger, comment="null while no person has taken notice"),
    sa.Index("sent_notices_by_time", "institution", "acknowledged_at_ms", "told_at_ms"),
    sa.Index("sent_notices_by_entry", "leaf_hash"),
)

sent_notice_entries = sa.Table(
    "sent_notice_entries",
    records_metadata,
    sa.Column("message_id", sa.String(32), primary_key=True),
    sa.Column("leaf_hash", sa.LargeBinary(_HASH_BYTES), primary_key=True, comment="what is concerned"),
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
)

received_notices = sa.Table(
    "received_notices",
    records_metadata,
    sa.Column("notice_id", sa.String(32), primary_key=True),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("issuer", sa.String(64), nullable=False),
    sa.Column("message_id", sa.String(32), nullable=False),
    sa.Column("change", sa.String(16), nullable=False),
    sa.Column("origin", sa.String(255), nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary(_HASH_BYTES), nullable=False, comment="of the entry that says so"),
    sa.Column("lifts_origin", sa.String(255), comment="null for all but liftings"),
    sa.Column("lifts_hash", sa.LargeBinary(_HASH_BYTES), index=True, comment="of the recall that is lifted"),
    sa.Column("revised_at_ms", sa.BigInteger, nullable=False),
    sa.Column("received_at_ms", sa.BigInteger, nullable=False),
    sa.Column("acknowledged_at_ms", sa.BigInteger),
    sa.Column("acknowledger_sealed", sa.LargeBinary),
    sa.Index("received_notices_by_time", "institution", "received_at_ms"),
)

received_notice_entries = sa.Table(
    "received_notice_entries",
    records_metadata,
    sa.Column("leaf_hash", sa.LargeBinary(_HASH_BYTES), primary_key=True, comment="what is concerned"),
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("notice_id", sa.String(32), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Index("received_notice_entries_by_notice", "notice_id"),
)

decision_results = sa.Table(
    "decision_results",
    records_metadata,
    sa.Column("leaf_hash", sa.LargeBinary(_HASH_BYTES), primary_key=True, comment="a result that a decision uses"),
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("decision_id", sa.String(32), primary_key=True),
    sa.Column("institution", sa.String(64), nullable=False),
)
