"""The databases of a node, opened."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from node.adapters.database.records.reader import SqlBodyReader, SqlRecordsReader
from node.adapters.database.records.secrets import SqlSecretStore
from node.adapters.database.records.transaction import SqlRecordsTransaction
from node.adapters.database.records.writer import SqlRecordsWriter
from node.adapters.database.schema import RECORDS, SECRETS, open_database
from node.adapters.directory import DirectoryLock
from node.adapters.keys.files import FileKeyEncryptionKeys
from node.ports.clock import Clock
from node.settings import NodeSettings


@dataclass(frozen=True, slots=True)
class Stores:
    """What reads and writes the databases."""

    writer: SqlRecordsWriter
    """The one writer of `records.db`; not started yet."""
    reader: SqlRecordsReader
    """Reads `records.db`."""
    bodies: SqlBodyReader
    """Reads sealed bodies."""
    secrets: SqlSecretStore
    """Keeps record secrets."""
    kek: FileKeyEncryptionKeys
    """Wraps them."""
    readers: sa.Engine
    """Reads `records.db`, for adapters that keep tables of their own there."""


def open_stores(settings: NodeSettings, clock: Clock, stack: contextlib.ExitStack) -> Stores:
    """Open the databases; the stack closes them.

    Raises:
        SettingsError: One is missing.
        SchemaVersionError: Another release wrote one.
    """
    records = open_database(settings.directory, RECORDS, writer=True)
    stack.callback(records.dispose)
    readers = open_database(settings.directory, RECORDS, writer=False)
    stack.callback(readers.dispose)
    secrets = open_database(settings.directory, SECRETS, writer=True)
    stack.callback(secrets.dispose)
    kek = FileKeyEncryptionKeys(settings.keys)
    return Stores(
        writer=SqlRecordsWriter(records, SqlRecordsTransaction),
        reader=SqlRecordsReader(readers),
        bodies=SqlBodyReader(readers),
        secrets=SqlSecretStore(secrets, kek, clock),
        kek=kek,
        readers=readers,
    )


@contextlib.contextmanager
def exclusive_stores(settings: NodeSettings, clock: Clock) -> Iterator[Stores]:
    """Hold the databases of a node that nobody serves, the writer running.

    Raises:
        DirectoryInUseError: Somebody does.
    """
    with contextlib.ExitStack() as stack:
        stack.callback(DirectoryLock(settings.directory).release)
        stores = open_stores(settings, clock, stack)
        stores.writer.start()
        stack.callback(stores.writer.close)
        yield stores
