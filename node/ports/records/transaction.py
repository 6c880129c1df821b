"""Records, entries, patients and clients, as services see them: a transaction to write in, a reader for the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple, NewType, Protocol, TypeVar

from ledger.hashing import TreeSize
from ledger.ports import HashReader, LogReader, LogStore
from node.domain.entry import EntryType, InstitutionId, Origin, RecordId, Version
from node.domain.record import Kind, RecordStatus
from node.ports.records.secrets import SecretId

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
ItemT_contra = TypeVar("ItemT_contra", contravariant=True)
ResultT_co = TypeVar("ResultT_co", covariant=True)

IdentityMac = NewType("IdentityMac", bytes)
"""32 bytes: keyed hash of a record identity; recognises a record, says nothing about it."""

PatientId = NewType("PatientId", bytes)
"""16 random bytes."""

LocatorId = NewType("LocatorId", bytes)
"""16 bytes, a keyed hash of an epoch key: names it in counters. Two numbers of one patient share it, a replaced key has its own."""


class EntryRow(NamedTuple):
    """A staged entry, as the database keeps it."""

    origin: Origin
    """The log."""
    leaf_index: int
    """Its place there: staging order is log order."""
    institution: InstitutionId
    """Whose."""
    record_id: RecordId | None
    """None for entries that are no record's."""
    version: Version
    """The record's version; 0 for entries that are no record's."""
    entry_type: EntryType
    """Type of the leaf."""
    status: RecordStatus
    """The document's status; empty for entries that are no record's."""
    staged_at_ms: int
    """When it became durable, unix ms."""
    leaf: bytes
    """The 106 bytes of the log."""
    leaf_hash: bytes
    """RFC 9162 leaf hash, 32 bytes."""
    sameness_mac: bytes | None
    """Keyed digest of the content; None once erased."""
    issued_at_ms: int | None
    """When the document says that it was issued, unix ms."""
    out_of_order: bool
    """Whether a newer version had arrived before."""
    secret_id: SecretId | None
    """Names the record secret; None for public entries and once erased."""
    owner_sealed: bytes | None = None
    """The patient's id, sealed for this node; None where there is no patient, or nobody knows any more."""

    def at(self, leaf_index: int) -> EntryRow:
        """Return it with its place, which the log gives."""
        return EntryRow(self.origin, leaf_index, *self[2:])


class RecordRow(NamedTuple):
    """A record with its versions."""

    record_id: RecordId
    """The id in API paths."""
    institution: InstitutionId
    """Whose."""
    kind: Kind
    """Its kind."""
    identity_mac: IdentityMac
    """What recognises it when it comes again."""
    erased_at_ms: int | None
    """When it was erased, unix ms."""
    entries: tuple[EntryRow, ...]
    """Its versions, lowest first."""


@dataclass(frozen=True, slots=True)
class PatientRow:
    """A hospital's patient and what the node holds of its keys."""

    patient_id: PatientId
    """Random."""
    institution: InstitutionId
    """Whose patient."""
    number_mac: bytes
    """Keyed hash of the hospital's patient number, 32 bytes."""
    provisional: bool
    """Whether the node issued the code itself (FORMATS "Patient code")."""
    keys_sealed: bytes
    """`PatientKeys`, sealed for this node."""


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client of the API."""

    client_id: str
    """Random."""
    institution: InstitutionId
    """For which institution it acts."""
    name: str
    """For the operator."""
    key_digest: bytes
    """SHA-256 of its 256-bit random key."""
    scopes: frozenset[str]
    """What it may do."""
    created_at_ms: int
    """Unix ms."""
    revoked_at_ms: int | None
    """Unix ms."""


@dataclass(frozen=True, slots=True)
class AnchorRow:
    """A head of a log that the chain accepted."""

    origin: Origin
    """The log."""
    size: int
    """Tree size."""
    root: bytes
    """32 bytes."""
    block_number: int
    """Where it was read."""
    block_hash: bytes
    """32 bytes."""
    timestamp_s: int
    """The contract's time of the anchor, unix s."""


