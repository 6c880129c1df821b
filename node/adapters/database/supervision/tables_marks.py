"""Tables of claimed marks: a row for each item of each record that claims one, and the documents that claims are judged by."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

_HASH_BYTES = 32

claimed_marks = sa.Table(
    "claimed_marks",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("item", sa.LargeBinary(_HASH_BYTES), primary_key=True, comment="MAC of the item; empty where codes mean nothing"),
    sa.Column("leaf_hash", sa.LargeBinary(_HASH_BYTES), nullable=False),
    sa.Column("tree_size", sa.BigInteger, nullable=False),
    sa.Column("institution", sa.String(63), nullable=False),
    sa.Column("performed_at_ms", sa.BigInteger, nullable=False),
    sa.Column("is_due", sa.Boolean, nullable=False, comment="whether it has to be judged"),
    sa.Index("claimed_marks_by_institution", "institution", "performed_at_ms"),
    sa.Index("claimed_marks_due", "is_due", "origin", "leaf_index"),
)

mark_documents = sa.Table(
    "mark_documents",
    records_metadata,
    sa.Column("kind", sa.String(63), primary_key=True),
    sa.Column("subject", sa.String(63), primary_key=True),
    sa.Column("digest", sa.LargeBinary(_HASH_BYTES), nullable=False, comment="of the version that claims are judged by"),
)
