"""How the routes for patients, auditors and regulators are described."""

from __future__ import annotations

from typing import Any, Final

from node.api.bodies import records as schemas
from node.api.openapi import figures as openapi_figures
from node.api.openapi.shapes import JSON, bytes_answer, json_answer, problems, request_body

BODIES: Final = (schemas.FindingListBody, *openapi_figures.BODIES)

_FINDINGS_EXAMPLE: Final = {
    "findings": [
        {
            "finding_id": "0123456789abcdef0123456789abcdef",
            "code": "holder_alone",
            "severity": "serious",
            "institutions": ["hospital-b"],
            "subject": "89abcdef0123456789abcdef01234567 hospital-a hospital-b",
            "values": {"holder_id": "hospital-a", "requester_id": "hospital-b", "outcome": "disclosed"},
            "entries": [
                {
                    "origin": "hospital-a.example/log",
                    "leaf_index": 97,
                    "leaf_hash": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                    "tree_size": 98,
                }
            ],
            "raised_at": "2026-03-01T08:45:00.000Z",
            "settled_at": None,
        }
    ],
    "next_before": None,
}

OPERATIONS: Final[dict[str, dict[str, Any]]] = {
    **openapi_figures.OPERATIONS,
    "trail": {
        "responses": {
            200: bytes_answer("the record's life, as a bundle", "application/vnd.concord.patient-bundle+json"),
            **problems(401, 403, 404, 409, 422),
        }
    },
    "patient-keys": {
        "responses": {200: json_answer("this node's logs", None, {"logs": {}}), **problems(429, 503)},
        "openapi_extra": {"security": []},
    },
    "patient-entries": {
        "responses": {
            200: json_answer("entries that have the tags", None, {"logs": {}}),
            **problems(400, 413, 422, 429, 503),
        },
        "openapi_extra": request_body(JSON, {"type": "object"}, {"tags": {}}) | {"security": []},
    },
    "patient-records": {
        "responses": {
            200: bytes_answer("evidence of the whole record", "application/vnd.concord.evidence+json"),
            **problems(400, 401, 404, 413, 422, 429, 503),
        },
        "openapi_extra": request_body(JSON, {"type": "object"}) | {"security": []},
    },
    "patient-revocations": {
        "responses": {
            200: json_answer("revoked here, on its way to the chain", None, {"consent_id": "…", "institution": "hospital-a"}),
            **problems(400, 404, 413, 422, 429, 503),
        },
        "openapi_extra": request_body(JSON, {"type": "object"}) | {"security": []},
    },
    "findings": {
        "responses": {
            200: json_answer("a page", schemas.FindingListBody, _FINDINGS_EXAMPLE),
            **problems(401, 403, 422, 503),
        }
    },
    "finding-evidence": {
        "responses": {
            200: bytes_answer("the finding with its evidence", "application/vnd.concord.finding+json"),
            **problems(401, 403, 404, 422, 503),
        }
    },
}
