"""A log that someone serves over HTTP (C2SP tlog-tiles), as a `ledger.ports.LogReader`.

Answers are bounded before they are held, and believed by nobody: readers prove tiles and entries against a signed
checkpoint (`ledger.mirror`, `ledger.follower`). Safe for threads. Left out: caching.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from ledger.mirror import read_or_cut
from ledger.notes import MAX_NOTE_BYTES
from ledger.tiles import (
    FULL_TILE_BYTES,
    MAX_ENTRY_BYTES,
    TILE_WIDTH,
    BundleAddress,
    Resource,
    TileAddress,
    encode_tile_path,
)
from node.adapters.peers.connections import TIMEOUT_S, HttpConnections, check_url

_MAX_BUNDLE_BYTES: Final = TILE_WIDTH * (2 + MAX_ENTRY_BYTES)


class HttpLogReader:
    """Reads a log below a URL prefix."""

    def __init__(
        self,
        url: str,
        origin: str = "",
        *,
        api_key: str | None = None,
        timeout_s: float = TIMEOUT_S,
        connections: HttpConnections | None = None,
    ) -> None:
        """Take the prefix below which `checkpoint` and `tile/` are; nothing is asked yet.

        Args:
            url: The prefix.
            origin: The log's name.
            api_key: For a log that is not public; not together with `connections`.
            timeout_s: How long to wait for an answer.
            connections: Shared with readers of other logs; by default the reader has its own and closes them.

        Raises:
            PeerAnswerError: The URL is none of http or https.
        """
        check_url(url)
        self._base = url.rstrip("/")
        self._origin = origin
        self._own = None if connections is not None else HttpConnections(api_key=api_key, timeout_s=timeout_s)
        self._connections = connections or self._own or HttpConnections()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, if they are this reader's own."""
        if self._own is not None:
            self._own.close()

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
        return self._connections.get(f"{self._base}/checkpoint", MAX_NOTE_BYTES)

    def read(self, resources: Sequence[Resource]) -> list[bytes]:
        """Return the contents of tiles and bundles, in the order asked, several requests at once.

        Raises:
            ResourceMissingError: One of them is not there.
            PeerAwayError: No answer.
        """
        if len(resources) == 1:
            return [read_or_cut(resources[0], self._fetch)]
        return list(self._connections.pool.map(lambda address: read_or_cut(address, self._fetch), resources))

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        """Return the contents of tiles, as `read` does."""
        return self.read(addresses)

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
        return self._connections.get(f"{self._base}/{encode_tile_path(address)}", limit)
