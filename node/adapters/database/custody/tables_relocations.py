"""The tables of relocations: what is to be done when, and what stands for what."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

relocation_jobs = sa.Table(
    "relocation_jobs",
    records_metadata,
    sa.Column("job_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("due_at_ms", sa.BigInteger, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="what to do, under the node's key"),
    sa.Column("consent_id", sa.LargeBinary(32), comment="the consent that it rests on"),
    sa.Index("relocation_jobs_by_time", "due_at_ms"),
)

relocations = sa.Table(
    "relocations",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("target", sa.LargeBinary(32), nullable=False, comment="leaf hash of the entry that it stands for"),
    sa.Column("consent_id", sa.LargeBinary(32), comment="the consent that names its label"),
    sa.Index("relocations_by_target", "target"),
    sa.Index("relocations_by_consent", "consent_id"),
)
