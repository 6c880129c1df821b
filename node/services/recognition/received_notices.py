"""Take notice of amendments, withdrawals, recalls and liftings at other members: a list to work off (docs/spec/notices.md).

A notice is kept in the transaction that takes it out of the inbox. What rests on it here is looked up when the list is shown, so
that a decision that was taken later is in it too. A person acknowledges, which tells the issuer and changes nothing else:
whether a decision is taken back is decided there (`deciding`). A sender speaks for its own logs only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from node.domain.access import Actor
from node.domain.entry import InstitutionId, LeafReference
from node.domain.message import MemberMessage
from node.domain.revision_notice import NoticeId
from node.errors import LimitExceededError, MalformedParameterError, UnknownNoticeError
from node.ports.clock import Clock, unix_ms
from node.ports.keys.signing import NodeKeys
from node.ports.members.membership import KeyDirectory
from node.ports.recognition.notices import ReceivedNotice, ReceivedNotices, ReliedDecision, ReliedRetrieval
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.services.members.outbox import Outbox
from node.services.reading.retrieval import ORDER_SEAL
from node.services.recognition.deciding import DECISION_SEAL
from node.wire.members.disclosure import parse_request
from node.wire.members.revisions import (
    ACKNOWLEDGEMENT_KIND,
    AcknowledgementMessage,
    encode_acknowledgement_message,
    parse_revision_message,
)
from node.wire.recognition.text import DecisionText, parse_decision

_SEAL = "notice-acknowledgement"
_ID_HEX = 32
MAX_TOGETHER = 10_000
"""Notices that one transaction acknowledges: some seconds of the one writer."""


@dataclass(frozen=True, slots=True)
class ConcernedDecision:
    """A decision that uses what a notice concerns."""

    row: ReliedDecision
    """Where it stands."""
    text: DecisionText
    """Who decided, for which order line."""


@dataclass(frozen=True, slots=True)
class ConcernedRetrieval:
    """A retrieval of what a notice concerns."""

    row: ReliedRetrieval
    """How far it got."""
    actor: Actor | None
    """Who ordered it; None once it was forgotten."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice, and what rests here on what it concerns."""

    received: ReceivedNotice
    """The notice."""
    acknowledger: Actor | None
    """Who took notice of it."""
    decisions: tuple[ConcernedDecision, ...]
    """Decisions, those that were taken back too, the newest first."""
    retrievals: tuple[ConcernedRetrieval, ...]
    """Retrievals, the newest first."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A notice of which a person took notice."""

    received: ReceivedNotice
    """The notice, as it stands now."""
    is_new: bool
    """Whether it was acknowledged just now."""


