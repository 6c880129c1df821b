"""The texts of headers that tell of recognition: checks of an hour, decisions, reversals (docs/spec/header.md).

Lists of a fixed order instead of objects where there are many. Left out: the rest of the text (`acts`, `text`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.recognition import DecisionOutcome, DocumentDigest, ItemCode, OrderableCode, OrderLine, Pin, Reason, ReasonCode
from node.domain.recognition_acts import (
    CheckContent,
    CheckedLine,
    CheckedOrder,
    CheckId,
    DecisionContent,
    DecisionId,
    OfferedResult,
    RecognitionContent,
    ReversalContent,
)
from node.wire.actors import actor_of
from node.wire.header.shapes import HEX, ActorShape, Reference, Shape, reference_of, shape_of_actor, shape_of_reference
from node.wire.json_shape import TimeMs

_Hex32 = Annotated[str, Meta(pattern=HEX)]
_Id = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
_MAX_SAVING_FEN: Final = 10_000_000_000
"""Ten times the highest price: sums of what others claim have to stay numbers that databases hold."""
_Campus = Annotated[str, Meta(min_length=1, max_length=64)]


class _Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A list of a fixed order."""


class _Offer(_Row):
    origin: Annotated[str, Meta(min_length=1)]
    leaf_hash: _Hex32
    institution: str
    items: list[str]


class _Pin(_Row):
    kind: str
    subject: str
    digest: _Hex32


class _Line(_Row):
    order_id: str
    orderable: str
    offers: list[_Offer]


class _Order(Shape):
    check_id: _Id
    encounter: str
    checked_at_ms: TimeMs
    answered: bool
    lines: list[_Line]
    pins: list[_Pin]
    campus: _Campus | UnsetType = UNSET


class Check(Shape, tag_field="about", tag="check"):
    """Checks of one clinician for one patient within one hour."""

    actor: ActorShape
    checks: list[_Order]


class Decision(Shape, tag_field="about", tag="decision"):
    """A decision."""

    decision_id: _Id
    check_id: _Id
    actor: ActorShape
    encounter: str
    order_id: str
    orderable: str
    outcome: DecisionOutcome
    results: list[_Offer]
    items: list[str]
    reason: Annotated[int, Meta(ge=1, le=6)] | None
    sub_reason: str | None
    saving_fen: Annotated[int, Meta(ge=0, le=_MAX_SAVING_FEN)]
    warned: bool
    pins: list[_Pin]
    decided_at_ms: TimeMs
    campus: _Campus | UnsetType = UNSET


class Reversal(Shape, tag_field="about", tag="reversal"):
    """A decision that is taken back."""

    decision_id: _Id
    decision: Reference
    actor: ActorShape
    occurred_at_ms: TimeMs


def content_of_recognition(shape: Check | Decision | Reversal) -> RecognitionContent:
    """Return what a decoded shape says."""
    match shape:
        case Check():
            return CheckContent(actor_of(shape.actor), tuple(_order_of(each) for each in shape.checks))
        case Decision():
            return DecisionContent(
                decision_id=DecisionId(shape.decision_id),
                check_id=CheckId(shape.check_id),
                actor=actor_of(shape.actor),
                encounter=shape.encounter,
                line=OrderLine(shape.order_id, OrderableCode(shape.orderable)),
                outcome=shape.outcome,
                results=tuple(_offer_of(each) for each in shape.results),
                items=tuple(ItemCode(item) for item in shape.items),
                reason=None if shape.reason is None else Reason(shape.reason),
                sub_reason=None if shape.sub_reason is None else ReasonCode(shape.sub_reason),
                saving_fen=shape.saving_fen,
                warned=shape.warned,
                pins=_pins_of(shape.pins),
                decided_at_ms=shape.decided_at_ms,
                campus=shape.campus or "",
            )
        case Reversal():
            return ReversalContent(
                DecisionId(shape.decision_id), reference_of(shape.decision), actor_of(shape.actor), shape.occurred_at_ms
            )


def shape_of_recognition(content: RecognitionContent) -> Check | Decision | Reversal:
    """Return the shape that encodes what is logged of recognition."""
    match content:
        case CheckContent():
            return Check(shape_of_actor(content.actor), [_order(each) for each in content.checks])
        case DecisionContent():
            return Decision(
                decision_id=content.decision_id,
                check_id=content.check_id,
                actor=shape_of_actor(content.actor),
                encounter=content.encounter,
                order_id=content.line.order_id,
                orderable=content.line.orderable,
                outcome=content.outcome,
                results=[_offer(each) for each in content.results],
                items=list(content.items),
                reason=None if content.reason is None else int(content.reason),
                sub_reason=content.sub_reason,
                saving_fen=content.saving_fen,
                warned=content.warned,
                pins=_pins(content.pins),
                decided_at_ms=content.decided_at_ms,
                campus=content.campus or UNSET,
            )
        case ReversalContent():
            reference = shape_of_reference(content.decision)
            return Reversal(content.decision_id, reference, shape_of_actor(content.actor), content.occurred_at_ms)


def _order(order: CheckedOrder) -> _Order:
    lines = [_Line(each.line.order_id, each.line.orderable, [_offer(one) for one in each.offers]) for each in order.lines]
    return _Order(
        order.check_id,
        order.encounter,
        order.checked_at_ms,
        order.answered,
        lines,
        _pins(order.pins),
        order.campus or UNSET,
    )


def _order_of(shape: _Order) -> CheckedOrder:
    lines = tuple(
        CheckedLine(OrderLine(each.order_id, OrderableCode(each.orderable)), tuple(_offer_of(one) for one in each.offers))
        for each in shape.lines
    )
    return CheckedOrder(
        check_id=CheckId(shape.check_id),
        encounter=shape.encounter,
        checked_at_ms=shape.checked_at_ms,
        lines=lines,
        pins=_pins_of(shape.pins),
        answered=shape.answered,
        campus=shape.campus or "",
    )


def _offer(offer: OfferedResult) -> _Offer:
    return _Offer(offer.leaf.origin, offer.leaf.leaf_hash.hex(), offer.institution, list(offer.items))


def _offer_of(shape: _Offer) -> OfferedResult:
    leaf = LeafReference(Origin(shape.origin), bytes.fromhex(shape.leaf_hash))
    return OfferedResult(leaf, InstitutionId(shape.institution), tuple(ItemCode(item) for item in shape.items))


def _pins(pins: Sequence[Pin]) -> list[_Pin]:
    return [_Pin(pin.kind, pin.subject, pin.digest.hex()) for pin in pins]


def _pins_of(shapes: Sequence[_Pin]) -> tuple[Pin, ...]:
    return tuple(Pin(each.kind, each.subject, DocumentDigest(bytes.fromhex(each.digest))) for each in shapes)
