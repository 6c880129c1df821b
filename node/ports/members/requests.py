"""Send signed requests to the nodes of other members (RFC 9421); what comes back was verified, or an error says what failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol

from node.domain.entry import InstitutionId
from node.wire.members.http_signature import SignatureTag


@dataclass(frozen=True, slots=True)
class MemberAnswer:
    """A verified answer."""

    status: int
    """HTTP status, below 300."""
    content_type: str
    """Media type."""
    body: bytes
    """The content, as its signed digest says."""


class MemberClient(Protocol):
    """Asks other members on behalf of one hosted institution."""

    def post(self, to: InstitutionId, path: str, body: bytes, tag: SignatureTag) -> MemberAnswer:
        """Send a JSON body to a path of a member's node.

        Raises:
            MemberAwayError: No answer, none in time, or no address is registered.
            MemberRefusedError: It refuses, and signed that it does.
            MemberAnswerError: An answer that no node gives, or a refusal that nobody signed.
            ResponseSignatureError: The answer is not signed by that member, or is to another request.
        """

    def post_into(
        self, to: InstitutionId, path: str, body: bytes, tag: SignatureTag, sink: BinaryIO, limit_bytes: int
    ) -> MemberAnswer:
        """Send a JSON body, and write the answer's content into a file as it comes; it is verified when this returns.

        Raises:
            MemberError: As `post`; what stands in the file then is not to be believed.
            ResponseSignatureError: As `post`.
        """
