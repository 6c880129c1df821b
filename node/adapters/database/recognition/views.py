"""One-time links to results, in `records.db` (`ports.recognition.views.ViewStore`)."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from node.adapters.database.recognition.tables_views import result_views
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId
from node.domain.recognition_acts import CheckId
from node.ports.recognition.views import KeptView
from node.ports.records.transaction import RecordsTransaction


class SqlViewStore:
    """A `ViewStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def keep(self, transaction: RecordsTransaction, views: Sequence[KeptView]) -> None:
        """Keep links."""
        rows = [
            {
                "token_hash": each.token_hash,
                "institution": each.institution,
                "check_id": each.check_id,
                "expires_at_ms": each.expires_at_ms,
                "used_at_ms": each.used_at_ms,
                "content_sealed": each.content,
            }
            for each in views
        ]
        if rows:
            connection_of(transaction).execute(result_views.insert(), rows)

    def view(self, token_hash: bytes) -> KeptView | None:
        """Return a link."""
        query = sa.select(result_views).where(result_views.c.token_hash == token_hash)
        with self._readers.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return KeptView(
            token_hash=row.token_hash,
            institution=InstitutionId(row.institution),
            check_id=CheckId(row.check_id),
            expires_at_ms=row.expires_at_ms,
            used_at_ms=row.used_at_ms,
            content=row.content_sealed,
        )

    def use(self, transaction: RecordsTransaction, token_hash: bytes, at_ms: int) -> bool:
        """Use a link up; False where it was used before, has expired, or is none."""
        table = result_views
        # one statement decides: of two that come at once the second finds it used
        unused = sa.and_(table.c.token_hash == token_hash, table.c.used_at_ms.is_(None), table.c.expires_at_ms > at_ms)
        return connection_of(transaction).execute(table.update().where(unused).values(used_at_ms=at_ms)).rowcount == 1

    def sweep(self, transaction: RecordsTransaction, before_ms: int) -> None:
        """Remove links that expired before a time."""
        connection_of(transaction).execute(result_views.delete().where(result_views.c.expires_at_ms < before_ms))
