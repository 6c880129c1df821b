"""Tables of cards at order time, and of feedback on them."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

_HASH_BYTES = 32
_UUID_CHARS = 36

hook_cards = sa.Table(
    "hook_cards",
    records_metadata,
    sa.Column("card_id", sa.String(_UUID_CHARS), primary_key=True),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("check_id", sa.String(32), nullable=False, index=True),
    sa.Column("line_at", sa.SmallInteger, nullable=False, comment="place of the order line in the check, from 0"),
)

card_feedback = sa.Table(
    "card_feedback",
    records_metadata,
    sa.Column("card_id", sa.String(_UUID_CHARS), primary_key=True),
    sa.Column("digest", sa.LargeBinary(_HASH_BYTES), primary_key=True),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("said_at_ms", sa.BigInteger, nullable=False),
    sa.Column("received_at_ms", sa.BigInteger, nullable=False),
    sa.Column("decision_id", sa.String(32)),
    sa.Column("content_sealed", sa.LargeBinary, nullable=False),
)
