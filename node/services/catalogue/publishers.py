"""Who may publish which document: by the registry, and by the trust root where no registry was read (docs/spec/catalogue.md).

An institution that is suspended publishes nothing more; what the chain had accepted of its log before still counts, since
the chain takes no anchor of it from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ledger.hashing import TreeSize
from node.domain.entry import InstitutionId, Origin
from node.domain.trust import TrustedInstitution
from node.ports.chain.consortium import Member
from node.ports.members.membership import KeyDirectory
from node.terminology.editions import publication_refusal


class Publishers:
    """Says who may publish what, as the registry stands now; any thread."""

    def __init__(
        self,
        directory: KeyDirectory | None,
        trusted: Mapping[InstitutionId, TrustedInstitution],
        anchored_sizes: Callable[[], Mapping[Origin, TreeSize]],
    ) -> None:
        """Take what is needed.

        Args:
            directory: The registry; None without a chain.
            trusted: The institutions of the trust root.
            anchored_sizes: Returns the sizes of the logs that the chain holds, as far as this node knows.
        """
        self._directory = directory
        self._trusted = trusted
        self._anchored_sizes = anchored_sizes
        self._members: tuple[tuple[Member, ...], dict[InstitutionId, Member]] = ((), {})

    def refusal(self, kind: str, subject: str, publisher: InstitutionId) -> str | None:
        """Say why an institution may not publish a document now; None where it may."""
        roles, is_active = self._standing(publisher)
        if not is_active:
            return f"{publisher} is suspended"
        return publication_refusal(kind, subject, publisher, roles)

    def refusal_of(self, kind: str, subject: str, publisher: InstitutionId, place: tuple[Origin, int]) -> str | None:
        """Say why a document that stands in a log does not count; None where it does.

        Args:
            kind: The document's kind.
            subject: Whose it is: an institution for maps, else empty.
            publisher: Whose log it is.
            place: The log, and the entry's index there.
        """
        roles, is_active = self._standing(publisher)
        if not is_active and place[1] >= self._anchored_sizes().get(place[0], 0):
            return f"{publisher} is suspended, and the chain had not accepted the entry before"
        return publication_refusal(kind, subject, publisher, roles)

    def standing(self) -> object:
        """Return what the answers rest on: as long as it is equal, they stay the same."""
        suspended = False
        found = []
        for institution in self._institutions():
            roles, is_active = self._standing(institution)
            suspended = suspended or not is_active
            found.append((institution, tuple(roles), is_active))
        return tuple(found), dict(self._anchored_sizes()) if suspended else None

    def _institutions(self) -> list[InstitutionId]:
        return sorted({*self._trusted, *self._registered()})

    def _registered(self) -> dict[InstitutionId, Member]:
        """Return the registry's members by id, worked out once for each registry."""
        members = () if self._directory is None else self._directory.members()
        if members is not self._members[0]:
            self._members = (members, {member.institution: member for member in members})
        return self._members[1]

    def _standing(self, institution: InstitutionId) -> tuple[tuple[str, ...], bool]:
        if self._directory is not None and self._directory.seen_at() is not None:
            member = self._registered().get(institution)
            return ((), False) if member is None else (member.roles, member.is_active)
        trusted = self._trusted.get(institution)
        return ((), False) if trusted is None else (trusted.roles, True)
