"""The OpenAPI documentation of checks at order time, decisions and CDS Hooks, with that of the documents behind them."""

from __future__ import annotations

from typing import Any, Final

from node.api.bodies import recognition as schemas
from node.api.bodies.reasons import ReasonListBody
from node.api.openapi import catalogue as openapi_catalogue
from node.api.openapi import notices as openapi_notices
from node.api.openapi.shapes import JSON, OBJECT, bytes_answer, json_answer, problems, ref, request_body

BODIES: Final = (
    schemas.CheckRequest,
    schemas.RecogniseRequest,
    schemas.ReorderRequest,
    schemas.ReverseRequest,
    schemas.CheckBody,
    schemas.UncheckedBody,
    schemas.DecisionBody,
    schemas.ReversalBody,
    schemas.HeardListBody,
    *openapi_catalogue.BODIES,
    *openapi_notices.BODIES,
    schemas.FeedbackBody,
    ReasonListBody,
)

_DECISION_REQUEST: Final = {"anyOf": [ref(schemas.RecogniseRequest), ref(schemas.ReorderRequest)]}
_ACTOR: Final = {"department": "03.04", "staff_number": "b-17", "authentication": "password+token", "role": "physician"}
_CHECK_ID: Final = "0123456789abcdef0123456789abcdef"
_DECISION_ID: Final = "fedcba9876543210fedcba9876543210"
_LEAF_HASH: Final = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
_ORIGIN: Final = "hospital-a.example/log"
_RESULT: Final = {"origin": _ORIGIN, "leaf_hash": _LEAF_HASH}
_CHECK: Final = {
    "patient": {"system": "urn:mrn", "number": "00042"},
    "actor": _ACTOR,
    "encounter": "encounter-1",
    "campus": "east",
    "lines": [{"order_id": "o-1", "orderable": "ELECTRO"}],
}
_ITEM: Final = {"item": "LAB-K", "mark": "全国HR", "certificate": "CN-2026-A-LAB-K"}
_OFFER: Final = {
    **_RESULT,
    "retrieve": {"origin": _ORIGIN, "leaf_index": 41},
    "institution": "hospital-a",
    "own": False,
    "performed_at": "2026-03-01T00:30:00.000Z",
    "age_days": 0.48,
    "items": [_ITEM],
    "level": "anchored",
    "images_at_hand": False,
    "reachability": "reachable",
    "saving_fen": 600,
}
_LINE: Final = {
    "order_id": "o-1",
    "orderable": "ELECTRO",
    "known": True,
    "coverage": "partly",
    "items": ["LAB-K", "LAB-NA"],
    "missing": ["LAB-NA"],
    "window_days": 7,
    "price_fen": 2400,
    "saving_fen": 600,
    "offers": [_OFFER],
    "unrecognisable": [],
    "view": {"url": "https://node-b.example/view/…", "expires_at": "2026-03-01T12:05:00.000Z"},
}
_ANSWER: Final = {
    "check_id": _CHECK_ID,
    "checked_at": "2026-03-01T12:00:00.000Z",
    "encounter": "encounter-1",
    "lines": [_LINE],
    "unmapped": [],
    "warning": {"zh": ["…"], "en": ["…"]},
    "break_glass": "POST /v1/emergencies",
    "pins": [{"kind": "catalogue", "subject": "", "digest": _LEAF_HASH}],
}
_DECIDE: Final = {"outcome": "recognised", "check_id": _CHECK_ID, "order_id": "o-1", "actor": _ACTOR, "results": [_RESULT]}
_DECISION: Final = {
    "decision_id": _DECISION_ID,
    "outcome": "recognised",
    "order_id": "o-1",
    "orderable": "ELECTRO",
    "items": ["LAB-K"],
    "saving_fen": 600,
    "warned": False,
    "origin": "hospital-b.example/log",
    "leaf_hash": _LEAF_HASH,
    "told": ["hospital-a"],
}
_REASONS: Final = {
    "without_reason": "refuse",
    "reasons": [
        {"reason": 4, "sub_reason": None, "zh": "患者处于急诊、急救等紧急状态", "en": "The patient is in an emergency"},
        {
            "reason": 6,
            "sub_reason": "unretrievable",
            "zh": "已提示的结果无法调阅",
            "en": "It cannot be retrieved",
        },
    ],
}
_HEARD: Final = {
    "decisions": [
        {
            "decision_id": _DECISION_ID,
            "decider": "hospital-b",
            **_RESULT,
            "outcome": "recognised",
            "reason": None,
            "decided_at": "2026-03-01T12:01:00.000Z",
            "reversed_at": None,
        }
    ]
}
_HOOK: Final = {
    "hook": "order-sign",
    "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "context": {
        "userId": "Practitioner/b-17",
        "patientId": "p1",
        "encounterId": "encounter-1",
        "draftOrders": {
            "resourceType": "Bundle",
            "entry": [{"resource": {"resourceType": "ServiceRequest", "id": "o-1", "code": {"coding": [{"code": "ELECTRO"}]}}}],
        },
    },
    "prefetch": {"patient": {"resourceType": "Patient", "id": "p1", "identifier": [{"system": "urn:mrn", "value": "00042"}]}},
}
_CARDS: Final = {"cards": [{"uuid": "…", "summary": "…", "indicator": "warning", "source": {"label": "Concord"}}]}

