"""What the pairing loop holds against logs themselves, and what it does not hold against anybody. Followed logs are simulated."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from ledger.hashing import LeafIndex
from node.adapters.database.supervision.findings import SqlSupervisionStore
from node.domain.entry import EntryType, InstitutionId, Origin
from node.ports.logs.index import FollowedEntry, LeafPlace, WithheldHeaders
from node.ports.logs.trust import FrozenLog
from node.ports.supervision.findings import FindingFilter, KeptFinding
from node.services.logs.following import FollowedStatus
from node.services.logs.log_standing import LogStanding, StandingRules
from node.services.oversight.audit_keys import AuditKeys
from node.services.oversight.pairing import PairingService
from node.supervision.findings import FindingCode
from node.wire.header.seal import HeaderPlace, header_digest, prepare_header, seal_header
from node.wire.leaf import Leaf, encode_leaf, round_claimed_time
from node.wire.locator import random_tag
from tests.unit.services_records.world import World
from tests.unit.services_supervision.consortium import (
    GRACE_S,
    HOLDER,
    REGULATOR,
    REQUESTER,
    A,
    B,
    make_access,
    make_consortium,
)

pytestmark = pytest.mark.slow

LOGS = {Origin(f"{each}.example/log"): each for each in (A, B)}
LOG_A, LOG_B = LOGS
SILENT_MS = 30 * 86_400_000


@dataclass
class SimulatedLogs:
    """A `FollowedIndex`, a follower's report and a `TrustStore` in one, as far as pairing asks."""

    entries_of: dict[Origin, list[FollowedEntry]] = field(default_factory=lambda: {origin: [] for origin in LOGS})
    looked_at: dict[Origin, datetime] = field(default_factory=dict)
    states: dict[Origin, str] = field(default_factory=dict)
    overdue: list[WithheldHeaders] = field(default_factory=list)
    frozen_logs: dict[Origin, FrozenLog] = field(default_factory=dict)

    def size(self, origin: Origin) -> int:
        return len(self.entries_of[origin])

    def leaves(self, origin: Origin, start: int, count: int) -> list[bytes]:
        return [entry.leaf for entry in self.entries_of[origin][start : start + count]]

    def seen_times(self, origin: Origin, start: int, end: int) -> list[tuple[int, int]]:
        return [(entry.seen_at_ms, 1) for entry in self.entries_of[origin][start:end]]

    def entries(self, places: Sequence[LeafPlace]) -> dict[LeafPlace, FollowedEntry]:
        return {place: self.entries_of[place.origin][place.index] for place in places}

    def withheld(self, before_ms: int) -> list[WithheldHeaders]:
        return [each for each in self.overdue if each.since_ms <= before_ms]

    def followed(self, origin: Origin) -> None:
        del origin

    def frozen(self) -> Mapping[Origin, FrozenLog]:
        return self.frozen_logs

    def report(self) -> list[FollowedStatus]:
        return [
            FollowedStatus(origin, LOGS[origin], self.states.get(origin, "following"), None, size, size, self.looked_at.get(origin))
            for origin, size in ((origin, self.size(origin)) for origin in LOGS)
        ]


@dataclass
class Regulator:
    """The loop under test, over a real database."""

    world: World
    logs: SimulatedLogs
    service: PairingService
    store: SqlSupervisionStore

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def look(self, *origins: Origin) -> None:
        """Follow these logs now, and let the loop step until nothing is left."""
        for origin in origins:
            self.logs.looked_at[origin] = self.now
        while self.service.step():
            pass

    def found(self, *, open_only: bool = True) -> list[KeptFinding]:
        return self.store.findings(FindingFilter(open_only=open_only), None, 100)

    def codes(self) -> list[FindingCode]:
        return [kept.finding.code for kept in self.found()]

    def publish(self, institution: InstitutionId, content: Any, *, sealed: bool = True, header: bool = True) -> None:  # noqa: ANN401 - a header's content
        """Publish a receipt, sealed to the regulator or to nobody, with its header or without."""
        origin, time_ms = Origin(f"{institution}.example/log"), int(self.now.timestamp() * 1000)
        key = self.world.running.sharing.identities[REGULATOR].exchange_public_key
        place = HeaderPlace(origin, EntryType.ACCESS_RECEIPT, random_tag())
        prepared = prepare_header(content, [key] if sealed else [])
        data = seal_header(prepared, place, reader_key=bytes(32), reader_key_id=bytes(8))
        claimed = round_claimed_time(EntryType.ACCESS_RECEIPT, time_ms)
        leaf = encode_leaf(Leaf(EntryType.ACCESS_RECEIPT, claimed, bytes(32), place.tag, header_digest(data)))
        at = LeafPlace(origin, LeafIndex(self.logs.size(origin)))
        self.kept[at] = data
        self.logs.entries_of[origin].append(FollowedEntry(at, leaf, time_ms, data if header else None, None))

    def hand_out(self, place: LeafPlace) -> None:
        """Let a header come late."""
        entries = self.logs.entries_of[place.origin]
        entries[place.index] = replace(entries[place.index], header=self.kept[place])

    kept: dict[LeafPlace, bytes] = field(default_factory=dict)


