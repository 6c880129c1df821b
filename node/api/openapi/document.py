"""The OpenAPI document: what each route takes and answers, with examples. Schemas come from the structs that are sent."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from node.api.bodies import records as schemas
from node.api.openapi import oversight as openapi_oversight
from node.api.openapi import recognition as openapi_recognition
from node.api.openapi.retrieval import BODIES as RETRIEVAL_BODIES
from node.api.openapi.retrieval import OPERATIONS as RETRIEVAL_OPERATIONS
from node.api.openapi.shapes import (
    JSON,
    OPEN_PATHS,
    PROBLEM_SCHEMA,
    SCHEMA,
    SIGNED,
    bytes_answer,
    json_answer,
    problems,
    request_body,
    with_portable_patterns,
)
from node.api.openapi.shapes import OBJECT as _OBJECT
from node.api.problems import MEDIA_TYPE as PROBLEM

_BODIES = (
    schemas.SubmissionBody,
    schemas.RecordBody,
    schemas.RecordListBody,
    schemas.ErasureBody,
    schemas.TombstoneListBody,
    schemas.RefiledBody,
    schemas.NoticeListBody,
    schemas.OutboxBody,
    *openapi_oversight.BODIES,
    *RETRIEVAL_BODIES,
    *openapi_recognition.BODIES,
)

_RECEIPT_EXAMPLE: Final = {
    "record_id": "0199a4c2f07e3d1b5c8e92a64f7d10",
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
    "record_id": "0199a4c2f07e3d1b5c8e92a64f7d10",
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
            "record_id": "0199a4c2f07e3d1b5c8e92a64f7d10",
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
    "record_id": "0199a4c2f07e3d1b5c8e92a64f7d10",
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


_SUBMITTED = json_answer("stored; every record's receipt", schemas.SubmissionBody, _SUBMISSION_EXAMPLE)
_OPERATIONS: dict[str, dict[str, Any]] = {
    "submit": {
        "status_code": 201,
        "responses": {
            200: json_answer("known before; the first receipts", schemas.SubmissionBody, _SUBMISSION_EXAMPLE),
            201: _SUBMITTED,
            202: json_answer("stored; the level that was waited for is not reached", schemas.SubmissionBody, None),
            **problems(400, 401, 403, 409, 413, 422, 503),
        },
        "openapi_extra": request_body("application/fhir+json", _OBJECT, _REPORT_EXAMPLE),
    },
    "batch": {
        "responses": {
            200: bytes_answer("one JSON object a line: line and receipts, or line and problem", "application/x-ndjson"),
            **problems(401, 403, 503),
        },
        "openapi_extra": request_body("application/x-ndjson", {"type": "string", "format": "binary"}),
    },
    "list": {
        "responses": {
            200: json_answer("a page", schemas.RecordListBody, _LIST_EXAMPLE),
            **problems(401, 403, 422),
        }
    },
    "record": {
        "responses": {
            200: json_answer("the record", schemas.RecordBody, _RECORD_EXAMPLE),
            **problems(401, 403, 404, 422),
        }
    },
    "erase": {
        "responses": {
            200: json_answer("erased", schemas.ErasureBody, _ERASURE_EXAMPLE),
            **problems(401, 403, 404, 410, 503),
        }
    },
    "codes": {
        "responses": {
            200: json_answer("the answer, sealed to the asker", None, {"sealed": "…"}),
            **problems(400, 401, 403, 404, 409, 413, 422, 503),
        },
        "openapi_extra": {**request_body(JSON, _OBJECT), **SIGNED},
    },
    "layers": {
        "responses": {
            200: json_answer("the opened boxes, sealed to the code service", None, {"sealed": ["…"]}),
            **problems(400, 401, 403, 413, 422, 503),
        },
        "openapi_extra": {**request_body(JSON, _OBJECT), **SIGNED},
    },
    "patient_code": {
        "responses": {
            200: json_answer(
                "done; a seed that was drawn is shown this once",
                None,
                {"registered": True, "replaced": False, "card": "", "seed": None},
            ),
            **problems(400, 401, 403, 404, 409, 413, 422, 502, 503),
        },
        "openapi_extra": request_body(JSON, _OBJECT, _DESK_EXAMPLE),
    },
    "reissue": {"responses": {200: json_answer("how many keys were sent", None, {"sent": 12}), **problems(401, 403, 502, 503)}},
    "openings": {"responses": {200: json_answer("what was opened", None, {"openings": []}), **problems(401, 403, 503)}},
    "refile": {
        "status_code": 201,
        "responses": {
            201: json_answer(
                "withdrawn and filed anew",
                schemas.RefiledBody,
                {"withdrawal_index": 42, "receipt": _RECEIPT_EXAMPLE, "told": ["hospital-b"]},
            ),
            **problems(400, 401, 403, 404, 410, 413, 422, 503),
        },
        "openapi_extra": request_body("application/fhir+json", _OBJECT, _REPORT_EXAMPLE),
    },
    "notices": {"responses": {200: json_answer("the notices", schemas.NoticeListBody, {"notices": []}), **problems(401, 403)}},
    "tombstones": {
        "responses": {
            200: json_answer("the tombstones", schemas.TombstoneListBody, _TOMBSTONES_EXAMPLE),
            **problems(401, 403, 422),
        }
    },
    "evidence": {
        "responses": {
            200: bytes_answer("the evidence file", "application/vnd.concord.evidence+json"),
            **problems(401, 403, 404, 410, 422, 423, 500, 503),
        }
    },
    "verify": {
        "responses": {200: json_answer("what was proved, or why not", None, _VERIFY_EXAMPLE), **problems(413, 503)},
        "openapi_extra": request_body("application/vnd.concord.evidence+json", _OBJECT),
    },
    "checkpoint": {
        "responses": {200: bytes_answer("signed note", "text/plain"), **problems(401, 403, 503), 404: {"description": "none yet"}}
    },
    "tile": {"responses": {200: bytes_answer("tile or bundle"), **problems(401, 403), 404: {"description": "not in the log"}}},
    "headers": {"responses": {200: bytes_answer("sealed headers"), **problems(401, 403, 404, 422)}},
    "add-checkpoint": {
        "responses": {
            200: bytes_answer("signature lines: the cosignature", "text/plain"),
            400: bytes_answer("not a request of C2SP tlog-witness", "text/plain"),
            403: bytes_answer("no signature of a key that counts, or the log is frozen here", "text/plain"),
            404: {
                "description": "no such institution here, or no such log is witnessed",
                "content": {
                    "text/plain": {"schema": {"type": "string", "format": "binary"}},
                    PROBLEM: {"schema": {"$ref": f"{SCHEMA}Problem"}},
                },
            },
            409: bytes_answer("the size that was cosigned last", "text/x.tlog.size"),
            422: bytes_answer("the consistency proof does not hold", "text/plain"),
            **problems(413),
        },
        "openapi_extra": request_body("text/plain", {"type": "string", "format": "binary"}),
    },
    "patients": {
        "responses": {
            200: json_answer("replaced", None, {"replaced": True}),
            201: json_answer("registered", None, {"replaced": False}),
            **problems(400, 401, 403, 413, 422, 503),
        },
        "status_code": 201,
        "openapi_extra": request_body(JSON, _OBJECT),
    },
    "inbox": {
        "responses": {
            200: json_answer("acted on", None, {"acknowledged": "0123456789abcdef0123456789abcdef"}),
            **problems(400, 401, 403, 409, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, _OBJECT) | SIGNED,
    },
    "outbox": {
        "responses": {200: json_answer("what waits", schemas.OutboxBody, _OUTBOX_EXAMPLE), **problems(401, 403, 422, 503)},
    },
    "hand-in-consent": {
        "responses": {
            201: json_answer("on its way to the chain", None, {"consent_id": "…", "stage": "waiting"}),
            **problems(400, 401, 403, 404, 413, 422, 503),
        },
        "status_code": 201,
        "openapi_extra": request_body(JSON, _OBJECT),
    },
    "assert-consent": {
        "responses": {
            201: json_answer("on its way to the chain", None, {"consent_id": "…", "stage": "waiting"}),
            **problems(400, 401, 403, 404, 413, 422, 503),
        },
        "status_code": 201,
        "openapi_extra": request_body(JSON, _OBJECT),
    },
    "list-consents": {
        "responses": {
            200: json_answer("the consents", None, {"consents": []}),
            **problems(400, 401, 403, 404, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, _OBJECT, {"patient": None}),
    },
    "consent": {
        "responses": {200: json_answer("the consent", None, {"standing": "granted"}), **problems(401, 403, 404, 422, 503)},
    },
    "consent-fhir": {
        "responses": {200: bytes_answer("FHIR R4 Consent", "application/fhir+json"), **problems(401, 403, 404, 422, 503)},
    },
    "revoke-consent": {
        "responses": {
            200: json_answer("revoked here, on its way to the chain", None, {"consent_id": "…", "stage": "waiting"}),
            **problems(400, 401, 403, 404, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, _OBJECT),
    },
    "read-fhir-consent": {
        "responses": {200: json_answer("the terms", None, {"terms": {}}), **problems(400, 401, 403, 413, 422, 503)},
        "openapi_extra": request_body("application/fhir+json", _OBJECT),
    },
    "open-emergency": {
        "responses": {
            201: json_answer("opened; on its way to the chain", None, {"emergency_id": "…"}),
            **problems(400, 401, 403, 413, 422, 429, 503),
        },
        "status_code": 201,
        "openapi_extra": request_body(JSON, _OBJECT),
    },
    "list-emergencies": {
        "responses": {200: json_answer("the emergencies", None, {"emergencies": []}), **problems(401, 403, 503)},
    },
    "review-emergency": {
        "responses": {
            200: json_answer("reviewed", None, {"emergency_id": "…"}),
            **problems(400, 401, 403, 404, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, _OBJECT),
    },
    "withdraw": {
        "responses": {
            200: json_answer("what was locked and erased", None, {"locked": {}, "erased": []}),
            **problems(400, 401, 403, 404, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, _OBJECT),
    },
    "status": {"responses": {200: json_answer("the status", None, {"node": "ready"}), **problems(401, 403)}},
    "healthz": {"responses": {200: json_answer("alive", None, {"status": "ok"})}},
    "readyz": {
        "responses": {
            200: json_answer("ready", None, {"status": "ready"}),
            503: json_answer("not ready", None, {"status": "not ready", "reasons": ["the writer has stopped"]}),
        }
    },
    "metrics": {"responses": {200: bytes_answer("Prometheus text", "text/plain"), **problems(401, 403)}},
}


_OPERATIONS |= openapi_oversight.OPERATIONS | openapi_recognition.OPERATIONS


def documented(operation: str) -> dict[str, Any]:
    """Return the arguments that document a route."""
    return {
        "operation_id": operation,
        "response_model": None,
        **(_OPERATIONS | RETRIEVAL_OPERATIONS)[operation],
    }


def document(app: FastAPI) -> dict[str, Any]:
    """Build the OpenAPI document of an application."""
    if app.openapi_schema is None:
        built = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _, components = msgspec.json.schema_components(_BODIES, ref_template=SCHEMA + "{name}")
        known = built.setdefault("components", {})
        known.setdefault("schemas", {}).update(with_portable_patterns(components))
        known["schemas"]["Problem"] = PROBLEM_SCHEMA
        known["securitySchemes"] = {
            "apiKey": {"type": "http", "scheme": "bearer"},
            "memberSignature": {"type": "apiKey", "in": "header", "name": "Signature", "description": "RFC 9421, by a member"},
        }
        built["security"] = [{"apiKey": []}]
        for path in OPEN_PATHS:
            for operation in built["paths"][path].values():
                operation["security"] = []
        app.openapi_schema = built
    return app.openapi_schema
