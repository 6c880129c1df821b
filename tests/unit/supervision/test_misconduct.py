from __future__ import annotations

from dataclasses import replace

from node.domain.access import AccessOutcome
from node.domain.entry import InstitutionId, Origin
from node.domain.header import AnyContent, Header
from node.supervision.findings import EntryPlace, FindingCode
from node.supervision.misconduct import findings_of
from node.supervision.reading import ReadEntry
from tests.unit.services_supervision.consortium import HOLDER, REQUESTER, B, make_access
from tests.unit.terminology import world

PLACE = EntryPlace(Origin("hospital-b.example/log"), 7, b"\x07" * 32, 9)


def found(content: AnyContent, institution: InstitutionId = B) -> list[FindingCode]:
    judged = list(findings_of(ReadEntry(institution, PLACE.leaf_hash, Header(content, None)), PLACE))
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
