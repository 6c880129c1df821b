"""The OpenAPI document: what each route takes and answers, with examples. Schemas come from the structs that are sent."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from node.api import openapi_oversight, schemas
from node.api.openapi_parts import JSON, PROBLEM, SCHEMA
from node.api.openapi_parts import bytes_answer as _bytes
from node.api.openapi_parts import json_answer as _json
from node.api.openapi_parts import problem_answers as _problems
from node.api.openapi_parts import request_body as _request

_BODIES = (
    schemas.SubmissionBody,
    schemas.RecordBody,
    schemas.RecordListBody,
    schemas.ErasureBody,
    schemas.TombstoneListBody,
    schemas.RefiledBody,
    schemas.NoticeListBody,
    schemas.OutboxBody,
    schemas.FindingListBody,
)

_RECEIPT_EXAMPLE: Final = {
    "record_id": "mzxw6ytboi2gc3tfon2xgzlo",
    "institution": "hospital-a",
    "origin": "hospital-a.example/log",
    "kind": "exam-result",
    "outcome": "new",
    "version": 1,
    "status": "final",
    "entry_type": "record",
    "leaf_index": 41,
    "leaf_hash": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "commitment": "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "level": "logged",
    "witnessed": False,
    "out_of_order": False,
}
_SUBMISSION_EXAMPLE: Final = {"receipts": [_RECEIPT_EXAMPLE], "ignored": {"Claim": 2}}
_RECORD_EXAMPLE: Final = {
    "record_id": "mzxw6ytboi2gc3tfon2xgzlo",
    "institution": "hospital-a",
    "kind": "exam-result",
    "level": "anchored",
    "witnessed": False,
    "erased_at": None,
    "versions": [
        {
            "version": 1,
            "status": "final",
            "entry_type": "record",
            "origin": "hospital-a.example/log",
            "leaf_index": 41,
            "leaf_hash": _RECEIPT_EXAMPLE["leaf_hash"],
            "level": "anchored",
            "witnessed": False,
            "out_of_order": False,
            "stored_at": "2026-03-01T08:30:00.000Z",
        }
    ],
}
_LIST_EXAMPLE: Final = {
    "records": [
        {
            "record_id": "mzxw6ytboi2gc3tfon2xgzlo",
            "kind": "exam-result",
            "version": 1,
            "status": "final",
            "entry_type": "record",
            "leaf_index": 41,
            "level": "anchored",
            "stored_at": "2026-03-01T08:30:00.000Z",
        }
    ],
    "next_before": None,
}
_OUTBOX_EXAMPLE: Final = {
    "messages": [
        {
            "message_id": "0123456789abcdef0123456789abcdef",
            "kind": "tombstone",
            "recipient": "hospital-b",
            "subject": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "waiting_since": "2026-03-01T08:30:00.000Z",
            "attempts": 3,
            "next_attempt_at": "2026-03-01T08:30:07.214Z",
            "last_error": "MemberAwayError",
        }
    ]
}
_ERASURE_EXAMPLE: Final = {
    "record_id": "mzxw6ytboi2gc3tfon2xgzlo",
    "versions": 2,
    "tombstones": [97, 98],
    "erased_at": "2026-03-02T10:00:00.000Z",
    "unacknowledged": ["hospital-b", "regulator"],
}
_DESK_EXAMPLE: Final = {
    "operation": "release",
    "document_kind": "resident-id",
    "document_number": "440100199001011234",
    "patient_number": "4711",
    "actor": {"staff_number": "a-17", "authentication": "password+token", "department": "03.04"},
}
_TOMBSTONES_EXAMPLE: Final = {
    "tombstones": [
        {
            "origin": "hospital-a.example/log",
            "leaf_index": 97,
            "target": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "staged_at": "2026-03-02T10:00:00.000Z",
            "acknowledged_by": ["hospital-b"],
            "waiting_for": ["regulator"],
        }
    ],
    "relocations_waiting": 0,
}
_REPORT_EXAMPLE: Final = {
    "resourceType": "DiagnosticReport",
    "id": "liver-panel",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "24325-3"}]},
    "subject": {"reference": "Patient/4711"},
    "effectiveDateTime": "2026-03-01T08:00:00+08:00",
    "issued": "2026-03-01T08:25:00+08:00",
    "performer": [{"reference": "Organization/lab"}],
}
_VERIFY_EXAMPLE: Final = {"verdict": "verified", "level": "logged"}


_SUBMITTED = _json("stored; every record's receipt", schemas.SubmissionBody, _SUBMISSION_EXAMPLE)
_OBJECT = {"type": "object"}
_SIGNED: Final[dict[str, Any]] = {"security": [{"memberSignature": []}]}
"""The routes that members call: RFC 9421 signatures instead of API keys."""

_OPERATIONS: dict[str, dict[str, Any]] = {
    "submit": {
        "status_code": 201,
        "responses": {
            200: _json("known before; the first receipts", schemas.SubmissionBody, _SUBMISSION_EXAMPLE),
            201: _SUBMITTED,
            202: _json("stored; the level that was waited for is not reached", schemas.SubmissionBody, None),
            **_problems(400, 401, 403, 409, 413, 422, 503),
        },
        "openapi_extra": _request("application/fhir+json", _OBJECT, _REPORT_EXAMPLE),
    },
    "batch": {
        "responses": {
            200: _bytes("one JSON object a line: line and receipts, or line and problem", "application/x-ndjson"),
            **_problems(401, 403, 503),
        },
        "openapi_extra": _request("application/x-ndjson", {"type": "string", "format": "binary"}),
    },
    "list": {
        "responses": {
            200: _json("a page", schemas.RecordListBody, _LIST_EXAMPLE),
            **_problems(401, 403, 422),
        }
    },
    "record": {
        "responses": {
            200: _json("the record", schemas.RecordBody, _RECORD_EXAMPLE),
            **_problems(401, 403, 404, 422),
        }
    },
    "erase": {
        "responses": {
            200: _json("erased", schemas.ErasureBody, _ERASURE_EXAMPLE),
            **_problems(401, 403, 404, 410, 503),
        }
    },
    "codes": {
        "responses": {
            200: _json("the answer, sealed to the asker", None, {"sealed": "…"}),
            **_problems(400, 401, 403, 404, 409, 413, 422, 503),
        },
        "openapi_extra": {**_request(JSON, _OBJECT), **_SIGNED},
    },
    "layers": {
        "responses": {
            200: _json("the opened boxes, sealed to the code service", None, {"sealed": ["…"]}),
            **_problems(400, 401, 403, 413, 422, 503),
        },
        "openapi_extra": {**_request(JSON, _OBJECT), **_SIGNED},
    },
    "patient_code": {
        "responses": {
            200: _json(
                "done; a seed that was drawn is shown this once",
                None,
                {"registered": True, "replaced": False, "card": "", "seed": None},
            ),
            **_problems(400, 401, 403, 404, 409, 413, 422, 502, 503),
        },
        "openapi_extra": _request(JSON, _OBJECT, _DESK_EXAMPLE),
    },
    "reissue": {"responses": {200: _json("how many keys were sent", None, {"sent": 12}), **_problems(401, 403, 502, 503)}},
    "openings": {"responses": {200: _json("what was opened", None, {"openings": []}), **_problems(401, 403, 503)}},
    "refile": {
        "status_code": 201,
        "responses": {
            201: _json(
                "withdrawn and filed anew",
                schemas.RefiledBody,
                {"withdrawal_index": 42, "receipt": _RECEIPT_EXAMPLE, "told": ["hospital-b"]},
            ),
            **_problems(400, 401, 403, 404, 410, 413, 422, 503),
        },
        "openapi_extra": _request("application/fhir+json", _OBJECT, _REPORT_EXAMPLE),
    },
    "notices": {"responses": {200: _json("the notices", schemas.NoticeListBody, {"notices": []}), **_problems(401, 403)}},
    "tombstones": {
        "responses": {
            200: _json("the tombstones", schemas.TombstoneListBody, _TOMBSTONES_EXAMPLE),
            **_problems(401, 403, 422),
        }
    },
    "evidence": {
        "responses": {
            200: _bytes("the evidence file", "application/vnd.concord.evidence+json"),
            **_problems(401, 403, 404, 410, 422, 423, 500, 503),
        }
    },
    "verify": {
        "responses": {200: _json("what was proved, or why not", None, _VERIFY_EXAMPLE), **_problems(413, 503)},
        "openapi_extra": _request("application/vnd.concord.evidence+json", _OBJECT),
    },
    "checkpoint": {
        "responses": {200: _bytes("signed note", "text/plain"), **_problems(401, 403, 503), 404: {"description": "none yet"}}
    },
    "tile": {"responses": {200: _bytes("tile or bundle"), **_problems(401, 403), 404: {"description": "not in the log"}}},
    "headers": {"responses": {200: _bytes("sealed headers"), **_problems(401, 403, 404, 422)}},
    "add-checkpoint": {
        "responses": {
            200: _bytes("signature lines: the cosignature", "text/plain"),
            400: _bytes("not a request of C2SP tlog-witness", "text/plain"),
            403: _bytes("no signature of a key that counts, or the log is frozen here", "text/plain"),
            404: {
                "description": "no such institution here, or no such log is witnessed",
                "content": {
                    "text/plain": {"schema": {"type": "string", "format": "binary"}},
                    PROBLEM: {"schema": {"$ref": f"{SCHEMA}Problem"}},
                },
            },
            409: _bytes("the size that was cosigned last", "text/x.tlog.size"),
            422: _bytes("the consistency proof does not hold", "text/plain"),
            **_problems(413),
        },
        "openapi_extra": _request("text/plain", {"type": "string", "format": "binary"}),
    },
    "patients": {
        "responses": {
            200: _json("replaced", None, {"replaced": True}),
            201: _json("registered", None, {"replaced": False}),
            **_problems(400, 401, 403, 413, 422, 503),
        },
        "status_code": 201,
        "openapi_extra": _request(JSON, _OBJECT),
    },
    "inbox": {
        "responses": {
            200: _json("acted on", None, {"acknowledged": "0123456789abcdef0123456789abcdef"}),
            **_problems(400, 401, 403, 409, 413, 422, 503),
        },
        "openapi_extra": _request(JSON, _OBJECT) | _SIGNED,
    },
    "outbox": {
        "responses": {200: _json("what waits", schemas.OutboxBody, _OUTBOX_EXAMPLE), **_problems(401, 403, 422, 503)},
    },
    "hand-in-consent": {
        "responses": {
            201: _json("on its way to the chain", None, {"consent_id": "…", "stage": "waiting"}),
            **_problems(400, 401, 403, 404, 413, 422, 503),
        },
        "status_code": 201,
        "openapi_extra": _request(JSON, _OBJECT),
    },
    "assert-consent": {
        "responses": {
            201: _json("on its way to the chain", None, {"consent_id": "…", "stage": "waiting"}),
            **_problems(400, 401, 403, 404, 413, 422, 503),
        },
        "status_code": 201,
        "openapi_extra": _request(JSON, _OBJECT),
    },
    "list-consents": {
        "responses": {
            200: _json("the consents", None, {"consents": []}),
            **_problems(400, 401, 403, 404, 413, 422, 503),
        },
        "openapi_extra": _request(JSON, _OBJECT, {"patient": None}),
    },
    "consent": {
        "responses": {200: _json("the consent", None, {"standing": "granted"}), **_problems(401, 403, 404, 422, 503)},
    },
    "consent-fhir": {
        "responses": {200: _bytes("FHIR R4 Consent", "application/fhir+json"), **_problems(401, 403, 404, 422, 503)},
    },
    "revoke-consent": {
        "responses": {
            200: _json("revoked here, on its way to the chain", None, {"consent_id": "…", "stage": "waiting"}),
            **_problems(400, 401, 403, 404, 413, 422, 503),
        },
        "openapi_extra": _request(JSON, _OBJECT),
    },
    "read-fhir-consent": {
        "responses": {200: _json("the terms", None, {"terms": {}}), **_problems(400, 401, 403, 413, 422, 503)},
        "openapi_extra": _request("application/fhir+json", _OBJECT),
    },
    "open-emergency": {
        "responses": {
            201: _json("opened; on its way to the chain", None, {"emergency_id": "…"}),
            **_problems(400, 401, 403, 413, 422, 429, 503),
        },
        "status_code": 201,
        "openapi_extra": _request(JSON, _OBJECT),
    },
    "list-emergencies": {
        "responses": {200: _json("the emergencies", None, {"emergencies": []}), **_problems(401, 403, 503)},
    },
    "review-emergency": {
        "responses": {
            200: _json("reviewed", None, {"emergency_id": "…"}),
            **_problems(400, 401, 403, 404, 413, 422, 503),
        },
        "openapi_extra": _request(JSON, _OBJECT),
    },
    "withdraw": {
        "responses": {
            200: _json("what was locked and erased", None, {"locked": {}, "erased": []}),
            **_problems(400, 401, 403, 404, 413, 422, 503),
        },
        "openapi_extra": _request(JSON, _OBJECT),
    },
    "status": {"responses": {200: _json("the status", None, {"node": "ready"}), **_problems(401, 403)}},
    "healthz": {"responses": {200: _json("alive", None, {"status": "ok"})}},
    "readyz": {
        "responses": {
            200: _json("ready", None, {"status": "ready"}),
            503: _json("not ready", None, {"status": "not ready", "reasons": ["the writer has stopped"]}),
        }
    },
    "metrics": {"responses": {200: _bytes("Prometheus text", "text/plain"), **_problems(401, 403)}},
}


_OPERATIONS |= openapi_oversight.OPERATIONS


def documented(operation: str) -> dict[str, Any]:
    """Return the arguments that document a route."""
    return {"operation_id": operation, "response_model": None, **_OPERATIONS[operation]}


def document(app: FastAPI) -> dict[str, Any]:
    """Build the OpenAPI document of an application."""
    if app.openapi_schema is None:
        built = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _, components = msgspec.json.schema_components(_BODIES, ref_template=SCHEMA + "{name}")
        known = built.setdefault("components", {})
        known.setdefault("schemas", {}).update(components)
        known["schemas"]["Problem"] = _PROBLEM_SCHEMA
        known["securitySchemes"] = {
            "apiKey": {"type": "http", "scheme": "bearer"},
            "memberSignature": {"type": "apiKey", "in": "header", "name": "Signature", "description": "RFC 9421, by a member"},
        }
        built["security"] = [{"apiKey": []}]
        for path in ("/healthz", "/readyz", "/v1/verify", "/witness/{institution}/add-checkpoint"):
            for operation in built["paths"][path].values():
                operation["security"] = []
        app.openapi_schema = built
    return app.openapi_schema


_PROBLEM_SCHEMA: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:concord:problem:document-refused"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "refusals": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
