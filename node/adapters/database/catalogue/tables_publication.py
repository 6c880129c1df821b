"""Tables of the catalogue's documents: their bytes, where each was published, how far logs were looked at, what holds."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

catalogue_documents = sa.Table(
    "catalogue_documents",
    records_metadata,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True, comment="SHA-256 of the document: what decisions pin"),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("subject", sa.String(128), nullable=False, comment="whose map; empty for others"),
    sa.Column("serial", sa.BigInteger, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False, comment="exact bytes"),
    sa.Column("in_force", sa.Boolean, nullable=False, comment="of published ones: whether it held here last"),
)

catalogue_places = sa.Table(
    "catalogue_places",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, index=True),
    sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("institution", sa.String(64), nullable=False),
    sa.Column("claimed_at_ms", sa.BigInteger, nullable=False),
    sa.Column("seen_at_ms", sa.BigInteger, nullable=False),
)

catalogue_cursors = sa.Table(
    "catalogue_cursors",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("next_index", sa.BigInteger, nullable=False),
)

catalogue_waiting = sa.Table(
    "catalogue_waiting",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("refused", sa.Boolean, nullable=False, comment="false: its bytes have not come"),
)

catalogue_publications = sa.Table(
    "catalogue_publications",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True, comment="a log of this node"),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, index=True),
)
