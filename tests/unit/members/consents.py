"""The contract of consents in memory: what a chain says, as fresh as the test lets it be, or nothing when it is away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from node.domain.access import BlockStamp, ConsentId, Purpose
from node.domain.consent import CarePeriod, ConsentSalt, ConsentTerms, Grantee, PresentedConsent
from node.domain.consent_message import (
    ConsentAddress,
    ContractDomain,
    EmergencyId,
    Grant,
    InstitutionGrant,
    InstitutionRevoke,
    OpenEmergency,
    ReviewEmergency,
    Revoke,
    SignedMessage,
)
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
from node.errors import ChainAwayError
from node.ports.clock import Clock
from node.ports.consents.store import ConsentChange, ConsentChanges
from node.wire.consent.patient import grant_as_patient, grant_message
from tests.unit.services_records.world import MovingClock

DOMAIN = ContractDomain(1337, b"\x0c" * 20)


@dataclass
class ConsentLedger:
    """What all nodes' contracts share."""

    clock: MovingClock
    institutions: dict[str, InstitutionId] = field(default_factory=dict)
    """Origin -> whose."""
    consents: dict[ConsentId, ConsentState] = field(default_factory=dict)
    emergencies: dict[EmergencyId, EmergencyState] = field(default_factory=dict)
    changes: list[tuple[int, ConsentChange]] = field(default_factory=list)
    times: dict[int, int] = field(default_factory=dict)
    """When blocks were made, unix s; the first one at the beginning of time."""
    block: int = 1
    away: bool = False

    def send(self, message: object, patient_key: ConsentAddress | None) -> None:
        block, now_s = self.block + 1, int(self.clock.now().timestamp())
        self.times[block] = now_s
        match message:
            case Grant(consent, scope, expires_at_s):
                self.consents[consent] = ConsentState(consent, scope, patient_key, None, expires_at_s, None)
                self.changes.append((block, ConsentChange(consent, is_revocation=False)))
            case InstitutionGrant(origin, consent, scope, expires_at_s):
                self.consents[consent] = ConsentState(consent, scope, None, self.institutions[origin], expires_at_s, None)
                self.changes.append((block, ConsentChange(consent, is_revocation=False)))
            case Revoke(consent) | InstitutionRevoke(_, consent):
                self.consents[consent] = replace(self.consents[consent], revoked_at_s=now_s)
                self.changes.append((block, ConsentChange(consent, is_revocation=True)))
            case OpenEmergency(origin, emergency, digest):
                self.emergencies[emergency] = EmergencyState(emergency, digest, self.institutions[origin], now_s, None)
            case ReviewEmergency(_, emergency, _):
                self.emergencies[emergency] = replace(self.emergencies[emergency], reviewed_at_s=now_s)
        # last: whoever sees the block and asks for what happened up to it is told of this
        self.block = block

    def grant(self, seed: PatientSeed, terms: ConsentTerms) -> PresentedConsent:
        """Let a patient grant a consent, final at once."""
        consent = ConsentId(len(self.consents).to_bytes(32, "big"))
        granted = grant_as_patient(seed, terms, DOMAIN, consent, ConsentSalt(b"\x0a" * 32))
        message, address = grant_message(granted, DOMAIN)
        self.send(message, address)
        return granted.presented


class SimulatedConsents:
    """A node's client of the contract."""

    def __init__(self, ledger: ConsentLedger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    @property
    def domain(self) -> ContractDomain:
        return DOMAIN

    def head(self) -> SeenHead:
        # before the question, as the real one: what is read is at least as new
        read_at, number = self._clock.now(), self._ledger.block
        if self._ledger.away:
            raise ChainAwayError("http://chain.example", "it is away")
        block = SeenBlock(BlockStamp(number, number.to_bytes(32, "big")), int(read_at.timestamp()))
        return SeenHead(block, block, read_at)

    def consent(self, consent: ConsentId) -> ConsentReading:
        head, state = self.head(), self._ledger.consents.get(consent)
        return ConsentReading(consent, state, state, revocation_seen=False, head=head)

    def emergency(self, emergency: EmergencyId) -> EmergencyState | None:
        self.head()
        return self._ledger.emergencies.get(emergency)

    def histories(self, consents: Sequence[ConsentId]) -> ConsentHistories:
        head, found = self.head(), dict[ConsentId, ConsentHistory]()
        for number, change in self._ledger.changes:
            if change.is_revocation:
                found[change.consent] = replace(found[change.consent], revoked=self.block(number))
            else:
                expires_at_s = self._ledger.consents[change.consent].expires_at_s
                found[change.consent] = ConsentHistory(self.block(number), expires_at_s, None)
        return ConsentHistories({each: found[each] for each in consents if each in found}, head)

    def block(self, number: int) -> SeenBlock:
        self.head()
        return SeenBlock(BlockStamp(number, number.to_bytes(32, "big")), self._ledger.times.get(number, 0))

    def changes(self, from_block: int) -> ConsentChanges:
        head = self.head()
        return ConsentChanges(head, tuple(change for block, change in self._ledger.changes if block >= from_block))

    def send(self, signed: SignedMessage, patient_key: ConsentAddress | None) -> None:
        self.head()
        self._ledger.send(signed.message, patient_key)


def terms(grantee: InstitutionId, **changes: object) -> ConsentTerms:
    """Return terms that grant everything ordinary for treatment, but for what is changed."""
    whole = ConsentTerms(
        grantee=Grantee(grantee, None, None),
        kinds=None,
        items=None,
        labels=(),
        period=CarePeriod(None, None),
        purposes=(Purpose.TREATMENT,),
        expires_at_s=2_000_000_000,
        max_uses=None,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]
