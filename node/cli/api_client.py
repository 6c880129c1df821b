"""The node's API, as commands use it: problems become this program's errors, with the node's own words.

Left out: evidence and receipts as types; commands show what the node answers.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

import httpx

from node.cli.failures import RefusedError, UnreachedError, UsageError

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 120.0
"""A large history, or ?wait=anchored, takes its time."""

Parameters = Mapping[str, str | int]


class ProblemError(RefusedError):
    """The node answered with a problem (RFC 9457).

    Attributes:
        status: The HTTP status.
        problem: The document.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        super().__init__(f"{problem.get('title', 'refused')}: {problem.get('detail', '')}", status=status, problem=dict(problem))


class ApiClient:
    """Calls a node as one client of one institution."""

    def __init__(
        self, url: str, api_key: str, timeout_s: float = READ_TIMEOUT_S, transport: httpx.BaseTransport | None = None
    ) -> None:
        """Take the node's base URL and an API key; nothing is asked yet.

        Args:
            url: The base URL.
            api_key: The key.
            timeout_s: How long the node may be silent.
            transport: Carries requests; None for the network.

        Raises:
            UsageError: The URL is none of http or https.
        """
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"--url {url}: give an http or https address, such as http://127.0.0.1:8080")
        self._url = url.rstrip("/")
        timeout = httpx.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        # a proxy of the environment is none of the hospital's: records go to the address as it is written
        carried = transport or httpx.HTTPTransport(trust_env=False)
        self._client = httpx.Client(base_url=self._url, headers=headers, timeout=timeout, trust_env=False, transport=carried)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    @property
    def url(self) -> str:
        """The node's base URL."""
        return self._url

    def get_json(self, path: str, parameters: Parameters | None = None) -> Any:  # noqa: ANN401 - JSON
        """Ask for a document.

        Raises:
            ProblemError: The node refuses.
            UnreachedError: It does not answer.
        """
        return self._call("GET", path, parameters).json()

    def get_bytes(self, path: str, parameters: Parameters | None = None) -> bytes:
        """Ask for bytes; raises as `get_json`."""
        return self._call("GET", path, parameters).content

    def post(self, path: str, content: bytes, parameters: Parameters | None = None) -> Any:  # noqa: ANN401 - JSON
        """Send bytes and return the document that is answered; raises as `get_json`."""
        return self._call("POST", path, parameters, content).json()

    def post_bytes(self, path: str, content: bytes, headers: Mapping[str, str] | None = None) -> bytes:
        """Send bytes and return those that are answered; raises as `get_json`."""
        return self._call("POST", path, None, content, headers).content

    def delete(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Delete something; raises as `get_json`."""
        return self._call("DELETE", path, None).json()

    def post_lines(self, path: str, content: bytes, parameters: Parameters | None = None) -> Generator[str, None, None]:
        """Send NDJSON and yield the answered lines as they come; raises as `get_json`."""
        with self._errors(), self._client.stream("POST", path, content=content, params=parameters) as response:
            if response.is_error:
                response.read()
                raise _problem(response)
            yield from response.iter_lines()

    def _call(
        self,
        method: str,
        path: str,
        parameters: Parameters | None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        with self._errors():
            response = self._client.request(method, path, params=parameters, content=content, headers=headers)
        if response.is_error:
            raise _problem(response)
        return response

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException as error:
            raise UnreachedError(f"{self._url} did not answer in time; check that the node is running") from error
        except httpx.TransportError as error:
            raise UnreachedError(f"{self._url} does not answer; check the address, and that the node is running") from error


def _problem(response: httpx.Response) -> RefusedError | UnreachedError:
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"title": "no answer of a Concord node", "detail": f"HTTP status {response.status_code}; check --url"}
    if response.status_code in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT):
        return UnreachedError(f"{problem.get('title')}: {problem.get('detail')}", problem=problem)
    return ProblemError(response.status_code, problem)
