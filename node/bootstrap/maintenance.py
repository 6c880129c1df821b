"""What is done to a node that is not being served: create it, issue API keys, recover a log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.ports import LogReader
from node.adapters.clock import SystemClock
from node.adapters.database.custody.relocations import SqlRelocationStore
from node.adapters.database.custody.tombstones import SqlTombstoneRegister
from node.adapters.database.records.own_entries import SqlEntryLabels, SqlOwnTags
from node.adapters.database.schema import create_databases
from node.adapters.keys.files import (
    FileNodeKeys,
    InstitutionKeys,
    create_institution_keys,
    create_node_keys,
    keep_locator_secrets,
    read_locator_secrets,
)
from node.adapters.keys.identity import FileInstitutionIdentity
from node.bootstrap.chain import adopt_nonces
from node.bootstrap.hosting import audit_keys, hosted_institutions, log_keys, log_signer, read_trust_root
from node.bootstrap.stores import Stores, exclusive_stores
from node.domain.entry import InstitutionId, Origin
from node.errors import UnknownOriginError
from node.ports.clock import unix_ms
from node.ports.records.transaction import RecordsTransaction
from node.services.clients import ClientService, IssuedClient, Scope
from node.services.patients.index import PatientIndex
from node.services.records.recovery import Recovery, RecoveryParts, RecoveryReport
from node.services.records.recovery_burials import BurialStores
from node.settings import NodeSettings
from node.wire.prepare import RecordContext


def init_node(settings: NodeSettings, locator_secrets: Mapping[int, bytes]) -> None:
    """Create a node's keys and databases; what exists is kept.

    Args:
        settings: The node's.
        locator_secrets: The consortium's locator secrets by epoch, 32 bytes each.
    """
    settings.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    create_node_keys(settings.keys)
    keep_locator_secrets(settings.keys, locator_secrets)
    for institution in settings.institutions:
        create_institution_keys(settings.keys, institution.id)
    create_databases(settings.directory, [Origin(institution.origin) for institution in settings.institutions])


def issue_clients(settings: NodeSettings, name: str = "first") -> list[IssuedClient]:
    """Issue an API key with every scope to each institution of a node that is not being served.

    Raises:
        DirectoryInUseError: The node is being served.
    """
    clock = SystemClock()
    with exclusive_stores(settings, clock) as stores:
        clients = ClientService(stores.writer, stores.reader, clock)
        return [clients.issue(InstitutionId(one.id), name, list(Scope)) for one in settings.institutions]


def recover_node(
    settings: NodeSettings, institution: InstitutionId, mirror: LogReader, headers: Mapping[int, bytes]
) -> RecoveryReport:
    """Bring one log of a node that is not being served up to what a mirror of it holds.

    Args:
        settings: The node's.
        institution: Whose log.
        mirror: Whoever holds more of it; believed only as far as the log's own signature proves it.
        headers: Sealed headers by leaf index, from a header export.

    Raises:
        DirectoryInUseError: The node is being served.
        UnknownOriginError: It does not host the institution.
        ChainError: A chain is set and does not tell how many transactions the anchor keys have sent.
        LedgerError: The mirror does not prove what it holds, or contradicts this log; nothing was changed.
    """
    hosted = hosted_institutions(settings).get(institution)
    if hosted is None:
        raise UnknownOriginError(institution)
    trust_root = read_trust_root(settings)
    signer = log_signer(settings, hosted)
    patients = PatientIndex(FileNodeKeys(settings.keys), read_locator_secrets(settings.keys))
    clock = SystemClock()
    identity = FileInstitutionIdentity(settings.keys, institution)

    def work(transaction: RecordsTransaction, stores: Stores) -> RecoveryReport:
        burial = BurialStores(SqlOwnTags(), SqlRelocationStore(stores.readers), SqlTombstoneRegister(stores.readers))
        return Recovery(
            transaction,
            context=RecordContext(hosted.origin, audit_keys(trust_root)),
            keys=log_keys(signer, trust_root),
            parts=RecoveryParts(patients, identity, SqlEntryLabels(), burial),
            now_ms=unix_ms(clock),
        ).run(mirror, headers)

    with exclusive_stores(settings, clock) as stores:
        # first: it asks the chain, and nothing may be changed when that does not answer
        adopt_nonces(settings, trust_root, hosted_institutions(settings), stores.writer, clock)
        return stores.writer.submit(lambda transaction: work(transaction, stores)).result()


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """What a rotation of the key-encryption key did."""

    kek_id: str
    """The key that wraps now."""
    rewrapped: int
    """Record secrets that were under an older one."""
    destroyed: int
    """Older keys that were destroyed: backups of the secrets under them can no longer be opened."""


def rotate_kek(settings: NodeSettings) -> KeyRotation:
    """Wrap all record secrets under a new key and destroy the older ones.

    The keys go last: a crash before leaves every secret readable, and rotating again finishes the work.

    Raises:
        DirectoryInUseError: The node is being served.
        SecretUnreadableError: A secret cannot be unwrapped; nothing was destroyed.
    """
    with exclusive_stores(settings, SystemClock()) as stores:
        kek_id = stores.kek.rotate()
        rewrapped = stores.secrets.rewrap()
        return KeyRotation(kek_id, rewrapped, stores.kek.destroy_older())


def rotate_exchange_key(settings: NodeSettings, institution: InstitutionId) -> bytes:
    """Draw an institution's next exchange key, keep the present one among the former ones, and return the new public key.

    The registry has to be told of it; until then others seal to the former one, which still opens.

    Raises:
        DirectoryInUseError: The node is being served.
        UnknownOriginError: It does not host the institution.
        KeyFileError: The present key is missing or damaged; nothing was changed.
    """
    if institution not in hosted_institutions(settings):
        raise UnknownOriginError(institution)
    with exclusive_stores(settings, SystemClock()):
        InstitutionKeys(settings.keys, institution).rotate_exchange_key()
        return FileInstitutionIdentity(settings.keys, institution).exchange_public_key
