"""How far logs had been read for checks, in `records.db` (`ports.recognition.check_reads.CheckReadStore`)."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ledger.store.sql_statements import Statement
from node.adapters.database.driver import insert_rows
from node.adapters.database.recognition.tables_check_reads import check_reads
from node.adapters.database.recognition.tables_checks import order_checks
from node.adapters.database.records.transaction import connection_of
from node.domain.recognition_acts import CheckId
from node.ports.recognition.check_reads import KeptRead
from node.ports.records.transaction import RecordsTransaction

_INSERT = check_reads.insert()
_FORGET = Statement(
    check_reads.delete().where(
        ~sa.select(order_checks.c.check_id).where(order_checks.c.check_id == check_reads.c.check_id).exists(),
    )
)


class SqlCheckReadStore:
    """A `CheckReadStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def keep(self, transaction: RecordsTransaction, reads: Sequence[KeptRead]) -> None:
        """Keep lists."""
        insert_rows(connection_of(transaction), _INSERT, [(each.check_id, each.logs) for each in reads])

    def read(self, check_id: CheckId) -> KeptRead | None:
        """Return the list of a check; None where none was kept."""
        query = sa.select(check_reads.c.logs_sealed).where(check_reads.c.check_id == check_id)
        with self._readers.connect() as connection:
            found = connection.scalars(query).one_or_none()
        return None if found is None else KeptRead(check_id, found)

    def forget(self, transaction: RecordsTransaction) -> None:
        """Remove the lists of checks that are not kept any more."""
        _FORGET.run(connection_of(transaction))
