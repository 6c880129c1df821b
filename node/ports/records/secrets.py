"""Record secrets, as services see them: a store of their own, so that erasure survives backups (DESIGN section 5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NewType, Protocol

SecretId = NewType("SecretId", bytes)
"""16 random bytes that name a secret."""

RecordSecret = NewType("RecordSecret", bytes)
"""32 random bytes: part salts and body key derive from it (FORMATS, Record)."""


class SecretStore(Protocol):
    """Keeps record secrets, wrapped under a key-encryption key."""

    def put_many(self, secrets: Mapping[SecretId, RecordSecret]) -> None:
        """Store secrets durably: they survive a power cut when this returns."""

    def get(self, secret_id: SecretId) -> RecordSecret | None:
        """Return a secret, or None when it was destroyed or never stored."""

    def destroy(self, secret_ids: Collection[SecretId]) -> None:
        """Overwrite and remove secrets durably; unknown ones are passed over."""

    def unswept(self, stored_before_ms: int, limit: int) -> tuple[frozenset[SecretId], int]:
        """Return secrets stored since the last sweep, oldest first, about `limit` at the most.

        Returns:
            Their ids, and the time (unix ms) up to which these are all: `stored_before_ms` when none are left.
        """

    def swept(self, stored_before_ms: int) -> None:
        """Remember that orphans stored before a time (unix ms) were removed."""
