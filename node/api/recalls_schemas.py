"""What the API is asked and answers about recalls, as msgspec structs."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from node.api.notices_schemas import EntryBody, SentNoticeBody, entry_body, sent_item
from node.api.orders import ActorBody, actor_of, parse_body
from node.api.schemas import show_time
from node.domain.entry import InstitutionId
from node.domain.recall import RecallCriteria, RecallId, RecallReason
from node.errors import MalformedParameterError
from node.ports.recalls import KeptRecall, RecalledResult
from node.services.recognition.recalls import Announced, RecallOrder, RecallPreview, RecallReport
from node.wire.recall_entry import MAX_TEXT

_ID_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Text = Annotated[str, Meta(max_length=MAX_TEXT)]
_Time = Annotated[datetime, Meta(tz=True)]


class RecallRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/recalls`."""

    actor: ActorBody
    performed_from: _Time
    performed_to: _Time
    reason: RecallReason
    item: _Text = ""
    device: _Text = ""
    lot: _Text = ""
    recall_id: Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")] | None = None
    preview: bool = False


class RecalledBody(msgspec.Struct, frozen=True):
    """A result that is recalled."""

    record_id: str
    entry: EntryBody


class RecallSummaryBody(msgspec.Struct, frozen=True):
    """A recall."""

    recall_id: str
    item: str
    device: str
    lot: str
    performed_from: str
    performed_to: str
    reason: str
    total: int
    entry: EntryBody
    leaf_index: int
    pages: int
    announced_at: str


class RecallListBody(msgspec.Struct, frozen=True):
    """Recalls, the newest first."""

    recalls: list[RecallSummaryBody]


class RecallBody(msgspec.Struct, frozen=True):
    """A recall, what it lists, and who knows of it."""

    recall: RecallSummaryBody
    department: str
    staff_number: str
    results: list[RecalledBody]
    told: list[str]
    unacknowledged: list[str]
    notices: list[SentNoticeBody]


class AnnouncedBody(msgspec.Struct, frozen=True):
    """A recall that was announced, or, of a preview, what it would list; `report` is null then."""

    report: RecallBody | None
    total: int
    unreadable: int
    results: list[RecalledBody]


def parse_recall_order(data: bytes, institution: InstitutionId) -> tuple[RecallOrder, bool]:
    """Parse the body of `POST /v1/recalls`: what to recall, and whether only to look.

    Raises:
        MalformedParameterError: It lacks something, or has something else; as `orders.parse_find`.
    """
    body = parse_body(data, RecallRequest)
    criteria = RecallCriteria(
        item=_name("item", body.item),
        device=_name("device", body.device),
        lot=_name("lot", body.lot),
        from_ms=_unix_ms(body.performed_from),
        to_ms=_unix_ms(body.performed_to),
    )
    if not (criteria.item or criteria.device or criteria.lot):
        raise MalformedParameterError("item", "is missing, and so are device and lot: name at least one of them")
    if criteria.from_ms < 0:
        raise MalformedParameterError("performed_from", "is before 1970, which no entry's time can be")
    if not criteria.from_ms < criteria.to_ms:
        raise MalformedParameterError("performed_to", "has to be later than performed_from")
    recall_id = RecallId(body.recall_id or secrets.token_hex(_ID_BYTES))
    return RecallOrder(recall_id, criteria, body.reason, actor_of(body.actor, institution)), body.preview


def preview_body(preview: RecallPreview) -> AnnouncedBody:
    """Show what a recall would list."""
    return AnnouncedBody(None, len(preview.results), preview.unreadable, _results(preview.results))


def announced_body(announced: Announced) -> AnnouncedBody:
    """Show a recall that was announced."""
    report = announced.report
    return AnnouncedBody(recall_body(report), report.recall.total, announced.unreadable, _results(report.results))


def recall_body(report: RecallReport) -> RecallBody:
    """Show a recall, what it lists, and who knows of it."""
    waiting = (each.notice.recipient for each in report.notices if each.acknowledged_at_ms is None)
    return RecallBody(
        recall=_summary(report.recall),
        department=report.actor.department,
        staff_number=report.actor.staff_number,
        results=_results(report.results),
        told=sorted({each.notice.recipient for each in report.notices}),
        unacknowledged=sorted(set(waiting)),
        notices=[sent_item(each) for each in report.notices],
    )


def recalls_body(recalls: Sequence[KeptRecall]) -> RecallListBody:
    """Show recalls."""
    return RecallListBody([_summary(each) for each in recalls])


def _summary(recall: KeptRecall) -> RecallSummaryBody:
    criteria = recall.criteria
    return RecallSummaryBody(
        recall_id=recall.recall_id,
        item=criteria.item,
        device=criteria.device,
        lot=criteria.lot,
        performed_from=show_time(criteria.from_ms),
        performed_to=show_time(criteria.to_ms),
        reason=recall.reason.value,
        total=recall.total,
        entry=entry_body(recall.entry),
        leaf_index=recall.leaf_index,
        pages=recall.pages,
        announced_at=show_time(recall.announced_at_ms),
    )


def _results(results: Sequence[RecalledResult]) -> list[RecalledBody]:
    return [RecalledBody(each.record_id, entry_body(each.entry)) for each in results]


def _name(field: str, text: str) -> str:
    """Read a name as records have it: blanks and line ends within count as one blank."""
    name = " ".join(text.split())
    if not name.isprintable():
        raise MalformedParameterError(field, "holds characters that no name has")
    return name


def _unix_ms(moment: datetime) -> int:
    return (moment - _EPOCH).days * 86_400_000 + (moment - _EPOCH).seconds * 1000 + (moment - _EPOCH).microseconds // 1000
