"""/v1/patient: what a patient's own tool asks; nobody is believed, and nobody learns more than a tag entitles to."""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from node.api.bodies.consents import PatientRevocationBody
from node.api.bodies.shapes import parse_body
from node.api.openapi.document import documented
from node.api.requests import json_response, node_of, read_body
from node.api.routes.consents import consenting_of
from node.api.signed import received
from node.domain.access import ConsentId
from node.errors import SettingsError, UnknownConsentError
from node.services.surface.node import Node
from node.services.surface.patient_access import PatientAccess
from node.wire.evidence.file import EVIDENCE_MEDIA_TYPE
from node.wire.patient.entries import MAX_REQUEST_BYTES, encode_answer, parse_own_record, parse_request

router = APIRouter(tags=["patients"])

_NO_STORE: Final = {"Cache-Control": "no-store"}


def access_of(node: Node, request: Request) -> PatientAccess:
    """Return what the node does for patients, and count the request.

    Raises:
        SettingsError: It does nothing for them.
        RateLimitedError: The sender has asked too often.
    """
    if node.oversight is None:
        raise SettingsError("this node answers no patients")
    patients = node.oversight.patients
    patients.limit.take("" if request.client is None else request.client.host)
    return patients


@router.get("/v1/patient/keys", **documented("patient-keys"))
async def exchange_keys(request: Request) -> Response:
    """Tell this node's logs, and the exchange keys under which each numbers what only it and the patient find."""
    access = access_of(node_of(request), request)
    return json_response(
        {
            "logs": {
                str(origin): {"institution": institution, "exchange_keys": [key.hex() for key in access.exchange_keys(institution)]}
                for institution, origin in access.origins.items()
            }
        }
    )


@router.post("/v1/patient/records", **documented("patient-records"))
async def read_record(request: Request) -> Response:
    """Disclose a record to its patient, who signed for it (RFC 9421), as evidence; logged before the first byte."""
    access = access_of(node_of(request), request)
    if access.records is None:
        raise SettingsError("this node has no trust root, and with it no address that patients sign for")
    body = await read_body(request, MAX_REQUEST_BYTES)
    asked = parse_own_record(body)
    evidence = await asyncio.to_thread(access.records.read, asked, received(request, body))
    return Response(evidence, media_type=EVIDENCE_MEDIA_TYPE, headers=_NO_STORE)


@router.post("/v1/patient/revocations", **documented("patient-revocations"))
async def revoke(request: Request) -> Response:
    """Take a patient's own revocation of a consent; the signature is all that counts."""
    node = node_of(request)
    access_of(node, request)
    service = consenting_of(node).consents
    body = parse_body(await read_body(request, MAX_REQUEST_BYTES), PatientRevocationBody)
    consent = ConsentId(bytes.fromhex(body.consent_id))
    for institution in node.institutions:
        try:
            await asyncio.to_thread(service.hand_in_revocation, institution, consent, body.signature.value)
        except UnknownConsentError:
            continue
        return json_response({"consent_id": body.consent_id, "institution": institution})
    raise UnknownConsentError(body.consent_id)


@router.post("/v1/patient/entries", **documented("patient-entries"))
async def entries(request: Request) -> Response:
    """Return the entries that have these tags, each with its proof; what nothing has is answered by nothing."""
    access = access_of(node_of(request), request)
    tags = parse_request(await read_body(request, MAX_REQUEST_BYTES))
    found = await asyncio.to_thread(access.entries.answer, tags)
    return Response(encode_answer(found), media_type="application/json", headers=_NO_STORE)