@dataclass(frozen=True, slots=True)
class NoticeParts:
    """What the service is made of."""

    store: ReceivedNotices
    """Keeps notices."""
    directory: KeyDirectory
    """Says whose log is whose."""
    outbox: Outbox
    """Tells the issuers."""
    keys: NodeKeys
    """Seals who took notice; opens decisions and orders."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""


class NoticeList:
    """Keeps notices, shows them, acknowledges them."""

    def __init__(self, parts: NoticeParts) -> None:
        self._parts = parts

    def heard(self, transaction: RecordsTransaction, message: MemberMessage) -> None:
        """Keep a notice; the handler of the inbox.

        Raises:
            WireError: It is no notice.
            MalformedParameterError: It is about another institution's entries than the sender's.
        """
        told = parse_revision_message(message.body)
        named = (told.entry, *told.concerned, *(() if told.lifts is None else (told.lifts,)))
        for origin in {each.origin for each in named}:
            registered = self._parts.directory.origin(origin)
            if registered is None or registered.institution != message.sender:
                raise MalformedParameterError("body", "tells of entries that are not in a log of the sender's")
        notice = ReceivedNotice(
            notice_id=_notice_id(message),
            institution=message.recipient,
            issuer=message.sender,
            message_id=message.message_id,
            change=told.change,
            entry=told.entry,
            concerned=told.concerned,
            lifts=told.lifts,
            is_lifted=False,
            revised_at_ms=told.at_ms,
            received_at_ms=unix_ms(self._parts.clock),
            acknowledged_at_ms=None,
            acknowledger=None,
        )
        self._parts.store.keep(transaction, notice)

    def list(self, institution: InstitutionId, limit: int, *, waiting: bool) -> list[Notice]:
        """Return an institution's notices, the newest first; with `waiting` those that nobody has acknowledged."""
        return [self._show(each) for each in self._parts.store.page(institution, limit, waiting=waiting)]

    def acknowledge(self, institution: InstitutionId, notice_id: NoticeId, actor: Actor) -> Notice:
        """Note that a person took notice, and tell the issuer; once, whoever asks again is shown the first.

        Raises:
            UnknownNoticeError: The institution has no such notice.
        """
        (acknowledged,) = self.acknowledge_all(institution, [notice_id], actor)
        return self._show(acknowledged.received)

    def acknowledge_all(
        self, institution: InstitutionId, named: Sequence[NoticeId] | LeafReference, actor: Actor
    ) -> Sequence[Acknowledged]:
        """Note that a person took notice of many: of all, or, where one is unknown, of none; each issuer is told of each.

        What was acknowledged before stays as it was, so that whoever asks again changes nothing.

        Args:
            institution: Whose notices.
            named: The notices; or the entry that is the reason of all that are meant, such as the announcement of a recall.
            actor: Who took notice.

        Raises:
            UnknownNoticeError: The institution has no such notice, or none of that entry.
            LimitExceededError: More than 10,000 have that entry as their reason.
        """
        parts = self._parts
        sealed = parts.keys.seal(_SEAL, msgspec.json.encode(actor))

        def work(transaction: RecordsTransaction) -> Sequence[Acknowledged]:
            ids = self._about(transaction, institution, named) if isinstance(named, LeafReference) else tuple(dict.fromkeys(named))
            return [self._acknowledge(transaction, institution, notice_id, sealed) for notice_id in ids]

        return parts.writer.submit(work).result()

    def _about(self, transaction: RecordsTransaction, institution: InstitutionId, entry: LeafReference) -> Sequence[NoticeId]:
        found = self._parts.store.about(transaction, institution, entry, MAX_TOGETHER + 1)
        if not found:
            raise UnknownNoticeError(f"of entry {entry.origin}#{entry.leaf_hash.hex()}")
        if len(found) > MAX_TOGETHER:
            raise LimitExceededError("notices acknowledged together", MAX_TOGETHER)
        return found

    def _acknowledge(
        self, transaction: RecordsTransaction, institution: InstitutionId, notice_id: NoticeId, sealed: bytes
    ) -> Acknowledged:
        parts = self._parts
        notice = parts.store.notice(transaction, institution, notice_id)
        if notice is None:
            # the transaction is rolled back, with what was acknowledged in it before
            raise UnknownNoticeError(notice_id)
        if notice.acknowledged_at_ms is not None:
            return Acknowledged(notice, is_new=False)
        now_ms = unix_ms(parts.clock)
        parts.store.acknowledge(transaction, notice_id, now_ms, sealed)
        body = encode_acknowledgement_message(AcknowledgementMessage(notice.message_id, now_ms))
        subject = notice.entry.leaf_hash.hex()
        parts.outbox.tell(transaction, institution, [notice.issuer], ACKNOWLEDGEMENT_KIND, subject, body)
        return Acknowledged(replace(notice, acknowledged_at_ms=now_ms, acknowledger=sealed), is_new=True)

    def revised(
        self, transaction: RecordsTransaction, institution: InstitutionId, results: Sequence[LeafReference]
    ) -> frozenset[LeafReference]:
        """Return those of these results of which a notice came that counts: no decision may use them."""
        return self._parts.store.concerned(transaction, institution, results)

    def used(self, transaction: RecordsTransaction, institution: InstitutionId, decision: DecisionText) -> None:
        """Note which results a decision uses, durably with the caller's transaction."""
        self._parts.store.used(transaction, institution, decision.decision_id, decision.decision.recognised)

    def _show(self, notice: ReceivedNotice) -> Notice:
        parts, institution = self._parts, notice.institution
        sealed = notice.acknowledger
        return Notice(
            received=notice,
            acknowledger=None if sealed is None else msgspec.json.decode(parts.keys.open(_SEAL, sealed), type=Actor),
            decisions=tuple(
                ConcernedDecision(row, parse_decision(parts.keys.open(DECISION_SEAL, row.content)))
                for row in parts.store.decisions(institution, notice.concerned)
            ),
            retrievals=tuple(
                ConcernedRetrieval(row, self._orderer(row)) for row in parts.store.retrievals(institution, notice.concerned)
            ),
        )

    def _orderer(self, row: ReliedRetrieval) -> Actor | None:
        return None if row.order is None else parse_request(self._parts.keys.open(ORDER_SEAL, row.order)).actor


def _notice_id(message: MemberMessage) -> NoticeId:
    """Name a notice here: the ids of messages are their senders', and another sender may use the same."""
    named = b"\0".join(each.encode() for each in (message.recipient, message.sender, message.message_id))
    return NoticeId(hashlib.sha256(named).hexdigest()[:_ID_HEX])
