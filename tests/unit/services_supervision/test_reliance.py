"""A recognition that stands though what it rests on was withdrawn: found by the loop from followed logs, proved, and settled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.domain.entry import EntryType, InstitutionId, LeafReference, Version
from node.domain.header import HeaderContent
from node.domain.recall import LiftingReason, RecallId, RecallLifting, RecallListing, RecallStatement
from node.domain.recognition import DecisionOutcome, ItemCode, OrderableCode, OrderLine
from node.domain.recognition_acts import CheckId, DecisionContent, DecisionId, OfferedResult, ReversalContent
from node.services.records.entries import StagedAct
from node.services.records.public_entries import stage_public
from node.supervision.reliance import FOLLOWED_MS, still_counts
from node.wire.evidence.finding_evidence import parse_finding, verify_finding
from node.wire.recall_entry import recall_entry
from node.wire.trust_root import parse_trust_root
from tests.unit.api_routes.client import Api
from tests.unit.evidence_verify.world import NOW
from tests.unit.services_records.world import World
from tests.unit.services_supervision.consortium import (
    GRACE_S,
    REGULATOR,
    REQUESTER,
    A,
    B,
    eventually,
    log_act,
    make_access,
    make_consortium,
    wait_until_read,
)
from tests.unit.terminology import world as documents

pytestmark = pytest.mark.slow

WITHDRAWN_S = 3_600.0
DECISION = DecisionId("2" * 32)
RECALL_ID = RecallId("ab" * 16)
CODE = "recognised_then_withdrawn"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    rules = {"interval_s": 0.02, "receipt_grace_s": GRACE_S, "withdrawn_grace_s": WITHDRAWN_S}
    made = make_consortium(tmp_path / "n", supervision=rules).start()
    yield made
    made.stop()


def record(number: int = 1, replaces: LeafReference | None = None, **more: Any) -> HeaderContent:  # noqa: ANN401 - fields of a header
    content = documents.result("r", documents.ALT, version=Version(number)).content
    return replace(content, supersedes=replaces, **more)


def reference(world: World, institution: InstitutionId, staged: StagedAct) -> LeafReference:
    return LeafReference(world.origin(institution), staged.leaf_hash)


def log_result(world: World, of: InstitutionId = A) -> LeafReference:
    return reference(world, of, log_act(world, of, record(), EntryType.RECORD))


def replace_result(world: World, result: LeafReference, number: int = 2, by: InstitutionId = A, **more: bool) -> LeafReference:
    entry_type = EntryType.WITHDRAWAL if more.get("withdraw", True) else EntryType.AMENDMENT
    return reference(world, by, log_act(world, by, record(number, result), entry_type))


def decide(world: World, *results: LeafReference, of: InstitutionId = A) -> LeafReference:
    decision = DecisionContent(
        decision_id=DECISION,
        check_id=CheckId("1" * 32),
        actor=make_access(REQUESTER).actor,
        encounter="e1",
        line=OrderLine("7", OrderableCode("L-ALT")),
        outcome=DecisionOutcome.RECOGNISED,
        results=tuple(OfferedResult(each, of, (ItemCode("LAB-ALT"),)) for each in results),
        items=(ItemCode("LAB-ALT"),),
        reason=None,
        sub_reason=None,
        saving_fen=2_000,
        warned=False,
        pins=(),
        decided_at_ms=int(world.clock.time.timestamp() * 1000),
    )
    return reference(world, B, log_act(world, B, decision, EntryType.RECOGNITION_DECISION))


def recall(world: World, by: InstitutionId, *leaf_hashes: bytes) -> None:
    say(world, by, RecallListing(RECALL_ID, leaf_hashes))


def lift(world: World, by: InstitutionId = A) -> None:
    say(world, by, RecallLifting(RECALL_ID, LiftingReason.CLEARED))


def say(world: World, by: InstitutionId, statement: RecallStatement) -> None:
    origin, now_ms = world.origin(by), int(world.clock.time.timestamp() * 1000)
    entry, writer = recall_entry(origin, statement, now_ms), world.running.sharing.writer
    writer.submit(lambda tx: stage_public(tx, by, origin, EntryType.ADMINISTRATIVE, [entry], now_ms)).result()
    world.running.sequencing.staged(origin)


def take_back(world: World, decision: LeafReference, by: InstitutionId = B) -> None:
    reversal = ReversalContent(DECISION, decision, make_access(REQUESTER).actor, int(world.clock.time.timestamp() * 1000))
    log_act(world, by, reversal, EntryType.RECOGNITION_DECISION)


def wait_until_judged(world: World) -> None:
    """Wait until no recognition is due any more."""
    now_ms = int(world.clock.time.timestamp() * 1000)
    query = f"SELECT count(*) FROM reliances WHERE look_at_ms <= {now_ms}"  # noqa: S608 - a number
    eventually(lambda: world.rows(query)[0][0], lambda count: count == 0)


def findings(world: World, query: str = f"?code={CODE}&open=true") -> list[dict[str, Any]]:
    response = Api(world).get(f"/v1/supervision/findings{query}", institution=REGULATOR)
    assert response.status_code == 200, response.text
    return list(response.json()["findings"])


def after_the_grace_period(world: World, entries: int) -> list[dict[str, Any]]:
    """Return what is found once so many entries were read and the time is over."""
    wait_until_read(world, entries)
    wait_until_judged(world)
    assert findings(world) == []
    world.clock.advance(seconds=WITHDRAWN_S)
    wait_until_judged(world)
    return findings(world)


def test_who_recognised_answers_for_it_with_both_entries_until_the_decision_is_taken_back(world: World) -> None:
    result = log_result(world)
    decision = decide(world, result)
    wait_until_read(world, 2)
    withdrawal = replace_result(world, result)
    (found,) = after_the_grace_period(world, 3)
    assert (found["institutions"], found["severity"], found["values"]) == ([B], "warning", {"issuer": A})
    assert [each["leaf_hash"] for each in found["entries"]] == [withdrawal.leaf_hash.hex(), decision.leaf_hash.hex()]
    evidence = Api(world).get(f"/v1/supervision/findings/{found['finding_id']}/evidence", institution=REGULATOR)
    root = parse_trust_root(world.settings.trust_root_file.read_bytes())
    verdict = verify_finding(parse_finding(evidence.content), root, now=NOW)
    assert [(line.institution, line.entry_type) for line in verdict.lines] == [
        (A, EntryType.WITHDRAWAL),
        (B, EntryType.RECOGNITION_DECISION),
    ]
    take_back(world, decision)
    eventually(lambda: findings(world), lambda left: left == [])
    (settled,) = findings(world, f"?code={CODE}")
    assert settled["settled_at"] is not None


@pytest.mark.parametrize("by", [A, B])
def test_a_recall_counts_for_results_of_its_own_log(world: World, by: InstitutionId) -> None:
    result = log_result(world)
    decide(world, result)
    recall(world, by, result.leaf_hash, b"\x09" * 32)
    found = after_the_grace_period(world, 3)
    assert [each["institutions"] for each in found] == ([[B]] if by == A else [])
    assert world.rows("SELECT count(*) FROM result_replacements") == [(len(found),)]


def test_what_was_recognised_before_a_recall_that_is_lifted_is_nothing_to_find_any_more(world: World) -> None:
    result = log_result(world)
    decide(world, result)
    recall(world, A, result.leaf_hash)
    assert len(after_the_grace_period(world, 3)) == 1
    lift(world, by=B)
    wait_until_read(world, 4)
    wait_until_judged(world)
    assert len(findings(world)) == 1
    lift(world)
    eventually(lambda: findings(world), lambda left: left == [])


def test_what_was_recognised_while_a_recall_stood_is_found_though_it_is_lifted(world: World) -> None:
    first = log_result(world)
    version = replace_result(world, first, withdraw=False)
    recall(world, A, version.leaf_hash)
    world.clock.advance(seconds=600)
    decision = decide(world, first)
    world.clock.advance(seconds=600)
    lift(world)
    world.clock.advance(seconds=600)
    decide(world, version)
    (found,) = after_the_grace_period(world, 6)
    assert decision.leaf_hash.hex() in [each["leaf_hash"] for each in found["entries"]]
    take_back(world, decision)
    eventually(lambda: findings(world), lambda left: left == [])


MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("recognised_at_ms", "lifted_at_ms", "counts"),
    [
        (0, None, True),
        (FOLLOWED_MS - 1, 10 * MINUTE_MS, False),
        (FOLLOWED_MS, 10 * MINUTE_MS, True),
        (9 * MINUTE_MS, 10 * MINUTE_MS - 1, False),
        (9 * MINUTE_MS, 10 * MINUTE_MS, True),
        (10 * MINUTE_MS, 10 * MINUTE_MS + 59_999, False),
    ],
)
def test_when_a_recall_counts(recognised_at_ms: int, lifted_at_ms: int | None, *, counts: bool) -> None:
    assert still_counts(recognised_at_ms, 0, lifted_at_ms) is counts


def test_a_decision_that_is_taken_back_in_time_is_nothing_to_find(world: World) -> None:
    result = log_result(world)
    decision = decide(world, result)
    replace_result(world, result)
    take_back(world, decision)
    assert after_the_grace_period(world, 4) == []


def test_the_order_in_which_logs_are_read_and_a_restart_change_nothing(world: World) -> None:
    result = log_result(world)
    replace_result(world, result)
    wait_until_read(world, 2)
    decide(world, result)
    wait_until_read(world, 3)
    world.restart()
    assert len(after_the_grace_period(world, 3)) == 1


def test_a_later_version_that_is_withdrawn_takes_the_earlier_ones_with_it(world: World) -> None:
    result = log_result(world)
    decide(world, result)
    amended = replace_result(world, result, withdraw=False)
    assert after_the_grace_period(world, 3) == []
    withdrawal = replace_result(world, amended, 3)
    (found,) = after_the_grace_period(world, 4)
    assert withdrawal.leaf_hash.hex() in {each["leaf_hash"] for each in found["entries"]}


def test_a_decision_on_several_results_is_one_finding(world: World) -> None:
    first, second = log_result(world), log_result(world)
    decide(world, first, second, second)
    replace_result(world, second)
    assert len(after_the_grace_period(world, 4)) == 1
    replace_result(world, first)
    wait_until_read(world, 5)
    world.clock.advance(seconds=WITHDRAWN_S)
    (found,) = eventually(lambda: findings(world), lambda each: len(each[0]["entries"]) == 3)
    assert found["institutions"] == [B]


@pytest.mark.parametrize("by", [A, B])
def test_nobody_withdraws_or_takes_back_for_somebody_else(world: World, by: InstitutionId) -> None:
    result = log_result(world)
    decision = decide(world, result)
    replace_result(world, result, by=by)
    take_back(world, decision, by=A)
    assert len(after_the_grace_period(world, 4)) == (1 if by == A else 0)


def test_its_own_result_concerns_nobody_else(world: World) -> None:
    result = log_result(world, B)
    decide(world, result, of=B)
    replace_result(world, result, by=B)
    assert after_the_grace_period(world, 3) == []


def test_what_one_entry_shows_by_itself_is_found_by_the_loop(world: World) -> None:
    marked = log_act(world, A, record(mark="粤HR", certificate="made-up"), EntryType.RECORD)
    result = log_result(world)
    decision = DecisionContent(
        decision_id=DECISION,
        check_id=CheckId("1" * 32),
        actor=make_access(REQUESTER).actor,
        encounter="e1",
        line=OrderLine("7", OrderableCode("L-ALT")),
        outcome=DecisionOutcome.REORDERED,
        results=(OfferedResult(result, A, (ItemCode("LAB-ALT"),)),),
        items=(ItemCode("LAB-ALT"),),
        reason=None,
        sub_reason=None,
        saving_fen=0,
        warned=True,
        pins=(),
        decided_at_ms=1,
    )
    reordered = log_act(world, B, decision, EntryType.RECOGNITION_DECISION)
    wait_until_read(world, 3)
    found = {each["code"]: [place["leaf_hash"] for place in each["entries"]] for each in findings(world, "")}
    assert found == {
        "mark_without_certificate": [marked.leaf_hash.hex()],
        "reorder_without_reason": [reordered.leaf_hash.hex()],
    }
