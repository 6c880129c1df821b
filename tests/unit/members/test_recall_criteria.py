"""Which results a recall finds: by lot, device, item and period, whoever may read them and whatever their version."""

from __future__ import annotations

from node.domain.recall import RecallCriteria
from node.identity.codes import draw_seed, keys_of_seed
from node.services.patients.index import Registration
from tests.unit.members.notices import reference
from tests.unit.members.orders import electrolytes
from tests.unit.members.patients import Patient
from tests.unit.members.recalls import (
    criteria,
    listed,
    made_with,
    preview,
    recall,
    service,
)
from tests.unit.services_records.test_labels import meta
from tests.unit.services_records.world import CLINIC, HOSPITAL, LOCATOR_SECRETS


def test_a_lot_without_a_device_a_device_without_a_lot_and_neither(alone: Patient) -> None:
    both = reference(made_with(alone, "AU-5800", "L2231"))
    lot = reference(made_with(alone, lot="L2231"))
    device = reference(made_with(alone, "AU-5800"))
    made_with(alone)
    for wanted, expected in (
        (criteria(alone, lot="L2231"), [both, lot]),
        (criteria(alone, device="AU-5800"), [both, device]),
        (criteria(alone, device="AU-5800", lot="L2231"), [both]),
        (criteria(alone, item="LAB-K", lot="L2231"), [both, lot]),
        (criteria(alone, item="LAB-ALT", lot="L2231"), []),
        (criteria(alone, lot="L223"), []),
    ):
        found = preview(alone, wanted)
        assert ([each.entry for each in found.results], found.unreadable) == (expected, 0), wanted


def test_an_item_is_named_as_the_catalogue_or_as_the_institution_does(alone: Patient) -> None:
    receipt = reference(made_with(alone))
    for item, expected in (("LAB-K", [receipt]), ("2823-3", [receipt]), ("LAB-NA", [receipt]), ("LAB-ALT", [])):
        found = preview(alone, criteria(alone, item=item))
        assert [each.entry for each in found.results] == expected, item
    assert service(alone).preview(CLINIC, criteria(alone, item="LAB-K"), 0).results == ()


def test_the_period_counts_when_it_was_performed(alone: Patient) -> None:
    made_with(alone, lot="L1", effectiveDateTime="2026-02-20T08:00:00+08:00")
    at_ms = 1_771_545_600_000
    for from_ms, to_ms, count in ((at_ms, at_ms + 1, 1), (at_ms + 1, at_ms + 2, 0), (at_ms - 1, at_ms, 0)):
        assert len(preview(alone, RecallCriteria("", "", "L1", from_ms, to_ms)).results) == count


def test_each_version_is_looked_at_by_itself_and_what_was_withdrawn_is_told_too(alone: Patient) -> None:
    number = [{"system": "urn:filler", "value": f"E-{alone.number}-0"}]
    first = made_with(alone, lot="L1")
    second = made_with(alone, lot="L2", identifier=number, status="corrected")
    assert listed(recall(alone, lot="L1")) == [reference(first)]
    assert listed(recall(alone, lot="L2")) == [reference(second)]


def test_what_was_erased_is_not_found(alone: Patient) -> None:
    receipt = made_with(alone, lot="L1")
    alone.neighbours.here.running.node.erasure.erase(HOSPITAL, receipt.record_id)
    assert recall(alone, lot="L1").results == ()


def test_a_sensitive_record_and_one_of_a_patient_with_a_new_code_are_found(alone: Patient) -> None:
    world = alone.neighbours.here
    number = [{"system": "urn:filler", "value": f"E-{alone.number}-hidden"}]
    hidden = world.receipt(electrolytes(alone, meta=meta("HIV"), identifier=number))
    plain = made_with(alone)
    keys = keys_of_seed(draw_seed(), LOCATOR_SECRETS, provisional=False)
    world.running.node.patients.register(HOSPITAL, Registration(alone.here, keys))
    wanted = criteria(alone, item="LAB-K")
    for days in range(3):
        found = preview(alone, wanted)
        assert {each.entry for each in found.results} == {reference(hidden), reference(plain)}, days
        assert found.unreadable == 0
        alone.neighbours.clock.advance(hours=13)
        world.running.node.custody.relocations.step()
