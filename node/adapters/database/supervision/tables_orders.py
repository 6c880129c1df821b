"""Tables of order lines: what entries say of them, by a MAC of person and institution, and when to judge it."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

_MAC_BYTES = 32

order_notes = sa.Table(
    "order_notes",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("history", sa.LargeBinary(_MAC_BYTES), nullable=False, index=True, comment="MAC of person and institution"),
    sa.Column("checked", sa.LargeBinary(_MAC_BYTES), index=True, comment="MAC of the check that it is of, or names"),
    sa.Column("is_check", sa.Boolean, nullable=False),
    sa.Column("weighs", sa.Boolean, nullable=False, comment="whether the history has to be judged for it"),
    sa.Column("institution", sa.String(63), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="what the entry says, sealed with the node's key"),
)

order_offers = sa.Table(
    "order_offers",
    records_metadata,
    sa.Column("result_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("result_origin", sa.String(255), primary_key=True),
    sa.Column("history", sa.LargeBinary(_MAC_BYTES), primary_key=True),
    sa.Column("checked", sa.LargeBinary(_MAC_BYTES), primary_key=True, comment="MAC of the check that offered it"),
)

order_looks = sa.Table(
    "order_looks",
    records_metadata,
    sa.Column("history", sa.LargeBinary(_MAC_BYTES), primary_key=True),
    sa.Column("look_at_ms", sa.BigInteger, nullable=False, index=True),
)
