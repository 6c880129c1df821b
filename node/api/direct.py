"""Answer the routes that carry documents, and the one for which a clinician waits, without the framework's detours.

To find a route, to validate parameters and to stack its middlewares costs the framework more time than a submission's own work in
the event loop. The plain request, by far the most frequent one, goes straight to its handler. Whatever is not plain, such as a
parameter that does not validate, goes the ordinary way, which is also where the routes are described.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request
from fastapi.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from node.api.problems import problem_of, problem_response
from node.domain.entry import Level

DocumentHandler = Callable[[Request, Level | None], Awaitable[Response]]
"""Takes the request and the value of `?wait=`."""

_PLAIN_QUERIES: Mapping[bytes, Level | None] = {b"": None, **{f"wait={level.value}".encode(): level for level in Level}}


class DirectRoutes:
    """A middleware that answers the plain requests of some routes."""

    def __init__(self, app: ASGIApp, posts: Mapping[str, DocumentHandler]) -> None:
        """Keep what answers.

        Args:
            app: Answers everything else.
            posts: What answers POST, by path.
        """
        self._app = app
        self._posts = posts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        handler = self._posts.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if handler is None or scope["query_string"] not in _PLAIN_QUERIES:
            await self._app(scope, receive, send)
            return
        try:
            response = await handler(Request(scope, receive, send), _PLAIN_QUERIES[scope["query_string"]])
        except Exception as error:  # noqa: BLE001 - every error has its problem
            response = problem_response(problem_of(error))
        await response(scope, receive, send)
