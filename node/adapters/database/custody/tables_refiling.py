"""The table of notices that something which was read is another patient's."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

wrong_patient_notices = sa.Table(
    "wrong_patient_notices",
    records_metadata,
    sa.Column("institution", sa.String(64), primary_key=True),
    sa.Column("sender", sa.String(64), nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("withdrawal", sa.LargeBinary(32), nullable=False),
    sa.Column("told_at_ms", sa.BigInteger, nullable=False),
)
