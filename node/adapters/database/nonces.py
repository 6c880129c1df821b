"""Nonces of signed requests in `records.db` (`ports.nonces.NonceStore`)."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from node.adapters.database.tables_nonces import request_nonces
from node.adapters.database.transaction import connection_of
from node.ports.nonces import UsedNonce
from node.ports.records import RecordsTransaction


class SqlNonceStore:
    """Remembers nonces."""

    def claim(self, transaction: RecordsTransaction, nonces: Sequence[UsedNonce], now_s: int) -> list[bool]:
        """Remember nonces and say of each whether it was new; forget those whose time is over."""
        connection = connection_of(transaction)
        connection.execute(request_nonces.delete().where(request_nonces.c.forget_at_s < now_s))
        return [_insert(connection, nonce) for nonce in nonces]


def _insert(connection: sa.Connection, nonce: UsedNonce) -> bool:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {"key_id": nonce.key_id, "nonce": nonce.nonce, "forget_at_s": nonce.forget_at_s}
    # what was inserted, not how many: SQLAlchemy leaves the count of an insertion unknown on PostgreSQL
    claim = insert(request_nonces).values(values).on_conflict_do_nothing().returning(request_nonces.c.nonce)
    return connection.scalar(claim) is not None