@pytest.fixture
def regulator(tmp_path: Path) -> Iterator[Regulator]:
    world = make_consortium(tmp_path / "n", supervision={"interval_s": 3600.0}).start()
    logs, running = SimulatedLogs(), world.running
    # the service under test is stepped by hand: the node's own, over the same database, knows of other logs
    running.loops["pairing"].close()
    store = SqlSupervisionStore(_readers(running))
    simulated = cast("Any", logs)
    service = PairingService(
        institutions=LOGS,
        following=simulated,
        index=simulated,
        trust=simulated,
        keys=AuditKeys([running.sharing.identities[REGULATOR]]),
        store=store,
        writer=running.sharing.writer,
        clock=world.clock,
        standing=LogStanding(LOGS, simulated, simulated, StandingRules(header_grace_ms=60_000, silent_ms=SILENT_MS)),
        grace_s=GRACE_S,
    )
    yield Regulator(world, logs, service, store)
    world.stop()


def _readers(running: Any) -> Any:  # noqa: ANN401 - the node's own engine, which has no public name
    return running.node.reader._engine


def test_a_log_that_is_away_has_not_failed_to_log(regulator: Regulator) -> None:
    regulator.publish(A, make_access(HOLDER))
    regulator.look(LOG_A, LOG_B)
    regulator.world.clock.advance(seconds=GRACE_S)
    regulator.look(LOG_A)
    assert regulator.codes() == []
    regulator.world.clock.advance(seconds=GRACE_S)
    regulator.look(LOG_A)
    assert regulator.codes() == [FindingCode.COUNTERPART_UNSEEN]
    regulator.world.clock.advance(seconds=10)
    regulator.look(LOG_A, LOG_B)
    assert regulator.codes() == [FindingCode.HOLDER_ALONE]


def test_a_header_that_has_not_come_holds_nothing_against_the_silent(regulator: Regulator) -> None:
    regulator.publish(A, make_access(HOLDER))
    regulator.publish(B, make_access(REQUESTER), header=False)
    regulator.look(LOG_A, LOG_B)
    regulator.world.clock.advance(seconds=GRACE_S)
    regulator.look(LOG_A, LOG_B)
    assert regulator.codes() == []
    regulator.hand_out(LeafPlace(LOG_B, LeafIndex(0)))
    regulator.world.clock.advance(seconds=10)
    regulator.look(LOG_A, LOG_B)
    assert regulator.codes() == []
    assert regulator.store.waiting(10) == {}


def test_withheld_headers_are_found_once_for_a_log_and_settle_when_they_come(regulator: Regulator) -> None:
    since_ms = int(regulator.now.timestamp() * 1000)
    regulator.publish(B, make_access(REQUESTER), header=False)
    regulator.logs.overdue = [WithheldHeaders(LOG_B, 3, LeafIndex(0), since_ms)]
    regulator.look(LOG_A, LOG_B)
    assert regulator.codes() == []
    regulator.world.clock.advance(seconds=61)
    regulator.look(LOG_A, LOG_B)
    (kept,) = regulator.found()
    assert (kept.finding.code, kept.finding.institutions, kept.finding.subject) == (FindingCode.HEADER_WITHHELD, (B,), LOG_B)
    assert dict(kept.finding.values) == {"count": "3"}
    regulator.logs.overdue = []
    regulator.look(LOG_A, LOG_B)
    assert regulator.codes() == []
    assert [kept.settled_at_ms is not None for kept in regulator.found(open_only=False)] == [True]


def test_a_frozen_log_is_a_finding_until_an_operator_clears_it(regulator: Regulator) -> None:
    regulator.logs.frozen_logs = {LOG_A: FrozenLog(LOG_A, "fork", b"{}", 1)}
    regulator.look(LOG_B)
    (kept,) = regulator.found()
    assert (kept.finding.code, kept.finding.institutions) == (FindingCode.LOG_FROZEN, (A,))
    regulator.logs.frozen_logs = {}
    regulator.look(LOG_B)
    assert regulator.codes() == []


def test_a_receipt_that_supervision_cannot_open_is_a_finding(regulator: Regulator) -> None:
    regulator.publish(A, make_access(HOLDER), sealed=False)
    regulator.look(LOG_A, LOG_B)
    (kept,) = regulator.found()
    assert (kept.finding.code, kept.finding.institutions) == (FindingCode.HEADER_UNREADABLE, (A,))
    assert dict(kept.finding.values) == {"reason": "HeaderWrapError"}


def test_an_entry_that_claims_to_be_older_than_the_log_showed_is_a_finding(regulator: Regulator) -> None:
    regulator.look(LOG_A, LOG_B)
    regulator.world.clock.advance(days=3)
    regulator.look(LOG_A, LOG_B)
    regulator.world.clock.time = datetime(2026, 3, 1, 12, tzinfo=UTC)
    regulator.publish(A, make_access(HOLDER))
    regulator.publish(B, make_access(REQUESTER))
    regulator.world.clock.advance(days=3, seconds=1)
    regulator.look(LOG_A, LOG_B)
    assert sorted(regulator.codes()) == [FindingCode.LEAF_BEHIND, FindingCode.LEAF_BEHIND]


def test_nothing_is_written_where_nothing_is_new(regulator: Regulator) -> None:
    regulator.look(LOG_A, LOG_B)
    before = regulator.world.rows("SELECT * FROM supervision_cursors")
    submitted: list[object] = []
    writer = regulator.world.running.sharing.writer
    original, here = writer.submit, threading.current_thread()

    def submit(work: Any) -> Any:  # noqa: ANN401 - as the writer's own
        # the node's loops write what is theirs
        if threading.current_thread() is here:
            submitted.append(work)
        return original(work)

    writer.submit = submit  # type: ignore[method-assign]
    regulator.look()
    assert submitted == []
    assert regulator.world.rows("SELECT * FROM supervision_cursors") == before
