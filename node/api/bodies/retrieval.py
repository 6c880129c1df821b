"""What the API answers about finds and retrievals, as msgspec structs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from node.api.bodies.records import show_time
from node.domain.access import RequestId
from node.domain.entry import EntryType, InstitutionId, LeafReference
from node.domain.header import HeaderContent
from node.domain.retrieval import RetrievalRequest
from node.services.disclosure import RetrievedRecord
from node.services.reading.finding_patients import FoundRecord
from node.wire.manifest import parse_manifest


class ItemBody(msgspec.Struct, frozen=True):
    """What was examined, requested or prescribed."""

    system: str
    code: str
    specimen: str
    unit: str


class PartHead(msgspec.Struct, frozen=True):
    """A part, without its content."""

    number: int
    media_type: str
    role: str
    length_bytes: int


IsRecalled = Callable[[LeafReference], bool]
"""Tells whether a recall that stands names an entry."""
IsCovered = Callable[[LeafReference, InstitutionId, HeaderContent], bool]
"""Tells whether a recall stands against an institution's result."""


class FoundBody(msgspec.Struct, frozen=True):
    """A record that exists; `origin` and `leaf_index` are what a retrieval names."""

    origin: str
    leaf_index: int
    leaf_hash: str
    holder: str
    kind: str
    record_id: str
    version: int
    status: str
    withdrawn: bool
    recalled: bool
    performed_at: str
    study: str
    mark: str
    items: list[ItemBody]
    parts: list[PartHead]


class FindBody(msgspec.Struct, frozen=True):
    """What exists of a patient."""

    request_id: str
    records: list[FoundBody]


class RetrievalItem(msgspec.Struct, frozen=True):
    """One request of a retrieval."""

    request_id: str
    holder: str
    origin: str
    leaf_index: int
    leaf_hash: str
    state: str
    reason: str
    attempts: int
    next_attempt_at: str | None
    settled_at: str | None
    recalled: bool


class RetrievalBody(msgspec.Struct, frozen=True):
    """A retrieval: one request for each record."""

    retrieval_id: str
    requests: list[RetrievalItem]


class PartsBody(msgspec.Struct, frozen=True):
    """What a request brought, verified."""

    request_id: str
    origin: str
    kind: str
    version: int
    status: str
    parts: list[PartHead]


def find_body(request_id: RequestId, found: Sequence[FoundRecord], is_covered: IsCovered) -> FindBody:
    """Show what was found."""
    return FindBody(request_id, [_found(record, is_covered) for record in found])


def retrieval_body(requests: Sequence[RetrievalRequest], is_recalled: IsRecalled) -> RetrievalBody:
    """Show a retrieval; it has at least one request."""
    return RetrievalBody(requests[0].retrieval_id, [_item(request, is_recalled) for request in requests])


def parts_body(request_id: str, record: RetrievedRecord) -> PartsBody:
    """Show what a request brought."""
    manifest = parse_manifest(record.head.manifest.content)
    kept = {part.number for part in record.parts}
    heads = [
        PartHead(number, part.media_type, part.role, part.length_bytes)
        for number, part in enumerate(manifest.parts, start=1)
        if number in kept
    ]
    return PartsBody(request_id, manifest.origin, manifest.kind, manifest.version, manifest.status, heads)


def _found(record: FoundRecord, is_covered: IsCovered) -> FoundBody:
    content, target = record.content, record.target
    return FoundBody(
        origin=record.entry.place.origin,
        leaf_index=record.entry.place.index,
        leaf_hash=target.reference.leaf_hash.hex(),
        holder=target.holder,
        kind=content.kind,
        record_id=content.record_id,
        version=content.version,
        status=content.status,
        withdrawn=record.entry.entry_type is EntryType.WITHDRAWAL,
        recalled=is_covered(target.reference, target.holder, content),
        performed_at=show_time(content.performed_at_ms),
        study=content.study,
        mark=content.mark,
        items=[ItemBody(item.system, item.code, item.specimen, item.unit) for item in content.items],
        parts=[
            PartHead(number, part.media_type, part.role, part.length_bytes) for number, part in enumerate(content.parts, start=1)
        ],
    )


def _item(request: RetrievalRequest, is_recalled: IsRecalled) -> RetrievalItem:
    target, settled = request.target, request.settled_at_ms
    return RetrievalItem(
        request_id=request.request_id,
        holder=target.holder,
        origin=target.reference.origin,
        leaf_index=target.leaf_index,
        leaf_hash=target.reference.leaf_hash.hex(),
        state=request.state.value,
        reason=request.reason,
        attempts=request.attempts,
        next_attempt_at=show_time(request.next_attempt_at_ms) if settled is None else None,
        settled_at=None if settled is None else show_time(settled),
        recalled=is_recalled(target.reference),
    )
