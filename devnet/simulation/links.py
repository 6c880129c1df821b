"""How nodes of one process reach each other without sockets: logs are read in memory, signed requests go to the services.

Requests between members are signed and verified as on the network (RFC 9421), their nonces are used up, and answers are
signed; what is left out is HTTP itself: no server, no routes, no bytes of headers on a wire.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx
import msgspec

from ledger.errors import LedgerError
from ledger.hashing import LeafIndex
from ledger.ports import LogReader
from ledger.tiles import BundleAddress, Resource
from node.api.problems import problem_of, problem_response
from node.bootstrap.operation import RunningNode
from node.domain.entry import InstitutionId, Origin
from node.errors import ConcordError
from node.ports.records import RecordsReader
from node.services.exchange import Exchange
from node.services.reading import Reading
from node.services.signed_requests import ReceivedRequest, Signer
from node.wire.disclosure import DISCLOSURE_MEDIA_TYPE
from node.wire.http_signature import SignatureTag

_INBOX = "/v1/inbox"
_JSON = "application/json"


class _Addressed(msgspec.Struct):
    audience: str


@dataclass
class Meddling:
    """What a regulator is shown of logs instead of what they hold."""

    forged: dict[Origin, LogReader] = field(default_factory=dict)
    """Another history of a log."""
    hidden: set[tuple[Origin, int]] = field(default_factory=set)
    """Entries whose headers are not handed out."""


class LogAtHand:
    """A log of a node of this process; a `FollowedPeer`."""

    def __init__(self, origin: Origin, reader: Callable[[], RecordsReader], meddling: Meddling | None) -> None:
        """Read nothing yet.

        Args:
            origin: The log.
            reader: Returns the reader of the node that hosts it; nodes are opened one after the other.
            meddling: What its institution does to whoever reads it, if anything.
        """
        self._origin = origin
        self._reader = reader
        self._meddling = meddling

    def checkpoint(self) -> bytes | None:
        """Return the published checkpoint."""
        return self._source().checkpoint()

    def read(self, resources: Sequence[Resource]) -> list[bytes]:
        """Return tiles and bundles."""
        log = self._source()
        return [log.bundle(each) if isinstance(each, BundleAddress) else log.tile(each) for each in resources]

    def headers(self, start: LeafIndex, count: int) -> list[tuple[int, bytes | None]]:
        """Return headers."""
        hidden = () if self._meddling is None else self._meddling.hidden
        found = self._reader().headers(self._origin, start, count)
        return [(index, header) for index, header in found if (self._origin, index) not in hidden]

    def _source(self) -> LogReader:
        log = self._reader().log(self._origin)
        return log if self._meddling is None else self._meddling.forged.get(self._origin, log)


class MemberLink(httpx.BaseTransport):
    """Carries signed requests to the services of the node that is asked."""

    def __init__(self, nodes: Callable[[str], RunningNode]) -> None:
        """Take what finds a node by its host name."""
        self._nodes = nodes
        self.requests = 0
        """How many were carried."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Verify a request, act on it, sign the answer."""
        self.requests += 1
        node = self._nodes(request.url.host).node
        if node.exchange is None or node.reading is None:
            raise httpx.ConnectError("it knows no members", request=request)
        body = request.read()
        path = request.url.raw_path.decode("ascii")
        headers = {name.lower(): value for name, value in request.headers.items()}
        tag = SignatureTag.INBOX if path == _INBOX else SignatureTag.RETRIEVE
        signed = node.exchange.signed
        signer = signed.admit(ReceivedRequest(request.method, path, headers, body), tag)
        audience = signed.check_audience(msgspec.json.decode(body, type=_Addressed).audience)
        try:
            status, content_type, content = _act(node.exchange, node.reading, path, signer)
        except (ConcordError, LedgerError) as error:
            problem = problem_response(problem_of(error))
            status, content_type, content = problem.status_code, problem.headers["content-type"], bytes(problem.body)
        digest = hashlib.sha256(content).digest()
        stated = signed.sign_answer(status, content_type, digest, signer, InstitutionId(audience))
        return httpx.Response(status, headers={"content-type": content_type, **stated}, stream=httpx.ByteStream(content))


def _act(exchange: Exchange, reading: Reading, path: str, signer: Signer) -> tuple[int, str, bytes]:
    """Do what was asked; return status, media type and content of the answer."""
    if path == _INBOX:
        message = exchange.inbox.receive(signer.request.body, signer.institution)
        return 200, _JSON, msgspec.json.encode({"acknowledged": message.message_id})
    sealed = reading.holder.disclose(signer.institution, signer.request.body)
    with sealed.stream as stream:
        return 200, DISCLOSURE_MEDIA_TYPE, stream.read()
