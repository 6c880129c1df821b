"""Tables of the review of consents: receipts that are not judged yet, and what the chain said of the consents that they name."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

_HASH_BYTES = 32

consent_uses = sa.Table(
    "consent_uses",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("leaf_hash", sa.LargeBinary(_HASH_BYTES), nullable=False),
    sa.Column("tree_size", sa.BigInteger, nullable=False),
    sa.Column("institution", sa.String(63), nullable=False, comment="whose log it is in"),
    sa.Column("side", sa.String(16), nullable=False),
    sa.Column("consent", sa.LargeBinary(_HASH_BYTES), nullable=False),
    sa.Column("cited_number", sa.BigInteger, comment="null, like the next one, where no block is cited"),
    sa.Column("cited_hash", sa.LargeBinary(_HASH_BYTES)),
    sa.Column("moment_ms", sa.BigInteger, nullable=False, comment="when it was, as it says; never later than it was seen"),
    sa.Column("look_at_ms", sa.BigInteger, nullable=False, index=True),
)

consent_answers = sa.Table(
    "consent_answers",
    records_metadata,
    sa.Column("consent", sa.LargeBinary(_HASH_BYTES), primary_key=True),
    sa.Column("final_number", sa.BigInteger, nullable=False, comment="the final block up to which it holds"),
    sa.Column("final_hash", sa.LargeBinary(_HASH_BYTES), nullable=False),
    sa.Column("final_at_s", sa.BigInteger, nullable=False),
    sa.Column("granted_number", sa.BigInteger, comment="null, like all that follow, where the chain has none of this id"),
    sa.Column("granted_hash", sa.LargeBinary(_HASH_BYTES)),
    sa.Column("granted_at_s", sa.BigInteger),
    sa.Column("expires_at_s", sa.BigInteger),
    sa.Column("revoked_number", sa.BigInteger, comment="null, like the next ones, while it is not revoked"),
    sa.Column("revoked_hash", sa.LargeBinary(_HASH_BYTES)),
    sa.Column("revoked_at_s", sa.BigInteger),
)
