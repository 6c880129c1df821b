"""The OpenAPI documentation of notices of amendments, withdrawals and recalls, and of recalls themselves."""

from __future__ import annotations

from typing import Any, Final

from node.api.bodies import notices as schemas
from node.api.bodies import recalls
from node.api.openapi.shapes import JSON, OBJECT, json_answer, problems, request_body

BODIES: Final = (
    schemas.NoticeBody,
    schemas.NoticeListOfOthersBody,
    schemas.SentNoticeListBody,
    schemas.AcknowledgedListBody,
    recalls.RecallBody,
    recalls.RecallListBody,
    recalls.RecallPreviewBody,
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
    "lifts": None,
    "is_lifted": False,
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
_ACKNOWLEDGED: Final = {
    "acknowledged": 1,
    "before": 0,
    "notices": [
        {
            "notice_id": "0123456789abcdef0123456789abcdef",
            "issuer": "hospital-a",
            "change": "recalled",
            "entry": _NEWER,
            "acknowledged_at": "2026-03-02T09:00:00.000Z",
            "is_new": True,
        }
    ],
}
_SENT_NOTICE: Final = {
    "recipient": "hospital-b",
    "change": "amended",
    "entry": _NEWER,
    "record_id": "0199a4c2f07e3d1b5c8e92a64f7d10",
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
    "state": "done",
    "total": 1,
    "entry": _NEWER,
    "leaf_index": 97,
    "announced_at": "2026-03-02T08:30:00.000Z",
    "lifted_at": None,
    "lifted_because": None,
    "lifting": None,
}
_RECALL_REPORT: Final[dict[str, Any]] = {
    "recall": _RECALL,
    "search": {"state": "done", "searched": 97, "filed": 97, "total": 1, "unreadable": 0},
    "department": "06.01",
    "staff_number": "a-3",
    "lifted_by": None,
    "results": [{"record_id": "0199a4c2f07e3d1b5c8e92a64f7d10", "entry": _ENTRY}],
    "next": None,
    "told": ["hospital-b"],
    "unacknowledged": ["hospital-b"],
    "members": [{"member": "hospital-b", "notices": 1, "delivered": 1, "acknowledged": 0}],
    "notices": [{**_SENT_NOTICE, "change": "recalled", "record_id": None}],
}

_RECALL_RUNNING: Final = {
    **_RECALL_REPORT,
    "recall": {**_RECALL, "state": "running", "total": 0},
    "search": {"state": "running", "searched": 0, "filed": 97, "total": 0, "unreadable": 0},
    **{name: [] for name in ("results", "told", "unacknowledged", "members", "notices")},
}
_RECALL_PREVIEW: Final = {"searched": 97, "filed": 97, "unreadable": 0, "results": _RECALL_REPORT["results"]}
_RECALL_LIFTED: Final = {
    **_RECALL_REPORT,
    "recall": {
        **_RECALL,
        "state": "lifting",
        "lifted_at": "2026-03-04T08:30:00.000Z",
        "lifted_because": "cleared",
        "lifting": _ENTRY,
    },
    "search": {**_RECALL_REPORT["search"], "state": "lifting"},
    "lifted_by": "a-3",
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
    "acknowledge_notices": {
        "responses": {
            200: json_answer(
                "all of them are acknowledged; the issuer of each is told", schemas.AcknowledgedListBody, _ACKNOWLEDGED
            ),
            **problems(400, 401, 403, 404, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, OBJECT, {"actor": _ACTOR, "entry": _NEWER}),
    },
    "announce_recall": {
        "status_code": 202,
        "responses": {
            200: json_answer("what it would find, of a preview", recalls.RecallPreviewBody, _RECALL_PREVIEW),
            202: json_answer("it stands; what it covers is being searched for", recalls.RecallBody, _RECALL_RUNNING),
            **problems(400, 401, 403, 409, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, OBJECT, {"recall_id": _RECALL_ID, "actor": _ACTOR, **_CRITERIA}),
    },
    "lift_recall": {
        "status_code": 202,
        "responses": {
            202: json_answer("lifted; whoever was told of the recall is being told", recalls.RecallBody, _RECALL_LIFTED),
            **problems(400, 401, 403, 404, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, OBJECT, {"actor": _ACTOR, "reason": "cleared"}),
    },
    "recalls": {
        "responses": {
            200: json_answer("recalls, the newest first", recalls.RecallListBody, {"recalls": [_RECALL]}),
            **problems(401, 403, 422, 503),
        }
    },
    "recall": {
        "responses": {
            200: json_answer("a recall, how far it got, and who knows of it", recalls.RecallBody, _RECALL_REPORT),
            **problems(401, 403, 404, 422, 503),
        }
    },
}
