"""Who relies on which entries, and notices of what became of those: sent by the institutions here, and received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import InstitutionId, LeafReference, RecordId
from node.domain.message import MessageId
from node.domain.recognition_acts import DecisionId
from node.domain.retrieval import RequestState, RetrievalId
from node.domain.revision_notice import NoticeChange, NoticeId
from node.ports.records.transaction import RecordsTransaction


class Reliances(Protocol):
    """Knows which members rely on entries of the institutions here."""

    def disclosed(self, transaction: RecordsTransaction, entry: LeafReference, requester: InstitutionId, at_ms: int) -> None:
        """Note that an entry was disclosed; the first time counts."""

    def relying(
        self, transaction: RecordsTransaction, entries: Sequence[LeafReference]
    ) -> Mapping[LeafReference, frozenset[InstitutionId]]:
        """Return who retrieved each of these entries, or told that it recognises it and did not take that back."""


@dataclass(frozen=True, slots=True)
class SentNotice:
    """A notice to one member."""

    message_id: MessageId
    """The message that brings it."""
    institution: InstitutionId
    """Whose entries are concerned."""
    recipient: InstitutionId
    """Who is told."""
    change: NoticeChange
    """What became of them."""
    entry: LeafReference
    """The entry that says so."""
    record_id: RecordId | None
    """The record; None for a recall."""
    concerned: tuple[LeafReference, ...]
    """What the recipient relies on."""
    told_at_ms: int
    """When it was put into the outbox, unix ms."""


@dataclass(frozen=True, slots=True)
class NoticeState:
    """How far a notice got."""

    notice: SentNotice
    """The notice."""
    is_delivered: bool
    """Whether the recipient's node has it."""
    attempts: int
    """How often it was sent in vain."""
    acknowledged_at_ms: int | None
    """When a person there took notice, as the recipient says, unix ms."""


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """Which notices are wanted."""

    unacknowledged: bool = False
    """Only those that nobody has acknowledged."""
    record_id: RecordId | None = None
    """Only those about a record."""
    entry: LeafReference | None = None
    """Only those that an entry is the reason of."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Notices that nobody has acknowledged."""

    count: int
    """How many."""
    overdue: int
    """How many of them for longer than allowed."""


@dataclass(frozen=True, slots=True)
class ToldMember:
    """How far the notices of entries got at one member."""

    member: InstitutionId
    """Who was told."""
    notices: int
    """How many notices."""
    delivered: int
    """How many of them its node has."""
    acknowledged: int
    """How many of them a person there acknowledged."""


class SentNotices(Protocol):
    """Keeps notices that were sent; writes join the caller's transaction."""

    def untold(
        self,
        transaction: RecordsTransaction,
        entry: LeafReference,
        recipient: InstitutionId,
        concerned: Sequence[LeafReference],
    ) -> list[LeafReference]:
        """Return those of `concerned` of which a member was not told yet that `entry` concerns them."""

    def keep(self, transaction: RecordsTransaction, notice: SentNotice) -> None:
        """Keep a notice."""

    def acknowledge(
        self,
        transaction: RecordsTransaction,
        institution: InstitutionId,
        recipient: InstitutionId,
        message_id: MessageId,
        at_ms: int,
    ) -> bool:
        """Note that a person took notice, the first time; False where this member was sent no such notice."""

    def page(self, institution: InstitutionId, wanted: NoticeFilter, limit: int) -> list[NoticeState]:
        """Return an institution's notices, the newest first."""

    def members(self, institution: InstitutionId, entries: Sequence[LeafReference]) -> list[ToldMember]:
        """Return who was told that these entries say something, and how far that got, sorted."""

    def about(
        self, transaction: RecordsTransaction, entry: LeafReference, after: MessageId, limit: int
    ) -> list[tuple[MessageId, InstitutionId, InstitutionId]]:
        """Return notices that an entry is the reason of, after one in the order of their ids: id, institution, recipient."""

    def concerned(self, transaction: RecordsTransaction, message_id: MessageId) -> list[LeafReference]:
        """Return what a notice concerns."""

    def waiting(self, institution: InstitutionId, before_ms: int) -> Waiting:
        """Return how many notices nobody has acknowledged; those told before a time are overdue."""


