"""What one request's receipts are judged to be."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from node.domain.access import AccessOutcome, AccessSide, ConsentId, Purpose
from node.services.consents.emergency_reviews import ReuseAnswer
from node.supervision.consent_scope import ScopeAnswer
from node.supervision.consented import ConsentAnswer
from node.supervision.findings import SEVERITIES, FindingCode, Severity
from node.supervision.pairing import Judgement, Receipt, judge_request
from node.supervision.reorders import ReorderAnswer
from tests.unit.supervision_pairing.receipts import DOCTOR, GRACE_MS, RECHECK_MS, START_MS, A, B, C, make_receipt, make_rules

HOLDER, REQUESTER = AccessSide.HOLDER, AccessSide.REQUESTER
OVER_MS = START_MS + GRACE_MS
ANSWERS = {
    FindingCode.ACCESS_WITHOUT_CONSENT: ConsentAnswer,
    FindingCode.ACCESS_OUTSIDE_CONSENT: ScopeAnswer,
    FindingCode.EMERGENCY_REUSED: ReuseAnswer,
    FindingCode.REORDER_WITHOUT_REASON: ReorderAnswer,
}
ALWAYS_ANSWERED = {FindingCode.ACCESS_OUTSIDE_CONSENT, FindingCode.EMERGENCY_REUSED}
TEXTS = Path(__file__).parents[3] / "node" / "texts"


def judge(*receipts: Receipt, now_ms: int = OVER_MS, seen_until_ms: int = 2**60) -> Judgement:
    return judge_request(receipts, now_ms, make_rules(seen_until_ms))


def codes(*receipts: Receipt, now_ms: int = OVER_MS) -> list[FindingCode]:
    return [finding.code for finding in judge(*receipts, now_ms=now_ms).findings]


def test_both_sides_that_agree_are_nothing_to_find() -> None:
    assert judge(make_receipt(HOLDER), make_receipt(REQUESTER)) == Judgement((), None)


@pytest.mark.parametrize(
    ("side", "code", "blamed"),
    [(HOLDER, FindingCode.HOLDER_ALONE, B), (REQUESTER, FindingCode.REQUESTER_ALONE, A)],
    ids=["holder", "requester"],
)
def test_a_receipt_alone_is_found_after_the_grace_period_and_not_before(side: AccessSide, code: FindingCode, blamed: str) -> None:
    receipt = make_receipt(side)
    assert judge(receipt, now_ms=OVER_MS - 1) == Judgement((), OVER_MS)
    (finding,) = judge(receipt).findings
    assert (finding.code, finding.institutions, finding.entries) == (code, (blamed,), (receipt.place,))


@pytest.mark.parametrize("outcome", [AccessOutcome.DENIED, AccessOutcome.REJECTED], ids=["denied", "rejected"])
def test_denials_and_rejections_have_another_side_too(outcome: AccessOutcome) -> None:
    assert codes(make_receipt(REQUESTER, outcome=outcome)) == [FindingCode.REQUESTER_ALONE]


@pytest.mark.parametrize(
    "outcome", [AccessOutcome.FOUND, AccessOutcome.RELEASED, AccessOutcome.UNANSWERED], ids=["found", "released", "unanswered"]
)
def test_a_search_a_release_and_an_unanswered_request_need_no_other_side(outcome: AccessOutcome) -> None:
    assert judge(make_receipt(REQUESTER, outcome=outcome)) == Judgement((), None)


def test_an_access_without_a_counterpart_stands_alone() -> None:
    assert codes(make_receipt(HOLDER, counterpart=A, actor=replace(DOCTOR, institution=A))) == []


def test_who_hides_its_counterpart_leaves_the_other_side_alone() -> None:
    hidden = make_receipt(HOLDER, counterpart=A, actor=replace(DOCTOR, institution=A))
    (finding,) = judge(hidden, make_receipt(REQUESTER)).findings
    assert (finding.code, finding.institutions) == (FindingCode.REQUESTER_ALONE, (A,))


def test_sides_that_name_different_parties_are_both_alone() -> None:
    found = judge(make_receipt(HOLDER, counterpart=C, actor=replace(DOCTOR, institution=C)), make_receipt(REQUESTER)).findings
    assert {(finding.code, finding.institutions) for finding in found} == {
        (FindingCode.HOLDER_ALONE, (C,)),
        (FindingCode.REQUESTER_ALONE, (A,)),
    }


def test_a_log_that_could_not_be_followed_has_not_failed_to_log() -> None:
    unseen = OVER_MS - 1
    assert judge(make_receipt(HOLDER), seen_until_ms=unseen) == Judgement((), OVER_MS + RECHECK_MS)
    later = judge(make_receipt(HOLDER), now_ms=OVER_MS + GRACE_MS, seen_until_ms=unseen)
    assert [finding.code for finding in later.findings] == [FindingCode.COUNTERPART_UNSEEN]
    assert later.look_again_at_ms == OVER_MS + GRACE_MS + RECHECK_MS
    seen = judge(make_receipt(HOLDER), now_ms=OVER_MS + GRACE_MS, seen_until_ms=OVER_MS)
    assert [finding.code for finding in seen.findings] == [FindingCode.HOLDER_ALONE]
    assert seen.look_again_at_ms is None


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (make_receipt(REQUESTER, purpose=Purpose.CLAIM), "purpose"),
        (make_receipt(REQUESTER, actor=replace(DOCTOR, staff_number="4712")), "actor"),
        (make_receipt(REQUESTER, subjects=()), "subjects"),
        (make_receipt(REQUESTER, consent=ConsentId(b"\x09" * 32)), "consent"),
    ],
    ids=["purpose", "actor", "subjects", "consent"],
)
def test_sides_that_say_different_things_are_found_at_once(changed: Receipt, field: str) -> None:
    (finding,) = judge(make_receipt(HOLDER), changed, now_ms=START_MS).findings
    assert (finding.code, finding.institutions, dict(finding.values)["fields"]) == (FindingCode.CONTENTS_DIFFER, (A, B), field)


@pytest.mark.parametrize(
    ("holder", "requester", "expected"),
    [
        (AccessOutcome.DISCLOSED, AccessOutcome.DENIED, [FindingCode.OUTCOMES_DIFFER]),
        (AccessOutcome.DENIED, AccessOutcome.DISCLOSED, [FindingCode.OUTCOMES_DIFFER]),
        (AccessOutcome.DENIED, AccessOutcome.REJECTED, [FindingCode.OUTCOMES_DIFFER]),
        (AccessOutcome.DISCLOSED, AccessOutcome.REJECTED, [FindingCode.DELIVERY_REJECTED]),
        (AccessOutcome.DISCLOSED, AccessOutcome.UNANSWERED, [FindingCode.DELIVERY_UNCONFIRMED]),
        (AccessOutcome.DENIED, AccessOutcome.DENIED, []),
        (AccessOutcome.DENIED, AccessOutcome.UNANSWERED, []),
    ],
    ids=lambda value: value if isinstance(value, str) else str(len(value)),
)
def test_outcomes_are_compared_once_retries_had_their_time(
    holder: AccessOutcome, requester: AccessOutcome, expected: list[FindingCode]
) -> None:
    both = make_receipt(HOLDER, outcome=holder), make_receipt(REQUESTER, outcome=requester)
    assert codes(*both, now_ms=OVER_MS - 1) == []
    assert codes(*both) == expected


def test_of_several_tries_the_one_that_got_furthest_counts() -> None:
    receipts = [
        make_receipt(HOLDER, outcome=AccessOutcome.DENIED),
        make_receipt(REQUESTER, outcome=AccessOutcome.UNANSWERED),
        make_receipt(HOLDER, index=1),
        make_receipt(REQUESTER, index=1),
    ]
    assert codes(*receipts) == []


def test_an_actor_of_somebody_else_is_found() -> None:
    both = [make_receipt(side, actor=replace(DOCTOR, institution=C)) for side in AccessSide]
    assert codes(*both) == [FindingCode.ACTOR_FOREIGN] * 2


def test_times_are_held_against_what_supervision_saw_itself() -> None:
    minute = START_MS - START_MS % 60_000
    both = make_receipt(REQUESTER), make_receipt(HOLDER, leaf_time_ms=minute + 300_000)
    assert codes(*both) == []
    assert codes(both[0], make_receipt(HOLDER, leaf_time_ms=minute + 360_000)) == [FindingCode.LEAF_AHEAD]
    old = minute - 48 * 3_600_000
    assert codes(both[0], make_receipt(HOLDER, leaf_time_ms=old)) == [], "a log that is read for the first time holds old entries"
    assert codes(both[0], make_receipt(HOLDER, leaf_time_ms=old, absent_at_ms=START_MS)) == [FindingCode.LEAF_BEHIND]


def test_the_order_of_arrival_changes_nothing() -> None:
    receipts = [make_receipt(HOLDER), make_receipt(REQUESTER, purpose=Purpose.CLAIM), make_receipt(HOLDER, index=1)]
    assert judge(*receipts) == judge(*reversed(receipts))


def test_a_finding_keeps_its_name_while_entries_are_added_to_it() -> None:
    first = judge(make_receipt(HOLDER)).findings[0]
    second = judge(make_receipt(HOLDER), make_receipt(HOLDER, index=1)).findings[0]
    assert first.finding_id == second.finding_id
    assert first.entries < second.entries


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_kind_of_finding_has_a_severity_and_words(language: str) -> None:
    texts = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))
    assert set(SEVERITIES) == set(FindingCode)
    severities = {f"severity_{severity.value}" for severity in Severity}
    answers = {f"{code}_{answer}" for code, answers in ANSWERS.items() for answer in answers}
    without = {code.value for code in FindingCode if code not in ALWAYS_ANSWERED}
    assert set(texts["finding"]) == without | severities | answers
    assert set(texts["finding_name"]) == {code.value for code in FindingCode}
