"""Tell whoever relies on a record what became of it, and list who has taken notice (docs/spec/notices.md).

It was amended, withdrawn or recalled; or the recall was lifted, which is told to whoever was told of the recall.

Who relies on an entry: whoever it was disclosed to, and whoever told that it recognises it. A notice goes into the outbox in the
transaction that stages the entry which is its reason; or, where an entry is disclosed that was revised before, in the one
that stages the receipt: nobody slips in between. Each member is told once of each entry and reason.
Left out: what recipients do (`received_notices`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from node.domain.entry import EntryType, InstitutionId, LeafReference
from node.domain.message import MemberMessage, MessageId
from node.domain.revision_notice import NoticeChange, Revision
from node.errors import UnknownNoticeError
from node.ports.clock import Clock, unix_ms
from node.ports.recognition.notices import NoticeFilter, NoticeState, Reliances, SentNotice, SentNotices, ToldMember, Waiting
from node.ports.recognition.recalls import RecallStore
from node.ports.records.transaction import EntryRow, RecordsTransaction
from node.services.members.outbox import Outbox
from node.telemetry import NOTICES_OVERDUE, NOTICES_UNACKNOWLEDGED
from node.wire.members.revisions import (
    MAX_CONCERNED,
    REVISION_KIND,
    RevisionMessage,
    encode_revision_message,
    parse_acknowledgement_message,
)

log = structlog.get_logger(__name__)


class RevisionNotices:
    """Sends notices, and keeps what became of them."""

    def __init__(
        self,
        *,
        reliances: Reliances,
        store: SentNotices,
        recalls: RecallStore,
        outbox: Outbox | None,
        clock: Clock,
        overdue_s: float,
    ) -> None:
        """Take what is needed.

        Args:
            reliances: Knows who relies on entries.
            store: Keeps notices.
            recalls: Knows what was recalled.
            outbox: Delivers them; None where there are no other members.
            clock: Tells the time.
            overdue_s: How long a notice may stay unacknowledged.
        """
        self._reliances = reliances
        self._store = store
        self._recalls = recalls
        self._outbox = outbox
        self._clock = clock
        self._overdue_ms = int(overdue_s * 1000)

    def revised(self, transaction: RecordsTransaction, revisions: Sequence[Revision]) -> None:
        """Tell whoever relies on entries that were revised, durably with the caller's transaction.

        Args:
            transaction: That which stages what revises them.
            revisions: What revises them, and the entries.
        """
        relying = self._reliances.relying(transaction, [each for revision in revisions for each in revision.earlier])
        if not relying:
            return
        for revision in revisions:
            for member, concerned in _by_member(revision.earlier, relying).items():
                self._tell(transaction, revision, member, concerned)

    def lifted(
        self, transaction: RecordsTransaction, recall: LeafReference, lifting: LeafReference, told_to: MessageId, limit: int
    ) -> MessageId | None:
        """Tell whoever was told of a recall that it is lifted, durably with the caller's transaction.

        Args:
            transaction: That which keeps how far this got.
            recall: The recall's entry.
            lifting: The entry that lifts it.
            told_to: The last notice of the recall whose recipient was told; empty before the first.
            limit: How many notices of the recall to go on by.

        Returns:
            The last notice now; None where there are no more.
        """
        sent = self._store.about(transaction, recall, told_to, limit)
        for message_id, institution, recipient in sent:
            concerned = tuple(self._store.concerned(transaction, message_id))
            revision = Revision(institution, None, NoticeChange.LIFTED, lifting, concerned, lifts=recall)
            self._tell(transaction, revision, recipient, concerned)
        return sent[-1][0] if len(sent) == limit else None

    def disclosed(self, transaction: RecordsTransaction, requester: InstitutionId, entry: EntryRow) -> None:
        """Note that an entry is disclosed; tell the requester at once of a newer version or a recall that was staged before.

        Args:
            transaction: That which stages the receipt.
            requester: Who reads it.
            entry: The entry.
        """
        reference = LeafReference(entry.origin, entry.leaf_hash)
        self._reliances.disclosed(transaction, reference, requester, unix_ms(self._clock))
        for recall in self._recalls.naming(transaction, reference):
            told = Revision(entry.institution, None, NoticeChange.RECALLED, recall, (reference,))
            self._tell(transaction, told, requester, [reference])
        record = None if entry.record_id is None else transaction.record(entry.record_id)
        if record is not None and record.entries[-1].version > entry.version:
            latest = record.entries[-1]
            newer = LeafReference(latest.origin, latest.leaf_hash)
            revision = Revision(entry.institution, record.record_id, change_of(latest.entry_type), newer, (reference,))
            self._tell(transaction, revision, requester, [reference])

    def acknowledged(self, transaction: RecordsTransaction, message: MemberMessage) -> None:
        """Keep a member's word that a person there has taken notice; a handler of the inbox.

        Raises:
            WireError: It is no acknowledgement.
            UnknownNoticeError: This member was sent no such notice by the institution that it tells.
        """
        told = parse_acknowledgement_message(message.body)
        if not self._store.acknowledge(transaction, message.recipient, message.sender, told.notice, told.at_ms):
            raise UnknownNoticeError(told.notice)

    def page(self, institution: InstitutionId, wanted: NoticeFilter, limit: int) -> list[NoticeState]:
        """Return the notices that an institution sent, the newest first, and how far each got."""
        return self._store.page(institution, wanted, limit)

    def members(self, institution: InstitutionId, entries: Sequence[LeafReference]) -> list[ToldMember]:
        """Return whom an institution told of what these entries say, and how far that got."""
        return self._store.members(institution, entries)

    def waiting(self, institution: InstitutionId) -> Waiting:
        """Return how many notices of an institution nobody has acknowledged, and how many of them are overdue."""
        return self._store.waiting(institution, unix_ms(self._clock) - self._overdue_ms)

    def _tell(
        self, transaction: RecordsTransaction, revision: Revision, member: InstitutionId, concerned: Sequence[LeafReference]
    ) -> None:
        if self._outbox is None or member == revision.institution:
            return
        now_ms = unix_ms(self._clock)
        untold = self._store.untold(transaction, revision.entry, member, concerned)
        for start in range(0, len(untold), MAX_CONCERNED):
            named = tuple(untold[start : start + MAX_CONCERNED])
            body = encode_revision_message(RevisionMessage(revision.change, revision.entry, named, now_ms, revision.lifts))
            subject = revision.entry.leaf_hash.hex()
            (message_id,) = self._outbox.tell(transaction, revision.institution, [member], REVISION_KIND, subject, body)
            self._store.keep(
                transaction,
                SentNotice(
                    message_id=message_id,
                    institution=revision.institution,
                    recipient=member,
                    change=revision.change,
                    entry=revision.entry,
                    record_id=revision.record_id,
                    concerned=named,
                    told_at_ms=now_ms,
                ),
            )


class NoticeAlarm:
    """Watches how long notices stay unacknowledged."""

    def __init__(self, notices: RevisionNotices, institutions: Iterable[InstitutionId]) -> None:
        self._notices = notices
        self._overdue = dict.fromkeys(institutions, 0)

    def step(self) -> None:
        """Count; raise the alarm where more are overdue than before. The step of a loop."""
        for institution, before in self._overdue.items():
            waiting = self._notices.waiting(institution)
            NOTICES_UNACKNOWLEDGED.labels(institution).set(waiting.count)
            NOTICES_OVERDUE.labels(institution).set(waiting.overdue)
            if waiting.overdue > before:
                log.warning("notices_unacknowledged", institution=institution, overdue=waiting.overdue, waiting=waiting.count)
            self._overdue[institution] = waiting.overdue


Revised = Callable[[RecordsTransaction, Sequence[Revision]], None]
"""Told of newer versions of records, in the transaction that stages them."""


def change_of(entry_type: EntryType) -> NoticeChange:
    """Return what a newer version of a type does to those below."""
    return NoticeChange.WITHDRAWN if entry_type is EntryType.WITHDRAWAL else NoticeChange.AMENDED


def _by_member(
    entries: Sequence[LeafReference], relying: Mapping[LeafReference, frozenset[InstitutionId]]
) -> dict[InstitutionId, list[LeafReference]]:
    found: dict[InstitutionId, list[LeafReference]] = {}
    for entry in entries:
        for member in sorted(relying.get(entry, ())):
            found.setdefault(member, []).append(entry)
    return found
