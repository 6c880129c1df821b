"""Consents and emergencies on chain: `ports.consents.store.ConsentChain` over a connection.

Whoever sends has no rights: messages are signed by patients' keys and by anchor keys, and sent from the node's relay
account, whose nonces nothing else uses. Nothing is stored here: a message that was cut off is sent again, and what it did
already the contract refuses by name. Left out: what is sent again and when (`services.consent_relay`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from eth_hash.auto import keccak
from eth_typing import BlockNumber, HexStr
from eth_utils.address import to_canonical_address, to_checksum_address
from web3.exceptions import BadFunctionCallOutput
from web3.types import FilterParams

from contracts.events import ConsentGranted, ConsentRevoked, decode_event
from node.adapters.chain.connection import ChainConnection
from node.adapters.chain.finality import block_at, final_block, newest_block
from node.adapters.chain.signers import TransactionSigner
from node.adapters.chain.watched import WatchedCalls
from node.domain.access import BlockStamp, ConsentId
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
    ScopeDigest,
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
from node.errors import ChainRefusedError, ContractMismatchError
from node.ports.chain.anchoring import ChainHead
from node.ports.clock import Clock
from node.ports.consents.store import ConsentChange, ConsentChanges

CONSENTS: Final = "consents"
CONSORTIUM: Final = "consortium"
READ_ATTEMPTS: Final = 3
WAIT_S: Final = 30.0

_NO_ID: Final = bytes(32)
_NO_ADDRESS: Final = bytes(20)


class ChainConsents:
    """The contract; a `ConsentChain`. A lock lets its threads take turns."""

    def __init__(
        self,
        connection: ChainConnection,
        relay: TransactionSigner,
        clock: Clock,
        *,
        wait_s: float = WAIT_S,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nothing yet.

        Args:
            connection: The chain.
            relay: The account that sends; it has no rights.
            clock: Tells the time.
            wait_s: How long a transaction may take to get into a block.
            monotonic_s: Measures that.

        Raises:
            ContractMismatchError: The trust root pins no contract `consents`.
        """
        if CONSENTS not in connection.pin.contracts:
            raise ContractMismatchError(CONSENTS, "no address", "the trust root does not name it")
        self._connection = connection
        self._calls = WatchedCalls(connection, relay, wait_s=wait_s, monotonic_s=monotonic_s)
        self._clock = clock
        self._names: dict[bytes, InstitutionId] = {}
        self._lock = threading.RLock()

    @property
    def domain(self) -> ContractDomain:
        """What binds signatures to this contract."""
        return ContractDomain(self._connection.pin.chain_id, self._connection.pin.contracts[CONSENTS].address)

    def head(self) -> SeenHead:
        """Return the final and the newest block."""
        with self._lock:
            # before the question: what is read is at least as new
            read_at = self._clock.now()
            newest = newest_block(self._connection)
            return SeenHead(_seen(final_block(self._connection, newest)), _seen(newest), read_at)

    def consent(self, consent: ConsentId) -> ConsentReading:
        """Return a consent at the final and at the newest block, both of one chain."""
        with self._lock:
            for _ in range(READ_ATTEMPTS):
                head = self.head()
                newest = self._consent_at(consent, head.newest)
                final = newest if head.final == head.newest else self._consent_at(consent, head.final)
                # blocks are named by number: had others taken their places meanwhile, the parts may not fit
                if all(self._is_there(block) for block in {head.newest, head.final}):
                    return ConsentReading(consent, final, newest, revocation_seen=False, head=head)
            raise ChainRefusedError("consents.consent", "the newest blocks keep changing while they are read")

    def emergency(self, emergency: EmergencyId) -> EmergencyState | None:
        """Return an emergency at the newest block, or None when the chain has none of this id."""
        with self._lock:
            digest, institution, opened_at_s, reviewed_at_s = self._read("emergency", emergency, "latest")
            if bytes(institution) == _NO_ID:
                return None
            name = self._name(bytes(institution))
            return EmergencyState(emergency, bytes(digest), name, opened_at_s, reviewed_at_s or None)

    def histories(self, consents: Sequence[ConsentId]) -> ConsentHistories:
        """Return what happened to consents up to the final block, asked at once."""
        with self._lock:
            for _ in range(READ_ATTEMPTS):
                head = self.head()
                events = self._events(0, head.final.stamp.number, consents)
                found = _histories(events, {number: self.block(number) for number, _ in events})
                forgotten = any(each not in found and self._consent_at(each, head.final) is not None for each in consents)
                # as with a reading: had others taken the blocks' places meanwhile, the parts may not fit
                if self._is_there(head.final):
                    if forgotten:
                        # somebody would be accused of what the chain's node forgot
                        raise ChainRefusedError("consents.histories", "the node holds a consent without the log of its grant")
                    return ConsentHistories(found, head)
            raise ChainRefusedError("consents.histories", "the final block keeps changing while it is read")

    def block(self, number: int) -> SeenBlock:
        """Return a block that is not newer than the newest one."""
        with self._lock:
            return _seen(block_at(self._connection, number))

    def changes(self, from_block: int) -> ConsentChanges:
        """Return what happened to consents from a block on up to the newest one."""
        with self._lock:
            head = self.head()
            newest = head.newest.stamp.number
            events = self._events(max(0, min(from_block, newest)), newest)
            changes = [ConsentChange(ConsentId(event.id), isinstance(event, ConsentRevoked)) for _, event in events]
            return ConsentChanges(head, tuple(changes))

    def _events(
        self, first: int, last: int, consents: Sequence[ConsentId] | None = None
    ) -> list[tuple[int, ConsentGranted | ConsentRevoked]]:
        """Return grants and revocations, of all consents or of some, with their blocks' numbers in chain order."""
        query: FilterParams = {
            "address": to_checksum_address(self.domain.contract),
            "fromBlock": BlockNumber(first),
            "toBlock": BlockNumber(last),
        }
        if consents is not None:
            # any event, about one of them: emergencies' ids are other random bytes
            query["topics"] = [None, [HexStr("0x" + each.hex()) for each in consents]]
        with self._connection.calling("eth_getLogs") as web3:
            logs = web3.eth.get_logs(query)
        events: list[tuple[int, ConsentGranted | ConsentRevoked]] = []
        for log in sorted(logs, key=lambda log: (log["blockNumber"], log["logIndex"])):
            event = decode_event(CONSENTS, [bytes(topic) for topic in log["topics"]], bytes(log["data"]))
            if isinstance(event, ConsentGranted | ConsentRevoked):
                events.append((log["blockNumber"], event))
        return events

    def send(self, signed: SignedMessage, patient_key: ConsentAddress | None) -> None:
        """Send a message from this node's own relay account, and wait until it is in a block.

        Raises:
            TransactionRevertedError: The contract refuses, by name; nothing was sent, or another message came first.
            TransactionMissingError: It was sent and is in no block yet.
        """
        with self._lock:
            name, arguments = _call(signed, patient_key)
            self._calls.send(CONSENTS, name, *arguments)

    def _consent_at(self, consent: ConsentId, block: SeenBlock) -> ConsentState | None:
        found = self._read("consent", consent, block.stamp.number)
        scope, patient_key, institution, expires_at_s, revoked_at_s = found
        if not expires_at_s:
            return None
        key, granter = to_canonical_address(patient_key), bytes(institution)
        return ConsentState(
            consent=consent,
            scope=ScopeDigest(bytes(scope)),
            patient_key=None if key == _NO_ADDRESS else ConsentAddress(key),
            institution=None if granter == _NO_ID else self._name(granter),
            expires_at_s=expires_at_s,
            revoked_at_s=revoked_at_s or None,
        )

    def _read(self, name: str, subject: bytes, block: Any) -> Any:  # noqa: ANN401 - as the ABI says
        function = self._connection.contract(CONSENTS).functions[name]
        with self._connection.calling(f"consents.{name}"):
            try:
                return function(subject).call(block_identifier=block)
            except BadFunctionCallOutput:
                # the contract is there, its code was checked: this block is older than it
                return _NOTHING[name]

    def _name(self, institution: bytes) -> InstitutionId:
        """Return an institution's identifier; ids never change their meaning."""
        known = self._names.get(institution)
        if known is None:
            function = self._connection.contract(CONSORTIUM).functions["institution"]
            with self._connection.calling("consortium.institution"):
                known = InstitutionId(function(institution).call()[1])
            self._names[institution] = known
        return known

    def _is_there(self, block: SeenBlock) -> bool:
        return block_at(self._connection, block.stamp.number).hash == block.stamp.block_hash


