"""What the API is asked and answers about recalls, as msgspec structs."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from node.api.bodies.notices import EntryBody, SentNoticeBody, entry_body, sent_item
from node.api.bodies.records import show_time
from node.api.bodies.shapes import ClinicianBody, parse_body
from node.domain.access import Actor
from node.domain.entry import InstitutionId
from node.domain.recall import LiftingReason, RecallCriteria, RecallId, RecallReason
from node.errors import MalformedParameterError
from node.ports.recognition.notices import ToldMember
from node.ports.recognition.recalls import KeptRecall, RecalledResult
from node.services.recognition.recalls import RecallOrder, RecallPreview, RecallReport, state_of
from node.wire.recall_entry import MAX_TEXT

_ID_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Text = Annotated[str, Meta(max_length=MAX_TEXT)]
_Time = Annotated[datetime, Meta(tz=True)]


class RecallRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/recalls`."""

    actor: ClinicianBody
    performed_from: _Time
    performed_to: _Time
    reason: RecallReason
    item: _Text = ""
    device: _Text = ""
    lot: _Text = ""
    recall_id: Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")] | None = None
    preview: bool = False
    preview_from: Annotated[int, Meta(ge=0)] = 0


class LiftRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/recalls/{recall_id}:lift`."""

    actor: ClinicianBody
    reason: LiftingReason


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
    state: str
    total: int
    entry: EntryBody
    leaf_index: int
    announced_at: str
    lifted_at: str | None
    lifted_because: str | None
    lifting: EntryBody | None


class RecallListBody(msgspec.Struct, frozen=True):
    """Recalls, the newest first."""

    recalls: list[RecallSummaryBody]


class RecallSearchBody(msgspec.Struct, frozen=True):
    """How far a recall was searched: entries below `searched` of the `filed` that were there when it was announced.

    Unless it is `done`, `total` and `unreadable` are of what was found so far; a recall that is lifted is searched no more.
    """

    state: str
    searched: int
    filed: int
    total: int
    unreadable: int


class ToldMemberBody(msgspec.Struct, frozen=True):
    """How far the notices of a recall and of its lifting got at one member."""

    member: str
    notices: int
    delivered: int
    acknowledged: int


class RecallBody(msgspec.Struct, frozen=True):
    """A recall, how far it got, what it found, and who knows of it; `next` is the position where further results begin."""

    recall: RecallSummaryBody
    search: RecallSearchBody
    department: str
    staff_number: str
    lifted_by: str | None
    results: list[RecalledBody]
    next: int | None
    told: list[str]
    unacknowledged: list[str]
    members: list[ToldMemberBody]
    notices: list[SentNoticeBody]


class RecallPreviewBody(msgspec.Struct, frozen=True):
    """What a recall would find among entries up to `searched` of `filed`; unless they are the same, ask again from there."""

    searched: int
    filed: int
    unreadable: int
    results: list[RecalledBody]


def parse_recall_order(data: bytes, institution: InstitutionId) -> tuple[RecallOrder, int | None]:
    """Parse the body of `POST /v1/recalls`: what to recall, and from where on only to look, or None.

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
    order = RecallOrder(recall_id, criteria, body.reason, body.actor.actor(institution))
    return order, body.preview_from if body.preview else None


def parse_lift(data: bytes, institution: InstitutionId) -> tuple[LiftingReason, Actor]:
    """Parse the body of a lifting; raises as `orders.parse_find`."""
    body = parse_body(data, LiftRequest)
    return body.reason, body.actor.actor(institution)


def preview_body(preview: RecallPreview) -> RecallPreviewBody:
    """Show what a recall would find."""
    return RecallPreviewBody(preview.searched, preview.size, preview.unreadable, _results(preview.results))


def recall_body(report: RecallReport, start: int = 0) -> RecallBody:
    """Show a recall, how far it got, what it found from a position on, and who knows of it."""
    recall, end = report.recall, start + len(report.results)
    return RecallBody(
        recall=_summary(recall),
        search=RecallSearchBody(
            state=report.state.value,
            searched=min(recall.next_index, recall.leaf_index),
            filed=recall.leaf_index,
            total=recall.total,
            unreadable=report.unreadable,
        ),
        department=report.actor.department,
        staff_number=report.actor.staff_number,
        lifted_by=None if report.lifter is None else report.lifter.staff_number,
        results=_results(report.results),
        next=end if end < recall.total else None,
        told=[each.member for each in report.members],
        unacknowledged=[each.member for each in report.members if each.acknowledged < each.notices],
        members=[_member(each) for each in report.members],
        notices=[sent_item(each) for each in report.notices],
    )


def recalls_body(recalls: Sequence[KeptRecall]) -> RecallListBody:
    """Show recalls."""
    return RecallListBody([_summary(each) for each in recalls])


def _summary(recall: KeptRecall) -> RecallSummaryBody:
    criteria, lifting = recall.criteria, recall.lifting
    return RecallSummaryBody(
        recall_id=recall.recall_id,
        item=criteria.item,
        device=criteria.device,
        lot=criteria.lot,
        performed_from=show_time(criteria.from_ms),
        performed_to=show_time(criteria.to_ms),
        reason=recall.reason.value,
        state=state_of(recall).value,
        total=recall.total,
        entry=entry_body(recall.entry),
        leaf_index=recall.leaf_index,
        announced_at=show_time(recall.announced_at_ms),
        lifted_at=None if lifting is None else show_time(lifting.lifted_at_ms),
        lifted_because=None if lifting is None else lifting.reason.value,
        lifting=None if lifting is None else entry_body(lifting.entry),
    )


def _member(told: ToldMember) -> ToldMemberBody:
    return ToldMemberBody(told.member, told.notices, told.delivered, told.acknowledged)


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
