"""The OpenAPI documentation of notices of amendments, withdrawals and recalls."""

from __future__ import annotations

from typing import Any, Final

from node.api import notices_schemas as schemas
from node.api.openapi_shapes import JSON, OBJECT, json_answer, problems, request_body

BODIES: Final = (schemas.NoticeBody, schemas.NoticeListOfOthersBody, schemas.SentNoticeListBody)

_ACTOR: Final = {"department": "03.04", "staff_number": "b-17", "authentication": "password+token", "role": "physician"}
_DECISION_ID: Final = "fedcba9876543210fedcba9876543210"
_ENTRY: Final = {
    "origin": "hospital-a.example/log",
    "leaf_hash": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
}
_NEWER: Final = {**_ENTRY, "leaf_hash": "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"}
_NOTICE: Final = {
    "notice_id": "0123456789abcdef0123456789abcdef",
    "issuer": "hospital-a",
    "change": "amended",
    "entry": _NEWER,
    "concerned": [_ENTRY],
    "revised_at": "2026-03-02T08:30:00.000Z",
    "received_at": "2026-03-02T08:30:01.000Z",
    "state": "received",
    "acknowledged_at": None,
    "acknowledged_by": None,
    "acknowledged_in": None,
    "decisions": [
        {
            "decision_id": _DECISION_ID,
            "entry": _ENTRY,
            "order_id": "o-1",
            "encounter": "encounter-1",
            "department": "03.04",
            "staff_number": "b-17",
            "decided_at": "2026-03-01T12:01:00.000Z",
            "reversed_at": None,
            "reverse": f"/v1/recognition/decisions/{_DECISION_ID}:reverse",
        }
    ],
    "retrievals": [],
}
_SENT: Final = {
    "unacknowledged": 1,
    "overdue": 0,
    "notices": [
        {
            "recipient": "hospital-b",
            "change": "amended",
            "entry": _NEWER,
            "record_id": "mzxw6ytboi2gc3tfon2xgzlo",
            "concerned": [_ENTRY],
            "told_at": "2026-03-02T08:30:00.000Z",
            "state": "delivered",
            "attempts": 0,
            "acknowledged_at": None,
        }
    ],
}

OPERATIONS: Final[dict[str, dict[str, Any]]] = {
    "revision_notices": {
        "responses": {
            200: json_answer("notices of others, the newest first", schemas.NoticeListOfOthersBody, {"notices": [_NOTICE]}),
            **problems(401, 403, 422, 503),
        }
    },
    "sent_notices": {
        "responses": {
            200: json_answer("notices to others, the newest first", schemas.SentNoticeListBody, _SENT),
            **problems(401, 403, 422),
        }
    },
    "acknowledge_notice": {
        "responses": {
            200: json_answer("acknowledged; the issuer is told", schemas.NoticeBody, _NOTICE),
            **problems(400, 401, 403, 404, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, OBJECT, {"actor": _ACTOR}),
    },
}
