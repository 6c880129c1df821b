"""Requests generated from the OpenAPI document: whatever comes, the answer is one that the document promises, never a fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from node.api.app import create_app
from node.bootstrap.operation import Outside
from node.ports.chain.consortium import Registry
from tests.unit.consents.simulated_chain import SimulatedConsents
from tests.unit.services_records.world import World, make_world, report

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = sorted(
    operation["operationId"] for item in create_app(None).openapi()["paths"].values() for operation in item.values()
)


@schemathesis.serializer("application/x-ndjson")
def as_lines(_context: object, value: object) -> bytes:
    """Send whatever was generated for a batch as its bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("fuzz") / "n", server={"public_log": True, "wait_timeout_s": 0.05})
    made.outside = Outside(lambda: Registry(0, 0, (), ()), None, SimulatedConsents(made.clock))
    made.start()
    made.wait_logged(made.receipt(report()))
    yield made
    made.stop()


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_promised(world: World, name: str) -> None:
    headers = {"Authorization": f"Bearer {world.api_key()}"}
    schema: Any = schemathesis.openapi.from_asgi("/openapi.json", world.app, headers=headers)
    operation = schema.find_operation_by_id(name)

    @settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def every_answer(case: schemathesis.Case[Any]) -> None:
        response = case.call(headers=headers)
        if response.status_code == 503:
            assert response.json()["type"] == "urn:concord:problem:not-set-up", "this node has no trust root to verify with"
            return
        case.validate_response(response, checks=CHECKS)

    every_answer()
