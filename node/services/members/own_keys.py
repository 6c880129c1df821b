"""Whether the registry on chain names the exchange keys that this node uses: others seal and number by what it names.

A key that was rotated here and not registered loses nothing at once: former keys still open. But what this node numbers under
it no patient finds who takes an institution's keys from the chain. Left out: registering it (`concord consortium
register-key`), and request keys, whose loss every other member notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import structlog

from node.domain.entry import InstitutionId
from node.ports.clock import Clock
from node.ports.keys.identities import InstitutionIdentity
from node.ports.members.membership import KeyDirectory

log = structlog.get_logger(__name__)

_EXCHANGE = "exchange"
_SAYING_SO = "concord consortium register-key"


class KeyStanding(StrEnum):
    """What the registry says of a key that is used here."""

    REGISTERED = "registered"
    """It names this one, as the institution's last."""
    DIFFERS = "differs"
    """It names another one as the institution's last, or says that this one ended."""
    UNREGISTERED = "unregistered"
    """It names none, or does not know the institution."""
    UNKNOWN = "unknown"
    """It was never read."""


class OwnKeys:
    """Compares own exchange keys with the registry; any thread."""

    def __init__(self, identities: Mapping[InstitutionId, InstitutionIdentity], directory: KeyDirectory, clock: Clock) -> None:
        self._identities = identities
        self._directory = directory
        self._clock = clock
        self._told: dict[InstitutionId, KeyStanding] = {}

    def standing(self, institution: InstitutionId) -> KeyStanding:
        """Return what the registry, as last read, says of a hosted institution's exchange key."""
        if self._directory.seen_at() is None:
            return KeyStanding.UNKNOWN
        registered = self._directory.former_keys(institution, _EXCHANGE)
        if not registered:
            return KeyStanding.UNREGISTERED
        last = registered[-1]
        has_ended = last.valid_until_s is not None and last.valid_until_s <= self._clock.now().timestamp()
        own = self._identities[institution].exchange_public_key
        return KeyStanding.DIFFERS if has_ended or last.value != own else KeyStanding.REGISTERED

    def look(self) -> None:
        """Write into the node's log what is not as it was at the last look, or not as it should be at the first."""
        for institution in self._identities:
            now, before = self.standing(institution), self._told.get(institution, KeyStanding.REGISTERED)
            self._told[institution] = now
            if now is before or now is KeyStanding.UNKNOWN:
                continue
            if now is KeyStanding.REGISTERED:
                log.info("exchange_key_registered", institution=institution)
            else:
                public_key = self._identities[institution].exchange_public_key.hex()
                log.warning(
                    "exchange_key_not_registered",
                    institution=institution,
                    standing=now.value,
                    exchange_public_key=public_key,
                    remedy=_SAYING_SO,
                )
