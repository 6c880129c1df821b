"""Emergencies: they prove themselves, a second person reviews them, and nobody opens many."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.errors import (
    EmergencyRateError,
    SecondPersonError,
    UnknownEmergencyError,
)
from node.wire.consent.emergency import EmergencyReview, statement_digest
from tests.unit.consents.served import ACTOR, NUMBER, OTHER_ACTOR, Node, wait_for
from tests.unit.services_records.world import CLINIC, HOSPITAL

pytestmark = pytest.mark.slow


def test_an_emergency_proves_itself_and_is_reviewed_by_another_person(node: Node) -> None:
    emergencies = node.services.emergencies
    node.chain.away = True
    opened = emergencies.open(HOSPITAL, ACTOR, "unconscious", NUMBER)
    assert statement_digest(opened.kept.salt, opened.statement) == opened.signed.message.digest  # type: ignore[union-attr]
    node.chain.away = False
    emergency = opened.kept.emergency
    wait_for(lambda: node.services.watch.emergency(emergency) is not None)
    ((kept, statement),) = emergencies.list(HOSPITAL)
    assert (kept.reviewed_at_ms, statement.reason, statement.patient_tag is None) == (None, "unconscious", False)
    with pytest.raises(SecondPersonError):
        emergencies.review(HOSPITAL, emergency, EmergencyReview(ACTOR, justified=True, remark="", reviewed_at_ms=0))
    with pytest.raises(UnknownEmergencyError):
        emergencies.review(CLINIC, emergency, EmergencyReview(OTHER_ACTOR, justified=True, remark="", reviewed_at_ms=0))
    review = EmergencyReview(OTHER_ACTOR, justified=True, remark="", reviewed_at_ms=0)
    first = emergencies.review(HOSPITAL, emergency, review)
    assert emergencies.review(HOSPITAL, emergency, review) == first
    wait_for(lambda: node.chain.opened[emergency].reviewed_at_s is not None)
    assert b"unconscious" not in node.world.file_bytes()


def test_a_person_opens_only_so_many_emergencies_an_hour(tmp_path: Path) -> None:
    node = Node(tmp_path / "n", max_emergencies_per_hour=2)
    try:
        for _ in range(2):
            node.services.emergencies.open(HOSPITAL, ACTOR, "r", None)
        with pytest.raises(EmergencyRateError, match="at most 2"):
            node.services.emergencies.open(HOSPITAL, ACTOR, "r", None)
        node.services.emergencies.open(HOSPITAL, OTHER_ACTOR, "r", None)
        node.world.clock.advance(hours=1, seconds=1)
        node.services.emergencies.open(HOSPITAL, ACTOR, "r", None)
    finally:
        node.world.stop()
