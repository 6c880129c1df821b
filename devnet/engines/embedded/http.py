"""The HTTP face of the JSON-RPC server: a minimal ASGI application on loopback.

Only `POST` of `application/json` to a loopback host name is served: a page in a browser can reach loopback too, and it can send
neither that content type without asking first, nor (after DNS rebinding) that host name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from devnet.engines.embedded.jsonrpc import Dispatcher

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 5 * 1024 * 1024
"""Largest body, as in geth."""
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


class Application:
    """ASGI application that answers from `dispatcher`, in threads of `executor`."""

    def __init__(self, dispatcher: Dispatcher, executor: ThreadPoolExecutor) -> None:
        self._dispatcher = dispatcher
        self._executor = executor

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] != "http":
            return
        refusal = _refusal(scope)
        if refusal is not None:
            await _respond(send, *refusal)
            return
        body = await _read(receive)
        if body is None:
            await _respond(send, 413, f"the body is larger than {MAX_BODY_BYTES} bytes".encode(), b"text/plain")
            return
        answer = await asyncio.get_running_loop().run_in_executor(self._executor, self._dispatcher.answer, body)
        await _respond(send, 200, answer, b"application/json")


def _refusal(scope: Message) -> tuple[int, bytes, bytes] | None:
    headers = {name.lower(): value for name, value in scope["headers"]}
    host = headers.get(b"host", b"").decode("latin-1").rsplit(":", 1)[0]
    if host not in LOOPBACK_NAMES:
        return 403, b"invalid host specified", b"text/plain"
    if scope["method"] != "POST":
        return 405, b"POST a JSON-RPC request", b"text/plain"
    if headers.get(b"content-type", b"").split(b";")[0].strip().lower() != b"application/json":
        return 415, b"invalid content type, only application/json is supported", b"text/plain"
    return None


async def _read(receive: Receive) -> bytes | None:
    """Read the body; None if it is too large."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(chunks)
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            return None
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _respond(send: Send, status: int, body: bytes, content_type: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
