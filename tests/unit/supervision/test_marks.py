from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from node.domain.access import AccessOutcome
from node.domain.entry import InstitutionId, Origin
from node.domain.header import AnyContent, Header
from node.supervision.findings import EntryPlace, FindingCode
from node.supervision.marks import JudgingList, MarkRules, mark_changes
from node.supervision.reading import ReadEntry
from node.terminology.bundle import Terminology
from tests.unit.services_supervision.consortium import HOLDER, make_access
from tests.unit.terminology import world

PLACE = EntryPlace(Origin("hospital-a.example/log"), 7, b"\x07" * 32, 9)
LIST = JudgingList(4, b"\x44" * 32, EntryPlace(Origin("regulator-p.example/log"), 3, b"\x03" * 32, 8))
RULES = MarkRules(world.terminology())


def found(content: AnyContent, institution: InstitutionId = world.A) -> bool:
    finding = RULES.finding(ReadEntry(institution, PLACE.leaf_hash, Header(content, None)), PLACE, LIST)
    if finding is None:
        return False
    assert (finding.code, finding.institutions) == (FindingCode.MARK_WITHOUT_CERTIFICATE, (institution,))
    assert (finding.subject, set(finding.entries)) == (f"{PLACE.origin}#7", {PLACE, LIST.place})
    assert dict(finding.values)["list_digest"] == LIST.digest.hex()
    return True


@pytest.mark.parametrize(
    ("claimed", "is_found"),
    [
        ({}, False),
        ({"mark": "粤HR", "certificate": "CN-44-hospital-a-ALT"}, False),
        ({"certificate": "CN-44-hospital-a-ALT"}, False),
        ({"mark": "粤HR"}, False),
        ({"mark": "全国HR"}, True),
        ({"mark": "全国HR", "certificate": "CN-44-hospital-a-ALT"}, True),
        ({"mark": "粤HR", "certificate": "CN-44-hospital-a-AST"}, True),
        ({"mark": "粤HR", "certificate": "made-up"}, True),
    ],
    ids=["none", "held", "held-unlabelled", "held-unnamed", "none-of-that-mark", "other-mark", "other-item", "made-up"],
)
def test_a_mark_needs_a_certificate_of_its_institution_for_its_item(claimed: dict[str, Any], *, is_found: bool) -> None:
    assert found(world.result("r", world.ALT, **claimed).content) is is_found


def test_a_certificate_counts_while_it_is_valid_and_for_who_holds_it() -> None:
    claimed: dict[str, Any] = {"mark": "粤HR", "certificate": "CN-44-hospital-a-ALT"}
    assert found(world.result("r", world.ALT, days_ago=400, **claimed).content)
    assert found(world.result("r", world.ALT, **claimed).content, world.B)


def test_what_claims_nothing_or_is_no_record_is_no_claim() -> None:
    assert not found(make_access(HOLDER, AccessOutcome.DENIED))
    assert RULES.items(ReadEntry(world.A, b"", Header(make_access(HOLDER), None))) is None


def changed(**certificate: Any) -> Terminology:  # noqa: ANN401 - fields of a certificate
    """Return the documents with another version of A's certificate for ALT."""
    documents = world.terminology()
    certificates = tuple(
        replace(each, **certificate) if each.certificate == "CN-44-hospital-a-ALT" else each
        for each in documents.certificates.certificates
    )
    return replace(documents, certificates=replace(documents.certificates, certificates=certificates))


def test_only_what_another_version_changes_is_judged_again() -> None:
    before = world.terminology()
    assert mark_changes(before, changed()) == ()
    (shortened,) = mark_changes(before, changed(withdrawn=date(2026, 9, 1)))
    assert (shortened.institution, shortened.item) == (world.A, world.ALT)
    assert mark_changes(changed(withdrawn=date(2026, 9, 1)), before) == (shortened,), "whichever way it goes"
    (withdrawn,) = mark_changes(before, changed(withdrawn=date(2026, 7, 1)))
    assert withdrawn.from_ms < shortened.from_ms
    assert withdrawn.before_ms == shortened.before_ms


def test_another_map_concerns_its_institution_and_another_meaning_of_codes_everybody() -> None:
    before = world.terminology()
    mapping = before.maps[world.A]
    remapped = replace(before, maps={**before.maps, world.A: replace(mapping, direct=not mapping.direct)})
    assert [(each.institution, each.item) for each in mark_changes(before, remapped)] == [(world.A, None)]
    items = tuple(replace(each, loinc=(*each.loinc, "0000-0")) for each in before.catalogue.items)
    catalogue = replace(before.catalogue, items=items)
    assert {each.institution for each in mark_changes(before, replace(before, catalogue=catalogue))} == set(before.maps)
