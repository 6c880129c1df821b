"""Tables of consents, of messages on their way to the chain, of emergencies, and of what was withdrawn."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

_HASH_BYTES = 32

consents = sa.Table(
    "consents",
    records_metadata,
    sa.Column("institution", sa.String(64), primary_key=True),
    sa.Column("consent", sa.LargeBinary(_HASH_BYTES), primary_key=True),
    sa.Column("salt", sa.LargeBinary(_HASH_BYTES), nullable=False),
    sa.Column("scope", sa.LargeBinary, nullable=False, comment="its exact bytes; names no patient"),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("patient", sa.LargeBinary(16), comment="null where the institution has no keys of the patient"),
    sa.Column("document_origin", sa.String(255), comment="null, like the next one, where no consent document was logged"),
    sa.Column("document_hash", sa.LargeBinary(_HASH_BYTES)),
    sa.Column("kept_at_ms", sa.BigInteger, nullable=False),
    sa.Column("revoked_at_ms", sa.BigInteger, comment="when a revocation was first known here"),
    sa.Index("consents_by_patient", "institution", "patient"),
    sa.Index("consents_by_id", "consent"),
)

consent_messages = sa.Table(
    "consent_messages",
    records_metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("message", sa.LargeBinary, nullable=False, comment="what was signed, with its signature, as JSON"),
    sa.Column("digest", sa.LargeBinary(_HASH_BYTES), nullable=False, unique=True, comment="SHA-256 of the message"),
    sa.Column("patient_key", sa.LargeBinary(20), comment="of a patient's grant"),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(64), nullable=False),
    sa.Index("consent_messages_by_stage", "stage"),
    sqlite_autoincrement=True,
)

consent_cursor = sa.Table(
    "consent_cursor",
    records_metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False, comment="always 1"),
    sa.Column("block_number", sa.BigInteger, nullable=False, comment="revocations up to this block are noted"),
)

emergencies = sa.Table(
    "emergencies",
    records_metadata,
    sa.Column("emergency", sa.LargeBinary(_HASH_BYTES), primary_key=True),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("salt", sa.LargeBinary(_HASH_BYTES), nullable=False),
    sa.Column("statement_sealed", sa.LargeBinary, nullable=False, comment="who, why and for whom, under the node's key"),
    sa.Column("opened_by", sa.LargeBinary(_HASH_BYTES), nullable=False, comment="keyed hash of the person"),
    sa.Column("opened_at_ms", sa.BigInteger, nullable=False),
    sa.Column("reviewed_at_ms", sa.BigInteger),
    sa.Index("emergencies_by_time", "institution", "opened_at_ms"),
)

withdrawals = sa.Table(
    "withdrawals",
    records_metadata,
    sa.Column("institution", sa.String(64), primary_key=True),
    sa.Column("patient", sa.LargeBinary(16), primary_key=True),
    sa.Column("withdrawn_at_ms", sa.BigInteger, nullable=False),
)

locked_records = sa.Table(
    "locked_records",
    records_metadata,
    sa.Column("record_id", sa.String(40), primary_key=True),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("locked_until_ms", sa.BigInteger, nullable=False, comment="a retention period demands it; erased after that"),
    sa.Index("locked_records_by_time", "locked_until_ms"),
)
