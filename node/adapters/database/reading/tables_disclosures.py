"""The table of what was asked of the institutions here, and how it was answered."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

disclosures = sa.Table(
    "disclosures",
    records_metadata,
    sa.Column("requester", sa.String(64), primary_key=True),
    sa.Column("request_id", sa.String(32), primary_key=True),
    sa.Column("holder", sa.String(64), nullable=False),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, comment="of the request as it was signed"),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("consent_id", sa.LargeBinary(32), comment="under which it was disclosed"),
    sa.Column("clinician", sa.LargeBinary(32), comment="keyed digest of who cited an emergency"),
    sa.Column("answered_at_ms", sa.BigInteger, nullable=False),
    sa.Index("disclosures_by_consent", "consent_id"),
    sa.Index("disclosures_by_time", "requester", "answered_at_ms"),
)
