"""An emergency under which somebody read is to be reviewed in time; what the chain cannot say is held against nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from node.adapters.database.consents.emergency_reviews import SqlEmergencyReviewStore
from node.adapters.database.supervision.findings import SqlSupervisionStore
from node.domain.access import Purpose
from node.domain.consent_message import EmergencyId
from node.domain.consent_state import EmergencyState
from node.domain.patient import PatientSeed
from node.errors import ConsentStateUnknownError
from node.identity.codes import keys_of_seed
from node.ports.supervision.findings import FindingFilter, KeptFinding
from node.services.consents.emergency_reviews import RECHECK_MS, EmergencyReviewParts, EmergencyReviews
from tests.unit.services_records.world import LOCATOR_SECRETS, World
from tests.unit.services_supervision import consortium
from tests.unit.services_supervision.consortium import HOLDER, REQUESTER, A, B, eventually, log_act, make_access, make_consortium

pytestmark = pytest.mark.slow

REVIEW_S = 3_600
EMERGENCY = EmergencyId(b"\x0e" * 32)


@dataclass
class Regulator:
    """A regulator's node that has seen both receipts of a disclosure in an emergency, and a chain to ask."""

    world: World
    reviews: EmergencyReviews
    findings: SqlSupervisionStore
    opened: dict[EmergencyId, EmergencyState] = field(default_factory=dict)
    away: bool = False

    def ask(self, emergency: EmergencyId) -> EmergencyState | None:
        if self.away:
            raise ConsentStateUnknownError(5.0)
        return self.opened.get(emergency)

    def on_chain(self, *, reviewed: bool = False) -> None:
        now_s = int(self.world.clock.time.timestamp())
        known = self.opened.get(EMERGENCY) or EmergencyState(EMERGENCY, bytes(32), B, now_s, None)
        self.opened[EMERGENCY] = replace(known, reviewed_at_s=now_s if reviewed else None)

    def later(self, seconds: float) -> list[KeptFinding]:
        self.world.clock.advance(seconds=seconds)
        self.reviews.step()
        found = self.findings.findings(FindingFilter(open_only=True), None, 10)
        return [kept for kept in found if kept.finding.code == "emergency_unreviewed"]


@pytest.fixture
def regulator(tmp_path: Path) -> Iterator[Regulator]:
    rules = {"interval_s": 0.02, "receipt_grace_s": 1e6, "emergency_review_s": REVIEW_S}
    world = make_consortium(tmp_path / "n", supervision=rules).start()
    readers: Any = world.running.node.reader._engine  # type: ignore[attr-defined]  # it has no public name
    findings = SqlSupervisionStore(readers)
    made = Regulator(world, None, findings)  # type: ignore[arg-type]  # made next
    writer = world.running.sharing.writer
    parts = EmergencyReviewParts(SqlEmergencyReviewStore(readers), findings, made.ask, writer, world.clock, REVIEW_S * 1000)
    made.reviews = EmergencyReviews(parts)
    for institution, side in ((A, HOLDER), (B, REQUESTER)):
        log_act(world, institution, replace(make_access(side), purpose=Purpose.EMERGENCY, emergency_id=EMERGENCY))
    eventually(lambda: world.rows("SELECT count(*) FROM emergency_uses")[0][0], lambda found: found == 2)
    yield made
    world.stop()


def test_an_emergency_that_nobody_reviews_is_found_with_both_receipts_until_somebody_does(regulator: Regulator) -> None:
    regulator.on_chain()
    assert regulator.later(REVIEW_S - 1) == []
    (kept,) = regulator.later(2)
    assert (kept.finding.institutions, kept.finding.subject) == ((B,), EMERGENCY.hex())
    assert [place.origin for place in kept.finding.entries] == [f"{A}.example/log", f"{B}.example/log"]
    regulator.on_chain(reviewed=True)
    assert regulator.later(RECHECK_MS / 1000) == []
    assert regulator.world.rows("SELECT DISTINCT look_at_ms FROM emergency_uses") == [(None,)]


def test_a_review_in_time_is_nothing_to_find(regulator: Regulator) -> None:
    regulator.on_chain()
    regulator.world.clock.advance(seconds=10)
    regulator.on_chain(reviewed=True)
    assert regulator.later(2 * REVIEW_S) == []


def test_the_time_counts_from_the_opening_on_chain(regulator: Regulator) -> None:
    regulator.world.clock.advance(seconds=REVIEW_S / 2)
    regulator.on_chain()
    assert regulator.later(REVIEW_S / 2 + 1) == []
    assert len(regulator.later(REVIEW_S / 2)) == 1


def test_an_emergency_that_never_came_to_the_chain_is_found_too(regulator: Regulator) -> None:
    (kept,) = regulator.later(REVIEW_S + 1)
    assert dict(kept.finding.values)["on_chain"] == "no"


def test_while_the_chain_is_away_nothing_is_held_against_anybody(regulator: Regulator) -> None:
    regulator.away = True
    with pytest.raises(ConsentStateUnknownError):
        regulator.later(REVIEW_S + 1)
    assert regulator.findings.findings(FindingFilter(), None, 10) == []


def reused(regulator: Regulator) -> list[str]:
    regulator.reviews.step()
    found = regulator.findings.findings(FindingFilter(open_only=True), None, 10)
    return sorted(dict(kept.finding.values)["answer"] for kept in found if kept.finding.code == "emergency_reused")


def read_again(regulator: Regulator, uses: int) -> None:
    now_ms = int(regulator.world.clock.time.timestamp() * 1000)
    said = replace(make_access(HOLDER), purpose=Purpose.EMERGENCY, emergency_id=EMERGENCY, occurred_at_ms=now_ms)
    log_act(regulator.world, A, said)
    eventually(lambda: regulator.world.rows("SELECT count(*) FROM emergency_uses")[0][0], lambda found: found == uses)


def test_an_emergency_that_was_reviewed_opens_nothing_more(regulator: Regulator) -> None:
    regulator.on_chain(reviewed=True)
    regulator.later(REVIEW_S + 1)
    assert reused(regulator) == []
    read_again(regulator, 3)
    regulator.later(REVIEW_S + 1)
    assert reused(regulator) == ["after_review"]


def test_an_emergency_is_one_patients_and_its_openers(regulator: Regulator, monkeypatch: pytest.MonkeyPatch) -> None:
    regulator.on_chain()
    seed = PatientSeed(bytes(range(2, 34)))
    other = keys_of_seed(seed, LOCATOR_SECRETS, provisional=False, regulator_id=consortium.REGULATOR)
    monkeypatch.setattr(consortium, "PATIENT", other)
    read_again(regulator, 3)
    regulator.later(REVIEW_S + 1)
    assert reused(regulator) == ["several_persons"] * 3
    regulator.opened[EMERGENCY] = replace(regulator.opened[EMERGENCY], institution=A)
    regulator.later(RECHECK_MS / 1000)
    assert reused(regulator) == ["other_opener"] * 3