class CounterKey(NamedTuple):
    """Names a locator counter (FORMATS "Patient code and locator")."""

    origin: Origin
    """The log."""
    locator_id: LocatorId
    """The key that the tags are made with."""
    tag_class: int
    """0 or 1."""


class RecordsTransaction(Protocol):
    """What can be done in one transaction on `records.db`. All of it happens, or none."""

    def log(self, origin: Origin) -> LogStore:
        """Return a log's store, joined to this transaction."""

    def records_by_identity(self, institution: InstitutionId, identities: Sequence[IdentityMac]) -> dict[IdentityMac, RecordRow]:
        """Return the records that have these identities, with all versions."""

    def record(self, record_id: RecordId) -> RecordRow | None:
        """Return a record with all versions."""

    def insert_records(self, records: Sequence[RecordRow]) -> None:
        """Insert records (their entries apart)."""

    def insert_entries(self, entries: Sequence[EntryRow]) -> None:
        """Insert entries."""

    def insert_headers(self, headers: Sequence[tuple[Origin, int, bytes]]) -> None:
        """Insert headers as (origin, leaf index, bytes)."""

    def insert_bodies(self, bodies: Sequence[tuple[Origin, int, bytes]]) -> None:
        """Insert sealed bodies as (origin, leaf index, bytes)."""

    def patients_by_number(self, institution: InstitutionId, numbers: Sequence[bytes]) -> dict[bytes, PatientRow]:
        """Return the patients that have these numbers (keyed hashes)."""

    def insert_patients(self, patients: Sequence[PatientRow]) -> None:
        """Insert patients."""

    def replace_patient_keys(self, patient_id: PatientId, keys_sealed: bytes, *, provisional: bool) -> None:
        """Replace a patient's keys."""

    def patients(self, institution: InstitutionId) -> Iterable[PatientRow]:
        """Iterate over an institution's patients."""

    def counters(self, locators: Sequence[LocatorId]) -> dict[CounterKey, int]:
        """Return the next values of all counters of these keys; those never used are absent."""

    def set_counters(self, values: Mapping[CounterKey, int]) -> None:
        """Store the next values of counters."""

    def forget(self, record_id: RecordId, erased_at_ms: int) -> None:
        """Remove a record's headers, bodies and content digests and mark it erased."""

    def forget_secret_ids(self, record_id: RecordId) -> None:
        """Remove the names of a record's secrets, once those are destroyed."""

    def records_of_leaves(self, origin: Origin, leaf_hashes: Sequence[bytes]) -> list[RecordId]:
        """Return the records that have not been erased and have these leaves; reads all entries of the log once."""

    def entries_from(self, origin: Origin, start: int) -> list[EntryRow]:
        """Return all entries from an index on, in order."""

    def header(self, origin: Origin, leaf_index: int) -> bytes | None:
        """Return an entry's header, or None when it was deleted."""

    def replace_entry(self, origin: Origin, leaf_index: int, leaf: bytes, leaf_hash: bytes, header: bytes) -> None:
        """Replace leaf and header of an entry that was staged and never logged."""

    def renumber(self, origin: Origin, moves: Mapping[int, int]) -> None:
        """Give entries that were staged and never logged new indices."""

    def remember_checkpoint(self, origin: Origin, size: int, note: bytes) -> None:
        """Keep a signed checkpoint that is submitted for anchoring; the same again is passed over."""

    def remember_anchor(self, anchor: AnchorRow) -> None:
        """Keep an accepted head; the same again replaces it."""

    def forget_anchors(self, origin: Origin, above_size: int) -> None:
        """Remove anchors above a size: the chain took them back."""

    def insert_client(self, client: ClientRow) -> None:
        """Insert an API client."""

    def revoke_client(self, client_id: str, revoked_at_ms: int) -> bool:
        """Revoke a client's key; False when there is none."""


