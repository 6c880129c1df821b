"""A consent that a receipt names is asked for on chain; what the chain cannot say yet is held against nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from node.adapters.database.consents.review import SqlConsentReviewStore
from node.adapters.database.supervision.findings import SqlSupervisionStore
from node.cli.options import Language
from node.cli.patient.words import describe_code
from node.cli.texts import load_texts
from node.domain.access import AccessContent, AccessOutcome, BlockStamp, ConsentId
from node.domain.consent_message import ConsentAddress, ScopeDigest
from node.domain.consent_state import ConsentHistories, ConsentState, SeenBlock
from node.domain.entry import Origin
from node.errors import ConsentStateUnknownError
from node.ports.clock import unix_ms
from node.ports.supervision.findings import FindingFilter, KeptFinding
from node.services.consents.consent_review import RECHECK_MS, ConsentReview, ConsentReviewParts
from node.services.consents.watch import ConsentWatch, Staleness
from node.supervision.consented import ConsentAnswer, ConsentJudgement, ConsentUse, JudgedBy, KnownConsent, unfounded
from node.supervision.findings import EntryPlace
from node.wire.evidence.finding_evidence import parse_finding, verify_finding
from node.wire.trust_root import parse_trust_root
from tests.unit.api_routes.client import Api
from tests.unit.consents.simulated_chain import SimulatedConsents
from tests.unit.evidence_verify.world import NOW
from tests.unit.services_records.world import World
from tests.unit.services_supervision.consortium import (
    CONSENT,
    HOLDER,
    REGULATOR,
    REQUESTER,
    A,
    B,
    log_act,
    make_access,
    make_consortium,
    wait_until_read,
)

pytestmark = pytest.mark.slow

FAR_S = 4_000_000_000


@dataclass
class Counted(SimulatedConsents):
    """Counts how often it is asked what became of consents, and about how many."""

    asked: list[int] = field(default_factory=list)

    def histories(self, consents: Sequence[ConsentId]) -> ConsentHistories:
        self.asked.append(len(consents))
        return super().histories(consents)


@dataclass
class Regulator:
    """A regulator's node, and a chain to ask."""

    world: World
    chain: Counted
    review: ConsentReview
    findings: SqlSupervisionStore
    logged: int = 0

    def log(self, *, both: bool = True, **changes: object) -> None:
        """Log both receipts of a disclosure that is now, but for what is changed, and let them be read."""
        for institution, side in ((A, HOLDER), (B, REQUESTER))[: 2 if both else 1]:
            said: AccessContent = replace(make_access(side), **{"occurred_at_ms": unix_ms(self.world.clock), **changes})  # type: ignore[arg-type]
            log_act(self.world, institution, said)
            self.logged += 1
        wait_until_read(self.world, self.logged)

    def grant(self, expires_at_s: int = FAR_S) -> None:
        key = ConsentAddress(b"k" * 20)
        self.chain._grant(ConsentState(CONSENT, ScopeDigest(bytes(32)), key, None, expires_at_s, None))

    def stamp(self) -> BlockStamp:
        return self.chain.head().newest.stamp

    def step(self, seconds: float = 0) -> list[KeptFinding]:
        self.world.clock.advance(seconds=seconds)
        self.review.step()
        return self.findings.findings(FindingFilter(open_only=True), None, 10)

    def answers(self, seconds: float = 0) -> list[tuple[str, str, str]]:
        found = [(kept.finding.institutions[0], dict(kept.finding.values)) for kept in self.step(seconds)]
        return sorted((each, said["answer"], said["judged_by"]) for each, said in found)

    def waiting(self) -> int:
        (row,) = self.world.rows("SELECT count(*) FROM consent_uses")
        return int(row[0])


@pytest.fixture
def regulator(tmp_path: Path) -> Iterator[Regulator]:
    rules = {"interval_s": 0.02, "receipt_grace_s": 1e6}
    world = make_consortium(tmp_path / "n", supervision=rules).start()
    readers: Any = world.running.node.reader._engine  # type: ignore[attr-defined]  # it has no public name
    findings, writer = SqlSupervisionStore(readers), world.running.sharing.writer
    chain = Counted(world.clock)
    watch = ConsentWatch(chain, None, writer, world.clock, Staleness(60.0, 0.0))  # type: ignore[arg-type]  # no consents are kept here
    review = ConsentReview(ConsentReviewParts(SqlConsentReviewStore(readers), findings, watch, writer, world.clock))
    yield Regulator(world, chain, review, findings)
    world.stop()


def test_a_consent_in_force_is_asked_for_once_and_nothing_to_find(regulator: Regulator) -> None:
    regulator.grant()
    regulator.log(consent_block=regulator.stamp())
    assert regulator.answers(65) == []
    assert (regulator.waiting(), regulator.chain.asked) == (0, [1])
    regulator.step(RECHECK_MS)
    assert regulator.chain.asked == [1]


