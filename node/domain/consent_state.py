"""What the chain says of consents and emergencies, at which block, read when (FORMATS "Consent").

A grant counts when it is final; a revocation counts when it is first seen, final or not. Left out: reading the chain
(`node.ports.consents.store`), and what a grant covers (`node.domain.consent`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from node.domain.access import BlockStamp, ConsentId
from node.domain.consent_message import ConsentAddress, EmergencyId, ScopeDigest
from node.domain.entry import InstitutionId


@dataclass(frozen=True, slots=True)
class SeenBlock:
    """A block in whose state something was read."""

    stamp: BlockStamp
    """Number and hash."""
    timestamp_s: int
    """The block's own time, unix s."""


@dataclass(frozen=True, slots=True)
class SeenHead:
    """The chain's head as it was read."""

    final: SeenBlock
    """Newest block that counts as final."""
    newest: SeenBlock
    """Newest block."""
    read_at: datetime
    """When, by this node's clock; aware, UTC."""

    def staleness_s(self, now: datetime, block_period_s: float) -> float:
        """Return how old what was read is: the age of the read and, where blocks come by the clock, of the head itself.

        Args:
            now: The time now.
            block_period_s: 0 where blocks are made for transactions only: an old head is then no sign of anything.
        """
        age_s = (now - self.read_at).total_seconds()
        return max(age_s, now.timestamp() - self.newest.timestamp_s) if block_period_s else age_s


@dataclass(frozen=True, slots=True)
class ConsentState:
    """A consent in the contract's state."""

    consent: ConsentId
    """Its id."""
    scope: ScopeDigest
    """Salted digest of its scope."""
    patient_key: ConsentAddress | None
    """The patient's key for it; None where an institution granted it."""
    institution: InstitutionId | None
    """The institution that granted it; None where a patient's key did."""
    expires_at_s: int
    """Until when it holds (exclusive), unix s."""
    revoked_at_s: int | None
    """When it was revoked, unix s; None while it was not."""


class ConsentStanding(StrEnum):
    """Whether a consent is in force."""

    UNKNOWN = "unknown"
    """The chain has none of this id."""
    PENDING = "pending"
    """Granted, and not final yet."""
    GRANTED = "granted"
    """In force."""
    EXPIRED = "expired"
    """Its time is over."""
    REVOKED = "revoked"
    """Revoked, for good."""


@dataclass(frozen=True, slots=True)
class ConsentReading:
    """A consent at the final and at the newest block of one head."""

    consent: ConsentId
    """Its id."""
    final: ConsentState | None
    """In the final block's state; None where there is none."""
    newest: ConsentState | None
    """In the newest block's state; None where there is none."""
    revocation_seen: bool
    """Whether a revocation was ever seen, even in a block that the chain has taken back since."""
    head: SeenHead
    """The head."""

    def standing(self, now: datetime) -> ConsentStanding:
        """Tell whether it is in force at a time."""
        if self.revocation_seen or any(state is not None and state.revoked_at_s is not None for state in (self.final, self.newest)):
            return ConsentStanding.REVOKED
        if self.final is None:
            return ConsentStanding.UNKNOWN if self.newest is None else ConsentStanding.PENDING
        if now.timestamp() >= self.final.expires_at_s:
            return ConsentStanding.EXPIRED
        return ConsentStanding.GRANTED


@dataclass(frozen=True, slots=True)
class ConsentHistory:
    """What happened to a consent, in final blocks."""

    granted: SeenBlock
    """The block in which it was granted."""
    expires_at_s: int
    """Until when it holds (exclusive), unix s."""
    revoked: SeenBlock | None
    """The block in which it was revoked; None while it was not."""


@dataclass(frozen=True, slots=True)
class ConsentHistories:
    """What happened to some consents."""

    known: Mapping[ConsentId, ConsentHistory]
    """Those that were ever granted."""
    head: SeenHead
    """The head at which it was read: later than its final block nothing was looked at."""

    @property
    def final(self) -> SeenBlock:
        """Return the final block up to which it holds."""
        return self.head.final


@dataclass(frozen=True, slots=True)
class EmergencyState:
    """An emergency in the contract's state."""

    emergency: EmergencyId
    """Its id."""
    digest: bytes
    """Salted digest of who, why and for whom, 32 bytes."""
    institution: InstitutionId
    """Who opened it."""
    opened_at_s: int
    """When, by the block that holds it, unix s."""
    reviewed_at_s: int | None
    """When it was reviewed; None while it is open."""
