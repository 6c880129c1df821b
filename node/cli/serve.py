"""`concord serve`: API, sequencer and worker in one process."""

from __future__ import annotations

from pathlib import Path

import structlog
import uvicorn

from node.api.app import create_app
from node.bootstrap import open_node
from node.settings import load_settings
from node.telemetry import configure_logging

_BACKLOG = 1024
_GRACE_S = 10
"""How long requests that are under way may take to finish when the node stops."""


def run(directory: Path, host: str | None, port: int | None) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is under way."""
    configure_logging()
    settings = load_settings(directory)
    running = open_node(settings)
    try:
        address = host or settings.server.host, settings.server.port if port is None else port
        structlog.get_logger(__name__).info("serving", directory=str(directory), host=address[0], port=address[1])
        uvicorn.run(
            create_app(running.node),
            host=address[0],
            port=address[1],
            backlog=_BACKLOG,
            log_level="warning",
            # paths carry record ids; who asked for what is for the access receipts to say
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
    finally:
        running.close()
