"""The OpenAPI documentation of notices of amendments, withdrawals and recalls, and of recalls themselves."""

from __future__ import annotations

from typing import Any, Final

from node.api import notices_schemas as schemas
from node.api import recalls_schemas as recalls
from node.api.openapi_shapes import JSON, OBJECT, json_answer, problems, request_body

BODIES: Final = (
    schemas.NoticeBody,
    schemas.NoticeListOfOthersBody,
    schemas.SentNoticeListBody,
    recalls.AnnouncedBody,
    recalls.RecallBody,
    recalls.RecallListBody,
)

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
_SENT_NOTICE: Final = {
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
_SENT: Final = {"unacknowledged": 1, "overdue": 0, "notices": [_SENT_NOTICE]}

_RECALL_ID: Final = "89abcdef0123456789abcdef01234567"
_CRITERIA: Final = {
    "item": "LAB-K",
    "device": "",
    "lot": "L2231",
    "performed_from": "2026-02-20T00:00:00.000Z",
    "performed_to": "2026-03-02T00:00:00.000Z",
    "reason": "reagent",
}
_RECALL: Final = {
    "recall_id": _RECALL_ID,
    **_CRITERIA,
    "total": 1,
    "entry": _NEWER,
    "leaf_index": 97,
    "pages": 1,
    "announced_at": "2026-03-02T08:30:00.000Z",
}
_RECALL_REPORT: Final = {
    "recall": _RECALL,
    "department": "06.01",
    "staff_number": "a-3",
    "results": [{"record_id": "mzxw6ytboi2gc3tfon2xgzlo", "entry": _ENTRY}],
    "told": ["hospital-b"],
    "unacknowledged": ["hospital-b"],
    "notices": [{**_SENT_NOTICE, "change": "recalled", "record_id": None}],
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
    "announce_recall": {
        "status_code": 201,
        "responses": {
            200: json_answer("what it would list, of a preview", recalls.AnnouncedBody, {"report": None, "total": 0}),
            201: json_answer(
                "announced; logged, and on its way to whoever relies on the results",
                recalls.AnnouncedBody,
                {"report": _RECALL_REPORT, "total": 1, "unreadable": 0, "results": _RECALL_REPORT["results"]},
            ),
            **problems(400, 401, 403, 409, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, OBJECT, {"recall_id": _RECALL_ID, "actor": _ACTOR, **_CRITERIA}),
    },
    "recalls": {
        "responses": {
            200: json_answer("recalls, the newest first", recalls.RecallListBody, {"recalls": [_RECALL]}),
            **problems(401, 403, 422, 503),
        }
    },
    "recall": {
        "responses": {
            200: json_answer("a recall, what it lists, and who knows of it", recalls.RecallBody, _RECALL_REPORT),
            **problems(401, 403, 404, 503),
        }
    },
}
