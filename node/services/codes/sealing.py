"""Seal to other members: their exchange keys come from the registry, never from a message."""

from __future__ import annotations

from node.domain.entry import InstitutionId
from node.errors import MemberAwayError
from node.identity.boxes import seal_box
from node.ports.clock import Clock
from node.ports.members.membership import KeyDirectory

_EXCHANGE: str = "exchange"


class MemberSeals:
    """Seals to members."""

    def __init__(self, directory: KeyDirectory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def key(self, institution: InstitutionId) -> bytes:
        """Return a member's exchange key, X25519, 32 bytes.

        Raises:
            MemberAwayError: It is no active member, or has registered none.
        """
        keys = self._directory.keys(institution, _EXCHANGE, self._clock.now())
        if not keys:
            raise MemberAwayError(institution, "the registry has no exchange key of it that is valid now")
        return keys[0].value

    def seal(self, plaintext: bytes, institution: InstitutionId) -> bytes:
        """Seal something to a member.

        Raises:
            MemberAwayError: It is no active member, or has registered no key.
        """
        return seal_box(plaintext, self.key(institution))
