"""What stands in for the chain: contracts of consents and emergencies in memory, all blocks final, all calls counted.

The messages are the real ones, and so are the patients' signatures in the scopes that holders verify; no transaction is
signed, and no block is made. Left out: anchoring, which this world has none of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from devnet.simulation.clock import SimulatedClock
from node.domain.access import BlockStamp, ConsentId, Purpose
from node.domain.consent import CarePeriod, ConsentSalt, ConsentTerms, Grantee, PresentedConsent
from node.domain.consent_message import ConsentAddress, ContractDomain, EmergencyId, Grant, ScopeDigest, SignedMessage
from node.domain.consent_state import (
    ConsentHistories,
    ConsentHistory,
    ConsentReading,
    ConsentState,
    EmergencyState,
    SeenBlock,
    SeenHead,
)
from node.domain.entry import InstitutionId
from node.domain.patient import PatientSeed
from node.ports.clock import unix_ms
from node.ports.consents.store import ConsentChange, ConsentChanges
from node.wire.consent.patient import grant_as_patient, grant_message

DOMAIN = ContractDomain(1337, b"\x0c" * 20)


@dataclass
class SimulatedContracts:
    """The state that all nodes read; a `ConsentChain`."""

    clock: SimulatedClock
    """The world's."""
    calls: int = 0
    """How often the chain was asked or told something."""
    _consents: dict[ConsentId, ConsentState] = field(default_factory=dict)
    _emergencies: dict[EmergencyId, EmergencyState] = field(default_factory=dict)
    _changes: list[tuple[int, ConsentChange]] = field(default_factory=list)
    _histories: dict[ConsentId, ConsentHistory] = field(default_factory=dict)
    _times: list[int] = field(default_factory=lambda: [0, 0])

    @property
    def domain(self) -> ContractDomain:
        """What binds signatures to this contract."""
        return DOMAIN

    def head(self) -> SeenHead:
        """Return the final and the newest block, which are one."""
        self.calls += 1
        # as if blocks came all the time: the head is as new as the clock
        block = SeenBlock(self._newest.stamp, unix_ms(self.clock) // 1000)
        return SeenHead(block, block, self.clock.now())

    def consent(self, consent: ConsentId) -> ConsentReading:
        """Return a consent."""
        state = self._consents.get(consent)
        return ConsentReading(consent, state, state, revocation_seen=False, head=self.head())

    def emergency(self, emergency: EmergencyId) -> EmergencyState | None:
        """Return an emergency, or None when there is none of this id."""
        self.calls += 1
        return self._emergencies.get(emergency)

    def histories(self, consents: Sequence[ConsentId]) -> ConsentHistories:
        """Return what happened to consents."""
        return ConsentHistories({each: self._histories[each] for each in consents if each in self._histories}, self.head())

    def block(self, number: int) -> SeenBlock:
        """Return a block."""
        return SeenBlock(BlockStamp(number, number.to_bytes(32, "big")), self._times[number])

    def changes(self, from_block: int) -> ConsentChanges:
        """Return what happened from a block on."""
        return ConsentChanges(self.head(), tuple(change for block, change in self._changes if block >= from_block))

    def send(self, signed: SignedMessage, patient_key: ConsentAddress | None) -> None:
        """Refuse: nothing of this world is sent by a node's relay.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(type(signed.message), patient_key)

    def open_emergency(self, emergency: EmergencyId, institution: InstitutionId) -> None:
        """Open an emergency that nobody reviews."""
        self._emergencies[emergency] = EmergencyState(emergency, bytes(32), institution, unix_ms(self.clock) // 1000, None)

    def grant(self, seed: PatientSeed, grantee: InstitutionId, expires_at_s: int) -> PresentedConsent:
        """Let a patient consent that an institution reads everything for treatment."""
        number = len(self._consents).to_bytes(8, "big")
        consent = ConsentId(hashlib.sha256(b"consent" + seed + number).digest())
        salt = ConsentSalt(hashlib.sha256(b"salt" + seed + number).digest())
        terms = ConsentTerms(
            grantee=Grantee(grantee, None, None),
            kinds=None,
            items=None,
            labels=(),
            period=CarePeriod(None, None),
            purposes=(Purpose.TREATMENT,),
            expires_at_s=expires_at_s,
            max_uses=None,
        )
        granted = grant_as_patient(seed, terms, DOMAIN, consent, salt)
        message, address = grant_message(granted, DOMAIN)
        self._keep(message, address)
        return granted.presented

    def open_consent(self, consent: ConsentId, expires_at_s: int) -> None:
        """Let somebody whom nobody knows consent to something."""
        self._grant(ConsentState(consent, ScopeDigest(bytes(32)), ConsentAddress(bytes(20)), None, expires_at_s, None))

    def revoke(self, consent: ConsentId) -> None:
        """Revoke a consent."""
        block = self._mine()
        self._consents[consent] = replace(self._consents[consent], revoked_at_s=block.timestamp_s)
        self._histories[consent] = replace(self._histories[consent], revoked=block)
        self._changes.append((block.stamp.number, ConsentChange(consent, is_revocation=True)))

    def _keep(self, message: Grant, address: ConsentAddress) -> None:
        self._grant(ConsentState(message.consent, message.scope, address, None, message.expires_at_s, None))

    def _grant(self, state: ConsentState) -> None:
        block = self._mine()
        self._consents[state.consent] = state
        self._histories[state.consent] = ConsentHistory(block, state.expires_at_s, None)
        self._changes.append((block.stamp.number, ConsentChange(state.consent, is_revocation=False)))

    @property
    def _newest(self) -> SeenBlock:
        return self.block(len(self._times) - 1)

    def _mine(self) -> SeenBlock:
        self._times.append(unix_ms(self.clock) // 1000)
        return self._newest
