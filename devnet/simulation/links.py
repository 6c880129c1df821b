"""How nodes of one process reach each other: logs are read in memory, messages and disclosures go straight to the services.

What is left out is HTTP with all that belongs to it: connections, routes, the signatures of requests and answers (RFC 9421) and
their nonces. Sealed disclosures are sealed and opened, and evidence is verified, as on the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO
from typing import BinaryIO, Final, TypeVar

from ledger.errors import LedgerError
from ledger.hashing import LeafIndex
from ledger.ports import LogReader
from ledger.tiles import BundleAddress, Resource
from node.bootstrap.operation import RunningNode
from node.domain.entry import InstitutionId, Origin
from node.errors import AccessDeniedError, ConcordError, MemberAnswerError, MemberRefusedError
from node.ports.members.requests import MemberAnswer
from node.ports.records.transaction import RecordsReader, RecordsTransaction
from node.wire.members.disclosure import DISCLOSURE_MEDIA_TYPE
from node.wire.members.http_signature import SignatureTag

ResultT = TypeVar("ResultT")

_JSON: Final = "application/json"
_DENIED: Final = "not-disclosed"
_MAX_ANSWER_BYTES: Final = 1 << 20


@dataclass
class Meddling:
    """What a regulator is shown of logs instead of what they hold."""

    forged: dict[Origin, bytes] = field(default_factory=dict)
    """A checkpoint of another history of a log."""
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
        """Return the published checkpoint, or another one that its key signed."""
        forged = None if self._meddling is None else self._meddling.forged.get(self._origin)
        return self._log().checkpoint() if forged is None else forged

    def read(self, resources: Sequence[Resource]) -> list[bytes]:
        """Return tiles and bundles."""
        log = self._log()
        return [log.bundle(each) if isinstance(each, BundleAddress) else log.tile(each) for each in resources]

    def headers(self, start: LeafIndex, count: int) -> list[tuple[int, bytes | None]]:
        """Return headers."""
        hidden = () if self._meddling is None else self._meddling.hidden
        found = self._reader().headers(self._origin, start, count)
        return [(index, header) for index, header in found if (self._origin, index) not in hidden]

    def _log(self) -> LogReader:
        return self._reader().log(self._origin)


@dataclass
class MemberLink:
    """Finds the node that is asked, and counts."""

    node_of: Callable[[InstitutionId], RunningNode]
    """The node that hosts an institution."""
    requests: int = 0
    """How many requests were carried."""


class MemberAtHand:
    """Asks members whose nodes are in this process, on behalf of one institution; a `MemberClient`."""

    def __init__(self, sender: InstitutionId, link: MemberLink) -> None:
        """Ask nothing yet."""
        self._sender = sender
        self._link = link

    def post(self, to: InstitutionId, path: str, body: bytes, tag: SignatureTag) -> MemberAnswer:
        """Hand a body to a member's services; raises as `post_into`."""
        sink = BytesIO()
        answer = self.post_into(to, path, body, tag, sink, _MAX_ANSWER_BYTES)
        return MemberAnswer(answer.status, answer.content_type, sink.getvalue())

    def post_into(
        self, to: InstitutionId, path: str, body: bytes, tag: SignatureTag, sink: BinaryIO, limit_bytes: int
    ) -> MemberAnswer:
        """Hand a body to a member's services, and write what they answer into a file.

        Raises:
            MemberRefusedError: It refuses.
            MemberAnswerError: It answers too much.
        """
        del path  # each protocol has its tag, and one path
        self._link.requests += 1
        try:
            content_type, content = self._answer(self._link.node_of(to), body, tag)
        except AccessDeniedError as error:
            raise MemberRefusedError(to, HTTPStatus.FORBIDDEN, _DENIED, error.told) from error
        except (ConcordError, LedgerError) as error:
            raise MemberRefusedError(to, HTTPStatus.UNPROCESSABLE_ENTITY, type(error).__name__) from error
        if len(content) > limit_bytes:
            raise MemberAnswerError(to, f"more than {limit_bytes} bytes")
        sink.write(content)
        return MemberAnswer(HTTPStatus.OK, content_type, b"")

    def _answer(self, running: RunningNode, body: bytes, tag: SignatureTag) -> tuple[str, bytes]:
        exchange, reading = running.node.exchange, running.node.reading

        def act(work: Callable[[RecordsTransaction], ResultT]) -> ResultT:
            return running.sharing.writer.submit(work).result()

        if tag is SignatureTag.INBOX and exchange is not None:
            exchange.inbox.receive(body, self._sender, act)
            return _JSON, b"{}"
        if tag is not SignatureTag.RETRIEVE or reading is None:
            raise MemberAnswerError(self._sender, f"nobody here answers {tag}")
        with reading.holder.disclose(self._sender, body, act).stream as stream:
            return DISCLOSURE_MEDIA_TYPE, stream.read()
