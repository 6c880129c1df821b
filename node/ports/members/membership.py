"""The consortium's members and their public keys, as services look them up: the registry only, never a message."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from node.domain.entry import InstitutionId, Origin
from node.ports.chain.consortium import Member, RegisteredKey, RegisteredOrigin, Registry


class KeyDirectory(Protocol):
    """What the registry on chain said when it was last read."""

    def members(self) -> tuple[Member, ...]:
        """Return all institutions, suspended ones included, in order of admission."""

    def member(self, institution: InstitutionId) -> Member | None:
        """Return an institution, or None when the registry does not know it."""

    def origin(self, origin: Origin) -> RegisteredOrigin | None:
        """Return a registered log."""

    def origins(self, institution: InstitutionId) -> tuple[RegisteredOrigin, ...]:
        """Return an institution's logs, closed ones included."""

    def endpoint(self, institution: InstitutionId) -> str | None:
        """Return the base URL of the institution's node: that of its newest open log."""

    def keys(self, institution: InstitutionId, kind: str, at: datetime) -> tuple[RegisteredKey, ...]:
        """Return an active institution's keys of a kind that are valid at a time, the newest first; none if suspended."""

    def former_keys(self, institution: InstitutionId, kind: str) -> tuple[RegisteredKey, ...]:
        """Return all keys of a kind that the institution ever had, oldest first, whatever its status."""

    def seen_at(self) -> datetime | None:
        """Return when the registry was last read; None before the first time."""


class RegistryStore(Protocol):
    """Keeps the last registry that was read, for a start while the chain is away."""

    def load(self) -> tuple[Registry, datetime] | None:
        """Return what was kept, and when it was read."""

    def save(self, registry: Registry, seen_at: datetime) -> None:
        """Keep a registry in place of the last one."""
