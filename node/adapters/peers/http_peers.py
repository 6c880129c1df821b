"""Other nodes over HTTP, and this node's own logs without it (`ports.logs.peers`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from ledger.hashing import LeafIndex
from ledger.ports import LogReader
from ledger.tiles import BundleAddress, Resource
from ledger.witness import MAX_REQUEST_BYTES
from node.adapters.peers.connections import HttpConnections
from node.adapters.peers.errors import PeerAwayError
from node.adapters.peers.http_log import HttpLogReader
from node.domain.entry import InstitutionId, Origin
from node.domain.trust import TrustedLog
from node.ports.logs.peers import FollowedPeer, WitnessReply
from node.ports.records.transaction import RecordsReader
from node.services.logs.progress import Progress
from node.wire.header.frames import parse_header_frames

_MAX_PAGE_BYTES: Final = 64 * 2**20
"""Of a page of headers: catalogues and maps are public entries, and larger than what describes a record."""


class NodePeers:
    """Opens logs where they are served; a `Peers` and a `WitnessPeers`."""

    def __init__(
        self,
        connections: HttpConnections,
        endpoints: Mapping[InstitutionId, str],
        own: Collection[Origin],
        reader: RecordsReader,
        progress: Progress,
        elsewhere: Callable[[TrustedLog], FollowedPeer | None] | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            connections: To other nodes; closed by whoever made them.
            endpoints: The base URL of each institution's node.
            own: The logs that this node hosts.
            reader: Reads those.
            progress: Tells whether the head of one may be shown.
            elsewhere: Opens logs that are at hand in this process, or returns None.
        """
        self._connections = connections
        self._endpoints = endpoints
        self._own = frozenset(own)
        self._reader = reader
        self._progress = progress
        self._elsewhere = elsewhere

    def log(self, log: TrustedLog) -> FollowedPeer:
        """Return a log of the consortium where it is served; nothing is asked yet."""
        at_hand = None if self._elsewhere is None else self._elsewhere(log)
        if at_hand is not None:
            return at_hand
        if log.origin in self._own:
            return _OwnLog(self._reader, log.origin, self._progress)
        return _HttpPeer(log, self._connections)

    def add_checkpoint(self, institution: InstitutionId, body: bytes) -> WitnessReply:
        """Send a C2SP tlog-witness request to an institution's witness.

        Raises:
            PeerError: It does not answer, or no endpoint of it is known.
        """
        endpoint = self._endpoints.get(institution)
        if endpoint is None:
            raise PeerAwayError(f"the witness of {institution}", "the trust root names no endpoint of it")
        url = f"{endpoint.rstrip('/')}/witness/{quote(institution)}/add-checkpoint"
        answer = self._connections.post(url, body, MAX_REQUEST_BYTES)
        return WitnessReply(answer.status, answer.content, answer.media_type)


class _HttpPeer:
    """A log of another node."""

    def __init__(self, log: TrustedLog, connections: HttpConnections) -> None:
        endpoint = log.endpoint.rstrip("/")
        self._log = HttpLogReader(f"{endpoint}/log/{quote(log.institution)}", log.origin, connections=connections)
        self._headers = f"{endpoint}/v1/headers/{quote(log.origin)}"
        self._connections = connections

    def checkpoint(self) -> bytes | None:
        return self._log.checkpoint()

    def read(self, resources: Sequence[Resource]) -> list[bytes]:
        return self._log.read(resources)

    def headers(self, start: LeafIndex, count: int) -> list[tuple[int, bytes | None]]:
        page = self._connections.get(f"{self._headers}?from={start}&count={count}", _MAX_PAGE_BYTES)
        return list(parse_header_frames(page or b""))


class _OwnLog:
    """A log of this node."""

    def __init__(self, reader: RecordsReader, origin: Origin, progress: Progress) -> None:
        self._progress = progress
        self._reader = reader
        self._origin = origin
        self._log: LogReader = reader.log(origin)

    def checkpoint(self) -> bytes | None:
        return None if self._progress.is_held(self._origin) else self._log.checkpoint()

    def read(self, resources: Sequence[Resource]) -> list[bytes]:
        return [self._log.bundle(each) if isinstance(each, BundleAddress) else self._log.tile(each) for each in resources]

    def headers(self, start: LeafIndex, count: int) -> list[tuple[int, bytes | None]]:
        return self._reader.headers(self._origin, start, count)