def test_a_consent_that_never_was_is_found_at_both_and_the_receipts_prove_it(regulator: Regulator) -> None:
    regulator.log(consent_block=regulator.stamp())
    assert regulator.answers(65) == [(A, "never_granted", "final"), (B, "never_granted", "final")]
    kept = regulator.step()[0].finding
    said = describe_code(kept.code, dict(kept.values), load_texts(Language.EN))
    ended = "up to block 0 the chain holds no grant of it (the receipt cites block 0)"
    assert said.endswith(f"under consent {CONSENT.hex()[:16]}; {ended}")
    evidence = Api(regulator.world).get(f"/v1/supervision/findings/{kept.finding_id}/evidence", institution=REGULATOR)
    root = parse_trust_root(regulator.world.settings.trust_root_file.read_bytes())
    assert verify_finding(parse_finding(evidence.content), root, now=NOW).code == "access_without_consent"


def test_a_consent_revoked_in_the_cited_state_is_found_and_one_revoked_after_it_is_not(regulator: Regulator) -> None:
    regulator.grant()
    before = regulator.stamp()
    regulator.chain.revoke(CONSENT)
    regulator.log(consent_block=before)
    assert regulator.answers(65) == []
    regulator.log(consent_block=regulator.stamp())
    assert regulator.answers(65) == [(A, "revoked_before", "block"), (B, "revoked_before", "block")]
    assert regulator.chain.asked == [1]


def test_a_consent_granted_afterwards_does_not_heal_a_disclosure(regulator: Regulator) -> None:
    regulator.log(consent_block=regulator.stamp())
    regulator.grant()
    assert regulator.answers(65) == [(A, "granted_later", "block"), (B, "granted_later", "block")]


def test_a_holder_that_cites_old_state_is_found_by_the_time(regulator: Regulator) -> None:
    regulator.grant()
    old = regulator.stamp()
    regulator.world.clock.advance(seconds=10)
    regulator.chain.revoke(CONSENT)
    regulator.world.clock.advance(seconds=3_600)
    regulator.log(consent_block=old)
    # the requester only learnt which state the holder decided by
    assert regulator.answers(65) == [(A, "revoked_before", "time")]


@pytest.mark.parametrize(("late_s", "found"), [(200, []), (400, [(A, "revoked_before", "time")])])
def test_without_a_block_of_this_chain_the_time_counts_with_a_tolerance(
    regulator: Regulator, late_s: int, found: list[tuple[str, str, str]]
) -> None:
    regulator.grant()
    regulator.chain.revoke(CONSENT)
    regulator.world.clock.advance(seconds=late_s)
    regulator.log(both=False, consent_block=BlockStamp(2, b"another chain's block".ljust(32)))
    assert regulator.answers(65) == found


def test_an_expired_consent_is_found(regulator: Regulator) -> None:
    regulator.grant(expires_at_s=int(regulator.world.clock.time.timestamp()) + 60)
    regulator.world.clock.advance(seconds=600)
    regulator.log(both=False)
    assert regulator.answers(65) == [(A, "expired_before", "time")]


def test_while_the_chain_is_away_nothing_is_judged_and_nothing_passes(regulator: Regulator) -> None:
    regulator.log(both=False)
    regulator.chain.away = True
    with pytest.raises(ConsentStateUnknownError):
        regulator.step(65)
    assert (regulator.findings.findings(FindingFilter(), None, 10), regulator.waiting()) == ([], 1)
    regulator.chain.away = False
    assert regulator.answers() == [(A, "never_granted", "final")]


def test_a_chain_that_is_behind_the_cited_block_is_asked_again(regulator: Regulator) -> None:
    regulator.chain.depth = 1
    regulator.grant()
    regulator.chain.depth = 2
    regulator.log(both=False, consent_block=regulator.stamp())
    assert (regulator.answers(65), regulator.waiting()) == ([], 1)
    regulator.chain.mine(2)
    assert (regulator.answers(RECHECK_MS / 1000), regulator.waiting()) == ([], 0)


def test_a_block_that_the_chain_never_came_to_excuses_nobody(regulator: Regulator) -> None:
    regulator.log(both=False, consent_block=BlockStamp(10**12, bytes(32)))
    assert regulator.answers(65) == []
    assert regulator.answers(600) == [(A, "never_granted", "final")]


def test_what_was_not_disclosed_or_rests_on_an_emergency_is_not_asked_for(regulator: Regulator) -> None:
    regulator.log(both=False, outcome=AccessOutcome.DENIED)
    regulator.log(both=False, emergency_id=bytes(32))
    assert (regulator.answers(65), regulator.chain.asked) == ([], [])


def test_many_receipts_of_new_consents_are_one_question(regulator: Regulator) -> None:
    for number in range(5):
        regulator.log(both=False, consent_id=bytes([number]) * 32)
    assert len(regulator.answers(65)) == 5
    assert regulator.chain.asked == [5]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("answer", ConsentAnswer)
def test_every_answer_has_words(language: Language, answer: ConsentAnswer) -> None:
    use = ConsentUse(EntryPlace(Origin("a.example/log"), 7, bytes(32), 9), A, HOLDER, CONSENT, None, 1)
    known = KnownConsent(None, SeenBlock(BlockStamp(5, bytes(32)), 9))
    found = unfounded(use, known, ConsentJudgement(answer, JudgedBy.TIME))
    assert CONSENT.hex()[:16] in describe_code(found.code, dict(found.values), load_texts(language))
