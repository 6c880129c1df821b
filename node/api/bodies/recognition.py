"""What the API is asked and answers about checks at order time and decisions, as msgspec structs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from node.api.bodies.records import show_time
from node.api.bodies.shapes import ClinicianBody, Id32, Name, PatientOrCardBody, Text, parse_body
from node.domain.access import Actor
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.recognition import CheckOutcome, Offer, OrderableCheck, OrderableCode, OrderLine, Reason, ReasonCode
from node.domain.recognition_acts import CheckId
from node.errors import MalformedParameterError
from node.ports.recognition.decisions import HeardDecision
from node.recognition.decision import Recognise, Reorder
from node.services.recognition.checking import CheckAnswer, CheckOrder
from node.services.recognition.deciding import DecisionAnswer, DecisionOrder
from node.services.recognition.view_links import ViewLink
from node.wire.json_shape import PRINTABLE

MAX_LINES = 100
_MAX_RESULTS = 64

_Id = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]


class LineRequest(msgspec.Struct, forbid_unknown_fields=True):
    """One line of an order."""

    order_id: Name
    orderable: Name


class CheckRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/recognition/check`."""

    patient: PatientOrCardBody
    actor: ClinicianBody
    lines: Annotated[list[LineRequest], Meta(min_length=1, max_length=MAX_LINES)]
    encounter: Text = ""
    campus: Annotated[str, Meta(max_length=64, pattern=PRINTABLE)] = ""


class ResultRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A result that was offered."""

    origin: Annotated[str, Meta(min_length=1, max_length=255)]
    leaf_hash: Id32


class RecogniseRequest(msgspec.Struct, forbid_unknown_fields=True, tag_field="outcome", tag="recognised"):
    """The body of `POST /v1/recognition/decisions`: results are used."""

    check_id: _Id
    order_id: Name
    actor: ClinicianBody
    results: Annotated[list[ResultRequest], Meta(min_length=1, max_length=_MAX_RESULTS)]


class ReorderRequest(msgspec.Struct, forbid_unknown_fields=True, tag_field="outcome", tag="reordered"):
    """The body of `POST /v1/recognition/decisions`: it is ordered again."""

    check_id: _Id
    order_id: Name
    actor: ClinicianBody
    reason: Annotated[int, Meta(ge=1, le=6)] | None = None
    sub_reason: Text | None = None
    free_text: Annotated[str, Meta(max_length=2_000)] = ""


class ReverseRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/recognition/decisions/{decision_id}:reverse`."""

    actor: ClinicianBody


class OfferedItemBody(msgspec.Struct, frozen=True):
    """One item of an offer."""

    item: str
    mark: str
    certificate: str | None


class OfferBody(msgspec.Struct, frozen=True):
    """A recognisable result; `retrieve` is what a retrieval names, null for an own result."""

    origin: str
    leaf_hash: str
    retrieve: dict[str, str | int] | None
    institution: str
    own: bool
    performed_at: str
    age_days: float
    items: list[OfferedItemBody]
    level: str
    images_at_hand: bool
    reachability: str
    saving_fen: int


class RefusedItemBody(msgspec.Struct, frozen=True):
    """One item that a result does not answer, and why."""

    item: str
    obstacle: str


class RefusedBody(msgspec.Struct, frozen=True):
    """A result that cannot be recognised, or not for these items."""

    origin: str
    leaf_hash: str
    institution: str
    performed_at: str
    age_days: float
    items: list[RefusedItemBody]


class ViewLinkBody(msgspec.Struct, frozen=True):
    """A one-time link that retrieves and shows the results that answer an order line."""

    url: str
    expires_at: str


class CheckedLineBody(msgspec.Struct, frozen=True):
    """The answer for one order line; `view` is null where no result of others answers it, or browsers do not reach this node."""

    order_id: str
    orderable: str
    known: bool
    coverage: str
    items: list[str]
    missing: list[str]
    window_days: int | None
    price_fen: int | None
    saving_fen: int
    offers: list[OfferBody]
    unrecognisable: list[RefusedBody]
    view: ViewLinkBody | None = None


