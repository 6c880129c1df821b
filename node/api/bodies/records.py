"""What the API answers, as msgspec structs; `node.api.openapi.document` shows them with examples."""

from __future__ import annotations

import msgspec

from node.domain.moments import moment
from node.domain.receipt import Receipt
from node.ports.records.transaction import EntryRow
from node.services.logs.progress import Progress
from node.services.records.ingest import Submission


class ReceiptBody(msgspec.Struct, frozen=True, omit_defaults=False):
    """One record's receipt."""

    record_id: str
    institution: str
    origin: str
    kind: str
    outcome: str
    version: int
    status: str
    entry_type: str | None
    leaf_index: int | None
    leaf_hash: str | None
    commitment: str | None
    level: str | None
    witnessed: bool
    out_of_order: bool


class FindingEntry(msgspec.Struct, frozen=True):
    """An entry that shows a finding."""

    origin: str
    leaf_index: int
    leaf_hash: str
    tree_size: int


class FindingItem(msgspec.Struct, frozen=True):
    """One finding of supervision."""

    finding_id: str
    code: str
    severity: str
    institutions: list[str]
    subject: str
    values: dict[str, str]
    entries: list[FindingEntry]
    raised_at: str
    settled_at: str | None


class FindingListBody(msgspec.Struct, frozen=True):
    """A page of findings, newest first."""

    findings: list[FindingItem]
    next_before: str | None


class SubmissionBody(msgspec.Struct, frozen=True):
    """The answer to one document."""

    receipts: list[ReceiptBody]
    ignored: dict[str, int]


class VersionBody(msgspec.Struct, frozen=True):
    """One version of a record."""

    version: int
    status: str
    entry_type: str
    origin: str
    leaf_index: int
    leaf_hash: str
    level: str
    witnessed: bool
    out_of_order: bool
    stored_at: str


class RecordBody(msgspec.Struct, frozen=True):
    """A record with its versions, latest first."""

    record_id: str
    institution: str
    kind: str
    level: str | None
    witnessed: bool
    erased_at: str | None
    versions: list[VersionBody]


class RecordListItem(msgspec.Struct, frozen=True):
    """One line of the list of entries."""

    record_id: str
    kind: str
    version: int
    status: str
    entry_type: str
    leaf_index: int
    level: str
    stored_at: str


class RecordListBody(msgspec.Struct, frozen=True):
    """A page of entries, newest first."""

    records: list[RecordListItem]
    next_before: int | None


class ErasureBody(msgspec.Struct, frozen=True):
    """What was erased."""

    record_id: str
    versions: int
    tombstones: list[int]
    erased_at: str
    unacknowledged: list[str]


class RefiledBody(msgspec.Struct, frozen=True):
    """A record under the right patient."""

    withdrawal_index: int
    receipt: ReceiptBody
    told: list[str]


class NoticeItem(msgspec.Struct, frozen=True):
    """Something that was read and is another patient's."""

    sender: str
    leaf_hash: str
    withdrawal: str
    told_at: str


class NoticeListBody(msgspec.Struct, frozen=True):
    """Notices, newest first."""

    notices: list[NoticeItem]


class TombstoneItem(msgspec.Struct, frozen=True):
    """A deleted header."""

    origin: str
    leaf_index: int
    target: str
    staged_at: str
    acknowledged_by: list[str]
    waiting_for: list[str]


class TombstoneListBody(msgspec.Struct, frozen=True):
    """Tombstones, newest first, and how many relocations wait for their time."""

    tombstones: list[TombstoneItem]
    relocations_waiting: int


class OutboxItem(msgspec.Struct, frozen=True):
    """A message that its recipient has not acknowledged yet."""

    message_id: str
    kind: str
    recipient: str
    subject: str
    waiting_since: str
    attempts: int
    next_attempt_at: str
    last_error: str


class OutboxBody(msgspec.Struct, frozen=True):
    """The messages that wait, oldest first."""

    messages: list[OutboxItem]


def receipt_body(receipt: Receipt) -> ReceiptBody:
    """Show a receipt."""
    return ReceiptBody(
        record_id=receipt.record_id,
        institution=receipt.institution,
        origin=receipt.origin,
        kind=receipt.kind,
        outcome=receipt.outcome.value,
        version=receipt.version,
        status=receipt.status,
        entry_type=None if receipt.entry_type is None else receipt.entry_type.name.lower(),
        leaf_index=receipt.leaf_index,
        leaf_hash=_hex(receipt.leaf_hash),
        commitment=_hex(receipt.commitment),
        level=None if receipt.level is None else receipt.level.value,
        witnessed=receipt.witnessed,
        out_of_order=receipt.out_of_order,
    )


def submission_body(submission: Submission) -> SubmissionBody:
    """Show the answer to a document."""
    return SubmissionBody([receipt_body(receipt) for receipt in submission.receipts], dict(submission.ignored))


def version_body(entry: EntryRow, progress: Progress) -> VersionBody:
    """Show a version."""
    return VersionBody(
        version=entry.version,
        status=entry.status,
        entry_type=entry.entry_type.name.lower(),
        origin=entry.origin,
        leaf_index=entry.leaf_index,
        leaf_hash=entry.leaf_hash.hex(),
        level=progress.level(entry.origin, entry.leaf_index),
        witnessed=progress.is_witnessed(entry.origin, entry.leaf_index),
        out_of_order=entry.out_of_order,
        stored_at=show_time(entry.staged_at_ms),
    )


def show_time(unix_ms: int) -> str:
    """Show a time in unix ms as RFC 3339, UTC, with milliseconds."""
    return moment(unix_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
