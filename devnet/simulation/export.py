"""What a kept region is looked at with: the regulator's export, as `concord audit export` writes it, without a socket."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import httpx
from fastapi import FastAPI

from devnet.simulation.consortium import HostNode
from devnet.simulation.region import REGULATOR
from node.api.app import create_app
from node.cli.api_client import ApiClient
from node.cli.audit.export import ExportQuery, metadata_for, write_export
from node.services.clients import Scope

EXPORT: Final = "concord.sqlite"
METADATA: Final = "concord-metadata.json"


class _InProcess(httpx.BaseTransport):
    """Carries requests to a node's application in this process."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def exchange() -> httpx.Response:
            answer = await httpx.ASGITransport(self._app).handle_async_request(request)
            return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

        return asyncio.run(exchange())


def write_kept_export(regulator: HostNode, directory: Path, year: int) -> None:
    """Write the regulator's export of a year, and what explains it in Datasette, into a folder."""
    node = regulator.running.node
    issued = node.clients.issue(REGULATOR, "simulation", list(Scope))
    with ApiClient("http://regulator.example", issued.api_key, transport=_InProcess(create_app(node))) as client:
        write_export(client, directory / EXPORT, ExportQuery(f"{year}-01", f"{year}-12"), quiet=True)
    (directory / METADATA).write_bytes(metadata_for(Path(EXPORT).stem))
