"""Tables of supervision: how far logs were read, receipts by request, findings."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

supervision_cursors = sa.Table(
    "supervision_cursors",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("next_index", sa.BigInteger, nullable=False),
    sa.Column("complete_at_ms", sa.BigInteger, nullable=False),
)

supervision_waiting = sa.Table(
    "supervision_waiting",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True),
)

supervision_receipts = sa.Table(
    "supervision_receipts",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True),
    sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("tree_size", sa.BigInteger, nullable=False),
    sa.Column("request_id", sa.String(32), nullable=False, index=True),
    sa.Column("first_seen_ms", sa.BigInteger, nullable=False),
    sa.Column("absent_at_ms", sa.BigInteger),
)

supervision_due = sa.Table(
    "supervision_due",
    records_metadata,
    sa.Column("request_id", sa.String(32), primary_key=True),
    sa.Column("look_at_ms", sa.BigInteger, nullable=False, index=True),
)

supervision_findings = sa.Table(
    "supervision_findings",
    records_metadata,
    sa.Column("finding_id", sa.String(32), primary_key=True),
    sa.Column("group_key", sa.String(512), nullable=False, comment="what is judged together: a request, an entry or a log"),
    sa.Column("code", sa.String(63), nullable=False),
    sa.Column("subject", sa.String(512), nullable=False),
    sa.Column("institutions", sa.LargeBinary, nullable=False, comment="JSON"),
    sa.Column("details", sa.LargeBinary, nullable=False, comment="JSON: entries that show it, and values of its words"),
    sa.Column("raised_at_ms", sa.BigInteger, nullable=False),
    sa.Column("settled_at_ms", sa.BigInteger, comment="null while it is open"),
    sa.Index("supervision_findings_by_time", "raised_at_ms", "finding_id"),
    sa.Index("supervision_findings_by_group", "group_key"),
)

supervision_blamed = sa.Table(
    "supervision_blamed",
    records_metadata,
    sa.Column("finding_id", sa.String(32), primary_key=True),
    sa.Column("institution", sa.String(63), primary_key=True),
    sa.Index("supervision_blamed_by_institution", "institution"),
)
