"""CDS Hooks 2.0: the requests of order-select and order-sign, cards, and the discovery document (docs/spec/recognition.md).

FHIR resources are read for what an order needs and no further. Strict: an unknown member of the request itself is refused,
those of FHIR resources and of `extension` are not looked at. Left out: suggestions, system actions, feedback, and reading
from the client's FHIR server: what is needed is asked for by prefetch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from node.domain.record import PatientNumber
from node.errors import MalformedParameterError, PrefetchMissingError
from node.wire.json_shape import PRINTABLE, parse_shape, refused_shape

SERVICE_ID: Final = "concord-recognition"
HOOKS: Final = ("order-select", "order-sign")
PREFETCH: Final = {"patient": "Patient/{{context.patientId}}"}
MAX_SUMMARY_CHARS: Final = 139
"""A summary has less than 140 characters."""
MAX_ORDERS: Final = 100

_MAX_DEPTH: Final = 32
_MAX_IDENTIFIERS: Final = 8
_ORDER_ID: Final = re.compile(r"[!-~]{1,128}")
"""FHIR's ids, and a little more."""
_USERS: Final = ("Practitioner", "PractitionerRole")

_Text = Annotated[str, Meta(min_length=1, max_length=255, pattern=PRINTABLE)]
_Uuid = Annotated[str, Meta(pattern=r"\A[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")]


class _Authorization(msgspec.Struct, forbid_unknown_fields=True):
    access_token: _Text
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Meta(ge=0)]
    scope: str
    subject: _Text
    patient: _Text | UnsetType = UNSET


class _Coding(msgspec.Struct):
    code: str = ""


class _Concept(msgspec.Struct):
    coding: list[_Coding] = []


class _Resource(msgspec.Struct, rename="camel"):
    resource_type: str
    id: str = ""
    code: _Concept | None = None


class _Entry(msgspec.Struct):
    resource: msgspec.Raw


class _Bundle(msgspec.Struct, rename="camel"):
    resource_type: Literal["Bundle"]
    entry: Annotated[list[_Entry], Meta(max_length=1_000)] = []