_NOTHING: Final[dict[str, tuple[Any, ...]]] = {
    "consent": (_NO_ID, "0x" + _NO_ADDRESS.hex(), _NO_ID, 0, 0),
    "emergency": (_NO_ID, _NO_ID, 0, 0),
}


def _seen(block: ChainHead) -> SeenBlock:
    return SeenBlock(BlockStamp(block.number, block.hash), block.timestamp_s)


def _histories(
    events: Sequence[tuple[int, ConsentGranted | ConsentRevoked]], blocks: Mapping[int, SeenBlock]
) -> dict[ConsentId, ConsentHistory]:
    found: dict[ConsentId, ConsentHistory] = {}
    for number, event in events:
        consent = ConsentId(event.id)
        if isinstance(event, ConsentGranted):
            found[consent] = ConsentHistory(blocks[number], event.expires_at, None)
        else:
            found[consent] = replace(found[consent], revoked=blocks[number])
    return found


def _origin(origin: Origin) -> bytes:
    return keccak(origin.encode())


def _call(signed: SignedMessage, patient_key: ConsentAddress | None) -> tuple[str, tuple[Any, ...]]:
    """Return the contract's function for a message, and its arguments."""
    signature = (signed.signature.v, signed.signature.r, signed.signature.s)
    match signed.message:
        case Grant(consent, scope, expires_at_s):
            if patient_key is None:
                raise ValueError("a patient's grant names the key that signed it")
            return "grant", (consent, scope, expires_at_s, to_checksum_address(patient_key), *signature)
        case Revoke(consent):
            return "revoke", (consent, *signature)
        case InstitutionGrant(origin, consent, scope, expires_at_s):
            return "grant_by_institution", (_origin(origin), consent, scope, expires_at_s, *signature)
        case InstitutionRevoke(origin, consent):
            return "revoke_by_institution", (_origin(origin), consent, *signature)
        case OpenEmergency(origin, emergency, digest):
            return "open_emergency", (_origin(origin), emergency, digest, *signature)
        case ReviewEmergency(origin, emergency, digest):
            return "review_emergency", (_origin(origin), emergency, digest, *signature)