@dataclass(frozen=True, slots=True)
class ReceivedNotice:
    """A notice of another member."""

    notice_id: NoticeId
    """Names it here."""
    institution: InstitutionId
    """Who was told."""
    issuer: InstitutionId
    """Whose entries are concerned."""
    message_id: MessageId
    """The message that brought it: what an acknowledgement names."""
    change: NoticeChange
    """What became of them."""
    entry: LeafReference
    """The entry that says so."""
    concerned: tuple[LeafReference, ...]
    """What the institution relies on, as the issuer knows."""
    lifts: LeafReference | None
    """The recall that a lifting ends; None for every other change."""
    is_lifted: bool
    """Whether it tells of a recall of whose lifting notice came, too."""
    revised_at_ms: int
    """When that entry was staged, unix ms."""
    received_at_ms: int
    """When the notice came, unix ms."""
    acknowledged_at_ms: int | None
    """When a person here took notice, unix ms."""
    acknowledger: bytes | None
    """Who, sealed for this node."""


@dataclass(frozen=True, slots=True)
class ReliedRetrieval:
    """A retrieval of what a notice concerns."""

    entry: LeafReference
    """The entry."""
    retrieval_id: RetrievalId
    """Names it."""
    state: RequestState
    """How far it got."""
    ordered_at_ms: int
    """When it was ordered, unix ms."""
    order: bytes | None
    """The request, sealed for this node; None once it was forgotten."""


@dataclass(frozen=True, slots=True)
class ReliedDecision:
    """A decision that uses what a notice concerns."""

    entry: LeafReference
    """The entry."""
    decision_id: DecisionId
    """Names it."""
    decided_at_ms: int
    """When, unix ms."""
    reversed_at_ms: int | None
    """When it was taken back, unix ms; None while it stands."""
    content: bytes
    """The decision, sealed for this node."""


class ReceivedNotices(Protocol):
    """Keeps notices that were received, and knows what rests on what they concern; writes join the caller's transaction."""

    def used(
        self, transaction: RecordsTransaction, institution: InstitutionId, decision_id: DecisionId, results: Sequence[LeafReference]
    ) -> None:
        """Note which results a decision uses."""

    def concerned(
        self, transaction: RecordsTransaction, institution: InstitutionId, results: Sequence[LeafReference]
    ) -> frozenset[LeafReference]:
        """Return those of these results that an institution was told are amended, withdrawn or under a recall that stands."""

    def keep(self, transaction: RecordsTransaction, notice: ReceivedNotice) -> None:
        """Keep a notice; one that is kept is passed over."""

    def notice(self, transaction: RecordsTransaction, institution: InstitutionId, notice_id: NoticeId) -> ReceivedNotice | None:
        """Return an institution's notice; None for another institution's."""

    def about(
        self, transaction: RecordsTransaction, institution: InstitutionId, entry: LeafReference, limit: int
    ) -> list[NoticeId]:
        """Return an institution's notices that an entry is the reason of, in the order of their ids: acknowledged ones too."""

    def acknowledge(self, transaction: RecordsTransaction, notice_id: NoticeId, at_ms: int, acknowledger: bytes) -> None:
        """Note that a person took notice."""

    def page(self, institution: InstitutionId, limit: int, *, waiting: bool) -> list[ReceivedNotice]:
        """Return an institution's notices, the newest first; with `waiting` those that nobody has acknowledged."""

    def retrievals(self, institution: InstitutionId, results: Sequence[LeafReference]) -> list[ReliedRetrieval]:
        """Return an institution's retrievals of these results, the newest first."""

    def decisions(self, institution: InstitutionId, results: Sequence[LeafReference]) -> list[ReliedDecision]:
        """Return an institution's decisions that use these results, the newest first."""
