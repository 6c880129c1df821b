"""The contract in memory, as plainly as it can be said: a `ConsentChain` that can be away, lag behind and take blocks back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from node.domain.access import BlockStamp, ConsentId
from node.domain.consent_message import (
    ConsentAddress,
    ContractDomain,
    EmergencyId,
    Grant,
    InstitutionGrant,
    InstitutionRevoke,
    OpenEmergency,
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
from node.domain.entry import InstitutionId, Origin
from node.errors import ChainAwayError, TransactionMissingError, TransactionRevertedError
from node.identity.typed_data import recover_signer
from node.ports.clock import Clock
from node.ports.consents.store import ConsentChange, ConsentChanges

States = dict[ConsentId, ConsentState]


def institution_of(origin: Origin) -> InstitutionId:
    return InstitutionId(origin.partition(".")[0])


@dataclass
class SimulatedConsents:
    """Every message makes a block; `mine` makes empty ones."""

    clock: Clock
    depth: int = 0
    away: bool = False
    loses_answers: bool = False
    refuses: str = ""
    sent: list[SignedMessage] = field(default_factory=list)
    blocks: list[tuple[States, tuple[ConsentChange, ...]]] = field(default_factory=lambda: [({}, ())])
    times: list[int] = field(default_factory=lambda: [0])
    opened: dict[EmergencyId, EmergencyState] = field(default_factory=dict)
    domain: ContractDomain = field(default_factory=lambda: ContractDomain(20_260, b"c" * 20))
    head_age_s: int = 0
    branch: int = 0

    def head(self) -> SeenHead:
        # before the question, as the real one: what is read is at least as new
        read_at = self.clock.now()
        self._ask()
        newest = len(self.blocks) - 1
        return SeenHead(self._block(max(0, newest - self.depth)), self._block(newest), read_at)

    def consent(self, consent: ConsentId) -> ConsentReading:
        head = self.head()
        final, newest = (self.blocks[each.stamp.number][0].get(consent) for each in (head.final, head.newest))
        return ConsentReading(consent, final, newest, revocation_seen=False, head=head)

    def emergency(self, emergency: EmergencyId) -> EmergencyState | None:
        self._ask()
        return self.opened.get(emergency)

    def histories(self, consents: Sequence[ConsentId]) -> ConsentHistories:
        head = self.head()
        found: dict[ConsentId, ConsentHistory] = {}
        for number, (states, changes) in enumerate(self.blocks[: head.final.stamp.number + 1]):
            for change in changes:
                if change.is_revocation:
                    found[change.consent] = replace(found[change.consent], revoked=self.block(number))
                else:
                    found[change.consent] = ConsentHistory(self.block(number), states[change.consent].expires_at_s, None)
        return ConsentHistories({each: found[each] for each in consents if each in found}, head)

    def block(self, number: int) -> SeenBlock:
        self._ask()
        return SeenBlock(self._block(number).stamp, self.times[number])

    def changes(self, from_block: int) -> ConsentChanges:
        head = self.head()
        return ConsentChanges(head, tuple(change for _, changes in self.blocks[from_block:] for change in changes))

    def send(self, signed: SignedMessage, patient_key: ConsentAddress | None) -> None:
        self._ask()
        if self.refuses:
            raise TransactionRevertedError(self.refuses)
        self._apply(signed, patient_key)
        self.sent.append(signed)
        if self.loses_answers:
            raise TransactionMissingError("0x00", 1)

    def mine(self, count: int = 1) -> None:
        for _ in range(count):
            self._append((self.blocks[-1][0], ()))

    def take_back(self, count: int) -> None:
        """Let blocks vanish, as a reorganisation does."""
        del self.blocks[-count:], self.times[-count:]
        self.branch += 1

    def revoke(self, consent: ConsentId) -> None:
        """Revoke by somebody elsewhere."""
        self._revoke(consent, lambda _: True)

    def _apply(self, signed: SignedMessage, patient_key: ConsentAddress | None) -> None:
        message = signed.message
        signer = recover_signer(self.domain, message, signed.signature)
        now_s = int(self.clock.now().timestamp())
        match message:
            case Grant():
                if signer != patient_key:
                    raise TransactionRevertedError("BadSignature")
                self._grant(ConsentState(message.consent, message.scope, patient_key, None, message.expires_at_s, None))
            case InstitutionGrant():
                by = institution_of(message.origin)
                self._grant(ConsentState(message.consent, message.scope, None, by, message.expires_at_s, None))
            case Revoke():
                self._revoke(message.consent, lambda state: state.patient_key == signer)
            case InstitutionRevoke():
                by = institution_of(message.origin)
                self._revoke(message.consent, lambda state: state.institution == by)
            case OpenEmergency():
                by = institution_of(message.origin)
                self.opened[message.emergency] = EmergencyState(message.emergency, message.digest, by, now_s, None)
                self.mine()
            case _:
                self.opened[message.emergency] = replace(self.opened[message.emergency], reviewed_at_s=now_s)
                self.mine()

    def _grant(self, state: ConsentState) -> None:
        if state.consent in self.blocks[-1][0]:
            raise TransactionRevertedError("ConsentExists")
        self._change(state, is_revocation=False)

    def _revoke(self, consent: ConsentId, may: Callable[[ConsentState], bool]) -> None:
        state = self.blocks[-1][0].get(consent)
        if state is None:
            raise TransactionRevertedError("UnknownConsent")
        if not may(state):
            raise TransactionRevertedError("NotGrantor")
        if state.revoked_at_s is not None:
            raise TransactionRevertedError("AlreadyRevoked")
        self._change(replace(state, revoked_at_s=int(self.clock.now().timestamp())), is_revocation=True)

    def _change(self, state: ConsentState, *, is_revocation: bool) -> None:
        change = ConsentChange(state.consent, is_revocation)
        self._append((self.blocks[-1][0] | {state.consent: state}, (change,)))

    def _append(self, block: tuple[States, tuple[ConsentChange, ...]]) -> None:
        self.times.append(int(self.clock.now().timestamp()))
        self.blocks.append(block)

    def _block(self, number: int) -> SeenBlock:
        block_hash = bytes([self.branch]) + number.to_bytes(31, "big")
        return SeenBlock(BlockStamp(number, block_hash), int(self.clock.now().timestamp()) - self.head_age_s)

    def _ask(self) -> None:
        if self.away:
            raise ChainAwayError("http://127.0.0.1:1", "it is away")
