"""Pieces of the OpenAPI document that every group of routes uses: answers, problems, bodies."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from node.api.problems import MEDIA_TYPE as PROBLEM

JSON: Final = "application/json"
SCHEMA: Final = "#/components/schemas/"
OBJECT: Final = {"type": "object"}
OPEN_PATHS: Final = ("/healthz", "/readyz", "/v1/verify", "/cds-services", "/view/{token}", "/witness/{institution}/add-checkpoint")
"""Routes that answer without an API key or a signature."""
SIGNED: Final[dict[str, Any]] = {"security": [{"memberSignature": []}]}
"""The routes that members call: RFC 9421 signatures instead of API keys."""

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
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
"""RFC 9457, as every refusal is answered."""


def ref(body: type[msgspec.Struct]) -> dict[str, Any]:
    """Return a reference to the schema of a struct."""
    return {"$ref": f"{SCHEMA}{body.__name__}"}


def json_answer(description: str, body: type[msgspec.Struct] | None, example: object) -> dict[str, Any]:
    """Return the answer of a route that sends JSON."""
    schema = {"type": "object"} if body is None else ref(body)
    return {"description": description, "content": {JSON: {"schema": schema, "example": example}}}


def bytes_answer(description: str, media_type: str = "application/octet-stream") -> dict[str, Any]:
    """Return the answer of a route that sends bytes."""
    schema = {"type": "string", "format": "binary"}
    return {"description": description, "content": {media_type: {"schema": schema}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problems that a route may answer."""
    told = {
        400: "malformed: bytes that are not what they claim to be",
        401: "no valid API key, or no valid signature of a member",
        403: "the API key lacks a scope",
        404: "no such thing here",
        409: "an explicit version that holds other content",
        410: "erased",
        412: "FHIR data that the service needs is missing",
        413: "over the limit of bytes",
        423: "locked: the patient withdrew",
        502: "another member did not do its part",
        422: "refused; lists every place",
        429: "too often",
        500: "what is stored was altered: it does not open the commitment in the log",
        503: "not now",
    }
    schema = {"$ref": f"{SCHEMA}Problem"}
    return {status: {"description": told[status], "content": {PROBLEM: {"schema": schema}}} for status in statuses}


def request_body(media_type: str, schema: dict[str, Any], example: object = None) -> dict[str, Any]:
    """Return the body that a route takes."""
    content: dict[str, Any] = {"schema": schema}
    if example is not None:
        content["example"] = example
    return {"requestBody": {"required": True, "content": {media_type: content}}}


def with_portable_patterns(schema: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    r"""Write patterns as JSON Schema has them: its regular expressions have no `\A` and `\Z`, and its `$` is the very end."""
    if isinstance(schema, dict):
        return {
            name: re.sub(r"\A\\A(.*)\\Z\Z", r"^\1$", each) if name == "pattern" else with_portable_patterns(each)
            for name, each in schema.items()
        }
    return [with_portable_patterns(each) for each in schema] if isinstance(schema, list) else schema
