"""The OpenAPI documentation of published documents, and of what maps lack."""

from __future__ import annotations

from typing import Any, Final

from node.api.bodies import catalogue as bodies
from node.api.openapi.shapes import JSON, OBJECT, bytes_answer, json_answer, problems, request_body
from node.wire.catalogue.entry import DOCUMENT_MEDIA_TYPE

BODIES: Final = (bodies.PublicationBody, bodies.DocumentListBody, bodies.WorklistBody)

_DIGEST: Final = "490782d595a1e8047aa0f81882f8ae4321f1a8884dfd5b487ec5a3315a9b0416"
_ORIGIN: Final = "regulator.example/log"
_TIME: Final = "2026-03-01T12:00:00.000Z"
_DOCUMENT: Final = {
    "format": "concord/prices",
    "version": 1,
    "head": {"name": "prices", "serial": 4, "issued": "2026-03-01"},
    "prices": [{"charge": "LIVER", "region": "CN-44", "price_fen": 12000, "valid_from": "2026-03-01"}],
}
_PUBLICATION: Final = {
    "kind": "prices",
    "subject": "",
    "serial": 4,
    "digest": _DIGEST,
    "origin": _ORIGIN,
    "leaf_index": 17,
    "level": "stored",
    "new": True,
    "contradictions": [],
}
_KNOWN: Final = {
    "kind": "prices",
    "subject": "",
    "serial": 4,
    "digest": _DIGEST,
    "in_force": True,
    "published": {
        "origin": _ORIGIN,
        "leaf_index": 17,
        "leaf_hash": _DIGEST,
        "institution": "regulator",
        "published_at": _TIME,
        "first_seen_at": _TIME,
    },
}
_LIST: Final = {
    "source": "published",
    "stale": False,
    "missing": [],
    "held_back": [],
    "contradictions": [],
    "documents": [_KNOWN],
}
_WORKLIST: Final = {
    "total": 1,
    "codes": [
        {
            "occurrence": "filed",
            "mapped_by": "hospital-a",
            "system": "urn:lis",
            "code": "4711",
            "specimen": "SER",
            "times": 12,
            "first_seen_at": _TIME,
            "last_seen_at": _TIME,
        }
    ],
}

OPERATIONS: Final[dict[str, dict[str, Any]]] = {
    "publish_document": {
        "status_code": 201,
        "responses": {
            200: json_answer("published before", bodies.PublicationBody, {**_PUBLICATION, "new": False}),
            201: json_answer("staged in the institution's log", bodies.PublicationBody, _PUBLICATION),
            **problems(400, 401, 403, 409, 413, 503),
        },
        "openapi_extra": request_body(JSON, OBJECT, _DOCUMENT),
    },
    "list_documents": {
        "responses": {
            200: json_answer("what this node knows, and what holds", bodies.DocumentListBody, _LIST),
            **problems(401, 403, 422, 503),
        },
    },
    "document": {
        "responses": {
            200: bytes_answer("the exact bytes", DOCUMENT_MEDIA_TYPE),
            **problems(401, 403, 404, 422, 503),
        },
    },
    "unmapped": {
        "responses": {
            200: json_answer("what maps lack, the newest first", bodies.WorklistBody, _WORKLIST),
            **problems(401, 403, 422, 503),
        },
    },
}
