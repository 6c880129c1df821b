"""/v1/status, /healthz, /readyz, /metrics: how the node does."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from node.api.openapi.document import documented
from node.api.requests import Caller, NodeOf, json_response
from node.services.clients import Scope
from node.telemetry import METRICS_MEDIA_TYPE

router = APIRouter(tags=["operations"])


@router.get("/v1/status", **documented("status"))
async def status(node: NodeOf, client: Caller) -> Response:
    """How far each log got, whether it signs, whether the chain answers."""
    client.require(Scope.READ_STATUS)
    report = await asyncio.to_thread(node.status.report)
    return json_response(msgspec.to_builtins(report))


@router.get("/healthz", **documented("healthz"))
async def healthz() -> Response:
    """Whether the process answers."""
    return json_response({"status": "ok"})


@router.get("/readyz", **documented("readyz"))
async def readyz(node: NodeOf) -> Response:
    """Whether submissions would be stored now; a chain that is away does not prevent that."""
    reasons = await asyncio.to_thread(node.status.not_ready)
    if reasons:
        return json_response({"status": "not ready", "reasons": reasons}, HTTPStatus.SERVICE_UNAVAILABLE)
    return json_response({"status": "ready"})


@router.get("/metrics", **documented("metrics"))
async def metrics(node: NodeOf, client: Caller) -> Response:
    """Prometheus metrics."""
    client.require(Scope.READ_STATUS)
    return Response(node.status.metrics(), media_type=METRICS_MEDIA_TYPE)
