"""/v1/consents: hand in what patients granted, assert, revoke, show; /v1/patients:withdraw."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from node.api.bodies.consents import (
    MAX_BYTES,
    AssertBody,
    HandInBody,
    ListBody,
    RevokeBody,
    WithdrawBody,
    parse_id,
)
from node.api.bodies.records import show_time
from node.api.bodies.shapes import parse_body
from node.api.openapi.document import documented
from node.api.requests import Caller, NodeOf, caller_of, json_response, node_of, read_body
from node.domain.access import ConsentId
from node.domain.consent import AssertedAuthority, ConsentScope
from node.domain.entry import InstitutionId
from node.errors import ConsentsOffError, ConsentStateUnknownError, MalformedParameterError
from node.ports.consents.store import KeptConsent
from node.services.clients import Scope
from node.services.consents.grants import Queued
from node.services.surface.consenting import Consenting
from node.services.surface.node import Node
from node.wire.consent.text import encode_presented, parse_grant, parse_scope, shape_of_terms, terms_of
from node.wire.fhir.consent import parse_fhir_consent
from node.wire.fhir.consent_out import encode_fhir_consent

router = APIRouter(tags=["consents"])


def consenting_of(node: Node) -> Consenting:
    """Return the node's services for consents.

    Raises:
        ConsentsOffError: It has none.
    """
    if node.consenting is None:
        raise ConsentsOffError
    return node.consenting


@router.post("/v1/consents", **documented("hand-in-consent"))
async def hand_in(request: Request) -> Response:
    """Hand in a consent that the patient's own key granted; it goes to the chain."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.WRITE_CONSENTS)
    service = consenting_of(node).consents
    body = parse_body(await read_body(request, MAX_BYTES), HandInBody)
    grant = parse_grant(bytes(body.grant))
    queued = await asyncio.to_thread(service.hand_in, client.institution, body.patient.value, grant)
    return json_response(_queued(node, queued), HTTPStatus.CREATED)


@router.post("/v1/consents:assert", **documented("assert-consent"))
async def assert_consent(request: Request) -> Response:
    """Assert a patient's consent, on the evidence that the institution keeps; its document is logged first."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.WRITE_CONSENTS)
    service = consenting_of(node).consents
    body = parse_body(await read_body(request, MAX_BYTES), AssertBody)
    terms, evidence = terms_of(body.terms), body.evidence.evidence(client.institution)
    queued = await asyncio.to_thread(service.assert_grant, client.institution, body.patient.value, terms, evidence)
    return json_response(_queued(node, queued), HTTPStatus.CREATED)


@router.post("/v1/consents:list", **documented("list-consents"))
async def list_consents(request: Request) -> Response:
    """List the institution's consents, newest first; of one patient, whose number does not belong into a URL."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.READ_CONSENTS)
    service = consenting_of(node).consents
    body = parse_body(await read_body(request, MAX_BYTES), ListBody)
    number = None if body.patient is None else body.patient.value
    found = await asyncio.to_thread(service.list, client.institution, number)
    return json_response({"consents": [_shown(kept) for kept in found]})


@router.post("/v1/consents:from-fhir", **documented("read-fhir-consent"))
async def read_fhir(request: Request) -> Response:
    """Read the terms of a FHIR R4 Consent; nothing is granted: the terms are for the patient to sign, or to be asserted."""
    caller_of(request).require(Scope.WRITE_CONSENTS)
    now = consenting_of(node_of(request)).clock.now()
    terms = parse_fhir_consent(await read_body(request, MAX_BYTES), now)
    return json_response({"terms": shape_of_terms(terms)})


@router.get("/v1/consents/{consent_id}", **documented("consent"))
async def show(node: NodeOf, client: Caller, consent_id: str) -> Response:
    """Show a consent: what is presented to a holder, and what the chain says of it."""
    client.require(Scope.READ_CONSENTS)
    service = consenting_of(node).consents
    consent = ConsentId(parse_id("consent_id", consent_id))
    kept = await asyncio.to_thread(service.show, client.institution, consent)
    return json_response({**_shown(kept), **await asyncio.to_thread(_standing, node, consent)})