class _Context(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    user_id: _Text
    patient_id: _Text
    draft_orders: _Bundle
    encounter_id: _Text | UnsetType = UNSET
    selections: list[_Text] | UnsetType = UNSET


class _Request(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    hook: Literal["order-select", "order-sign"]
    hook_instance: _Uuid
    context: _Context
    fhir_server: _Text | UnsetType = UNSET
    fhir_authorization: _Authorization | UnsetType = UNSET
    prefetch: dict[str, msgspec.Raw] | UnsetType = UNSET
    extension: dict[str, Any] | UnsetType = UNSET


class _Identifier(msgspec.Struct):
    system: Annotated[str, Meta(max_length=255)] = ""
    value: Annotated[str, Meta(max_length=255)] = ""


class _Patient(msgspec.Struct, rename="camel"):
    resource_type: Literal["Patient"]
    id: str = ""
    identifier: list[_Identifier] = []


@dataclass(frozen=True, slots=True)
class DraftOrder:
    """One service request that is about to be ordered."""

    order_id: str
    """Its resource id."""
    codes: tuple[str, ...]
    """Its codes, of whatever system: one of them is the hospital's own."""


@dataclass(frozen=True, slots=True)
class HookRequest:
    """What a request asks."""

    staff_number: str
    """Id of the practitioner."""
    encounter: str
    """Id of the encounter, or empty."""
    patients: tuple[PatientNumber, ...]
    """The patient's identifiers."""
    orders: tuple[DraftOrder, ...]
    """What is looked at: of order-select the selections alone."""


class Coding(msgspec.Struct, frozen=True):
    """A code with its words."""

    code: str
    system: str
    display: str


class Source(msgspec.Struct, frozen=True):
    """Whose guidance a card is."""

    label: str


class Action(msgspec.Struct, frozen=True, rename="camel"):
    """What a suggestion does to a draft order."""

    type: Literal["delete"]
    description: str
    resource_id: str


class Suggestion(msgspec.Struct, frozen=True):
    """What a clinician may accept."""

    label: str
    uuid: str
    actions: list[Action]


class Link(msgspec.Struct, frozen=True):
    """A link that a browser opens."""

    label: str
    url: str
    type: Literal["absolute"]


class Card(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One card."""

    uuid: str
    summary: str
    indicator: Literal["info", "warning", "critical"]
    source: Source
    detail: str = ""
    suggestions: list[Suggestion] = []
    selection_behavior: Literal["", "at-most-one"] = ""
    override_reasons: list[Coding] = []
    links: list[Link] = []
    extension: dict[str, str] = {}


class CardsBody(msgspec.Struct, frozen=True):
    """The answer to a hook."""

    cards: list[Card]


def parse_hook(data: bytes) -> HookRequest:
    """Parse a request.

    Raises:
        MalformedJsonError: It is no JSON that can be read in one way only.
        MalformedParameterError: It is no request of CDS Hooks 2.0 for these hooks.
        PrefetchMissingError: It lacks the patient, or the patient has no identifier.
    """
    request = parse_shape(data, _Request, _MAX_DEPTH)
    context = request.context
    resources = [_resource(entry.resource, at) for at, entry in enumerate(context.draft_orders.entry)]
    if (request.hook == "order-select") != (context.selections is not UNSET):
        raise MalformedParameterError("context.selections", "order-select has them, and order-sign has not")
    kind, _, user = context.user_id.partition("/")
    if kind not in _USERS or not user:
        raise MalformedParameterError("context.userId", "a reference to a Practitioner or PractitionerRole")
    orders = tuple(_order(each) for each in resources if each.resource_type == "ServiceRequest")
    if context.selections is not UNSET:
        selected = frozenset(context.selections)
        orders = tuple(order for order in orders if f"ServiceRequest/{order.order_id}" in selected)
    if len(orders) > MAX_ORDERS or len({order.order_id for order in orders}) < len(orders):
        raise MalformedParameterError("context.draftOrders", f"at most {MAX_ORDERS} service requests, each with an id of its own")
    encounter = "" if context.encounter_id is UNSET else context.encounter_id
    return HookRequest(user, encounter, _patients(request), orders)


def discovery_document() -> dict[str, object]:
    """Return the answer to `GET /cds-services`: one service under one id, for both hooks."""
    services = [
        {
            "hook": hook,
            "id": SERVICE_ID,
            "title": "Recognition of results of other institutions",
            "description": "Tells which results of other institutions answer an order, and why the others do not.",
            "prefetch": PREFETCH,
            "usageRequirements": "Send the API key as a bearer token. Codes of service requests are the hospital's own orderables.",
        }
        for hook in HOOKS
    ]
    return {"services": services}


def shorten(summary: str) -> str:
    """Cut a summary to what a card may hold."""
    return summary if len(summary) <= MAX_SUMMARY_CHARS else summary[: MAX_SUMMARY_CHARS - 1] + "…"


def _resource(raw: msgspec.Raw, at: int) -> _Resource:
    try:
        return msgspec.json.decode(raw, type=_Resource)
    except msgspec.MsgspecError as error:
        raise refused_shape(error, f"context.draftOrders.entry[{at}].resource") from error


def _order(resource: _Resource) -> DraftOrder:
    if _ORDER_ID.fullmatch(resource.id) is None:
        raise MalformedParameterError("context.draftOrders", "every ServiceRequest has an id of 1 to 128 characters")
    coding: Sequence[_Coding] = [] if resource.code is None else resource.code.coding
    return DraftOrder(resource.id, tuple(each.code for each in coding if each.code))


def _patients(request: _Request) -> tuple[PatientNumber, ...]:
    raw = None if request.prefetch is UNSET else request.prefetch.get("patient")
    if raw is None:
        raise PrefetchMissingError("patient", "missing")
    try:
        patient = msgspec.json.decode(raw, type=_Patient)
    except msgspec.MsgspecError as error:
        raise PrefetchMissingError("patient", "no Patient resource") from error
    if patient.id != request.context.patient_id:
        raise MalformedParameterError("prefetch.patient", "not the patient of the context")
    numbers = tuple(PatientNumber(each.system, each.value) for each in patient.identifier if each.value)
    if not 0 < len(numbers) <= _MAX_IDENTIFIERS:
        raise PrefetchMissingError("patient", f"it has 1 to {_MAX_IDENTIFIERS} identifiers with a value")
    return numbers