class UnmappedBody(msgspec.Struct, frozen=True):
    """A result with codes that nobody could place."""

    origin: str
    leaf_hash: str
    institution: str
    performed_at: str
    codes: list[list[str]]


class PinBody(msgspec.Struct, frozen=True):
    """The version of one document that the answer rests on."""

    kind: str
    subject: str
    digest: str


class CheckBody(msgspec.Struct, frozen=True):
    """The answer to a check; what consent withholds is absent, and emergency access is always open."""

    check_id: str
    checked_at: str
    encounter: str
    lines: list[CheckedLineBody]
    unmapped: list[UnmappedBody]
    warning: dict[str, list[str]]
    break_glass: str
    pins: list[PinBody]


class UncheckedBody(msgspec.Struct, frozen=True):
    """An order that went ahead unchecked was noted."""

    check_id: str


class DecisionBody(msgspec.Struct, frozen=True):
    """A decision that was taken."""

    decision_id: str
    outcome: str
    order_id: str
    orderable: str
    items: list[str]
    saving_fen: int
    warned: bool
    origin: str
    leaf_hash: str
    told: list[str]


class ReversalBody(msgspec.Struct, frozen=True):
    """A decision that was taken back."""

    decision_id: str
    origin: str
    leaf_hash: str


class TakenBody(msgspec.Struct, frozen=True):
    """A card, and the decision that feedback on it was; null where it decides nothing."""

    card: str
    decision_id: str | None


class FeedbackBody(msgspec.Struct, frozen=True):
    """What was taken of feedback, in its order."""

    feedback: list[TakenBody]


class HeardBody(msgspec.Struct, frozen=True):
    """What another institution decided on a result of this one."""

    decision_id: str
    decider: str
    origin: str
    leaf_hash: str
    outcome: str
    reason: int | None
    decided_at: str
    reversed_at: str | None


class HeardListBody(msgspec.Struct, frozen=True):
    """What others decided, the newest first."""

    decisions: list[HeardBody]


def parse_check(data: bytes, institution: InstitutionId) -> CheckOrder:
    """Parse the body of `POST /v1/recognition/check`; raises as `orders.parse_find`."""
    body = parse_body(data, CheckRequest)
    lines = tuple(OrderLine(line.order_id, OrderableCode(line.orderable)) for line in body.lines)
    if len({line.order_id for line in lines}) < len(lines):
        raise MalformedParameterError("lines", "each order line has an order_id of its own")
    return CheckOrder(body.patient.value, body.actor.actor(institution), body.encounter, lines, body.campus)


def parse_decision(data: bytes, institution: InstitutionId) -> DecisionOrder:
    """Parse the body of `POST /v1/recognition/decisions`; raises as `orders.parse_find`."""
    body: RecogniseRequest | ReorderRequest = parse_body(data, RecogniseRequest | ReorderRequest)  # type: ignore[arg-type]
    wish: Recognise | Reorder
    if isinstance(body, RecogniseRequest):
        wish = Recognise(tuple(LeafReference(Origin(each.origin), bytes.fromhex(each.leaf_hash)) for each in body.results))
    else:
        sub_reason = None if body.sub_reason is None else ReasonCode(body.sub_reason)
        wish = Reorder(None if body.reason is None else Reason(body.reason), sub_reason, body.free_text)
    return DecisionOrder(CheckId(body.check_id), body.order_id, body.actor.actor(institution), wish)


def parse_reversal(data: bytes, institution: InstitutionId) -> Actor:
    """Parse the body of a reversal; raises as `orders.parse_find`."""
    return parse_body(data, ReverseRequest).actor.actor(institution)


