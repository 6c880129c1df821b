"""A database says which tables it has by one number: whoever changes a table raises it."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from node.adapters.database.logs.tables_index import index_metadata
from node.adapters.database.logs.tables_trust import trust_metadata
from node.adapters.database.records.tables import SCHEMA_VERSION, records_metadata, secrets_metadata
from node.adapters.database.schema import FEATURE_TABLES

DIGESTS = {5: "d3ce8cb723981abac764da8f95913535511055645c272c96ff8e42463a6d93a0"}
"""SHA-256 of all tables and indices, by version; an entry goes when its version does."""


def describe() -> str:
    """Return the statements that make all tables and indices, in an order of their own."""
    dialect: Any = sqlite.dialect
    made: list[str] = []
    for metadata in (records_metadata, secrets_metadata, trust_metadata, index_metadata):
        for table in metadata.tables.values():
            made.append(str(CreateTable(table).compile(dialect=dialect())))
            made += [str(CreateIndex(index).compile(dialect=dialect())) for index in table.indexes]
    return "\n".join(sorted(made))


def test_tables_are_those_of_the_version() -> None:
    assert FEATURE_TABLES
    assert {SCHEMA_VERSION: hashlib.sha256(describe().encode()).hexdigest()} == DIGESTS, (
        "tables have changed: raise SCHEMA_VERSION, name the change in CHANGELOG.md, and put the new digest here"
    )
