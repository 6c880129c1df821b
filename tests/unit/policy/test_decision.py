"""The policy: what permits, and each thing that denies, alone and in company, told or kept to the holder."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from node.domain.access import Purpose
from node.domain.consent import CarePeriod, Grantee
from node.domain.consent_state import ConsentStanding
from node.domain.entry import InstitutionId
from node.policy.decision import NOT_AVAILABLE, Basis, Denial, DenialReason, Permit, decide, permit_own
from node.policy.facts import AccessRequest, RecordState
from tests.unit.policy.cases import (
    ANY,
    BY_CONSENT,
    BY_EMERGENCY,
    CONSENT,
    EMERGENCY,
    EMERGENCY_REQUEST,
    FACTS,
    REFERENCE,
    REQUEST,
    B,
    Change,
    consent,
    emergency,
    known,
    record,
    terms,
)

CASES = [(name, REQUEST, change, reason) for name, change, reason in [*ANY, *BY_CONSENT]]
CASES += [(name, EMERGENCY_REQUEST, change, reason) for name, change, reason in [*ANY, *BY_EMERGENCY]]
IDS = [f"{request.purpose}: {name}" for name, request, _, _ in CASES]
ORDER = list(DenialReason)


def test_a_consent_in_force_that_covers_the_record_permits() -> None:
    permit = decide(REQUEST, FACTS)
    assert isinstance(permit, Permit)
    assert (permit.basis, permit.reference, permit.requester) == (Basis.CONSENT, REFERENCE, B)
    assert (permit.consent, permit.stamp, permit.emergency_id) == (CONSENT.consent, CONSENT.stamp, None)
    assert permit.purpose is Purpose.TREATMENT


def test_an_emergency_permits_without_a_consent() -> None:
    permit = decide(EMERGENCY_REQUEST, replace(FACTS, consents=()))
    assert isinstance(permit, Permit)
    assert (permit.basis, permit.emergency_id, permit.consent) == (Basis.EMERGENCY, EMERGENCY.emergency_id, None)


WIDER: list[tuple[str, Change]] = [
    ("all departments and roles", terms(grantee=Grantee(B, None, None))),
    ("all kinds", terms(kinds=None)),
    ("all items", terms(items=None)),
    ("any time", terms(period=CarePeriod(None, None))),
    ("any number of uses", terms(max_uses=None)),
    ("more labels than the record has", record(labels=frozenset())),
    ("asserted by a third institution", consent(asserted_by=InstitutionId("c"))),
    ("one of two consents", lambda request, facts: (request, replace(facts, consents=(replace(CONSENT, uses=3), CONSENT)))),
    ("self-asserted where accepted", lambda r, f: (r, replace(f, rules=replace(f.rules, accepts_self_asserted=True)))),
]


@pytest.mark.parametrize("change", [change for _, change in WIDER], ids=[name for name, _ in WIDER])
def test_what_is_not_limited_is_not_asked(change: Change) -> None:
    assert isinstance(decide(*change(REQUEST, FACTS)), Permit)


def test_an_emergency_goes_on_while_the_chain_is_away() -> None:
    assert isinstance(decide(*emergency(is_on_chain=None)(EMERGENCY_REQUEST, FACTS)), Permit)
    stale = consent(standing=None)(EMERGENCY_REQUEST, FACTS)
    assert isinstance(decide(*stale), Permit)


@pytest.mark.parametrize(("request_", "change", "reason"), [case[1:] for case in CASES], ids=IDS)
def test_each_thing_denies_by_its_reason(request_: object, change: Change, reason: DenialReason) -> None:
    decision = decide(*change(request_, FACTS))  # type: ignore[arg-type]
    assert isinstance(decision, Denial)
    assert decision.reason is reason


def test_every_reason_has_its_case() -> None:
    assert {reason for _, _, _, reason in CASES} == set(DenialReason)


def test_two_things_deny_as_the_first_of_them_does() -> None:
    """Every pair, over both purposes: nothing that denies is undone by something else that denies."""
    for (_, one_request, one, first), (_, other_request, other, second) in combinations(CASES, 2):
        if one_request is not other_request:
            continue
        request, facts = other(*one(one_request, FACTS))
        decision = decide(request, facts)
        assert isinstance(decision, Denial)
        allowed = {first, second}
        # two changes of the same field leave one of them
        assert decision.reason in allowed or ORDER.index(decision.reason) < max(map(ORDER.index, allowed))


def test_what_the_record_has_a_part_in_is_told_like_a_record_that_never_was() -> None:
    told = {reason: Denial(reason, None).told for reason in DenialReason}
    kept = {reason for reason, text in told.items() if text == NOT_AVAILABLE}
    named = [(request, change, reason) for _, request, change, reason in CASES]
    assert kept == {reason for request, change, reason in named if _depends_on_the_record(request, change)}
    assert all(text == reason for reason, text in told.items() if reason not in kept)


def _depends_on_the_record(request: AccessRequest, change: Change) -> bool:
    """Tell whether the answer changes once the record is not there."""
    here, never = change(request, FACTS), known(record=None)(*change(request, FACTS))
    now, then = decide(*here), decide(*never)
    assert isinstance(now, Denial)
    assert isinstance(then, Denial)
    return then.reason is DenialReason.RECORD_UNKNOWN


def test_the_first_consent_shown_names_the_reason() -> None:
    shown = (replace(CONSENT, standing=ConsentStanding.EXPIRED), replace(CONSENT, uses=3))
    assert decide(REQUEST, replace(FACTS, consents=shown)) == Denial(DenialReason.CONSENT_EXPIRED, CONSENT.stamp)


def test_nobody_but_the_policy_makes_a_permit() -> None:
    with pytest.raises(TypeError, match=r"node\.policy\.decision"):
        Permit()


HOLDER = InstitutionId("hospital-a")
OWN = [
    (HOLDER, RecordState.AVAILABLE, None),
    (HOLDER, RecordState.LOCKED, DenialReason.RECORD_LOCKED),
    (HOLDER, RecordState.ERASED, DenialReason.RECORD_ERASED),
    (B, RecordState.AVAILABLE, DenialReason.RECORD_UNKNOWN),
    (B, RecordState.LOCKED, DenialReason.RECORD_UNKNOWN),
]


@pytest.mark.parametrize(("asks", "state", "reason"), OWN, ids=[f"{asks}, {state}" for asks, state, _ in OWN])
def test_an_institution_reads_what_it_holds_itself(asks: InstitutionId, state: RecordState, reason: DenialReason | None) -> None:
    decision = permit_own(asks, HOLDER, REFERENCE, state)
    if reason is None:
        assert isinstance(decision, Permit)
        assert (decision.basis, decision.requester) == (Basis.OWN, HOLDER)
    else:
        assert decision == Denial(reason, None)
