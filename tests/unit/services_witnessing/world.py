"""Institutions that witness each other's logs in memory: real witnesses over real database files, HTTP left out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from ledger.cosignatures import Cosigner
from ledger.hashing import TreeSize
from ledger.notes import NoteSigner
from ledger.ports import HashReader
from ledger.tiles import TileHashReader
from node.adapters.database.logs.trust import SqlTrustStore
from node.adapters.database.schema import TRUST, create_databases, open_database
from node.adapters.peers.errors import PeerAwayError
from node.domain.entry import InstitutionId, Origin
from node.domain.institution import HostedInstitution
from node.domain.trust import TrustedWitness
from node.ports.logs.peers import WitnessReply
from node.ports.records.transaction import RecordsReader
from node.services.logs.cosigning import CosigningService
from node.services.logs.progress import Progress
from node.services.logs.witness_exchange import WitnessExchange
from node.services.logs.witnessing import WitnessService
from tests.served_logs import AnyKey, ServedLog
from tests.unit.services_following.world import SimulatedClock

ORIGIN = Origin("hospital-a.example/log")
OWN = InstitutionId("hospital-a")
OTHERS = tuple(InstitutionId(f"hospital-{letter}") for letter in "bcd")
SIGNER = NoteSigner.from_seed(ORIGIN, bytes(32))
COSIGNERS = {
    each: Cosigner.from_seed(f"{each}.example/witness", bytes([number]) * 32) for number, each in enumerate((OWN, *OTHERS), 1)
}
WITNESSES = tuple(TrustedWitness(each, cosigner.verifier_key) for each, cosigner in COSIGNERS.items())
QUORUM = 2


class World:
    """One node with a log, and three other institutions' witnesses."""

    def __init__(self, directory: Path) -> None:
        create_databases(directory, [])
        self._engine = open_database(directory, TRUST, writer=True)
        self.trust = SqlTrustStore(self._engine)
        self.clock = SimulatedClock()
        self.log = ServedLog(origin=ORIGIN, signer=SIGNER)
        self.published = 0
        self.away: set[InstitutionId] = set()
        self.frozen: set[Origin] = set()
        self.asked: list[InstitutionId] = []
        logs = {ORIGIN: (AnyKey(SIGNER.verifier_key),)}
        self.witness = WitnessService(COSIGNERS, logs, self.trust, self.clock, self.frozen.__contains__)
        self.answers: Mapping[InstitutionId, WitnessReply] = {}
        """What an institution answers instead of its witness."""
        self.start()

    def start(self) -> None:
        self.progress = Progress()
        # as at every start of a node: from what it holds itself
        self.progress.logged(ORIGIN, self.published)
        self.exchange = WitnessExchange(self)
        self.cosigning = CosigningService(
            hosted=[HostedInstitution(OWN, "A", ORIGIN)],
            witnesses=WITNESSES,
            quorum=QUORUM,
            exchange=self.exchange,
            reader=cast("RecordsReader", Records(self)),
            store=self.trust,
            progress=self.progress,
            clock=self.clock,
        )

    def close(self) -> None:
        self._engine.dispose()

    def grow(self, count: int) -> None:
        self.log.grow(b"%d" % number for number in range(count))
        self.published = self.log.size
        self.progress.logged(ORIGIN, self.published)

    def add_checkpoint(self, institution: InstitutionId, body: bytes) -> WitnessReply:
        self.asked.append(institution)
        if institution in self.away:
            raise PeerAwayError(institution, "no connection")
        if institution in self.answers:
            return self.answers[institution]
        answer = self.witness.add_checkpoint(institution, body)
        return WitnessReply(answer.status, answer.body, answer.media_type)


class Records:
    """A `RecordsReader`, as far as it is used here."""

    def __init__(self, world: World) -> None:
        self._world = world

    def log(self, origin: Origin) -> Records:
        assert origin == ORIGIN
        return self

    def checkpoint(self) -> bytes | None:
        size = self._world.published
        return self._world.log.note(size) if size else None

    def hashes(self, origin: Origin, size: TreeSize) -> HashReader:
        assert origin == ORIGIN
        return TileHashReader(self._world.log, size)
