"""Tables of recognitions and of what they rest on: for findings about results that were withdrawn."""

from __future__ import annotations

import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata

reliances = sa.Table(
    "reliances",
    records_metadata,
    sa.Column("decision_origin", sa.String(255), primary_key=True),
    sa.Column("decision_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("result_origin", sa.String(255), primary_key=True),
    sa.Column("result_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("decision_index", sa.BigInteger, nullable=False),
    sa.Column("tree_size", sa.BigInteger, nullable=False),
    sa.Column("institution", sa.String(63), nullable=False, comment="who decided"),
    sa.Column("issuer", sa.String(63), nullable=False),
    sa.Column("decided_at_ms", sa.BigInteger, nullable=False, comment="as the entry claims"),
    sa.Column("seen_at_ms", sa.BigInteger, nullable=False),
    sa.Column("look_at_ms", sa.BigInteger, index=True, comment="null: not until something new is read"),
    sa.Index("reliances_by_result", "result_hash", "result_origin"),
)

result_replacements = sa.Table(
    "result_replacements",
    records_metadata,
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("replaces", sa.LargeBinary(32), primary_key=True, index=True, comment="leaf hash, in the same log"),
    sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("tree_size", sa.BigInteger, nullable=False),
    sa.Column("is_withdrawal", sa.Boolean, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False, comment="as the entry claims"),
    sa.Column("recall_id", sa.String(32), comment="null for amendments and withdrawals"),
    sa.Column("seen_at_ms", sa.BigInteger, nullable=False),
    sa.Index("result_replacements_by_leaf", "leaf_hash", "origin"),
    sa.Index("result_replacements_by_recall", "recall_id", "origin"),
)

lifted_recalls = sa.Table(
    "lifted_recalls",
    records_metadata,
    sa.Column("recall_id", sa.String(32), primary_key=True),
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False, comment="as the lifting claims"),
)

retrieved_results = sa.Table(
    "retrieved_results",
    records_metadata,
    sa.Column("institution", sa.String(63), primary_key=True, comment="who retrieved"),
    sa.Column("result_origin", sa.String(255), primary_key=True),
    sa.Column("result_hash", sa.LargeBinary(32), primary_key=True),
)

reversals = sa.Table(
    "reversals",
    records_metadata,
    sa.Column("institution", sa.String(63), primary_key=True),
    sa.Column("decision_origin", sa.String(255), primary_key=True),
    sa.Column("decision_hash", sa.LargeBinary(32), primary_key=True),
)
