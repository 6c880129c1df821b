"""Whatever the facts: no permit without a live consent or an emergency, and nothing that counts against a request helps it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from node.domain.access import Purpose
from node.domain.consent_state import ConsentStanding
from node.policy.decision import Basis, Permit, decide
from node.policy.facts import AccessRequest, Facts, RecordState
from tests.unit.policy.cases import ANY, BY_CONSENT, BY_EMERGENCY, EMERGENCY_REQUEST, FACTS, REQUEST, consent

CHANGES = [change for _, change, _ in [*ANY, *BY_CONSENT, *BY_EMERGENCY]]


@st.composite
def situations(draw: st.DrawFn) -> tuple[AccessRequest, Facts]:
    """A request and its facts, with any number of things changed, and any number of consents."""
    request, facts = draw(st.sampled_from([REQUEST, EMERGENCY_REQUEST])), FACTS
    for change in draw(st.lists(st.sampled_from(CHANGES), max_size=4)):
        request, facts = change(request, facts)
    more = draw(st.lists(st.sampled_from(CHANGES), max_size=3))
    shown = list(facts.consents)
    for change in more:
        shown += change(REQUEST, FACTS)[1].consents
    return request, replace(facts, consents=tuple(draw(st.permutations(shown))))


@given(situations())
def test_every_permit_rests_on_what_is_in_force(situation: tuple[AccessRequest, Facts]) -> None:
    request, facts = situation
    decision = decide(request, facts)
    if not isinstance(decision, Permit):
        return
    assert facts.requester_is_active
    assert facts.record is not None
    assert facts.record.state is RecordState.AVAILABLE
    assert (decision.reference, decision.requester, decision.purpose) == (request.reference, request.requester, request.purpose)
    if request.purpose is Purpose.EMERGENCY:
        assert decision.basis is Basis.EMERGENCY
        assert facts.emergency is not None
        assert facts.emergency.is_on_chain is not False
        return
    assert decision.basis is Basis.CONSENT
    live = [
        each
        for each in facts.consents
        if each.standing is ConsentStanding.GRANTED and each.staleness_s <= facts.rules.max_staleness_s and each.is_of_patient
    ]
    assert any(each.consent == decision.consent and not each.revocation_known for each in live)


@given(situations(), st.sampled_from(CHANGES))
def test_one_more_reason_against_it_permits_nothing_new(situation: tuple[AccessRequest, Facts], change: object) -> None:
    request, facts = situation
    if isinstance(decide(request, facts), Permit):
        return
    changed_request, changed_facts = change(request, facts)  # type: ignore[operator]
    if changed_request.purpose is request.purpose:
        assert not isinstance(decide(changed_request, changed_facts), Permit)


@given(situations())
def test_a_revocation_always_wins(situation: tuple[AccessRequest, Facts]) -> None:
    request, facts = situation
    if request.purpose is Purpose.EMERGENCY:
        return
    for change in (consent(revocation_known=True), consent(standing=ConsentStanding.REVOKED)):
        assert not isinstance(decide(*change(request, facts)), Permit)


@given(situations())
def test_the_answer_to_a_denied_request_says_nothing_of_the_record(situation: tuple[AccessRequest, Facts]) -> None:
    request, facts = situation
    decision, never = decide(request, facts), decide(request, replace(facts, record=None))
    assert not isinstance(never, Permit)
    if not isinstance(decision, Permit):
        assert decision.told == never.told
