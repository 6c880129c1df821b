"""Keeps the last registry in `records.db` (`ports.members.membership.RegistryStore`)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec
import sqlalchemy as sa

from node.adapters.database.members.tables_membership import registry_snapshot
from node.adapters.database.records.transaction import connection_of
from node.ports.chain.consortium import Registry
from node.ports.records.transaction import RecordsTransaction, RecordsWriter

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Registry)
_ID: Final = 1


class SqlRegistryStore:
    """Keeps one registry."""

    def __init__(self, readers: sa.Engine, writer: RecordsWriter) -> None:
        self._readers = readers
        self._writer = writer

    def load(self) -> tuple[Registry, datetime] | None:
        """Return what was kept, and when it was read; None when nothing was, or another release's shape."""
        with self._readers.connect() as connection:
            row = connection.execute(sa.select(registry_snapshot.c.seen_at_ms, registry_snapshot.c.registry)).first()
        if row is None:
            return None
        try:
            registry = _DECODER.decode(row.registry)
        except msgspec.MsgspecError:
            return None
        return registry, datetime.fromtimestamp(row.seen_at_ms / 1000, UTC)

    def save(self, registry: Registry, seen_at: datetime) -> None:
        """Keep a registry in place of the last one."""
        values = {"id": _ID, "seen_at_ms": int(seen_at.timestamp() * 1000), "registry": _ENCODER.encode(registry)}

        def work(transaction: RecordsTransaction) -> None:
            connection = connection_of(transaction)
            connection.execute(registry_snapshot.delete())
            connection.execute(registry_snapshot.insert().values(values))

        self._writer.submit(work).result()
