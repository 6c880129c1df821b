"""The JSON shapes that header texts share: a record's content, actors, and references to leaves (docs/spec/header.md)."""

from __future__ import annotations

from typing import Annotated, Final, cast

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.domain.access import Actor
from node.domain.entry import LeafReference, Origin, RecordId, Version
from node.domain.header import HeaderContent, PartSummary
from node.domain.record import Item, Kind, RecordStatus
from node.wire.json_shape import TimeMs

HEX: Final = rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z"
"""32 bytes, in lower case."""
MAX_NUMBER: Final = 2**53
"""Greater numbers are none that anybody counts, and databases do not hold them."""


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Every object of an act: nothing unknown, nothing missing."""


class ActorShape(Shape):
    """Who acts."""

    institution: str
    department: str
    staff_number: str
    licence_number: str
    authentication: str
    role: str


class _Item(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    system: str
    code: str
    specimen: str
    unit: str


class _Part(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    media_type: str
    role: str
    length_bytes: Annotated[int, Meta(ge=0, le=MAX_NUMBER)]


class Reference(msgspec.Struct, forbid_unknown_fields=True):
    """Names an entry."""

    origin: Annotated[str, Meta(min_length=1)]
    leaf_hash: Annotated[str, Meta(pattern=HEX)]


class Content(msgspec.Struct, forbid_unknown_fields=True):
    """What a record's header says, the pseudonym apart."""

    kind: str
    record_id: str
    version: Annotated[int, Meta(ge=1, le=MAX_NUMBER)]
    status: str
    performed_at_ms: TimeMs
    items: list[_Item]
    study: str
    parts: list[_Part]
    supersedes: Reference | None
    mark: str
    certificate: str
    device: str
    lot: str


def shape_of(content: HeaderContent) -> Content:
    """Return the shape that encodes a record's content."""
    return Content(
        kind=content.kind,
        record_id=content.record_id,
        version=content.version,
        status=content.status,
        performed_at_ms=content.performed_at_ms,
        # named tuples are encoded as arrays, which is what the shapes of items and parts are
        items=cast("list[_Item]", content.items),
        study=content.study,
        parts=cast("list[_Part]", content.parts),
        supersedes=None if content.supersedes is None else shape_of_reference(content.supersedes),
        mark=content.mark,
        certificate=content.certificate,
        device=content.device,
        lot=content.lot,
    )


def content_of(shape: Content) -> HeaderContent:
    """Return what a decoded shape says of a record."""
    return HeaderContent(
        kind=Kind(shape.kind),
        record_id=RecordId(shape.record_id),
        version=Version(shape.version),
        status=RecordStatus(shape.status),
        performed_at_ms=shape.performed_at_ms,
        items=tuple(Item(item.system, item.code, item.specimen, item.unit) for item in shape.items),
        study=shape.study,
        parts=tuple(PartSummary(part.media_type, part.role, part.length_bytes) for part in shape.parts),
        supersedes=None if shape.supersedes is None else reference_of(shape.supersedes),
        mark=shape.mark,
        certificate=shape.certificate,
        device=shape.device,
        lot=shape.lot,
    )


def shape_of_reference(reference: LeafReference) -> Reference:
    """Return the shape that encodes a reference."""
    return Reference(reference.origin, reference.leaf_hash.hex())


def reference_of(shape: Reference) -> LeafReference:
    """Return the entry that a decoded shape names."""
    return LeafReference(Origin(shape.origin), bytes.fromhex(shape.leaf_hash))


def shape_of_actor(actor: Actor) -> ActorShape:
    """Return the shape that encodes an actor."""
    return ActorShape(
        institution=actor.institution,
        department=actor.department,
        staff_number=actor.staff_number,
        licence_number=actor.licence_number,
        authentication=actor.authentication,
        role=actor.role,
    )
