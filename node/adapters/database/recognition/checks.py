"""Checks at order time, in `records.db` (`ports.recognition.checks.CheckStore`)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from ledger.store.sql_statements import Statement
from node.adapters.database.driver import insert_rows
from node.adapters.database.recognition.tables_checks import decisions, order_checks
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId
from node.domain.recognition_acts import CheckId
from node.ports.recognition.checks import KeptCheck
from node.ports.records.transaction import RecordsTransaction

_CHUNK = 400
"""Values in one IN list: below every engine's limit on bound parameters."""
_INSERT = order_checks.insert()
_OWN = order_checks.c.institution == sa.bindparam("institution")
_DUE = order_checks.c.due.is_(True)
_HOUR: sa.BindParameter[int] = sa.bindparam("hour")
_BEFORE: sa.BindParameter[int] = sa.bindparam("before")
_CHECK = Statement(sa.select(order_checks).where(order_checks.c.check_id == sa.bindparam("check"), _OWN))
_DUE_HOURS = Statement(
    sa.select(order_checks.c.institution, order_checks.c.hour_ms)
    .distinct()
    .where(_DUE, order_checks.c.hour_ms < _BEFORE)
    .order_by(order_checks.c.hour_ms, order_checks.c.institution)
)
_DUE_CHECKS = Statement(
    sa.select(order_checks)
    .where(_DUE, _OWN, order_checks.c.hour_ms == _HOUR)
    .order_by(order_checks.c.checked_at_ms, order_checks.c.check_id)
)
_LOGGED = Statement(
    order_checks.update().where(order_checks.c.check_id.in_(sa.bindparam("checks", expanding=True)), _DUE).values(due=False)
)
_DECIDED = sa.select(decisions.c.check_id).where(decisions.c.check_id == order_checks.c.check_id).exists()
_FORGET = Statement(order_checks.delete().where(order_checks.c.checked_at_ms < _BEFORE, order_checks.c.due.is_(False), ~_DECIDED))


class SqlCheckStore:
    """A `CheckStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def keep(self, transaction: RecordsTransaction, check: KeptCheck) -> None:
        """Keep a check."""
        values = (
            check.check_id,
            check.institution,
            check.checked_at_ms,
            check.hour_ms,
            check.is_due,
            check.outcome,
            check.patient,
        )
        insert_rows(connection_of(transaction), _INSERT, [values])

    def check(self, institution: InstitutionId, check_id: CheckId) -> KeptCheck | None:
        """Return an institution's check; None for another institution's."""
        row = _CHECK.read_one(self._readers, check=check_id, institution=institution)
        return None if row is None else _check(row)

    def due_hours(self, before_ms: int) -> list[tuple[InstitutionId, int]]:
        """Return institutions and hours that began before a time and have checks to be logged."""
        rows = _DUE_HOURS.read(self._readers, before=before_ms)
        return [(InstitutionId(row.institution), row.hour_ms) for row in rows]

    def due(self, institution: InstitutionId, hour_ms: int) -> list[KeptCheck]:
        """Return what is to be logged of an institution's hour, in the order in which it was answered."""
        return [_check(row) for row in _DUE_CHECKS.read(self._readers, institution=institution, hour=hour_ms)]

    def mark_logged(self, transaction: RecordsTransaction, checks: Collection[CheckId]) -> int:
        """Note that checks go into the log with this transaction; return how many of them were due."""
        ordered, count = list(checks), 0
        for start in range(0, len(ordered), _CHUNK):
            count += _LOGGED.run(connection_of(transaction), checks=ordered[start : start + _CHUNK])
        return count

    def forget(self, transaction: RecordsTransaction, before_ms: int) -> None:
        """Remove checks that were answered before a time, those that are still to be logged or were decided on apart."""
        _FORGET.run(connection_of(transaction), before=before_ms)


def _check(row: Any) -> KeptCheck:  # noqa: ANN401 - a row of `order_checks`
    return KeptCheck(
        check_id=CheckId(row.check_id),
        institution=InstitutionId(row.institution),
        checked_at_ms=row.checked_at_ms,
        hour_ms=row.hour_ms,
        is_due=bool(row.due),
        outcome=row.outcome_sealed,
        patient=row.patient_sealed,
    )