_FEEDBACK: Final = {
    "feedback": [
        {
            "card": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
            "outcome": "overridden",
            "overrideReason": {"reason": {"code": "4", "system": "urn:concord:reason", "display": "Emergency"}},
            "outcomeTimestamp": "2026-03-01T12:00:30Z",
        }
    ]
}
_TAKEN: Final = {"feedback": [{"card": "4e0a3a1e-3283-4575-ab82-028d55fe2719", "decision_id": _DECISION_ID}]}
_LINK_PAGES: Final[dict[int | str, dict[str, Any]]] = {
    404: bytes_answer("no such link", "text/html"),
    410: bytes_answer("the link was used, or has expired", "text/html"),
}

OPERATIONS: Final[dict[str, dict[str, Any]]] = openapi_catalogue.OPERATIONS | {
    "check_order": {
        "responses": {
            200: json_answer("what answers the order, and what does not", schemas.CheckBody, _ANSWER),
            **problems(400, 401, 403, 404, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, ref(schemas.CheckRequest), _CHECK),
    },
    "note_unchecked": {
        "status_code": 201,
        "responses": {
            201: json_answer("noted; logged at the end of the hour", schemas.UncheckedBody, {"check_id": _CHECK_ID}),
            **problems(400, 401, 403, 404, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, ref(schemas.CheckRequest), _CHECK),
    },
    "decide": {
        "status_code": 201,
        "responses": {
            201: json_answer("taken; logged, and on its way to the issuers", schemas.DecisionBody, _DECISION),
            **problems(400, 401, 403, 404, 409, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, _DECISION_REQUEST, _DECIDE),
    },
    "list_reasons": {
        "responses": {
            200: json_answer("the reasons that hold here", ReasonListBody, _REASONS),
            **problems(401, 403, 404, 503),
        }
    },
    "heard_decisions": {
        "responses": {
            200: json_answer("what others decided, the newest first", schemas.HeardListBody, _HEARD),
            **problems(401, 403, 503),
        }
    },
    "decision_certificate": {
        "responses": {
            200: bytes_answer("the certificate", "application/vnd.concord.decision-certificate+json"),
            **problems(401, 403, 404, 409, 410, 422, 503),
        }
    },
    "reverse_decision": {
        "responses": {
            200: json_answer("taken back", schemas.ReversalBody, {"decision_id": _DECISION_ID, **_RESULT}),
            **problems(400, 401, 403, 404, 409, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, ref(schemas.ReverseRequest), {"actor": _ACTOR}),
    },
    **openapi_notices.OPERATIONS,
    "decision_slip": {
        "responses": {
            200: bytes_answer("a slip for the medical record, in Chinese and English", "text/html"),
            **problems(401, 403, 404, 409, 422, 503),
        }
    },
    "ask_view": {
        "responses": {
            200: bytes_answer("a page with a button; the link stays as it is", "text/html"),
            **_LINK_PAGES,
            **problems(503),
        }
    },
    "open_view": {
        "responses": {
            200: bytes_answer("what was retrieved and verified, or why not and what to do", "text/html"),
            **_LINK_PAGES,
            **problems(503),
        }
    },
    "cds_services": {"responses": {200: json_answer("the discovery document of CDS Hooks", None, {"services": []})}},
    "cds_recognition": {
        "responses": {
            200: json_answer("cards", None, _CARDS),
            **problems(400, 401, 403, 404, 412, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, OBJECT, _HOOK),
    },
    "cds_feedback": {
        "responses": {
            200: json_answer("taken", schemas.FeedbackBody, _TAKEN),
            **problems(400, 401, 403, 404, 409, 413, 422, 503),
        },
        "openapi_extra": request_body(JSON, OBJECT, _FEEDBACK),
    },
}
