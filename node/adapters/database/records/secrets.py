"""`secrets.db`: record secrets wrapped under the node's key-encryption key.

Durable before the entry that uses it is staged: the reverse order could acknowledge a record that nobody can open. What
a crash leaves behind is therefore a secret without an entry, which the sweep removes. Deleted rows are overwritten and
the write-ahead log is truncated after a destruction, so that tomorrow's backup does not hold them; yesterday's is
unreadable once its key-encryption key is destroyed.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.adapters.database.driver import insert_rows, look_up
from node.adapters.database.engines import truncate_log
from node.adapters.database.records.statements import INSERT_SECRETS, SECRETS
from node.adapters.database.records.tables import record_secrets, secret_sweeps
from node.errors import SecretUnreadableError
from node.ports.clock import Clock
from node.ports.keys.signing import KeyEncryptionKeys
from node.ports.records.secrets import RecordSecret, SecretId

_NONCE_BYTES = 12
_REWRAP_ROWS = 10_000
"""Secrets that are rewrapped at a time."""


class SqlSecretStore:
    """A `SecretStore` in a SQL table."""

    def __init__(self, engine: sa.Engine, keys: KeyEncryptionKeys, clock: Clock) -> None:
        self._engine = engine
        self._keys = keys
        self._clock = clock

    def put_many(self, secrets_by_id: Mapping[SecretId, RecordSecret]) -> None:
        """Wrap and store secrets in one durable transaction."""
        if not secrets_by_id:
            return
        kek_id, kek = self._keys.current()
        cipher = AESGCM(kek)
        now_ms = int(self._clock.now().timestamp() * 1000)
        rows = [(secret_id, kek_id, _wrap(cipher, secret_id, secret), now_ms) for secret_id, secret in secrets_by_id.items()]
        with self._engine.begin() as connection:
            insert_rows(connection, INSERT_SECRETS, rows)

    def get(self, secret_id: SecretId) -> RecordSecret | None:
        """Return a secret, or None when it was destroyed or never stored.

        Raises:
            SecretUnreadableError: The key-encryption key has gone or the row was altered.
        """
        with self._engine.connect() as connection:
            found = look_up(connection, SECRETS, [secret_id])
        return self._unwrap(*found[0][:3]) if found else None

    def destroy(self, secret_ids: Collection[SecretId]) -> None:
        """Overwrite and remove secrets durably; unknown ones are passed over."""
        with self._engine.begin() as connection:
            for secret_id in secret_ids:
                connection.execute(record_secrets.delete().where(record_secrets.c.secret_id == secret_id))
        truncate_log(self._engine)

    def rewrap(self) -> int:
        """Wrap every secret under the current key-encryption key, so that older ones can be destroyed.

        One transaction: after a crash either all secrets are under the new key, or none, and the old one still exists.

        Returns:
            How many secrets were under another key.

        Raises:
            SecretUnreadableError: One cannot be unwrapped; nothing is changed.
        """
        kek_id, kek = self._keys.current()
        cipher = AESGCM(kek)
        old = sa.select(record_secrets).where(record_secrets.c.kek_id != kek_id)
        change = record_secrets.update().where(record_secrets.c.secret_id == sa.bindparam("at"))
        change = change.values(kek_id=sa.bindparam("kek"), wrapped=sa.bindparam("sealed"))
        rewrapped = 0
        with self._engine.begin() as connection:
            while rows := connection.execute(old.limit(_REWRAP_ROWS)).all():
                values = [
                    {"at": secret_id, "kek": kek_id, "sealed": _wrap(cipher, secret_id, self._unwrap(secret_id, old_id, wrapped))}
                    for secret_id, old_id, wrapped, _ in rows
                ]
                connection.execute(change, values)
                rewrapped += len(rows)
        truncate_log(self._engine)
        return rewrapped

    def unswept(self, stored_before_ms: int, limit: int) -> tuple[frozenset[SecretId], int]:
        """Return secrets stored since the last sweep, oldest first, about `limit` at the most, and up to when."""
        created = record_secrets.c.created_at_ms
        with self._engine.connect() as connection:
            since_ms = connection.execute(sa.select(sa.func.max(secret_sweeps.c.swept_until_ms))).scalar() or 0
            window = sa.and_(created >= since_ms, created < stored_before_ms)
            beyond = sa.select(created).where(window).order_by(created).offset(limit).limit(1)
            # a whole millisecond is taken at a time: more than the limit may have been stored in it
            until_ms = connection.execute(beyond).scalar()
            until_ms = stored_before_ms if until_ms is None else max(until_ms, since_ms + 1)
            query = sa.select(record_secrets.c.secret_id).where(created >= since_ms, created < until_ms)
            return frozenset(SecretId(value) for value in connection.scalars(query)), until_ms

    def swept(self, stored_before_ms: int) -> None:
        """Remember that orphans stored before a time (unix ms) were removed."""
        with self._engine.begin() as connection:
            connection.execute(secret_sweeps.delete())
            connection.execute(secret_sweeps.insert().values(swept_until_ms=stored_before_ms))

    def _unwrap(self, secret_id: bytes, kek_id: str, wrapped: bytes) -> RecordSecret:
        kek = self._keys.by_id(kek_id)
        if kek is None:
            raise SecretUnreadableError(f"its key-encryption key {kek_id} is not in the key store")
        try:
            return RecordSecret(AESGCM(kek).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], secret_id))
        except InvalidTag as error:
            raise SecretUnreadableError("the wrapped secret was altered") from error


def _wrap(cipher: AESGCM, secret_id: SecretId, secret: RecordSecret) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, secret, secret_id)
