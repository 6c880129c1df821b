from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from node.domain.access import AccessOutcome
from node.domain.entry import InstitutionId, Origin
from node.domain.header import AnyContent, Header
from node.supervision.findings import EntryPlace, FindingCode
from node.supervision.misconduct import EntryRules
from node.supervision.reading import ReadEntry
from tests.unit.services_supervision.consortium import HOLDER, REQUESTER, B, make_access
from tests.unit.terminology import world

RULES = EntryRules(world.terminology())
PLACE = EntryPlace(Origin("hospital-b.example/log"), 7, b"\x07" * 32, 9)


def found(content: AnyContent, institution: InstitutionId = B) -> list[FindingCode]:
    judged = list(RULES.findings(ReadEntry(institution, PLACE.leaf_hash, Header(content, None)), PLACE))
    assert all(
        (each.institutions, each.entries, each.subject) == ((institution,), (PLACE,), f"{PLACE.origin}#7") for each in judged
    )
    return [each.code for each in judged]


def test_a_disclosure_needs_a_consent_or_an_emergency() -> None:
    for side in (HOLDER, REQUESTER):
        access = make_access(side)
        without = replace(access, consent_id=None)
        institution = world.A if side is HOLDER else world.B
        assert found(access, institution) == []
        assert found(without, institution) == [FindingCode.ACCESS_WITHOUT_CONSENT]
        assert found(replace(without, emergency_id=bytes(32)), institution) == []
        assert found(replace(without, outcome=AccessOutcome.DENIED), institution) == []
        assert found(replace(without, counterpart=institution), institution) == []


@pytest.mark.parametrize(
    ("claimed", "codes"),
    [
        ({}, []),
        ({"mark": "粤HR", "certificate": "CN-44-hospital-a-ALT"}, []),
        ({"certificate": "CN-44-hospital-a-ALT"}, []),
        ({"mark": "粤HR"}, []),
        ({"mark": "全国HR"}, [FindingCode.MARK_WITHOUT_CERTIFICATE]),
        ({"mark": "全国HR", "certificate": "CN-44-hospital-a-ALT"}, [FindingCode.MARK_WITHOUT_CERTIFICATE]),
        ({"mark": "粤HR", "certificate": "CN-44-hospital-a-AST"}, [FindingCode.MARK_WITHOUT_CERTIFICATE]),
        ({"mark": "粤HR", "certificate": "made-up"}, [FindingCode.MARK_WITHOUT_CERTIFICATE]),
    ],
    ids=["none", "held", "held-unlabelled", "held-unnamed", "none-of-that-mark", "other-mark", "other-item", "made-up"],
)
def test_a_mark_needs_a_certificate_of_its_institution_for_its_item(claimed: dict[str, Any], codes: list[FindingCode]) -> None:
    assert found(world.result("r", world.ALT, **claimed).content, world.A) == codes


def test_a_certificate_counts_while_it_is_valid_and_for_who_holds_it() -> None:
    claimed: dict[str, Any] = {"mark": "粤HR", "certificate": "CN-44-hospital-a-ALT"}
    assert found(world.result("r", world.ALT, days_ago=400, **claimed).content, world.A) == [FindingCode.MARK_WITHOUT_CERTIFICATE]
    assert found(world.result("r", world.ALT, **claimed).content, world.B) == [FindingCode.MARK_WITHOUT_CERTIFICATE]