class GroupHandler(Protocol[ItemT_contra, ResultT_co]):
    """Work that can be done for many items in one transaction."""

    def run(self, transaction: RecordsTransaction, items: Sequence[ItemT_contra]) -> Sequence[ResultT_co]:
        """Do the work for all items and return a result for each; an exception rolls everything back."""


class Act(Protocol):
    """Runs work in a transaction of the records writer, perhaps beside something that has to be durable with it."""

    def __call__(self, work: Callable[[RecordsTransaction], ResultT]) -> ResultT:
        """Run work; durable when this returns, and nothing of it if this raises."""


class RecordsWriter(Protocol):
    """The one writer of `records.db`."""

    def submit(self, work: Callable[[RecordsTransaction], ResultT]) -> Future[ResultT]:
        """Queue work for a transaction of its own; the future completes after the commit.

        Raises:
            NodeStoppingError: The writer has stopped.
        """

    def submit_together(self, work: Callable[[RecordsTransaction], ResultT]) -> Future[ResultT]:
        """Queue work that may share a transaction with its neighbours: for many small ones, each of which somebody waits for.

        Where one of them fails, the transaction is undone and each is run again in one of its own: work acts by its transaction
        alone, or does what may be done twice.

        Raises:
            NodeStoppingError: The writer has stopped.
        """

    def submit_item(self, handler: GroupHandler[ItemT, ResultT], item: ItemT) -> Future[ResultT]:
        """Queue an item; neighbours with the same handler share its transaction.

        Raises:
            NodeStoppingError: The writer has stopped.
        """

    def submit_items(self, handler: GroupHandler[ItemT, ResultT], items: Sequence[ItemT]) -> Future[list[ResultT | BaseException]]:
        """Queue items; neighbours with the same handler share their transaction. One that fails gives its error in its place.

        Raises:
            NodeStoppingError: The writer has stopped.
        """

    def depth(self) -> int:
        """Return how many items wait."""

    def scrub(self) -> None:
        """Overwrite what deleted rows left behind in the database's files, as far as the database lets one."""


@dataclass(frozen=True, slots=True)
class EntryPage:
    """A page of entries, newest first."""

    entries: tuple[EntryRow, ...]
    """The entries."""
    kinds: Mapping[RecordId, Kind]
    """Kinds of their records."""
    next_before: int | None
    """Pass as `before` for the next page; None at the end."""


class RecordsReader(Protocol):
    """Reads `records.db` from any thread; sees what was committed."""

    def log(self, origin: Origin) -> LogReader:
        """Return a reader of a log's committed and published state."""

    def hashes(self, origin: Origin, size: TreeSize) -> HashReader:
        """Return the hashes of a log's tree of a size that was committed; full tiles stay in memory."""

    def record(self, record_id: RecordId) -> RecordRow | None:
        """Return a record with all versions."""

    def page(self, institution: InstitutionId, origin: Origin, *, before: int | None, limit: int) -> EntryPage:
        """Return a page of an institution's record entries, newest first."""

    def headers(self, origin: Origin, start: int, count: int) -> list[tuple[int, bytes | None]]:
        """Return (leaf index, header or None when deleted) for a range of entries."""

    def entry_count(self, origin: Origin) -> int:
        """Return how many entries were staged for a log: the next one's index."""

    def checkpoint(self, origin: Origin, size: int) -> bytes | None:
        """Return the signed checkpoint of a size that was submitted for anchoring."""

    def latest_anchor(self, origin: Origin) -> AnchorRow | None:
        """Return the largest accepted head of a log."""

    def client_by_digest(self, key_digest: bytes) -> ClientRow | None:
        """Return the client with this key."""

    def clients(self) -> list[ClientRow]:
        """Return all clients."""

    def erased_with_secrets(self) -> list[tuple[RecordId, tuple[SecretId, ...]]]:
        """Return erased records whose secrets may still exist: a crash came between the two steps of erasure."""

    def secrets_in_use(self, candidates: Collection[SecretId]) -> frozenset[SecretId]:
        """Return those of these secrets that an entry refers to."""
