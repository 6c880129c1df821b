"""`concord serve`: API, sequencer and worker in one process."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType

import structlog
import uvicorn

from node.api.app import create_app
from node.bootstrap.operation import RunningNode, open_node
from node.errors import SettingsError
from node.settings import load_settings
from node.telemetry import configure_logging

_BACKLOG = 1024
_GC_THRESHOLDS = (20_000, 20, 50)
"""Containers, and collections of the younger generation, after which garbage is collected. What a request leaves behind dies by
itself; at the interpreter's 700 containers every few reports would be searched for cycles."""
_SWITCH_S = 0.001
"""How long one thread may keep the interpreter from another: at its own 5 ms, workers and requests wait for the writer's thread."""
_GRACE_S = 10
"""How long requests that are under way may take to finish when the node stops."""


def run(directory: Path, host: str | None, port: int | None) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is under way.

    Raises:
        SettingsError: The settings cannot be used, or something else listens on the port.
        DirectoryInUseError: Another process serves the directory.
    """
    configure_logging()
    settings = load_settings(directory)
    log = structlog.get_logger(__name__)
    with ExitStack() as stack:
        stack.callback(log.info, "stopped", directory=str(directory))
        stack.enter_context(_stopping_in_order())
        # before the node is opened: a port that is taken is told without a thread having been started
        listening = stack.enter_context(listen(host or settings.server.host, settings.server.port if port is None else port))
        running = stack.enter_context(closing(open_node(settings)))
        address = listening.getsockname()
        log.info("serving", directory=str(directory), host=address[0], port=address[1])
        serve_node(running, listening)


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address; port 0 takes a free one.

    Raises:
        SettingsError: It cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SettingsError(
            f"cannot listen on {host} port {port}: {reason}; see [server] in the settings, or give --port"
        ) from error


def serve_node(running: RunningNode, listening: socket.socket) -> None:
    """Serve an open node until uvicorn is told to stop."""
    # what was loaded stays: no collection needs to look at it again
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    sys.setswitchinterval(_SWITCH_S)
    config = uvicorn.Config(
        create_app(running.node),
        log_level="warning",
        # paths carry record ids; who asked for what is for the access receipts to say
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    uvicorn.Server(config).run(sockets=[listening])


@contextmanager
def _stopping_in_order() -> Iterator[None]:
    """Let SIGTERM and SIGINT unwind: uvicorn raises the signal again when it is done, which would end the process at once."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
