"""Create a node's databases, and refuse those that another release wrote."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa

from ledger.store.sql import create_sql_log
from ledger.store.sql import tables as log_tables
from node.adapters.chain.journal import tables as journal_tables
from node.adapters.database.catalogue import tables_publication, tables_unmapped
from node.adapters.database.codes import tables_codes
from node.adapters.database.consents import tables_consents, tables_scopes
from node.adapters.database.consents import tables_review as tables_consent_review
from node.adapters.database.custody import tables_refiling, tables_relocations, tables_tombstones
from node.adapters.database.engines import Durability, open_sqlite
from node.adapters.database.logs.tables_index import index_metadata, index_version
from node.adapters.database.logs.tables_trust import trust_metadata, trust_version
from node.adapters.database.members import tables_membership, tables_nonces, tables_outbox
from node.adapters.database.reading import tables_disclosures, tables_retrievals
from node.adapters.database.recognition import (
    tables_cards,
    tables_check_reads,
    tables_checks,
    tables_notices,
    tables_recalls,
    tables_reliance,
    tables_views,
)
from node.adapters.database.records import tables_own_entries
from node.adapters.database.records.tables import SCHEMA_VERSION, records_metadata, schema_versions, secrets_metadata
from node.adapters.database.supervision import tables_figures, tables_marks, tables_orders, tables_supervision
from node.domain.entry import Origin
from node.errors import SchemaVersionError, SettingsError

log_tables(records_metadata)
JOURNAL_TABLES = journal_tables(records_metadata)
FEATURE_TABLES = (
    tables_cards,
    tables_check_reads,
    tables_checks,
    tables_consent_review,
    tables_consents,
    tables_codes,
    tables_disclosures,
    tables_figures,
    tables_marks,
    tables_membership,
    tables_nonces,
    tables_notices,
    tables_orders,
    tables_outbox,
    tables_own_entries,
    tables_publication,
    tables_recalls,
    tables_refiling,
    tables_reliance,
    tables_relocations,
    tables_supervision,
    tables_retrievals,
    tables_scopes,
    tables_tombstones,
    tables_unmapped,
    tables_views,
)
"""Modules that declare tables of `records.db` for one feature each."""

RECORDS = "records.db"
SECRETS = "secrets.db"
TRUST = "trust.db"
INDEX = "index.db"

_METADATA = {RECORDS: records_metadata, SECRETS: secrets_metadata, TRUST: trust_metadata, INDEX: index_metadata}
_VERSIONS = dict(zip((RECORDS, SECRETS, TRUST, INDEX), (*schema_versions, trust_version, index_version), strict=True))
_DURABILITY = {INDEX: Durability.NORMAL}
_SHREDDED = frozenset({SECRETS, INDEX})
"""What is deleted there was deleted for a reason: record secrets, and headers that tombstones name."""


def create_databases(directory: Path, origins: Iterable[Origin]) -> None:
    """Create the databases that are missing, and in them the logs that are.

    Creating is an act of its own (`concord init`): a node whose database has gone must not start from nothing unnoticed.
    """
    for name in _METADATA:
        _create(directory, name, origins)


def _create(directory: Path, name: str, origins: Iterable[Origin] = ()) -> None:
    engine = open_sqlite(directory / name, Durability.FULL, writer=True)
    with engine.begin() as connection:
        _METADATA[name].create_all(connection)
        versions = _VERSIONS[name]
        if connection.execute(sa.select(versions.c.version)).first() is None:
            connection.execute(versions.insert().values(version=SCHEMA_VERSION))
        if name == RECORDS:
            _create_logs(connection, origins)
    engine.dispose()


def _create_logs(connection: sa.Connection, origins: Iterable[Origin]) -> None:
    heads = records_metadata.tables["log_heads"]
    known = set(connection.scalars(sa.select(heads.c.origin)))
    for origin in origins:
        if origin not in known:
            create_sql_log(connection, origin)


def open_database(directory: Path, name: str, *, writer: bool) -> sa.Engine:
    """Open one of the databases; of `index.db` a missing one is made anew, and filled from the logs.

    Raises:
        SettingsError: It is not there.
        SchemaVersionError: Another release wrote it.
    """
    path = directory / name
    if not path.is_file() and name == INDEX:
        _create(directory, name)
    if not path.is_file():
        raise SettingsError(f"{path} is missing; restore it, or run `concord init` for a node that never had records")
    durability = _DURABILITY.get(name, Durability.FULL)
    engine = open_sqlite(path, durability, writer=writer, shred=name in _SHREDDED)
    with engine.connect() as connection:
        found = connection.execute(sa.select(_VERSIONS[name].c.version)).scalar_one()
    if found != SCHEMA_VERSION:
        engine.dispose()
        raise SchemaVersionError(str(path), found, SCHEMA_VERSION)
    return engine
