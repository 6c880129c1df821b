"""A regulator's figures come from verified entries, each read once, and are the same after a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.hashing import RootHash, TreeSize
from node.domain.access import AccessOutcome, RequestId
from node.domain.entry import EntryType, LeafReference, Origin
from node.domain.recognition import DecisionOutcome, ItemCode, OrderableCode, OrderLine
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
from node.ports.chain.anchoring import AnchoredHead
from node.services.clients import Scope
from node.wire.evidence.finding_evidence import parse_finding, verify_finding
from node.wire.trust_root import parse_trust_root, sign_trust_root
from tests.unit.api_routes.client import Api
from tests.unit.evidence_verify.world import NOW, SIGNERS
from tests.unit.services_records.world import World
from tests.unit.services_supervision.consortium import (
    HOLDER,
    REGULATOR,
    REQUESTER,
    A,
    B,
    eventually,
    log_act,
    log_receipt,
    make_access,
    make_consortium,
    wait_until_read,
)

pytestmark = pytest.mark.slow

OTHER = RequestId("fedcba9876543210" * 2)
ALL_TIME = "/v1/supervision/figures"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_consortium(tmp_path / "n").start()
    yield made
    made.stop()


def get(world: World, path: str) -> dict[str, Any]:
    response = Api(world).get(path, institution=REGULATOR)
    assert response.status_code == 200, response.text
    return dict(response.json())


def retrievals(world: World, query: str = "?by=institution") -> dict[str, int]:
    return {row["value"]: row["retrievals"] for row in get(world, ALL_TIME + query)["rows"]}


def test_a_retrieval_counts_once_for_who_asked_however_often_it_was_logged(world: World) -> None:
    log_receipt(world, HOLDER)
    log_receipt(world, REQUESTER)
    log_receipt(world, REQUESTER)
    log_act(world, B, make_access(REQUESTER, request=OTHER))
    log_act(world, B, make_access(REQUESTER, AccessOutcome.DENIED))
    wait_until_read(world, 5)
    assert retrievals(world) == {B: 2}
    assert retrievals(world, "?by=institution&from=2026-02&to=2026-03") == {B: 2}
    assert retrievals(world, "?by=institution&from=2026-04") == {}


def test_a_check_and_a_decision_in_the_log_are_an_opportunity_and_a_recognition(world: World) -> None:
    offer = OfferedResult(LeafReference(world.origin(A), b"\x05" * 32), A, (ItemCode("LAB-ALT"),))
    actor, line = make_access(REQUESTER).actor, OrderLine("7", OrderableCode("L-ALT"))
    at_ms = int(world.clock.time.timestamp() * 1000)
    check = CheckedOrder(CheckId("1" * 32), "e1", at_ms, answered=True, lines=(CheckedLine(line, (offer,)),), pins=())
    log_act(world, B, CheckContent(actor, (check,)), EntryType.CHECK_OUTCOME)
    decision = DecisionContent(
        decision_id=DecisionId("2" * 32),
        check_id=CheckId("1" * 32),
        actor=actor,
        encounter="e1",
        line=line,
        outcome=DecisionOutcome.RECOGNISED,
        results=(offer,),
        items=offer.items,
        reason=None,
        sub_reason=None,
        saving_fen=2_000,
        warned=False,
        pins=(),
        decided_at_ms=at_ms + 1_000,
    )
    staged = log_act(world, B, decision, EntryType.RECOGNITION_DECISION)
    wait_until_read(world, 2)
    (row,) = get(world, "/v1/supervision/figures?by=institution&from=2026-03")["rows"]
    assert (row["value"], row["item_rate"], row["saving_fen"]) == (B, {"numerator": 1, "denominator": 1}, 2_000)
    reference = LeafReference(world.origin(B), staged.leaf_hash)
    for institution in (A, B):
        reversal = ReversalContent(DecisionId("2" * 32), reference, actor, at_ms + 2_000)
        log_act(world, institution, reversal, EntryType.RECOGNITION_DECISION)
    wait_until_read(world, 4)
    (row,) = get(world, "/v1/supervision/figures")["rows"]
    assert (row["item_rate"], row["reversed"], row["saving_fen"]) == ({"numerator": 0, "denominator": 1}, 1, 0)
    assert get(world, "/v1/supervision/findings")["findings"] == []


def test_what_an_entry_shows_by_itself_is_found_with_the_entry_and_proves_itself(world: World) -> None:
    staged = log_act(world, A, replace(make_access(HOLDER), consent_id=None))
    log_receipt(world, REQUESTER)
    wait_until_read(world, 2)
    (found,) = get(world, "/v1/supervision/findings?code=access_without_consent")["findings"]
    assert found["institutions"] == [A]
    assert [each["leaf_hash"] for each in found["entries"]] == [staged.leaf_hash.hex()]
    evidence = Api(world).get(f"/v1/supervision/findings/{found['finding_id']}/evidence", institution=REGULATOR)
    root = parse_trust_root(world.settings.trust_root_file.read_bytes())
    assert verify_finding(parse_finding(evidence.content), root, now=NOW).code == "access_without_consent"


def test_after_a_restart_kept_events_are_counted_and_no_entry_is_read_again(world: World) -> None:
    log_receipt(world, REQUESTER)
    wait_until_read(world, 1)
    world.restart()
    assert retrievals(world) == {B: 1}
    log_act(world, B, make_access(REQUESTER, request=OTHER))
    wait_until_read(world, 2)
    assert retrievals(world) == {B: 2}
    assert world.rows("SELECT count(*) FROM figure_batches") == [(2,)]


def test_time_to_anchor_counts_every_entry_once_from_its_first_sight(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    origin, start = world.origin(B), world.clock.time
    log_receipt(world, REQUESTER)
    wait_until_read(world, 1)
    world.clock.advance(seconds=7)
    log_act(world, B, make_access(REQUESTER, request=OTHER))
    wait_until_read(world, 2)
    anchored_s = int(start.timestamp()) + 20

    def heads(size: int) -> Callable[[], dict[Origin, AnchoredHead]]:
        head = AnchoredHead(origin, TreeSize(size), RootHash(bytes(32)), 1, bytes(32), anchored_s)
        return lambda: {origin: head}

    monkeypatch.setattr(world.running.node.following, "anchored_heads", heads(1))
    query = "SELECT anchored_to FROM figure_cursors WHERE anchored_to > 0"
    eventually(lambda: world.rows(query), lambda rows: rows == [(1,)])
    # a head may be ahead of what was read here
    monkeypatch.setattr(world.running.node.following, "anchored_heads", heads(99))
    eventually(lambda: world.rows(query), lambda rows: rows == [(2,)])
    told = get(world, ALL_TIME)["time_to_anchor"]
    assert {(row["institution"], row["entries"], row["median_s"], row["longest_s"]) for row in told} == {
        (None, 2, 13, 20),
        (B, 2, 13, 20),
    }


def test_what_is_kept_of_entries_is_sealed(world: World) -> None:
    log_receipt(world, REQUESTER)
    wait_until_read(world, 1)
    ((sealed,),) = world.rows("SELECT sealed FROM figure_batches")
    assert B.encode() not in sealed


def test_a_decision_that_was_kept_from_supervision_is_found(world: World) -> None:
    world.stop()
    file = world.settings.trust_root_file
    supervised = file.read_bytes()
    file.write_bytes(sign_trust_root(replace(parse_trust_root(supervised), audit_keys=()), SIGNERS))
    world.start()
    staged = log_act(world, B, make_access(REQUESTER), EntryType.RECOGNITION_DECISION)
    world.stop()
    file.write_bytes(supervised)
    world.start()
    wait_until_read(world, 1)
    assert retrievals(world) == {}
    (found,) = get(world, "/v1/supervision/findings")["findings"]
    assert (found["code"], found["institutions"]) == ("header_unreadable", [B])
    assert [each["leaf_hash"] for each in found["entries"]] == [staged.leaf_hash.hex()]


def test_entries_and_institutions_are_listed_without_persons(world: World) -> None:
    staged = log_receipt(world, REQUESTER)
    wait_until_read(world, 1)
    listed = get(world, "/v1/supervision/institutions")["institutions"]
    logs = {each["institution"]: [(log["origin"], log["entries"]) for log in each["logs"]] for each in listed}
    assert logs == {A: [(f"{A}.example/log", 0)], B: [(f"{B}.example/log", 1)], REGULATOR: [(f"{REGULATOR}.example/log", 0)]}
    page = get(world, f"/v1/supervision/entries?origin={B}.example/log&limit=1")
    (entry,) = page["entries"]
    assert (entry["leaf_hash"], entry["entry_type"]) == (staged.leaf_hash.hex(), "access_receipt")
    assert (entry["receipt"]["asked_by"], entry["receipt"]["outcome"]) == (B, "disclosed")
    assert page["next_start"] == 1
    assert get(world, f"/v1/supervision/entries?origin={B}.example/log&start=1")["entries"] == []
    # as a value: any hash may have these digits
    assert "'4711'" not in str(page)


def test_the_form_of_liaoning_has_a_row_for_each_hospital_and_one_for_all(world: World) -> None:
    log_receipt(world, REQUESTER)
    wait_until_read(world, 1)
    form = get(world, "/v1/supervision/liaoning?month=2026-03")
    assert (form["period"], form["day"]) == ("2026-03", "2026-03-31")
    rows = {row["institution"]: row for row in form["rows"]}
    assert (rows[B]["retrievals"], rows[None]["retrievals"]) == (1, 1)
    assert [count["modality"] for count in rows[B]["counts"]] == ["DR", "MR", "CT", "LAB"]


@pytest.mark.parametrize("query", ["?to=2026-03", "?from=2026-13", "?from=2026-03&to=2026-02", "?from=1026-03", "?by=colour"])
def test_months_that_make_no_sense_are_refused(world: World, query: str) -> None:
    assert Api(world).get(ALL_TIME + query, institution=REGULATOR).status_code == 422


@pytest.mark.parametrize("path", ["figures", "liaoning", "institutions", "entries?origin=x"])
def test_only_who_may_sees_them(world: World, path: str) -> None:
    others = [scope for scope in Scope if scope is not Scope.READ_FINDINGS]
    assert Api(world).get(f"/v1/supervision/{path}", institution=REGULATOR, scopes=others).status_code == 403
    assert Api(world).get(f"/v1/supervision/{path}", institution=None).status_code == 401


def test_a_log_that_nobody_named_has_no_entries(world: World) -> None:
    assert Api(world).get("/v1/supervision/entries?origin=x", institution=REGULATOR).status_code == 404
