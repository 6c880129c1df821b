"""Withdrawals and locked records, in `records.db` (`ports.custody.withdrawals.WithdrawalStore`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from ledger.store.sql_statements import Statement
from node.adapters.database.consents.tables_consents import locked_records, withdrawals
from node.adapters.database.driver import look_up
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId, RecordId
from node.ports.records.transaction import PatientId, RecordsTransaction

_CHUNK = 400
"""Values in one IN list: below every engine's limit on bound parameters."""
_WITHDRAWAL = Statement(
    sa.select(withdrawals.c.patient).where(
        withdrawals.c.institution == sa.bindparam("institution"), withdrawals.c.patient == sa.bindparam("patient")
    )
)
"""Every check at order time asks."""
_LOCKED = sa.select(locked_records.c.record_id, locked_records.c.locked_until_ms).where(
    locked_records.c.record_id.in_(sa.bindparam("wanted", expanding=True))
)
"""Every disclosure asks."""


class SqlWithdrawalStore:
    """A `WithdrawalStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def withdraw(self, transaction: RecordsTransaction, institution: InstitutionId, patient: PatientId, at_ms: int) -> None:
        """Note that processing for a patient stops; the first time counts."""
        connection = connection_of(transaction)
        if _WITHDRAWAL.row(connection, institution=institution, patient=patient) is None:
            connection.execute(withdrawals.insert().values(institution=institution, patient=patient, withdrawn_at_ms=at_ms))

    def lock(self, transaction: RecordsTransaction, institution: InstitutionId, records: Mapping[RecordId, int]) -> None:
        """Lock records until a time, unix ms; a lock is never shortened."""
        connection = connection_of(transaction)
        for record_id, until_ms in records.items():
            own = locked_records.c.record_id == record_id
            known = connection.scalar(sa.select(locked_records.c.locked_until_ms).where(own))
            if known is None:
                values = {"record_id": record_id, "institution": institution, "locked_until_ms": until_ms}
                connection.execute(locked_records.insert().values(values))
            elif known < until_ms:
                connection.execute(locked_records.update().where(own).values(locked_until_ms=until_ms))

    def unlock(self, transaction: RecordsTransaction, records: Collection[RecordId]) -> None:
        """Forget locks of records that were erased."""
        connection = connection_of(transaction)
        for chunk in _chunks(records):
            connection.execute(locked_records.delete().where(locked_records.c.record_id.in_(chunk)))

    def is_withdrawn(self, institution: InstitutionId, patient: PatientId) -> bool:
        """Tell whether processing for a patient has stopped."""
        return _WITHDRAWAL.read_one(self._readers, institution=institution, patient=patient) is not None

    def locked(self, records: Collection[RecordId]) -> Mapping[RecordId, int]:
        """Return those of these records that are locked, and until when, unix ms."""
        with self._readers.connect() as connection:
            return {RecordId(record_id): until_ms for record_id, until_ms in look_up(connection, _LOCKED, list(records))}

    def expired(self, now_ms: int, limit: int) -> Mapping[RecordId, InstitutionId]:
        """Return records whose lock is over, with their institutions."""
        query = sa.select(locked_records.c.record_id, locked_records.c.institution)
        query = query.where(locked_records.c.locked_until_ms <= now_ms).order_by(locked_records.c.locked_until_ms).limit(limit)
        with self._readers.connect() as connection:
            return {RecordId(row.record_id): InstitutionId(row.institution) for row in connection.execute(query)}


def _chunks(records: Collection[RecordId]) -> list[list[RecordId]]:
    ordered = list(records)
    return [ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK)]
