"""Nonces of signed requests in `records.db` (`ports.members.nonces.NonceStore`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store.sql_statements import Statement
from node.adapters.database.members.tables_nonces import request_nonces
from node.adapters.database.records.transaction import connection_of
from node.ports.members.nonces import UsedNonce
from node.ports.records.transaction import RecordsTransaction

_FORGET: Final = Statement(request_nonces.delete().where(request_nonces.c.forget_at_s < sa.bindparam("now_s")))


def _claim(insert: sqlite.Insert | postgresql.Insert) -> sa.Insert:
    # what was inserted, not how many: drivers differ in what they count
    return insert.on_conflict_do_nothing().returning(request_nonces.c.nonce)


_CLAIM: Final = Statement(
    {
        "sqlite": _claim(sqlite.insert(request_nonces)),
        "postgresql": _claim(postgresql.insert(request_nonces)),
    }
)
"""By dialect: SQL has no word of its own for insert-or-leave."""


class SqlNonceStore:
    """Remembers nonces."""

    def __init__(self) -> None:
        self._forgot_at_s = 0

    def claim(self, transaction: RecordsTransaction, nonces: Sequence[UsedNonce], now_s: int) -> list[bool]:
        """Remember nonces and say of each whether it was new; forget those whose time is over."""
        connection = connection_of(transaction)
        if now_s != self._forgot_at_s:
            # once a second is enough: what stays a little longer refuses what is refused anyway
            _FORGET.run(connection, now_s=now_s)
            self._forgot_at_s = now_s
        return [_CLAIM.row(connection, **_values(nonce)) is not None for nonce in nonces]


def _values(nonce: UsedNonce) -> dict[str, object]:
    return {"key_id": nonce.key_id, "nonce": nonce.nonce, "forget_at_s": nonce.forget_at_s}
