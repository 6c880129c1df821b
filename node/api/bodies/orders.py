"""Read what clinicians' systems ask for: whom to find, what to retrieve. Messages repeat no value."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from ledger.notes import decode_base64
from node.api.bodies.shapes import ClinicianBody, Id32, PatientOrCardBody, Text, parse_body
from node.api.requests import MAX_INDEX
from node.domain.access import ConsentId, Purpose
from node.domain.consent import ConsentSalt, PresentedConsent
from node.domain.consent_message import EmergencyId
from node.domain.entry import InstitutionId, Origin
from node.errors import MalformedParameterError
from node.services.reading.finding_patients import FindOrder
from node.services.reading.retrieval import MAX_TARGETS, RetrievalOrder
from node.wire.members.disclosure import MAX_CONSENTS


class FindRequestBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/find`."""

    patient: PatientOrCardBody
    purpose: Purpose
    actor: ClinicianBody
    encounter: Text = ""


class TargetBody(msgspec.Struct, forbid_unknown_fields=True):
    """An entry, as a find showed it."""

    origin: Annotated[str, Meta(min_length=1, max_length=255)]
    leaf_index: Annotated[int, Meta(ge=0, lt=MAX_INDEX)]


class PresentedBody(msgspec.Struct, forbid_unknown_fields=True):
    """A consent, as its grantee shows it."""

    consent_id: Id32
    salt: Id32
    scope: Annotated[str, Meta(max_length=32_768)]


class RetrievalRequestBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/retrievals`."""

    patient: PatientOrCardBody
    targets: Annotated[list[TargetBody], Meta(min_length=1, max_length=MAX_TARGETS)]
    purpose: Purpose
    actor: ClinicianBody
    consents: Annotated[list[PresentedBody], Meta(max_length=MAX_CONSENTS)] = []
    emergency_id: Id32 | None = None
    encounter: Text = ""


def parse_find(data: bytes, institution: InstitutionId) -> FindOrder:
    """Parse the body of `POST /v1/find`.

    Raises:
        MalformedJsonError: It is no JSON that can be read in one way only.
        MalformedParameterError: It is something else.
        MalformedPatientCodeError: The card's text is none.
    """
    body = parse_body(data, FindRequestBody)
    return FindOrder(body.patient.value, body.actor.actor(institution), body.purpose, body.encounter)


def parse_order(data: bytes, institution: InstitutionId) -> RetrievalOrder:
    """Parse the body of `POST /v1/retrievals`; raises as `parse_find`."""
    body = parse_body(data, RetrievalRequestBody)
    if (body.purpose is Purpose.EMERGENCY) != (body.emergency_id is not None):
        raise MalformedParameterError("emergency_id", "the purpose emergency has one, and no other purpose does")
    return RetrievalOrder(
        patient=body.patient.value,
        targets=tuple((Origin(target.origin), target.leaf_index) for target in body.targets),
        purpose=body.purpose,
        actor=body.actor.actor(institution),
        consents=tuple(_consent(each) for each in body.consents),
        emergency=None if body.emergency_id is None else EmergencyId(bytes.fromhex(body.emergency_id)),
        encounter=body.encounter,
    )


def _consent(body: PresentedBody) -> PresentedConsent:
    scope = decode_base64(body.scope)
    if scope is None:
        raise MalformedParameterError("consents", "the scope is not base64")
    return PresentedConsent(ConsentId(bytes.fromhex(body.consent_id)), ConsentSalt(bytes.fromhex(body.salt)), scope)
