"""What the API is asked and answers about notices of amendments, withdrawals and recalls, as msgspec structs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from ledger.hashing import LeafHash
from node.api.bodies.records import show_time
from node.api.bodies.shapes import ClinicianBody, parse_body
from node.domain.access import Actor
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.revision_notice import NoticeId
from node.errors import MalformedParameterError
from node.ports.recognition.notices import NoticeState, Waiting
from node.services.recognition.received_notices import Acknowledged, ConcernedDecision, ConcernedRetrieval, Notice


class AcknowledgeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/recognition/notices/{notice_id}:acknowledge`."""

    actor: ClinicianBody


class EntryRequest(msgspec.Struct, forbid_unknown_fields=True):
    """An entry that is named in a request."""

    origin: Annotated[str, Meta(min_length=1, max_length=255)]
    leaf_hash: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class AcknowledgeManyRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/recognition/notices:acknowledge`: notices, or the entry that is the reason of all that are meant."""

    actor: ClinicianBody
    notices: Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=1_000)] | None = None
    entry: EntryRequest | None = None


class AcknowledgedBody(msgspec.Struct, frozen=True):
    """A notice of which a person took notice; `is_new` where that was just now."""

    notice_id: str
    issuer: str
    change: str
    entry: EntryBody
    acknowledged_at: str | None
    is_new: bool


class AcknowledgedListBody(msgspec.Struct, frozen=True):
    """Notices that were acknowledged together: how many of them just now, and all."""

    acknowledged: int
    before: int
    notices: list[AcknowledgedBody]


class EntryBody(msgspec.Struct, frozen=True):
    """An entry of a log."""

    origin: str
    leaf_hash: str


class ConcernedDecisionBody(msgspec.Struct, frozen=True):
    """A decision that uses what a notice concerns; `reverse` is null once it was taken back."""

    decision_id: str
    entry: EntryBody
    order_id: str
    encounter: str
    department: str
    staff_number: str
    decided_at: str
    reversed_at: str | None
    reverse: str | None


class ConcernedRetrievalBody(msgspec.Struct, frozen=True):
    """A retrieval of what a notice concerns; who ordered it is null once it was forgotten."""

    retrieval_id: str
    entry: EntryBody
    state: str
    department: str | None
    staff_number: str | None
    ordered_at: str


class NoticeBody(msgspec.Struct, frozen=True):
    """What became of entries that this institution relies on."""

    notice_id: str
    issuer: str
    change: str
    entry: EntryBody
    concerned: list[EntryBody]
    lifts: EntryBody | None
    is_lifted: bool
    revised_at: str
    received_at: str
    state: str
    acknowledged_at: str | None
    acknowledged_by: str | None
    acknowledged_in: str | None
    decisions: list[ConcernedDecisionBody]
    retrievals: list[ConcernedRetrievalBody]


class NoticeListOfOthersBody(msgspec.Struct, frozen=True):
    """Notices of others, the newest first."""

    notices: list[NoticeBody]


class SentNoticeBody(msgspec.Struct, frozen=True):
    """How far a notice to one member got."""

    recipient: str
    change: str
    entry: EntryBody
    record_id: str | None
    concerned: list[EntryBody]
    told_at: str
    state: str
    attempts: int
    acknowledged_at: str | None


class SentNoticeListBody(msgspec.Struct, frozen=True):
    """Notices to others, the newest first; the counts are of all."""

    unacknowledged: int
    overdue: int
    notices: list[SentNoticeBody]


def parse_acknowledgement(data: bytes, institution: InstitutionId) -> Actor:
    """Parse the body of an acknowledgement; raises as `orders.parse_find`."""
    return parse_body(data, AcknowledgeRequest).actor.actor(institution)


def parse_acknowledgements(data: bytes, institution: InstitutionId) -> tuple[Sequence[NoticeId] | LeafReference, Actor]:
    """Parse the body of many acknowledgements: what is acknowledged, and by whom.

    Raises:
        MalformedJsonError: It is no JSON that can be read in one way only.
        MalformedParameterError: It is of another shape, or names both or neither.
    """
    body = parse_body(data, AcknowledgeManyRequest)
    if (body.notices is None) == (body.entry is None):
        raise MalformedParameterError("body", "name notices, or the entry that is their reason: one of the two")
    actor = body.actor.actor(institution)
    if body.entry is not None:
        return LeafReference(Origin(body.entry.origin), LeafHash(bytes.fromhex(body.entry.leaf_hash))), actor
    return [NoticeId(each) for each in body.notices or ()], actor


def acknowledged_body(acknowledged: Sequence[Acknowledged]) -> AcknowledgedListBody:
    """Show what was acknowledged together."""
    new = sum(each.is_new for each in acknowledged)
    shown = [
        AcknowledgedBody(
            notice_id=each.received.notice_id,
            issuer=each.received.issuer,
            change=each.received.change.value,
            entry=entry_body(each.received.entry),
            acknowledged_at=_time(each.received.acknowledged_at_ms),
            is_new=each.is_new,
        )
        for each in acknowledged
    ]
    return AcknowledgedListBody(new, len(shown) - new, shown)


def notices_body(notices: Sequence[Notice]) -> NoticeListOfOthersBody:
    """Show notices of others."""
    return NoticeListOfOthersBody([notice_body(each) for each in notices])


def notice_body(notice: Notice) -> NoticeBody:
    """Show a notice of another member."""
    received, by = notice.received, notice.acknowledger
    return NoticeBody(
        notice_id=received.notice_id,
        issuer=received.issuer,
        change=received.change.value,
        entry=entry_body(received.entry),
        concerned=[entry_body(each) for each in received.concerned],
        lifts=None if received.lifts is None else entry_body(received.lifts),
        is_lifted=received.is_lifted,
        revised_at=show_time(received.revised_at_ms),
        received_at=show_time(received.received_at_ms),
        state="received" if received.acknowledged_at_ms is None else "acknowledged",
        acknowledged_at=_time(received.acknowledged_at_ms),
        acknowledged_by=None if by is None else by.staff_number,
        acknowledged_in=None if by is None else by.department,
        decisions=[_decision(each) for each in notice.decisions],
        retrievals=[_retrieval(each) for each in notice.retrievals],
    )


def sent_body(notices: Sequence[NoticeState], waiting: Waiting) -> SentNoticeListBody:
    """Show notices to others."""
    return SentNoticeListBody(waiting.count, waiting.overdue, [sent_item(each) for each in notices])


def sent_item(state: NoticeState) -> SentNoticeBody:
    """Show how far a notice got."""
    notice = state.notice
    return SentNoticeBody(
        recipient=notice.recipient,
        change=notice.change.value,
        entry=entry_body(notice.entry),
        record_id=notice.record_id,
        concerned=[entry_body(each) for each in notice.concerned],
        told_at=show_time(notice.told_at_ms),
        state="acknowledged" if state.acknowledged_at_ms is not None else "delivered" if state.is_delivered else "queued",
        attempts=state.attempts,
        acknowledged_at=_time(state.acknowledged_at_ms),
    )


def entry_body(reference: LeafReference) -> EntryBody:
    """Show what names an entry."""
    return EntryBody(reference.origin, reference.leaf_hash.hex())


def _decision(concerned: ConcernedDecision) -> ConcernedDecisionBody:
    row, text = concerned.row, concerned.text
    return ConcernedDecisionBody(
        decision_id=row.decision_id,
        entry=entry_body(row.entry),
        order_id=text.decision.line.order_id,
        encounter=text.encounter,
        department=text.actor.department,
        staff_number=text.actor.staff_number,
        decided_at=show_time(row.decided_at_ms),
        reversed_at=_time(row.reversed_at_ms),
        reverse=None if row.reversed_at_ms is not None else f"/v1/recognition/decisions/{row.decision_id}:reverse",
    )


def _retrieval(concerned: ConcernedRetrieval) -> ConcernedRetrievalBody:
    row, actor = concerned.row, concerned.actor
    return ConcernedRetrievalBody(
        retrieval_id=row.retrieval_id,
        entry=entry_body(row.entry),
        state=row.state.value,
        department=None if actor is None else actor.department,
        staff_number=None if actor is None else actor.staff_number,
        ordered_at=show_time(row.ordered_at_ms),
    )


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else show_time(at_ms)
