"""How the routes for figures, institutions and entries are described."""

from __future__ import annotations

from typing import Any, Final

from node.api.bodies import figures as figures_bodies
from node.api.openapi.shapes import json_answer, problems

BODIES: Final = (
    figures_bodies.FiguresBody,
    figures_bodies.LiaoningBody,
    figures_bodies.InstitutionListBody,
    figures_bodies.EntryListBody,
)

_FIGURE_EXAMPLE: Final = {
    "value": "hospital-b",
    "name": "第二人民医院",
    "name_en": "Second People's Hospital",
    "period": "2026-03",
    "item_rate": {"numerator": 31, "denominator": 48},
    "person_rate": {"numerator": 24, "denominator": 35},
    "opportunities": 48,
    "recognised": 31,
    "reordered": 9,
    "without_reason": 1,
    "persons": 35,
    "persons_recognised": 24,
    "saving_fen": 214500,
    "cancelled_fen": 3200,
    "own": 5,
    "own_recognised": 4,
    "unchecked": 2,
    "reversed": 1,
    "retrievals": 33,
}
_DELAY_EXAMPLE: Final = {
    "institution": None,
    "period": "2026-03",
    "entries": 1200,
    "median_s": 18,
    "p95_s": 33,
    "longest_s": 61,
}
_LIAONING_EXAMPLE: Final = {
    "institution": "hospital-b",
    "name": "第二人民医院",
    "institution_class": "3A",
    "class_name": "三级甲等",
    "class_name_en": "Tertiary, grade A",
    "national_eqa_items": 41,
    "provincial_eqa_items": 52,
    "imaging_qc_items": 12,
    "recognition_required": True,
    "counts": [{"modality": "LAB", "recognised": 31, "saving_fen": 214500}],
    "recognised": 31,
    "saving_fen": 214500,
    "retrievals": 33,
}
_INSTITUTION_EXAMPLE: Final = {
    "institution": "hospital-b",
    "name": "第二人民医院",
    "name_en": "Second People's Hospital",
    "roles": ["hospital"],
    "region": "CN-4401",
    "institution_class": "3A",
    "logs": [{"origin": "hospital-b.example/log", "entries": 812, "frozen": False}],
}
_ENTRY_EXAMPLE: Final = {
    "leaf_index": 97,
    "leaf_hash": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "entry_type": "access_receipt",
    "claimed_at": "2026-03-01T08:45:00.000Z",
    "seen_at": "2026-03-01T08:45:02.000Z",
    "receipt": {
        "request_id": "89abcdef0123456789abcdef01234567",
        "side": "requester",
        "counterpart": "hospital-a",
        "asked_by": "hospital-b",
        "purpose": "treatment",
        "outcome": "disclosed",
        "occurred_at": "2026-03-01T08:44:51.000Z",
    },
}

OPERATIONS: Final[dict[str, dict[str, Any]]] = {
    "figures": {
        "responses": {
            200: json_answer(
                "figures by one dimension",
                figures_bodies.FiguresBody,
                {
                    "by": "institution",
                    "computed_at": "2026-04-01T00:10:00.000Z",
                    "rows": [_FIGURE_EXAMPLE],
                    "time_to_anchor": [_DELAY_EXAMPLE],
                },
            ),
            **problems(401, 403, 422, 503),
        }
    },
    "liaoning": {
        "responses": {
            200: json_answer(
                "the form",
                figures_bodies.LiaoningBody,
                {"period": "2026-03", "day": "2026-03-31", "rows": [_LIAONING_EXAMPLE]},
            ),
            **problems(401, 403, 422, 503),
        }
    },
    "institutions": {
        "responses": {
            200: json_answer("all of them", figures_bodies.InstitutionListBody, {"institutions": [_INSTITUTION_EXAMPLE]}),
            **problems(401, 403, 503),
        }
    },
    "entries": {
        "responses": {
            200: json_answer(
                "a page",
                figures_bodies.EntryListBody,
                {"origin": "hospital-b.example/log", "entries": [_ENTRY_EXAMPLE], "next_start": None},
            ),
            **problems(401, 403, 404, 422, 503),
        }
    },
}
