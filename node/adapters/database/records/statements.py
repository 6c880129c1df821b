"""Statements of the staging transaction, built once: building one costs as much as running it, and every group runs all of them."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from node.adapters.database.records.tables import bodies, entries, headers, locator_counters, patients, record_secrets, records

_INSTITUTION: Final[sa.BindParameter[str]] = sa.bindparam("institution", required=False)
_WANTED: Final[sa.BindParameter[Any]] = sa.bindparam("wanted", expanding=True)

RECORDS_BY_IDENTITY: Final = sa.select(records).where(records.c.institution == _INSTITUTION, records.c.identity_mac.in_(_WANTED))
RECORDS: Final = sa.select(records).where(records.c.record_id.in_(_WANTED))
VERSIONS: Final = sa.select(entries).where(entries.c.record_id.in_(_WANTED)).order_by(entries.c.version)
PATIENTS_BY_NUMBER: Final = sa.select(patients).where(patients.c.institution == _INSTITUTION, patients.c.number_mac.in_(_WANTED))
COUNTERS: Final = sa.select(locator_counters).where(locator_counters.c.locator_id.in_(_WANTED))
INSERT_RECORDS: Final = records.insert()
INSERT_ENTRIES: Final = entries.insert()
INSERT_HEADERS: Final = headers.insert()
INSERT_BODIES: Final = bodies.insert()
INSERT_PATIENTS: Final = patients.insert()
INSERT_SECRETS: Final = record_secrets.insert()
SECRETS: Final = sa.select(record_secrets).where(record_secrets.c.secret_id.in_(_WANTED))


def _set_counters(insert: sqlite.Insert | postgresql.Insert) -> sa.Insert:
    key = [column.name for column in locator_counters.primary_key]
    return insert.on_conflict_do_update(index_elements=key, set_={"next_counter": insert.excluded.next_counter})


SET_COUNTERS: Final = {
    "sqlite": _set_counters(sqlite.insert(locator_counters)),
    "postgresql": _set_counters(postgresql.insert(locator_counters)),
}
"""By dialect: SQL has no word of its own for insert-or-update."""
