"""Tables of messages to and from other members."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

outbox = sa.Table(
    "outbox",
    records_metadata,
    sa.Column("message_id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("sender", sa.String(63), nullable=False),
    sa.Column("recipient", sa.String(63), nullable=False),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="one JSON value"),
    sa.Column("created_at_ms", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_attempt_at_ms", sa.BigInteger, nullable=False),
    sa.Column("last_error", sa.String(64), nullable=False),
    sa.Column("acknowledged_at_ms", sa.BigInteger, comment="null while the recipient has not acted on it"),
    sa.Index("outbox_by_time", "acknowledged_at_ms", "next_attempt_at_ms"),
    sa.Index("outbox_by_subject", "sender", "kind", "subject"),
)

inbox = sa.Table(
    "inbox",
    records_metadata,
    sa.Column("sender", sa.String(63), primary_key=True),
    sa.Column("message_id", sa.String(32), primary_key=True),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, comment="of the envelope: the same id with other content is refused"),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("recipient", sa.String(63), nullable=False),
    sa.Column("accepted_at_ms", sa.BigInteger, nullable=False),
)
