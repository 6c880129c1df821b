"""Checks at order time, in `records.db` (`ports.checks.CheckStore`)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from node.adapters.database.tables_checks import decisions, order_checks
from node.adapters.database.transaction import connection_of
from node.domain.entry import InstitutionId
from node.domain.recognition_acts import CheckId
from node.ports.checks import KeptCheck
from node.ports.records import RecordsTransaction

_CHUNK = 400
"""Values in one IN list: below every engine's limit on bound parameters."""
_INSERT = order_checks.insert()
"""Built once: a clinician waits for it."""


class SqlCheckStore:
    """A `CheckStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def keep(self, transaction: RecordsTransaction, check: KeptCheck) -> None:
        """Keep a check."""
        values = {
            "check_id": check.check_id,
            "institution": check.institution,
            "checked_at_ms": check.checked_at_ms,
            "hour_ms": check.hour_ms,
            "due": check.is_due,
            "outcome_sealed": check.outcome,
            "patient_sealed": check.patient,
        }
        connection_of(transaction).execute(_INSERT, values)

    def check(self, institution: InstitutionId, check_id: CheckId) -> KeptCheck | None:
        """Return an institution's check; None for another institution's."""
        table = order_checks
        found = self._read(sa.select(table).where(table.c.check_id == check_id, table.c.institution == institution))
        return found[0] if found else None

    def due_hours(self, before_ms: int) -> list[tuple[InstitutionId, int]]:
        """Return institutions and hours that began before a time and have checks to be logged."""
        table = order_checks
        hours = sa.select(table.c.institution, table.c.hour_ms).distinct()
        hours = hours.where(table.c.due.is_(True), table.c.hour_ms < before_ms).order_by(table.c.hour_ms, table.c.institution)
        with self._readers.connect() as connection:
            return [(InstitutionId(row.institution), row.hour_ms) for row in connection.execute(hours)]

    def due(self, institution: InstitutionId, hour_ms: int) -> list[KeptCheck]:
        """Return what is to be logged of an institution's hour, in the order in which it was answered."""
        table = order_checks
        chosen = sa.and_(table.c.due.is_(True), table.c.institution == institution, table.c.hour_ms == hour_ms)
        return self._read(sa.select(table).where(chosen).order_by(table.c.checked_at_ms, table.c.check_id))

    def mark_logged(self, transaction: RecordsTransaction, checks: Collection[CheckId]) -> int:
        """Note that checks go into the log with this transaction; return how many of them were due."""
        ordered, count = list(checks), 0
        for start in range(0, len(ordered), _CHUNK):
            chosen = sa.and_(order_checks.c.check_id.in_(ordered[start : start + _CHUNK]), order_checks.c.due.is_(True))
            count += connection_of(transaction).execute(order_checks.update().where(chosen).values(due=False)).rowcount
        return count

    def forget(self, transaction: RecordsTransaction, before_ms: int) -> None:
        """Remove checks that were answered before a time, those that are still to be logged or were decided on apart."""
        table = order_checks
        decided = sa.select(decisions.c.check_id).where(decisions.c.check_id == table.c.check_id).exists()
        old = sa.and_(table.c.checked_at_ms < before_ms, table.c.due.is_(False), ~decided)
        connection_of(transaction).execute(table.delete().where(old))

    def _read(self, query: sa.Select[Any]) -> list[KeptCheck]:
        with self._readers.connect() as connection:
            return [
                KeptCheck(
                    check_id=CheckId(row.check_id),
                    institution=InstitutionId(row.institution),
                    checked_at_ms=row.checked_at_ms,
                    hour_ms=row.hour_ms,
                    is_due=row.due,
                    outcome=row.outcome_sealed,
                    patient=row.patient_sealed,
                )
                for row in connection.execute(query)
            ]
