"""The application: routes, error handlers, the OpenAPI document."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ledger.errors import LedgerError
from node.api import problems
from node.api.direct import DirectRoutes, DocumentHandler
from node.api.openapi import document as openapi
from node.api.requests import Caller
from node.api.routes import (
    catalogue,
    cds_hooks,
    codes,
    consents,
    disclosures,
    emergencies,
    evidence,
    exchange,
    figures,
    log,
    notices,
    patient_view,
    patients,
    recalls,
    recognition,
    records,
    status,
    supervision,
    tombstones,
    view,
    witness,
)
from node.errors import ConcordError
from node.services.surface.node import Node

_DESCRIPTION = """Commit to examination results, referrals and prescriptions in an append-only, anchored log, and prove them.

Errors are problems (RFC 9457). Send `Authorization: Bearer <API key>`."""

ROUTES = (
    records,
    evidence,
    log,
    witness,
    patients,
    codes,
    patient_view,
    consents,
    emergencies,
    exchange,
    disclosures,
    recognition,
    catalogue,
    notices,
    recalls,
    cds_hooks,
    view,
    tombstones,
    supervision,
    figures,
    status,
)
"""Modules of routes, in the order of the OpenAPI document."""


def create_app(node: Node | None) -> FastAPI:
    """Build the application.

    Args:
        node: What it serves; None only to print the OpenAPI document.
    """
    app = FastAPI(title="Concord node", version="1", description=_DESCRIPTION, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.node = node
    for module in ROUTES:
        app.include_router(module.router)
    for kind in (ConcordError, LedgerError, Exception):
        app.add_exception_handler(kind, problems.handle_error)
    app.add_exception_handler(HTTPException, problems.handle_http_error)
    app.add_exception_handler(RequestValidationError, problems.handle_invalid_parameters)
    direct: dict[str, DocumentHandler] = {
        "/v1/records": records.submit,
        "/v1/records:batch": records.submit_batch,
        "/v1/recognition/check": recognition.check_directly,
        "/v1/disclosures": disclosures.disclose_directly,
        "/v1/find": disclosures.find_directly,
        "/v1/retrievals": disclosures.order_directly,
    }
    app.add_middleware(DirectRoutes, posts=direct)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi_document(client: Caller) -> dict[str, object]:
        del client
        return openapi.document(app)

    return app
