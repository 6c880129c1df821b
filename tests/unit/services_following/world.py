"""Followed logs of leaves and headers in memory, and a node's following service over real database files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ledger.errors import ResourceMissingError
from ledger.hashing import LeafIndex, RootHash, TreeSize, hash_leaf
from ledger.notes import NoteSigner
from ledger.tiles import Resource
from node.adapters.database.logs.index import SqlFollowedIndex
from node.adapters.database.logs.trust import SqlTrustStore
from node.adapters.database.schema import INDEX, TRUST, create_databases, open_database
from node.adapters.peers.errors import PeerAwayError
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin, RecordId, Version
from node.domain.header import AnyContent, HeaderContent
from node.domain.patient import LocatorTag
from node.domain.recall import RecallId, RecallListing, RecallStatement
from node.domain.record import Kind, RecordStatus
from node.domain.trust import Closure, LogKey, TrustedLog
from node.ports.chain.anchoring import AnchoredHead
from node.ports.logs.peers import FollowedPeer
from node.services.logs.following import FollowedStatus, FollowingService
from node.services.logs.header_collection import HeaderCollector
from node.wire.header.seal import HeaderPlace, header_digest, prepare_header, seal_header
from node.wire.leaf import Leaf, encode_leaf
from node.wire.locator import locator_tag, random_tag
from node.wire.public_entry import PublicEntry, tombstone_entry
from node.wire.recall_entry import recall_entry
from tests.served_logs import ServedLog

POLL_S = 60.0
GRACE_S = 3_600.0
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECALL_ID = RecallId("ab" * 16)


def origin_of(number: int) -> Origin:
    return Origin(f"hospital-{number}.example/log")


class SimulatedClock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def content(number: int, *, version: int = 1, supersedes: LeafReference | None = None) -> HeaderContent:
    return HeaderContent(
        kind=Kind("exam-result"),
        record_id=RecordId(f"record-{number}"),
        version=Version(version),
        status=RecordStatus("final"),
        performed_at_ms=0,
        items=(),
        study="",
        parts=(),
        supersedes=supersedes,
    )


class Hospital:
    """One hospital's log with its headers; a `FollowedPeer`."""

    def __init__(self, number: int) -> None:
        self.origin = origin_of(number)
        self.signer = NoteSigner.from_seed(self.origin, number.to_bytes(32, "big"))
        self.log = ServedLog(origin=self.origin, signer=self.signer)
        self.sealed: list[bytes | None] = []
        self.away = False
        self.served_size: int | None = None
        self.serving: ServedLog | None = None
        """What is served instead of its log."""
        self.asked = 0
        self.closed: Closure | None = None

    @property
    def trusted(self) -> TrustedLog:
        key = LogKey(self.signer.verifier_key, 0, None)
        return TrustedLog(self.origin, InstitutionId(self.origin.partition(".")[0]), "http://nowhere.example", (key,), self.closed)

    def add(
        self,
        key: bytes,
        counter: int,
        what: AnyContent,
        *,
        entry_type: EntryType = EntryType.RECORD,
        tag_class: int = 0,
    ) -> LeafReference:
        """Log an entry of a patient."""
        tag = locator_tag(key, self.origin, tag_class, counter)
        place = HeaderPlace(self.origin, entry_type, tag)
        return self._log(entry_type, tag, seal_header(prepare_header(what, ()), place, reader_key=key, reader_key_id=bytes(8)))

    def fill(self, count: int) -> None:
        """Log entries of nobody here, whose headers open for nobody."""
        for number in range(count):
            self._log(EntryType.RECORD, random_tag(), b"header %d" % number)

    def bury(self, target: LeafReference) -> None:
        """Delete a header and log its tombstone."""
        entry: PublicEntry = tombstone_entry(self.origin, target, 0)
        index = next(index for index, leaf in enumerate(self.log.entries) if hash_leaf(leaf) == target.leaf_hash)
        self.sealed[index] = None
        self.log.grow([entry.leaf])
        self.sealed.append(entry.header)

    def recall(self, *leaf_hashes: bytes) -> None:
        """Log a recall of results."""
        self.say(RecallListing(RECALL_ID, leaf_hashes))

    def say(self, statement: RecallStatement) -> None:
        """Log what is said of a recall."""
        entry = recall_entry(self.origin, statement, 0)
        self.log.grow([entry.leaf])
        self.sealed.append(entry.header)

    def _log(self, entry_type: EntryType, tag: LocatorTag, header: bytes) -> LeafReference:
        leaf = encode_leaf(Leaf(entry_type, 0, bytes(32), tag, header_digest(header)))
        self.log.grow([leaf])
        self.sealed.append(header)
        return LeafReference(self.origin, hash_leaf(leaf))

    def checkpoint(self) -> bytes | None:
        self._answer()
        log = self.serving or self.log
        size = log.size if self.served_size is None else self.served_size
        return log.note(size) if size else None

    def read(self, resources: Sequence[Resource]) -> list[bytes]:
        self._answer()
        return [(self.serving or self.log).read(each) for each in resources]

    def headers(self, start: LeafIndex, count: int) -> list[tuple[int, bytes | None]]:
        self._answer()
        return list(enumerate(self.sealed[start : start + count], start))

    def _answer(self) -> None:
        self.asked += 1
        if self.away:
            raise PeerAwayError(self.origin, "no connection")


class Chain:
    """The heads that a chain holds."""

    def __init__(self) -> None:
        self.heads: dict[Origin, AnchoredHead] = {}

    def anchor(self, origin: Origin, size: int, root: RootHash) -> None:
        self.heads[origin] = AnchoredHead(origin, TreeSize(size), root, 1, bytes(32), 0)

    def anchored_head(self, origin: Origin) -> AnchoredHead | None:
        return self.heads.get(origin)


@dataclass
class Follower:
    """A node's following service that can be stopped and started."""

    directory: Path
    hospitals: list[Hospital]
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    chain: Chain = field(default_factory=Chain)
    buried: list[tuple[Origin, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        create_databases(self.directory, [])
        self.start()

    def start(self) -> None:
        self._engines = [
            open_database(self.directory, TRUST, writer=True),
            open_database(self.directory, INDEX, writer=True),
            open_database(self.directory, INDEX, writer=False),
        ]
        self.trust = SqlTrustStore(self._engines[0])
        self.index = SqlFollowedIndex(self._engines[1], self._engines[2])
        self.service = FollowingService(
            logs=[each.trusted for each in self.hospitals],
            peers=self,
            trust=self.trust,
            index=self.index,
            headers=HeaderCollector(self.index, retry_s=POLL_S, tombstone_seen=self._bury),
            chain=self.chain,  # type: ignore[arg-type]  # heads are all that is asked for
            clock=self.clock,
            poll_interval_s=POLL_S,
            header_grace_s=GRACE_S,
        )

    def stop(self) -> None:
        for engine in self._engines:
            engine.dispose()

    def restart(self) -> None:
        self.stop()
        self.start()

    def log(self, log: TrustedLog) -> FollowedPeer:
        found = next((each for each in self.hospitals if each.origin == log.origin), None)
        if found is None:
            raise ResourceMissingError(log.origin)
        return found

    def _bury(self, origin: Origin, target: LeafIndex, tombstone: LeafIndex) -> None:
        self.buried.append((origin, target, tombstone))

    def poll(self) -> None:
        """Let a poll interval pass, and follow until nothing is left to do."""
        self.clock.advance(POLL_S)
        while self.service.step():
            pass

    def status(self, hospital: Hospital) -> FollowedStatus:
        return next(each for each in self.service.report() if each.origin == hospital.origin)
