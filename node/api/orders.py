"""Read what clinicians' systems ask for: whom to find, what to retrieve. Messages repeat no value."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from ledger.notes import decode_base64
from node.api.requests import MAX_INDEX
from node.domain.access import Actor, ConsentId, Purpose
from node.domain.consent import ConsentSalt, PresentedConsent
from node.domain.consent_message import EmergencyId
from node.domain.entry import InstitutionId, Origin
from node.domain.record import PatientNumber
from node.errors import MalformedParameterError
from node.identity.code_text import parse_card
from node.services.reading.finding_patients import FindOrder, PatientLike
from node.services.reading.retrieval import MAX_TARGETS, RetrievalOrder
from node.wire.json_strict import check_document
from node.wire.members.disclosure import MAX_CONSENTS

_DEPTH = 5
_Text = Annotated[str, Meta(max_length=128)]
_Hex32 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
BodyT = TypeVar("BodyT")


class ActorBody(msgspec.Struct, forbid_unknown_fields=True):
    """Who acts, as the caller's system knows; the institution is the client's."""

    department: _Text
    staff_number: Annotated[str, Meta(min_length=1, max_length=128)]
    authentication: _Text
    licence_number: _Text = ""
    role: _Text = ""


class PatientBody(msgspec.Struct, forbid_unknown_fields=True):
    """A patient: by the institution's own number, or by the text of a card's QR code."""

    system: Annotated[str, Meta(max_length=255)] = ""
    number: Annotated[str, Meta(max_length=255)] = ""
    card: Annotated[str, Meta(max_length=255)] = ""


class FindRequestBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/find`."""

    patient: PatientBody
    purpose: Purpose
    actor: ActorBody
    encounter: _Text = ""


class TargetBody(msgspec.Struct, forbid_unknown_fields=True):
    """An entry, as a find showed it."""

    origin: Annotated[str, Meta(min_length=1, max_length=255)]
    leaf_index: Annotated[int, Meta(ge=0, lt=MAX_INDEX)]


class PresentedBody(msgspec.Struct, forbid_unknown_fields=True):
    """A consent, as its grantee shows it."""

    consent_id: _Hex32
    salt: _Hex32
    scope: Annotated[str, Meta(max_length=32_768)]


class RetrievalRequestBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/retrievals`."""

    patient: PatientBody
    targets: Annotated[list[TargetBody], Meta(min_length=1, max_length=MAX_TARGETS)]
    purpose: Purpose
    actor: ActorBody
    consents: Annotated[list[PresentedBody], Meta(max_length=MAX_CONSENTS)] = []
    emergency_id: _Hex32 | None = None
    encounter: _Text = ""


def parse_find(data: bytes, institution: InstitutionId) -> FindOrder:
    """Parse the body of `POST /v1/find`.

    Raises:
        MalformedJsonError: It is no JSON that can be read in one way only.
        MalformedParameterError: It is something else.
        MalformedPatientCodeError: The card's text is none.
    """
    body = parse_body(data, FindRequestBody)
    return FindOrder(patient_of(body.patient), actor_of(body.actor, institution), body.purpose, body.encounter)


def parse_order(data: bytes, institution: InstitutionId) -> RetrievalOrder:
    """Parse the body of `POST /v1/retrievals`; raises as `parse_find`."""
    body = parse_body(data, RetrievalRequestBody)
    if (body.purpose is Purpose.EMERGENCY) != (body.emergency_id is not None):
        raise MalformedParameterError("emergency_id", "the purpose emergency has one, and no other purpose does")
    return RetrievalOrder(
        patient=patient_of(body.patient),
        targets=tuple((Origin(target.origin), target.leaf_index) for target in body.targets),
        purpose=body.purpose,
        actor=actor_of(body.actor, institution),
        consents=tuple(_consent(each) for each in body.consents),
        emergency=None if body.emergency_id is None else EmergencyId(bytes.fromhex(body.emergency_id)),
        encounter=body.encounter,
    )


def parse_body(data: bytes, kind: type[BodyT]) -> BodyT:
    """Parse a body; raises as `parse_find`."""
    check_document(data, _DEPTH)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise MalformedParameterError("body", "lacks a field, or has one that it should not; see /openapi.json") from error


def patient_of(body: PatientBody) -> PatientLike:
    """Return whom a body names; raises as `parse_find`."""
    if bool(body.card) == bool(body.number):
        raise MalformedParameterError("patient", "give a number with its system, or the text of a card")
    return parse_card(body.card) if body.card else PatientNumber(body.system, body.number)


def actor_of(body: ActorBody, institution: InstitutionId) -> Actor:
    """Return who acts, of a client's institution."""
    return Actor(institution, body.department, body.staff_number, body.licence_number, body.authentication, body.role)


def _consent(body: PresentedBody) -> PresentedConsent:
    scope = decode_base64(body.scope)
    if scope is None:
        raise MalformedParameterError("consents", "the scope is not base64")
    return PresentedConsent(ConsentId(bytes.fromhex(body.consent_id)), ConsentSalt(bytes.fromhex(body.salt)), scope)
