"""The tables of `trust.db`: what this node trusts of other logs, and what it cosigned. Nothing here can be built again."""

from __future__ import annotations

import sqlalchemy as sa

trust_metadata = sa.MetaData()

trust_version = sa.Table("schema_version", trust_metadata, sa.Column("version", sa.Integer, primary_key=True))

followed_heads = sa.Table(
    "followed_heads",
    trust_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("state", sa.LargeBinary, nullable=False, comment="ledger.follower: the last trusted checkpoint, verbatim"),
)

freezes = sa.Table(
    "freezes",
    trust_metadata,
    sa.Column("freeze_id", sa.Integer, primary_key=True),
    sa.Column("origin", sa.String(255), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("evidence", sa.LargeBinary, nullable=False),
    sa.Column("frozen_at_ms", sa.BigInteger, nullable=False),
    sa.Column("cleared_at_ms", sa.BigInteger, comment="null while it is frozen"),
    sa.Column("cleared_reason", sa.Text, comment="the operator's"),
    sa.Index("freezes_by_origin", "origin"),
)

witness_heads = sa.Table(
    "witness_heads",
    trust_metadata,
    sa.Column("key_name", sa.String(255), primary_key=True, comment="of the cosign key"),
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("root", sa.LargeBinary(32), nullable=False),
    sa.Column("note", sa.LargeBinary, nullable=False),
)

cosigned_checkpoints = sa.Table(
    "cosigned_checkpoints",
    trust_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("note", sa.LargeBinary, nullable=False),
    sa.Column("quorum", sa.Boolean, nullable=False),
)
