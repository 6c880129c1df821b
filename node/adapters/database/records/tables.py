"""The tables of `records.db` and `secrets.db`.

Every row that belongs to an institution names it, or names its log's origin, which belongs to one institution. No
column holds a name, a patient number or a result in clear: identities and patient numbers are keyed hashes, bodies are
sealed under record secrets, keys of patients under the node's own key. The log's own tables are `ledger.store.sql`'s
and live in `records.db` too.
"""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA_VERSION = 5
"""Raised with every change to a table; a database of another version is refused by name."""

records_metadata = sa.MetaData()
secrets_metadata = sa.MetaData()

_HASH_BYTES = 32

schema_versions = [
    sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, primary_key=True))
    for metadata in (records_metadata, secrets_metadata)
]

records = sa.Table(
    "records",
    records_metadata,
    sa.Column("record_id", sa.String(40), primary_key=True, comment="issued by the node; the id in API paths"),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("identity_mac", sa.LargeBinary(_HASH_BYTES), nullable=False, comment="keyed hash of the record identity"),
    sa.Column("erased_at_ms", sa.BigInteger, comment="set when the record's secrets were destroyed"),
    sa.UniqueConstraint("institution", "identity_mac"),
)
sa.Index(
    "records_erased",
    records.c.erased_at_ms,
    sqlite_where=records.c.erased_at_ms.is_not(None),
    postgresql_where=records.c.erased_at_ms.is_not(None),
)

entries = sa.Table(
    "entries",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("record_id", sa.ForeignKey("records.record_id"), comment="null for entries that are no record's"),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("entry_type", sa.SmallInteger, nullable=False),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("staged_at_ms", sa.BigInteger, nullable=False),
    sa.Column("leaf", sa.LargeBinary, nullable=False, comment="the 106 bytes of the log"),
    sa.Column("leaf_hash", sa.LargeBinary(_HASH_BYTES), nullable=False),
    sa.Column("sameness_mac", sa.LargeBinary(_HASH_BYTES), comment="keyed digest of the content; null once erased"),
    sa.Column("issued_at_ms", sa.BigInteger),
    sa.Column("out_of_order", sa.Boolean, nullable=False),
    sa.Column("secret_id", sa.LargeBinary(16), comment="null for public entries and once erased"),
    sa.Column("owner_sealed", sa.LargeBinary, comment="the patient's id under the node's key: entries stay unlinked here too"),
    sa.Column("tag_prefix", sa.BigInteger, nullable=False, comment="63 bits of the locator tag"),
    sa.Index("entries_by_tag", "tag_prefix"),
    sa.Index("entries_by_record", "record_id", "version", unique=True),
    sa.Index("entries_by_time", "staged_at_ms"),
)

headers = sa.Table(
    "headers",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("header", sa.LargeBinary, nullable=False),
)

bodies = sa.Table(
    "bodies",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="sealed under the record secret"),
)

patients = sa.Table(
    "patients",
    records_metadata,
    sa.Column("patient_id", sa.LargeBinary(16), primary_key=True, comment="random"),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("number_mac", sa.LargeBinary(_HASH_BYTES), nullable=False, comment="keyed hash of the hospital's patient number"),
    sa.Column("provisional", sa.Boolean, nullable=False),
    sa.Column(
        "keys_sealed",
        sa.LargeBinary,
        nullable=False,
        comment="epoch keys, public keys and pseudonym under the node's key",
    ),
    sa.UniqueConstraint("institution", "number_mac"),
)

locator_counters = sa.Table(
    "locator_counters",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("locator_id", sa.LargeBinary(16), primary_key=True, comment="keyed hash of the key that makes the tags"),
    sa.Column("tag_class", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("next_counter", sa.BigInteger, nullable=False),
)

clients = sa.Table(
    "clients",
    records_metadata,
    sa.Column("client_id", sa.String(40), primary_key=True),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column(
        "key_digest",
        sa.LargeBinary(_HASH_BYTES),
        nullable=False,
        unique=True,
        comment="SHA-256 of a 256-bit random key",
    ),
    sa.Column("scopes", sa.String(512), nullable=False, comment="space-separated"),
    sa.Column("created_at_ms", sa.BigInteger, nullable=False),
    sa.Column("revoked_at_ms", sa.BigInteger),
)

checkpoints = sa.Table(
    "checkpoints",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column(
        "note",
        sa.LargeBinary,
        nullable=False,
        comment="the signed checkpoint that was submitted for anchoring, verbatim",
    ),
)

anchors = sa.Table(
    "anchors",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("root", sa.LargeBinary(_HASH_BYTES), nullable=False),
    sa.Column("block_number", sa.BigInteger, nullable=False),
    sa.Column("block_hash", sa.LargeBinary(_HASH_BYTES), nullable=False),
    sa.Column("timestamp_s", sa.BigInteger, nullable=False),
)

record_secrets = sa.Table(
    "record_secrets",
    secrets_metadata,
    sa.Column("secret_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("kek_id", sa.String(16), nullable=False),
    sa.Column(
        "wrapped",
        sa.LargeBinary,
        nullable=False,
        comment="AES-256-GCM under the key-encryption key, bound to secret_id",
    ),
    sa.Column("created_at_ms", sa.BigInteger, nullable=False),
    sa.Index("record_secrets_by_time", "created_at_ms"),
)

secret_sweeps = sa.Table(
    "secret_sweeps",
    secrets_metadata,
    sa.Column("swept_until_ms", sa.BigInteger, primary_key=True, comment="orphans stored before this were removed"),
)
