"""The OpenAPI documentation of what is read across institutions."""

from __future__ import annotations

from typing import Any, Final

from node.api.bodies import retrieval as schemas
from node.api.openapi.shapes import JSON, OBJECT, SIGNED, bytes_answer, json_answer, problems, request_body
from node.wire.members.disclosure import DISCLOSURE_MEDIA_TYPE

BODIES: Final = (schemas.FindBody, schemas.RetrievalBody, schemas.PartsBody)

_ACTOR: Final = {"department": "03.04", "staff_number": "b-17", "authentication": "password+token", "role": "physician"}
_PATIENT: Final = {"system": "urn:mrn", "number": "00042"}
_FIND: Final = {"patient": _PATIENT, "purpose": "treatment", "actor": _ACTOR}
_TARGET: Final = {"origin": "hospital-a.example/log", "leaf_index": 41}
_ORDER: Final = {"patient": _PATIENT, "targets": [_TARGET], "purpose": "treatment", "actor": _ACTOR}
_REQUEST_ID: Final = "0123456789abcdef0123456789abcdef"
_LEAF_HASH: Final = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
_PART: Final = {"number": 1, "media_type": "application/fhir+json", "role": "report", "length_bytes": 2048}
_FOUND: Final = {
    "request_id": _REQUEST_ID,
    "records": [
        {
            "origin": "hospital-a.example/log",
            "leaf_index": 41,
            "leaf_hash": _LEAF_HASH,
            "holder": "hospital-a",
            "kind": "exam-result",
            "record_id": "0199a4c2f07e3d1b5c8e92a64f7d10",
            "version": 1,
            "status": "final",
            "withdrawn": False,
            "recalled": False,
            "performed_at": "2026-03-01T08:30:00.000Z",
            "study": "",
            "mark": "",
            "items": [{"system": "http://loinc.org", "code": "718-7", "specimen": "", "unit": "g/L"}],
            "parts": [_PART],
        }
    ],
}
_RETRIEVAL: Final = {
    "retrieval_id": "fedcba9876543210fedcba9876543210",
    "requests": [
        {
            "request_id": _REQUEST_ID,
            "holder": "hospital-a",
            "origin": "hospital-a.example/log",
            "leaf_index": 41,
            "leaf_hash": _LEAF_HASH,
            "state": "verified",
            "reason": "",
            "attempts": 0,
            "next_attempt_at": None,
            "settled_at": "2026-03-01T08:30:00.250Z",
            "recalled": False,
        }
    ],
}
_PARTS: Final = {
    "request_id": _REQUEST_ID,
    "origin": "hospital-a.example/log",
    "kind": "exam-result",
    "version": 1,
    "status": "final",
    "parts": [_PART],
}

OPERATIONS: Final[dict[str, dict[str, Any]]] = {
    "disclosures": {
        "responses": {
            200: bytes_answer("evidence and parts, sealed to the requester", DISCLOSURE_MEDIA_TYPE),
            **problems(400, 401, 403, 409, 413, 422, 429, 503),
        },
        "openapi_extra": request_body(JSON, OBJECT) | SIGNED,
    },
    "find": {
        "responses": {
            200: json_answer("what exists, latest versions only", schemas.FindBody, _FOUND),
            **problems(400, 401, 403, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, OBJECT, _FIND),
    },
    "retrieve": {
        "status_code": 202,
        "responses": {
            202: json_answer("ordered; one request for each target", schemas.RetrievalBody, _RETRIEVAL),
            **problems(400, 401, 403, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, OBJECT, _ORDER),
    },
    "retrieval": {
        "responses": {
            200: json_answer("how far each request got", schemas.RetrievalBody, _RETRIEVAL),
            **problems(401, 403, 404, 422, 503),
        }
    },
    "retrieved_parts": {
        "responses": {
            200: json_answer("what came, verified", schemas.PartsBody, _PARTS),
            **problems(401, 403, 404, 410, 422, 503),
        }
    },
    "retrieved_evidence": {
        "responses": {
            200: bytes_answer("the evidence file", "application/vnd.concord.evidence+json"),
            **problems(401, 403, 404, 410, 422, 503),
        }
    },
    "forget_retrieval": {
        "responses": {200: json_answer("forgotten", None, {"forgotten": 1}), **problems(401, 403, 404, 422, 503)},
    },
}
