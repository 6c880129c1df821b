"""The registry of the consortium, read from the chain now and then and kept for when the chain is away.

Keys found in messages are never trusted: whoever verifies a signature or seals to an institution asks here. A suspended
institution has no valid keys. Left out: the trust root, which pins logs and witnesses for verifiers (`domain.trust`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from node.domain.entry import InstitutionId, Origin
from node.ports.chain.consortium import Member, RegisteredKey, RegisteredOrigin, Registry
from node.ports.clock import Clock
from node.ports.members.membership import RegistryStore

_NOBODY = Registry(0, 0, (), ())


@dataclass(frozen=True, slots=True)
class _Known:
    """A registry and the ways into it: a request of one member among hundreds walks through none of the others."""

    registry: Registry
    members: Mapping[InstitutionId, Member]
    origins: Mapping[Origin, RegisteredOrigin]
    logs: Mapping[InstitutionId, tuple[RegisteredOrigin, ...]]


class Membership:
    """A `KeyDirectory`; any thread."""

    def __init__(self, read: Callable[[], Registry], store: RegistryStore, clock: Clock) -> None:
        """Start from what was kept.

        Args:
            read: Reads the registry from the chain.
            store: Keeps it.
            clock: Tells the time.
        """
        self._read = read
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        kept = store.load()
        # replaced as a whole: readers in other threads see one registry or the next, never a mixture
        self._known = _index(_NOBODY if kept is None else kept[0])
        self._seen_at: datetime | None = None if kept is None else kept[1]

    def refresh(self) -> None:
        """Read the registry.

        Raises:
            ChainError: The chain does not answer; the last registry stays.
        """
        # from the question on: of two that ask at once, the one that was answered first must not have the last word
        with self._lock:
            registry, now = self._read(), self._clock.now()
            if registry != self._known.registry:
                self._store.save(registry, now)
                self._known = _index(registry)
            self._seen_at = now

    def members(self) -> tuple[Member, ...]:
        """Return all institutions, suspended ones included, in order of admission."""
        return self._known.registry.members

    def member(self, institution: InstitutionId) -> Member | None:
        """Return an institution, or None when the registry does not know it."""
        return self._known.members.get(institution)

    def origin(self, origin: Origin) -> RegisteredOrigin | None:
        """Return a registered log."""
        return self._known.origins.get(origin)

    def origins(self, institution: InstitutionId) -> tuple[RegisteredOrigin, ...]:
        """Return an institution's logs, closed ones included."""
        return self._known.logs.get(institution, ())

    def endpoint(self, institution: InstitutionId) -> str | None:
        """Return the base URL of the institution's node: that of its newest open log."""
        open_ones = [each for each in self.origins(institution) if each.closed_at is None]
        return open_ones[-1].endpoint if open_ones else None

    def keys(self, institution: InstitutionId, kind: str, at: datetime) -> tuple[RegisteredKey, ...]:
        """Return an active institution's keys of a kind that are valid at a time, the newest first; none if suspended."""
        member = self.member(institution)
        if member is None or not member.is_active:
            return ()
        at_s = at.timestamp()
        valid = [key for key in member.keys if key.kind == kind and key.valid_from_s <= at_s and _lasts(key, at_s)]
        return tuple(reversed(valid))

    def former_keys(self, institution: InstitutionId, kind: str) -> tuple[RegisteredKey, ...]:
        """Return all keys of a kind that the institution ever had, oldest first, whatever its status."""
        member = self.member(institution)
        return () if member is None else tuple(key for key in member.keys if key.kind == kind)

    def seen_at(self) -> datetime | None:
        """Return when the registry was last read; None before the first time."""
        return self._seen_at


def _index(registry: Registry) -> _Known:
    logs: dict[InstitutionId, tuple[RegisteredOrigin, ...]] = {}
    for each in registry.origins:
        logs[each.institution] = (*logs.get(each.institution, ()), each)
    # of two rows with one name the first counts
    members = {each.institution: each for each in reversed(registry.members)}
    return _Known(registry, members, {each.origin: each for each in reversed(registry.origins)}, logs)


def _lasts(key: RegisteredKey, at_s: float) -> bool:
    return key.valid_until_s is None or at_s < key.valid_until_s
