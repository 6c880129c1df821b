"""A log that someone serves over HTTP (C2SP tlog-tiles), as a `ledger.ports.LogReader`.

Answers are bounded before they are held, and believed by nobody: readers prove tiles and entries against a signed
checkpoint (`ledger.mirror`). Safe for threads. Left out: caching, which `ledger.mirror.CachedTiles` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import httpx

from ledger.mirror import read_or_cut
from ledger.notes import MAX_NOTE_BYTES
from ledger.tiles import FULL_TILE_BYTES, MAX_ENTRY_BYTES, TILE_WIDTH, BundleAddress, Resource, TileAddress, encode_tile_path
from node.adapters.peers.errors import PeerAnswerError, PeerAwayError
from node.errors import ForbiddenError, UnauthenticatedError

TIMEOUT_S: Final = 10.0
CONNECT_RETRIES: Final = 2
CONNECTIONS: Final = 8
"""Requests under way at once."""
USER_AGENT: Final = "concord-node (tlog-tiles reader)"

_MAX_BUNDLE_BYTES: Final = TILE_WIDTH * (2 + MAX_ENTRY_BYTES)


class HttpLogReader:
    """Reads a log below a URL prefix."""

    def __init__(self, url: str, origin: str = "", *, api_key: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        """Take the prefix below which `checkpoint` and `tile/` are; nothing is asked yet.

        Raises:
            PeerAnswerError: The URL is none of http or https.
        """
        if httpx.URL(url).scheme not in ("http", "https"):
            raise PeerAnswerError(url, "give an http or https address, such as https://node.example/log/hospital-a")
        self._base = url.rstrip("/")
        self._origin = origin
        headers = {"User-Agent": USER_AGENT} | ({} if api_key is None else {"Authorization": f"Bearer {api_key}"})
        # a proxy of the environment is none of the consortium's: a member's address is taken as it is written
        transport = httpx.HTTPTransport(retries=CONNECT_RETRIES, limits=httpx.Limits(max_connections=CONNECTIONS))
        self._client = httpx.Client(headers=headers, timeout=timeout_s, transport=transport, trust_env=False)
        self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="log-reader")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

    @property
    def origin(self) -> str:
        """The log's name, as the caller gave it."""
        return self._origin

    def checkpoint(self) -> bytes | None:
        """Return the published checkpoint, a signed note; None before the first.

        Raises:
            PeerAwayError: No answer.
            PeerAnswerError: An answer that no log gives.
        """
        return self._get("checkpoint", MAX_NOTE_BYTES)

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        """Return the contents of tiles, in the order asked, several requests at once.

        Raises:
            ResourceMissingError: One of them is not there.
            PeerAwayError: No answer.
        """
        if len(addresses) == 1:
            return [self.tile(addresses[0])]
        return list(self._pool.map(self.tile, addresses))

    def tile(self, address: TileAddress) -> bytes:
        """Return the contents of one tile.

        Raises:
            ResourceMissingError: It is not there.
            PeerAwayError: No answer.
        """
        return read_or_cut(address, self._fetch)

    def bundle(self, address: BundleAddress) -> bytes:
        """Return the contents of one entry bundle.

        Raises:
            ResourceMissingError: It is not there.
            PeerAwayError: No answer.
        """
        return read_or_cut(address, self._fetch)

    def _fetch(self, address: Resource) -> bytes | None:
        limit = FULL_TILE_BYTES if isinstance(address, TileAddress) else _MAX_BUNDLE_BYTES
        return self._get(encode_tile_path(address), limit)

    def _get(self, path: str, limit_bytes: int) -> bytes | None:
        url = f"{self._base}/{path}"
        try:
            with self._client.stream("GET", url) as response:
                _check_status(response, url)
                if response.status_code == HTTPStatus.NOT_FOUND:
                    return None
                return _read(response, url, limit_bytes)
        except httpx.TimeoutException as error:
            raise PeerAwayError(url, "it did not answer in time") from error
        except httpx.TransportError as error:
            raise PeerAwayError(url, "no connection") from error
        except httpx.DecodingError as error:
            raise PeerAnswerError(url, "its content encoding is broken") from error


def _check_status(response: httpx.Response, url: str) -> None:
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        raise UnauthenticatedError
    if response.status_code == HTTPStatus.FORBIDDEN:
        raise ForbiddenError("log:read")
    if response.status_code not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
        raise PeerAnswerError(url, f"it answers with HTTP status {response.status_code}")


def _read(response: httpx.Response, url: str, limit_bytes: int) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > limit_bytes:
            raise PeerAnswerError(url, f"more than {limit_bytes} bytes, which no log answers here")
    return bytes(content)
