"""The tables of the code service and of custodians. Nothing in them names a person: documents and codes are keyed hashes."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

code_cards = sa.Table(
    "code_cards",
    records_metadata,
    sa.Column("document_mac", sa.LargeBinary(32), primary_key=True, comment="keyed hash of an identity document"),
    sa.Column("sealed_card", sa.LargeBinary, nullable=False, comment="opened by two of three custodians together"),
    sa.Column("issued_at_ms", sa.BigInteger, nullable=False),
)

code_macs = sa.Table(
    "code_macs",
    records_metadata,
    sa.Column("code_mac", sa.LargeBinary(32), primary_key=True, comment="keyed hash of a code, former ones included"),
    sa.Column("document_mac", sa.LargeBinary(32), nullable=False),
)

code_releases = sa.Table(
    "code_releases",
    records_metadata,
    sa.Column("document_mac", sa.LargeBinary(32), primary_key=True),
    sa.Column("institution", sa.String(64), primary_key=True),
    sa.Column("reference", sa.LargeBinary(32), primary_key=True, comment="how the institution calls the patient"),
    sa.Column("newest_epoch", sa.BigInteger, nullable=False),
)

custodian_openings = sa.Table(
    "custodian_openings",
    records_metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("custodian", sa.String(64), nullable=False),
    sa.Column("asker", sa.String(64), nullable=False),
    sa.Column("request_id", sa.String(32), nullable=False),
    sa.Column("operation", sa.String(32), nullable=False),
    sa.Column("boxes", sa.Integer, nullable=False),
    sa.Column("opened_at_ms", sa.BigInteger, nullable=False),
    sa.Index("custodian_openings_by_time", "custodian", "opened_at_ms"),
)
