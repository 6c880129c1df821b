"""A hospital that cheats about re-orders: what its checks offered decides, in whatever order its entries are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.domain.entry import EntryType, LeafReference
from node.domain.recognition import DecisionOutcome, ItemCode, OrderableCode, OrderLine, Reason
from node.domain.recognition_acts import (
    CheckContent,
    CheckedLine,
    CheckedOrder,
    CheckId,
    DecisionContent,
    DecisionId,
    OfferedResult,
    ReversalContent,
)
from node.domain.record import Item
from node.terminology.maps import LOINC
from node.wire.evidence.finding_evidence import parse_finding, verify_finding
from node.wire.trust_root import parse_trust_root
from tests.unit.api_routes.client import Api
from tests.unit.evidence_verify.world import NOW
from tests.unit.services_records.world import World
from tests.unit.services_supervision import consortium
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
)
from tests.unit.services_supervision.test_findings import findings
from tests.unit.terminology import world as documents

pytestmark = pytest.mark.slow

ALT, L_ALT = ItemCode("LAB-ALT"), OrderableCode("L-ALT")
CHECK, OTHER_CHECK = CheckId("1" * 32), CheckId("3" * 32)
DAY_S = 86_400


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_consortium(tmp_path / "n").start()
    yield made
    made.stop()


def now_ms(world: World) -> int:
    return int(world.clock.time.timestamp() * 1000)


def examine(world: World, institution: Any = A, record_id: str = "r", **more: Any) -> LeafReference:  # noqa: ANN401 - fields of a header
    content = documents.result(record_id, documents.ALT).content
    content = replace(content, items=(Item(LOINC, "1742-6", "SER", "U/L"),), performed_at_ms=now_ms(world), **more)
    return LeafReference(world.origin(institution), log_act(world, institution, content, EntryType.RECORD).leaf_hash)


def check(world: World, *results: LeafReference, check_id: CheckId = CHECK, encounter: str = "e1") -> None:
    offers = tuple(OfferedResult(each, A, (ALT,)) for each in results)
    line = CheckedLine(OrderLine("7", L_ALT), offers)
    made = CheckedOrder(check_id, encounter, now_ms(world), answered=True, lines=(line,), pins=())
    log_act(world, B, CheckContent(make_access(REQUESTER).actor, (made,)), EntryType.CHECK_OUTCOME)


def reorder(world: World, **more: Any) -> LeafReference:  # noqa: ANN401 - fields of a decision
    fields: dict[str, Any] = {"check_id": CHECK, "encounter": "e1", "reason": None, "warned": False} | more
    decision = DecisionContent(
        decision_id=DecisionId("2" * 32),
        actor=make_access(REQUESTER).actor,
        line=OrderLine("7", L_ALT),
        outcome=DecisionOutcome.REORDERED,
        results=(),
        items=(ALT,),
        sub_reason=None,
        saving_fen=0,
        pins=(),
        decided_at_ms=now_ms(world),
        **fields,
    )
    return LeafReference(world.origin(B), log_act(world, B, decision, EntryType.RECOGNITION_DECISION).leaf_hash)


def take_back(world: World, decision: LeafReference) -> None:
    reversal = ReversalContent(DecisionId("2" * 32), decision, make_access(REQUESTER).actor, now_ms(world))
    log_act(world, B, reversal, EntryType.RECOGNITION_DECISION)


def found(world: World, entries: int) -> list[tuple[str, str | None]]:
    """Return what is open about re-orders once so many entries were read and nothing is left to judge."""
    read = "SELECT coalesce(sum(next_index), 0) FROM figure_cursors"
    eventually(lambda: world.rows(read)[0][0], lambda count: count == entries)
    looks = "SELECT look_at_ms FROM order_looks"
    eventually(lambda: world.rows(looks), lambda rows: all(at_ms > now_ms(world) for (at_ms,) in rows))
    page = findings(world, "?open=true")
    return sorted((each["code"], each["values"].get("answer")) for each in page if each["code"].startswith("reorder"))


@pytest.mark.parametrize("check_first", [True, False])
def test_who_denies_that_a_reason_was_due_is_found_by_the_check_and_both_entries_prove_it(
    world: World, *, check_first: bool
) -> None:
    result = examine(world)
    if check_first:
        check(world, result)
    reorder(world)
    if not check_first:
        assert found(world, 2) == []
        check(world, result)
    assert found(world, 3) == [("reorder_without_reason", "contradicted")]
    (kept,) = findings(world, "?code=reorder_without_reason")
    assert [each["origin"] for each in kept["entries"]] == [world.origin(B)] * 2
    evidence = Api(world).get(f"/v1/supervision/findings/{kept['finding_id']}/evidence", institution=REGULATOR)
    root = parse_trust_root(world.settings.trust_root_file.read_bytes())
    assert verify_finding(parse_finding(evidence.content), root, now=NOW).code == "reorder_without_reason"


def test_a_flag_that_admits_it_needs_no_check_and_a_reason_settles_nothing_but_itself(world: World) -> None:
    reorder(world, warned=True)
    assert found(world, 1) == [("reorder_without_reason", None)]
    check(world, examine(world), check_id=OTHER_CHECK, encounter="e2")
    reorder(world, check_id=OTHER_CHECK, encounter="e2", reason=Reason.EMERGENCY)
    assert found(world, 4) == [("reorder_without_reason", None)]


@pytest.mark.parametrize("encounter", ["e1", "somewhere else"])
def test_who_names_a_check_that_nobody_logged_is_found_by_the_one_that_was(world: World, encounter: str) -> None:
    check(world, examine(world))
    reorder(world, check_id=OTHER_CHECK, encounter=encounter)
    assert found(world, 3) == [("reorder_without_reason", "unnamed")]


def test_who_leaves_the_person_out_of_a_decision_is_found_by_the_check_that_it_names(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(world, examine(world))
    nobody = replace(consortium.PATIENT, pseudonym=None)
    monkeypatch.setattr(consortium, "PATIENT", nobody)
    reorder(world)
    assert found(world, 3) == [("reorder_without_reason", "contradicted")]


def test_an_offer_that_counted_no_longer_is_held_against_nobody(world: World) -> None:
    check(world, examine(world))
    world.clock.advance(seconds=31 * DAY_S)
    reorder(world, check_id=OTHER_CHECK, encounter="e2")
    examine(world, B)
    world.clock.advance(seconds=GRACE_S)
    assert found(world, 4) == []


@pytest.mark.parametrize("withdrawal_first", [True, False])
def test_a_result_that_was_withdrawn_before_is_held_against_nobody(world: World, *, withdrawal_first: bool) -> None:
    result = examine(world)
    check(world, result)
    withdrawn = replace(documents.result("r", documents.ALT).content, supersedes=result)
    if withdrawal_first:
        world.clock.advance(seconds=60)
        log_act(world, A, withdrawn, EntryType.WITHDRAWAL)
    world.clock.advance(seconds=60)
    reorder(world, check_id=OTHER_CHECK, encounter="e2")
    if not withdrawal_first:
        # read later, and logged before
        assert found(world, 3) == [("reorder_without_reason", "unnamed")]
        world.clock.advance(seconds=-60)
        log_act(world, A, withdrawn, EntryType.WITHDRAWAL)
        world.clock.advance(seconds=60)
    eventually(lambda: found(world, 4), lambda page: page == [])


def test_own_offers_make_no_reason_due(world: World) -> None:
    result = examine(world, B)
    own = OfferedResult(result, B, (ALT,))
    made = CheckedOrder(CHECK, "e1", now_ms(world), answered=True, lines=(CheckedLine(OrderLine("7", L_ALT), (own,)),), pins=())
    log_act(world, B, CheckContent(make_access(REQUESTER).actor, (made,)), EntryType.CHECK_OUTCOME)
    reorder(world)
    world.clock.advance(seconds=GRACE_S)
    assert found(world, 3) == []


def test_a_decision_that_is_taken_back_settles_and_what_was_examined_without_it_is_found(world: World) -> None:
    check(world, examine(world))
    decision = reorder(world)
    world.clock.advance(seconds=60)
    examine(world, B, "own")
    assert found(world, 4) == [("reorder_without_reason", "contradicted")]
    take_back(world, decision)
    world.clock.advance(seconds=GRACE_S)
    assert found(world, 5) == [("reordered_silently", None)]


def test_silence_is_found_after_the_grace_period_and_a_decision_that_is_read_late_settles_it(world: World) -> None:
    check(world, examine(world))
    world.clock.advance(seconds=60)
    decided_at_ms = now_ms(world)
    examine(world, B, "own")
    assert found(world, 3) == []
    world.clock.advance(seconds=GRACE_S)
    assert found(world, 3) == [("reordered_silently", None)]
    (kept,) = findings(world, "?code=reordered_silently")
    assert (kept["institutions"], kept["values"]["items"], len(kept["entries"])) == ([B], ALT, 2)
    reorder(world, reason=Reason.CONDITION_CHANGED)
    assert found(world, 4) == []
    assert decided_at_ms < now_ms(world)


def test_an_order_that_went_unchecked_since_is_no_silence(world: World) -> None:
    check(world, examine(world))
    world.clock.advance(seconds=60)
    line = CheckedLine(OrderLine("8", L_ALT), ())
    unchecked = CheckedOrder(OTHER_CHECK, "e2", now_ms(world), answered=False, lines=(line,), pins=())
    log_act(world, B, CheckContent(make_access(REQUESTER).actor, (unchecked,)), EntryType.CHECK_OUTCOME)
    world.clock.advance(seconds=60)
    examine(world, B, "own")
    world.clock.advance(seconds=GRACE_S)
    assert found(world, 4) == []


def test_histories_are_kept_sealed_and_judged_again_after_a_restart(world: World) -> None:
    check(world, examine(world))
    assert found(world, 2) == []
    assert all(L_ALT.encode() not in row[0] and b"e1" not in row[0] for row in world.rows("SELECT sealed FROM order_notes"))
    world.restart()
    reorder(world)
    assert found(world, 3) == [("reorder_without_reason", "contradicted")]
