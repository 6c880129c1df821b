"""The API in-process: requests go through the application, no socket is opened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from node.domain.entry import InstitutionId
from node.services.clients import Scope
from tests.unit.fhir_split.documents import Json
from tests.unit.services_records.world import HOSPITAL, World, report

PROBLEM = "application/problem+json"
ALL = tuple(Scope)


class Api:
    """A client of a world's node."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.responses: list[httpx.Response] = []

    def call(
        self,
        method: str,
        path: str,
        *,
        institution: InstitutionId | None = HOSPITAL,
        scopes: Sequence[str] = ALL,
        content: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request as a client of an institution; None sends no key."""
        sent = dict(headers or {})
        if institution is not None:
            sent.setdefault("Authorization", f"Bearer {self.world.api_key(institution, scopes)}")

        async def exchange() -> httpx.Response:
            transport = httpx.ASGITransport(self.world.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
                return await client.request(method, path, content=content, headers=sent)

        response = asyncio.run(exchange())
        self.responses.append(response)
        return response

    def get(self, path: str, **how: Any) -> httpx.Response:  # noqa: ANN401 - as `call`
        return self.call("GET", path, **how)

    def submit(self, document: Json | bytes | None = None, wait: str = "", **how: Any) -> httpx.Response:  # noqa: ANN401 - as `call`
        data = document if isinstance(document, bytes) else json.dumps(document or report()).encode()
        return self.call("POST", "/v1/records" + (f"?wait={wait}" if wait else ""), content=data, **how)

    def batch(self, lines: Sequence[bytes | Json], wait: str = "", **how: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as `call`
        body = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        response = self.call("POST", "/v1/records:batch" + (f"?wait={wait}" if wait else ""), content=body, **how)
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) for line in response.content.splitlines()]

    def logged(self, document: Json | None = None, **how: Any) -> dict[str, Any]:  # noqa: ANN401 - as `call`
        """Submit and return the only receipt, at level logged."""
        response = self.submit(document, wait="logged", **how)
        assert response.status_code in {200, 201}
        (receipt,) = response.json()["receipts"]
        assert receipt["level"] == "logged"
        return dict(receipt)


def problem(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """Check that a response is a problem of a kind; return it."""
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM), response.text
    body = response.json()
    assert body["type"] == f"urn:concord:problem:{slug}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return dict(body)
