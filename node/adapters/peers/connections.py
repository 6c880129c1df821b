"""HTTP to other nodes: few connections that are kept, bounded answers, named failures. Safe for threads.

Reads of other nodes' logs pass through here, signed where the caller gives an `httpx.Auth`; requests that disclose or change
something pass through `signed_http`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx

from node.adapters.peers.errors import PeerAnswerError, PeerAwayError
from node.errors import ForbiddenError, UnauthenticatedError

TIMEOUT_S: Final = 10.0
CONNECT_RETRIES: Final = 2
CONNECTIONS: Final = 8
"""Requests under way at once."""
USER_AGENT: Final = "concord-node (tlog-tiles reader)"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What was answered, whatever the status."""

    status: int
    """HTTP status."""
    content: bytes
    """The body."""
    media_type: str | None
    """Of the body."""


class HttpConnections:
    """A client and the threads that use it."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        auth: httpx.Auth | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Ask nothing yet.

        Args:
            api_key: Shown with every request; None for none.
            auth: Signs what is read; None where nothing has to be.
            transport: Carries requests; None for the network.
            timeout_s: How long to wait for a connection, or for the next bytes.
        """
        headers = {"User-Agent": USER_AGENT} | ({} if api_key is None else {"Authorization": f"Bearer {api_key}"})
        # a proxy of the environment is none of the consortium's: a member's address is taken as it is written
        network = httpx.HTTPTransport(retries=CONNECT_RETRIES, limits=httpx.Limits(max_connections=CONNECTIONS))
        self._client = httpx.Client(headers=headers, timeout=timeout_s, transport=transport or network, trust_env=False)
        self._auth = auth
        self.pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="peers")

    def close(self) -> None:
        """Close the connections."""
        self.pool.shutdown(cancel_futures=True)
        self._client.close()

    def get(self, url: str, limit_bytes: int) -> bytes | None:
        """Return what is at a URL; None where nothing is.

        Raises:
            PeerAwayError: No answer.
            PeerAnswerError: More bytes than the limit, or a status that no log answers.
            UnauthenticatedError, ForbiddenError: It wants to know who asks.
        """
        answer = self._ask("GET", url, None, limit_bytes)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise UnauthenticatedError
        if answer.status == HTTPStatus.FORBIDDEN:
            raise ForbiddenError("log:read")
        if answer.status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            raise PeerAnswerError(url, f"it answers with HTTP status {answer.status}")
        return answer.content if answer.status == HTTPStatus.OK else None

    def post(self, url: str, content: bytes, limit_bytes: int) -> HttpAnswer:
        """Send bytes and return the answer.

        Raises:
            PeerAwayError: No answer.
            PeerAnswerError: More bytes than the limit.
        """
        return self._ask("POST", url, content, limit_bytes)

    def _ask(self, method: str, url: str, content: bytes | None, limit_bytes: int) -> HttpAnswer:
        try:
            # what is posted is for anybody to send, and proves itself
            auth = self._auth if content is None else None
            with self._client.stream(method, url, content=content, auth=auth) as response:
                body = _read(response, url, limit_bytes)
                return HttpAnswer(response.status_code, body, response.headers.get("content-type"))
        except httpx.TimeoutException as error:
            raise PeerAwayError(url, "it did not answer in time") from error
        except httpx.TransportError as error:
            raise PeerAwayError(url, "no connection") from error
        except httpx.DecodingError as error:
            raise PeerAnswerError(url, "its content encoding is broken") from error


def check_url(url: str) -> None:
    """Check that a URL is one of http or https.

    Raises:
        PeerAnswerError: It is none.
    """
    if httpx.URL(url).scheme not in ("http", "https"):
        raise PeerAnswerError(url, "give an http or https address, such as https://node.example/log/hospital-a")


def _read(response: httpx.Response, url: str, limit_bytes: int) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > limit_bytes:
            raise PeerAnswerError(url, f"more than {limit_bytes} bytes, which is never answered here")
    return bytes(content)
