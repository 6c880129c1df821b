"""Identities that are let go, and notices, in `records.db` (`ports.custody.refiling.RefilingStore`)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import sqlalchemy as sa

from node.adapters.database.custody.tables_refiling import wrong_patient_notices as table
from node.adapters.database.records.tables import records
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId, RecordId
from node.ports.custody.refiling import WrongPatientNotice
from node.ports.records.transaction import RecordsTransaction

_MAC_BYTES = 32


class SqlRefilingStore:
    """A `RefilingStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def release_identity(self, transaction: RecordsTransaction, record_id: RecordId) -> None:
        """Let what names a record name another one from now on."""
        change = records.update().where(records.c.record_id == record_id)
        connection_of(transaction).execute(change.values(identity_mac=secrets.token_bytes(_MAC_BYTES)))

    def keep_notice(self, transaction: RecordsTransaction, notices: Sequence[WrongPatientNotice]) -> None:
        """Keep notices; those that are kept are passed over."""
        connection = connection_of(transaction)
        for notice in notices:
            same = (table.c.institution == notice.institution, table.c.leaf_hash == notice.leaf_hash)
            if connection.execute(sa.select(table.c.leaf_hash).where(*same)).first() is None:
                connection.execute(
                    table.insert().values(
                        institution=notice.institution,
                        sender=notice.sender,
                        leaf_hash=notice.leaf_hash,
                        withdrawal=notice.withdrawal,
                        told_at_ms=notice.told_at_ms,
                    )
                )

    def notices(self, institution: InstitutionId, limit: int) -> list[WrongPatientNotice]:
        """Return an institution's notices, newest first."""
        query = sa.select(table).where(table.c.institution == institution).order_by(table.c.told_at_ms.desc()).limit(limit)
        with self._readers.connect() as connection:
            return [
                WrongPatientNotice(institution, InstitutionId(row.sender), row.leaf_hash, row.withdrawal, row.told_at_ms)
                for row in connection.execute(query)
            ]
