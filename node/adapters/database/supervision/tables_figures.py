"""Tables of figures: how far logs were read for them, what was read, and which emergencies were read under."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

figure_cursors = sa.Table(
    "figure_cursors",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("next_index", sa.BigInteger, nullable=False),
    sa.Column("anchored_to", sa.BigInteger, nullable=False, comment="below, every entry's time to anchor was counted"),
)

figure_waiting = sa.Table(
    "figure_waiting",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
)

figure_batches = sa.Table(
    "figure_batches",
    records_metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False, comment="events of one step, sealed with the node's key"),
)

emergency_uses = sa.Table(
    "emergency_uses",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("tree_size", sa.BigInteger, nullable=False),
    sa.Column("emergency_id", sa.LargeBinary(32), nullable=False, index=True),
    sa.Column("institution", sa.String(63), nullable=False, comment="who read"),
    sa.Column("person", sa.LargeBinary(32), nullable=False, comment="MAC of the pseudonym; empty for none"),
    sa.Column("moment_ms", sa.BigInteger, nullable=False, comment="when it was, as it says; never later than it was seen"),
    sa.Column("look_at_ms", sa.BigInteger, index=True, comment="null once it was reviewed"),
)