def check_body(answer: CheckAnswer) -> CheckBody:
    """Show the answer to a check."""
    outcome = answer.outcome
    return CheckBody(
        check_id=answer.check_id,
        checked_at=show_time(outcome.checked_at_ms),
        encounter=outcome.encounter,
        lines=[_line(line, answer) for line in outcome.lines],
        unmapped=_unmapped(outcome),
        warning={language: list(lines) for language, lines in answer.warnings.items()},
        break_glass="POST /v1/emergencies",
        pins=[PinBody(pin.kind, pin.subject, pin.digest.hex()) for pin in outcome.pins],
    )


def decision_body(answer: DecisionAnswer) -> DecisionBody:
    """Show a decision."""
    decision = answer.decision
    return DecisionBody(
        decision_id=answer.decision_id,
        outcome=decision.outcome.value,
        order_id=decision.line.order_id,
        orderable=decision.line.orderable,
        items=list(decision.items),
        saving_fen=decision.saving_fen,
        warned=decision.warned,
        origin=answer.entry.origin,
        leaf_hash=answer.entry.leaf_hash.hex(),
        told=list(answer.told),
    )


def heard_body(heard: Sequence[HeardDecision]) -> HeardListBody:
    """Show what others decided."""
    return HeardListBody(
        [
            HeardBody(
                decision_id=each.decision_id,
                decider=each.decider,
                origin=each.result.origin,
                leaf_hash=each.result.leaf_hash.hex(),
                outcome=each.outcome,
                reason=each.reason,
                decided_at=show_time(each.decided_at_ms),
                reversed_at=None if each.reversed_at_ms is None else show_time(each.reversed_at_ms),
            )
            for each in heard
        ]
    )


def _line(check: OrderableCheck, answer: CheckAnswer) -> CheckedLineBody:
    return CheckedLineBody(
        order_id=check.line.order_id,
        orderable=check.line.orderable,
        known=check.known,
        coverage=check.coverage.value,
        items=list(check.items),
        missing=list(check.missing),
        window_days=check.window_days,
        price_fen=check.price_fen,
        saving_fen=check.saving_fen,
        offers=[_offer(offer, answer) for offer in check.offers],
        unrecognisable=[
            RefusedBody(
                origin=each.leaf.origin,
                leaf_hash=each.leaf.leaf_hash.hex(),
                institution=each.institution,
                performed_at=show_time(each.performed_at_ms),
                age_days=_days(each.age_ms),
                items=[RefusedItemBody(item.item, item.obstacle.value) for item in each.items],
            )
            for each in check.unrecognisable
        ],
        view=next((_link(each) for each in answer.links if each.order_id == check.line.order_id), None),
    )


def _link(link: ViewLink) -> ViewLinkBody:
    return ViewLinkBody(link.url, show_time(link.expires_at_ms))


def _offer(offer: Offer, answer: CheckAnswer) -> OfferBody:
    origin, leaf_index = answer.places[offer.leaf]
    return OfferBody(
        origin=offer.leaf.origin,
        leaf_hash=offer.leaf.leaf_hash.hex(),
        retrieve=None if offer.own else {"origin": origin, "leaf_index": leaf_index},
        institution=offer.institution,
        own=offer.own,
        performed_at=show_time(offer.performed_at_ms),
        age_days=_days(offer.age_ms),
        items=[OfferedItemBody(each.item, each.mark, each.certificate) for each in offer.items],
        level=offer.level.value,
        images_at_hand=offer.images_at_hand,
        reachability=offer.reachability.value,
        saving_fen=offer.saving_fen,
    )


def _unmapped(outcome: CheckOutcome) -> list[UnmappedBody]:
    return [
        UnmappedBody(
            origin=each.leaf.origin,
            leaf_hash=each.leaf.leaf_hash.hex(),
            institution=each.institution,
            performed_at=show_time(each.performed_at_ms),
            codes=[list(code) for code in each.codes],
        )
        for each in outcome.unmapped
    ]


def _days(age_ms: int) -> float:
    return round(age_ms / 86_400_000, 2)
