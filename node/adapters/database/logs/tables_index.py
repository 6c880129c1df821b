"""The tables of `index.db`: what was followed; all of it can be built again from the logs."""

from __future__ import annotations

import sqlalchemy as sa

index_metadata = sa.MetaData()

index_version = sa.Table("schema_version", index_metadata, sa.Column("version", sa.Integer, primary_key=True))

followed_logs = sa.Table(
    "followed_logs",
    index_metadata,
    sa.Column("log_id", sa.Integer, primary_key=True, comment="stands for the origin in the other tables"),
    sa.Column("origin", sa.String(255), nullable=False, unique=True),
    sa.Column("size", sa.BigInteger, nullable=False, comment="leaves that are indexed"),
    sa.Column("headers_asked", sa.BigInteger, nullable=False, comment="below, every header was asked for"),
)

followed_leaves = sa.Table(
    "followed_leaves",
    index_metadata,
    sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sa.Column("hash_prefix", sa.BigInteger, nullable=False, comment="first 8 bytes of the leaf hash, signed"),
    sa.Column("seen_at_ms", sa.BigInteger, nullable=False),
    sa.Index("followed_leaves_by_hash", "hash_prefix"),
    sqlite_with_rowid=False,
)

followed_headers = sa.Table(
    "followed_headers",
    index_metadata,
    sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("header", sa.LargeBinary, nullable=False),
)

missing_headers = sa.Table(
    "missing_headers",
    index_metadata,
    sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

followed_tombstones = sa.Table(
    "followed_tombstones",
    index_metadata,
    sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False, comment="the entry whose header was deleted"),
    sa.Column("tombstone_index", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

followed_recalls = sa.Table(
    "followed_recalls",
    index_metadata,
    sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("recall_id", sa.String(32), nullable=False),
    sa.Column("item", sa.String(128), nullable=False),
    sa.Column("device", sa.String(128), nullable=False),
    sa.Column("lot", sa.String(128), nullable=False),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
    sa.Column("to_ms", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sqlite_with_rowid=False,
)

followed_recall_results = sa.Table(
    "followed_recall_results",
    index_metadata,
    sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False, comment="of the list"),
    sa.Column("leaf_hash", sa.LargeBinary(32), primary_key=True, comment="a result of the log that it names"),
    sa.Column("recall_id", sa.String(32), nullable=False),
    sqlite_with_rowid=False,
)

followed_liftings = sa.Table(
    "followed_liftings",
    index_metadata,
    sa.Column("log_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("recall_id", sa.String(32), nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sqlite_with_rowid=False,
)

event_cursors = sa.Table(
    "event_cursors",
    index_metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False, comment="always 1"),
    sa.Column("cursor", sa.LargeBinary, nullable=False),
)
