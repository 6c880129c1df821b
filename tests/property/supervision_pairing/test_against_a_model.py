"""Judging request by request, as receipts come, against a model that looks at everything each time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from node.domain.access import AccessOutcome, AccessSide, RequestId
from node.supervision.findings import FindingCode
from node.supervision.pairing import Receipt, judge_request
from tests.unit.supervision_pairing.receipts import DOCTOR, GRACE_MS, START_MS, A, B, C, make_receipt, make_rules

REQUESTS = [RequestId(f"{number:032x}") for number in range(3)]
ENDS = {FindingCode.HOLDER_ALONE, FindingCode.REQUESTER_ALONE}

receipts = st.builds(
    make_receipt,
    side=st.sampled_from(AccessSide),
    outcome=st.sampled_from(AccessOutcome),
    index=st.integers(0, 10**6),
    seen_ms=st.integers(START_MS, START_MS + 3 * GRACE_MS),
    institution=st.sampled_from([None, C]),
    counterpart=st.sampled_from([None, C]),
    request=st.sampled_from(REQUESTS),
    actor=st.just(DOCTOR),
)


def model(all_receipts: list[Receipt], now_ms: int) -> set[tuple[FindingCode, RequestId, str]]:
    """Say who is missing: for each receipt that needs one, look through all others for the other side."""
    found: set[tuple[FindingCode, RequestId, str]] = set()
    for receipt in all_receipts:
        content = receipt.content
        holder_side = content.side is AccessSide.HOLDER
        needs = {AccessOutcome.DISCLOSED, AccessOutcome.DENIED, AccessOutcome.REJECTED}
        if holder_side:
            needs.add(AccessOutcome.UNANSWERED)
        if content.outcome not in needs or content.counterpart == receipt.institution:
            continue
        answered = any(
            other.content.request_id == content.request_id
            and other.content.side is not content.side
            and other.institution == content.counterpart
            and other.content.counterpart == receipt.institution
            and other.content.outcome not in (AccessOutcome.FOUND, AccessOutcome.RELEASED)
            for other in all_receipts
        )
        if not answered and now_ms >= receipt.first_seen_ms + GRACE_MS:
            code = FindingCode.HOLDER_ALONE if holder_side else FindingCode.REQUESTER_ALONE
            found.add((code, content.request_id, content.counterpart))
    return found


@given(st.lists(receipts, max_size=12, unique_by=lambda receipt: receipt.place), st.data())
def test_who_is_missing_is_found_whatever_the_order(all_receipts: list[Receipt], data: st.DataObject) -> None:
    groups: dict[RequestId, list[Receipt]] = {}
    open_findings: dict[RequestId, set[tuple[FindingCode, RequestId, str]]] = {}
    due: dict[RequestId, int] = {}

    def judge(request: RequestId, now_ms: int) -> None:
        judgement = judge_request(groups[request], now_ms, make_rules())
        open_findings[request] = {
            (finding.code, request, finding.institutions[0]) for finding in judgement.findings if finding.code in ENDS
        }
        due.pop(request, None)
        if judgement.look_again_at_ms is not None:
            due[request] = judgement.look_again_at_ms

    seen: list[Receipt] = []
    for receipt in sorted(data.draw(st.permutations(all_receipts)), key=lambda each: each.first_seen_ms):
        now_ms = receipt.first_seen_ms
        for request in [request for request, at_ms in due.items() if at_ms <= now_ms]:
            judge(request, now_ms)
        seen.append(receipt)
        groups.setdefault(receipt.content.request_id, []).append(receipt)
        judge(receipt.content.request_id, now_ms)
        assert set().union(*open_findings.values()) == model(seen, now_ms)
    end_ms = START_MS + 5 * GRACE_MS
    for request in list(due):
        judge(request, end_ms)
    assert set().union(*open_findings.values()) == model(seen, end_ms)
    assert not due, "with every log followed, nothing stays to be looked at"


@given(st.lists(receipts, min_size=1, max_size=8), st.integers(START_MS, START_MS + 5 * GRACE_MS))
def test_a_judgement_depends_on_what_was_logged_only(group: list[Receipt], now_ms: int) -> None:
    judgement = judge_request(group, now_ms, make_rules())
    assert judgement == judge_request(reversed(group), now_ms, make_rules())
    names = [finding.finding_id for finding in judgement.findings]
    assert all({A, B, C} >= set(finding.institutions) for finding in judgement.findings)
    assert len(set(names)) == len({(f.code, f.institutions, f.subject) for f in judgement.findings})
