"""Tables of what consents cover: receipts of disclosures under them, and their documents, as supervision saw them."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

_HASH_BYTES = 32

scoped_uses = sa.Table(
    "scoped_uses",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("leaf_hash", sa.LargeBinary(_HASH_BYTES), nullable=False),
    sa.Column("tree_size", sa.BigInteger, nullable=False),
    sa.Column("institution", sa.String(63), nullable=False, comment="whose log it is in"),
    sa.Column("side", sa.String(16), nullable=False),
    sa.Column("consent", sa.LargeBinary(_HASH_BYTES), nullable=False, index=True),
    sa.Column("requester", sa.String(63), nullable=False),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("person", sa.LargeBinary(_HASH_BYTES), nullable=False, comment="MAC of the pseudonym; empty for none"),
    sa.Column("moment_ms", sa.BigInteger, nullable=False),
    sa.Column("look_at_ms", sa.BigInteger, index=True, comment="null: not until another document is read"),
)

consent_documents_seen = sa.Table(
    "consent_documents_seen",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("leaf_hash", sa.LargeBinary(_HASH_BYTES), nullable=False),
    sa.Column("tree_size", sa.BigInteger, nullable=False),
    sa.Column("consent", sa.LargeBinary(_HASH_BYTES), nullable=False, index=True),
    sa.Column("grantee", sa.String(63), nullable=False),
    sa.Column("purposes", sa.String(255), nullable=False, comment="joined by blanks"),
    sa.Column("person", sa.LargeBinary(_HASH_BYTES), nullable=False, comment="MAC of the pseudonym; empty for none"),
    sa.Column("logged_at_ms", sa.BigInteger, nullable=False),
)