@router.get("/v1/consents/{consent_id}/fhir", **documented("consent-fhir"))
async def show_fhir(node: NodeOf, client: Caller, consent_id: str) -> Response:
    """Show a consent as FHIR R4 Consent."""
    client.require(Scope.READ_CONSENTS)
    service = consenting_of(node).consents
    consent = ConsentId(parse_id("consent_id", consent_id))
    kept = await asyncio.to_thread(service.show, client.institution, consent)
    standing = (await asyncio.to_thread(service.reading, consent)).standing(consenting_of(node).clock.now())
    scope = parse_scope(kept.presented.scope)
    content = encode_fhir_consent(scope.terms, consent, standing, _asserter(scope))
    return Response(content, media_type="application/fhir+json")


@router.post("/v1/consents/{consent_id}:revoke", **documented("revoke-consent"))
async def revoke(request: Request, consent_id: str) -> Response:
    """Revoke a consent: with the signature of the patient's key, or, what the institution asserted, on its evidence."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.WRITE_CONSENTS)
    service = consenting_of(node).consents
    body = parse_body(await read_body(request, MAX_BYTES), RevokeBody)
    consent = ConsentId(parse_id("consent_id", consent_id))
    if body.signature is not None and body.evidence is None:
        queued = await asyncio.to_thread(service.hand_in_revocation, client.institution, consent, body.signature.value)
    elif body.evidence is not None and body.signature is None:
        evidence = body.evidence.evidence(client.institution)
        queued = await asyncio.to_thread(service.revoke, client.institution, consent, evidence)
    else:
        raise MalformedParameterError("body", "holds either the patient's signature or the institution's evidence")
    return json_response(_queued(node, queued))


@router.post("/v1/patients:withdraw", **documented("withdraw"))
async def withdraw(request: Request) -> Response:
    """Stop processing for a patient (PIPL 47): what a retention period demands is kept locked, the rest is erased."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.WITHDRAW)
    body = parse_body(await read_body(request, MAX_BYTES), WithdrawBody)
    if node.withdrawal is None:
        raise ConsentsOffError
    evidence = body.evidence.evidence(client.institution)
    done = await asyncio.to_thread(node.withdrawal.withdraw, client.institution, body.patient.value, body.care, evidence)
    return json_response(
        {
            "withdrawn_at": show_time(done.withdrawn_at_ms),
            "locked": {record_id: show_time(until_ms) for record_id, until_ms in done.locked.items()},
            "erased": list(done.erased),
            "revoked": [consent.hex() for consent in done.revoked],
        }
    )


def _shown(kept: KeptConsent) -> dict[str, object]:
    """Show what is kept; the scope as its exact bytes."""
    scope = parse_scope(kept.presented.scope)
    document = kept.document
    return {
        "consent_id": kept.presented.consent.hex(),
        "role": kept.role.value,
        "asserted_by": _asserter(scope),
        "grantee": scope.terms.grantee.institution,
        "purposes": list(scope.terms.purposes),
        "expires_at": show_time(scope.terms.expires_at_s * 1000),
        "kept_at": show_time(kept.kept_at_ms),
        "revoked_at": None if kept.revoked_at_ms is None else show_time(kept.revoked_at_ms),
        "document": None if document is None else {"origin": document.origin, "leaf_hash": document.leaf_hash.hex()},
        "presented": msgspec.Raw(encode_presented(kept.presented)),
    }


def _standing(node: Node, consent: ConsentId) -> dict[str, object]:
    """Show what the chain says; that it says nothing now is an answer too."""
    services = consenting_of(node)
    try:
        reading = services.consents.reading(consent)
    except ConsentStateUnknownError:
        return {"standing": "consent-unknown", "block": None}
    newest = reading.head.newest
    return {
        "standing": reading.standing(services.clock.now()).value,
        "block": {
            "number": newest.stamp.number,
            "hash": newest.stamp.block_hash.hex(),
            "time": show_time(newest.timestamp_s * 1000),
            "read_at": reading.head.read_at.isoformat(),
        },
    }


def _queued(node: Node, queued: Queued) -> dict[str, object]:
    message = consenting_of(node).store.message(queued.message)
    return {
        "consent_id": queued.kept.presented.consent.hex(),
        "stage": None if message is None else message.stage.value,
        "reason": "" if message is None else message.reason,
        "presented": msgspec.Raw(encode_presented(queued.kept.presented)),
    }


def _asserter(scope: ConsentScope) -> InstitutionId | None:
    return scope.authority.institution if isinstance(scope.authority, AssertedAuthority) else None
