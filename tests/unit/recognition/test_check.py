from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from node.domain.entry import EntryType, InstitutionId, LeafReference, Level, Origin, Version
from node.domain.found_result import FoundResult
from node.domain.recognition import (
    Coverage,
    ItemCode,
    Obstacle,
    OrderableCheck,
    OrderableCode,
    Reachability,
)
from node.domain.record import Item
from node.errors import NoProfileError
from node.recognition.check import check_order
from node.recognition.index import OrderingIndex
from node.terminology.catalogue import Quality
from node.terminology.maps import LOINC, ResultMapping
from node.terminology.marks import CertificateList
from node.terminology.regions import RegionRules
from tests.unit.terminology import world
from tests.unit.terminology.world import ALT, AST, CHEST, CT, DAY_MS, GLU, GLUCOSE, LIVER, NOW_MS, THYROID, TSH, A, B, C, D, result


@pytest.fixture(scope="module")
def index() -> OrderingIndex:
    return world.ordering()


def check(index: OrderingIndex, orderable: OrderableCode, *found: FoundResult) -> OrderableCheck:
    (answer,) = check_order(index, "encounter", [world.line(orderable)], found, NOW_MS).lines
    return answer


def obstacles(answer: OrderableCheck) -> dict[ItemCode, Obstacle]:
    return {each.item: each.obstacle for one in answer.unrecognisable for each in one.items}


def test_a_panel_is_covered_by_one_result(index: OrderingIndex) -> None:
    answer = check(index, LIVER, result("r", ALT, AST, GLU, days_ago=3))
    assert (answer.coverage, answer.missing, answer.saving_fen, answer.price_fen) == (Coverage.COVERED, (), 5000, 5000)
    (offer,) = answer.offers
    assert (offer.institution, offer.own, offer.age_ms, offer.saving_fen) == (A, False, 3 * DAY_MS, 5000)
    assert (offer.level, offer.reachability, offer.images_at_hand) == (Level.ANCHORED, Reachability.REACHABLE, False)
    assert [each.item for each in offer.items] == [ALT, AST]
    assert offer.marks == ("粤HR",)
    assert offer.items[0].certificate == "CN-44-hospital-a-ALT"
    assert answer.window_days == 30


def test_a_panel_is_covered_by_two_results_of_two_hospitals(index: OrderingIndex) -> None:
    answer = check(index, LIVER, result("one", ALT, of=D, days_ago=2), result("two", AST, days_ago=1))
    assert answer.coverage is Coverage.COVERED
    assert [offer.institution for offer in answer.offers] == [A, D]
    # either alone saves the panel's price less that of the other item on its own
    assert [offer.saving_fen for offer in answer.offers] == [5000 - 2000, 5000 - 2500]


def test_a_panel_is_covered_in_part(index: OrderingIndex) -> None:
    answer = check(index, LIVER, result("r", ALT))
    assert (answer.coverage, answer.missing, answer.saving_fen) == (Coverage.PARTLY, (AST,), 2500)


def test_no_saving_is_claimed_where_the_rest_has_no_price() -> None:
    prices = replace(world.PRICES, prices=tuple(p for p in world.PRICES.prices if p.charge != "250305007"))
    answer = check(world.ordering(prices=prices), LIVER, result("r", ALT))
    assert (answer.coverage, answer.saving_fen) == (Coverage.PARTLY, 0)


def test_the_newest_offer_comes_first_whatever_the_order_of_finding(index: OrderingIndex) -> None:
    found = [result(f"r{days}", GLU, days_ago=days) for days in range(1, 8)]
    found = found[3:] + found[:3]
    ages = [offer.age_ms // DAY_MS for offer in check(index, GLUCOSE, *found).offers]
    assert ages == list(range(1, 8))


@pytest.mark.parametrize(
    ("found", "obstacle"),
    [
        (result("r", GLU, days_ago=30.01), Obstacle.OUT_OF_WINDOW),
        (result("r", GLU, days_ago=-0.01), Obstacle.OUT_OF_WINDOW),
        (result("r", GLU, status="preliminary"), Obstacle.PRELIMINARY),
        (result("r", GLU, status="registered"), Obstacle.PRELIMINARY),
        (result("r", GLU, status="a status that nobody knows"), Obstacle.PRELIMINARY),
        (replace(result("r", GLU), frozen=True), Obstacle.LOG_FROZEN),
        (replace(result("r", GLU), recalled=True), Obstacle.RECALLED),
        (replace(result("r", GLU, status="preliminary"), recalled=True, frozen=True), Obstacle.RECALLED),
        (replace(result("r", GLU), recalled=True, entry_type=EntryType.WITHDRAWAL), Obstacle.WITHDRAWN),
        (replace(result("r", GLU), entry_type=EntryType.WITHDRAWAL), Obstacle.WITHDRAWN),
        (result("r", Item(LOINC, "2345-7", "", "[IU]/L")), Obstacle.UNIT),
        (result("r", Item(LOINC, "2345-7", "", "")), Obstacle.UNIT),
        (result("r", GLU, of=C), Obstacle.MARK_OUT_OF_SCOPE),
        (result("r", GLU, days_ago=1, of=InstitutionId("hospital-x")), None),
    ],
)
def test_why_a_result_is_not_recognised(index: OrderingIndex, found: FoundResult, obstacle: Obstacle | None) -> None:
    answer = check(index, GLUCOSE, found)
    assert (answer.coverage, answer.offers, answer.saving_fen) == (Coverage.NOT, (), 0)
    assert obstacles(answer) == ({GLU: obstacle} if obstacle else {})


def test_the_window_holds_to_its_last_moment(index: OrderingIndex) -> None:
    assert check(index, GLUCOSE, result("r", GLU, days_ago=30)).coverage is Coverage.COVERED


def test_the_window_is_that_of_the_ordering_region() -> None:
    there = world.ordering(C)
    assert check(there, GLUCOSE, result("r", GLU, days_ago=7)).coverage is Coverage.COVERED
    assert obstacles(check(there, GLUCOSE, result("r", GLU, days_ago=8))) == {GLU: Obstacle.OUT_OF_WINDOW}


def test_units_that_convert_are_comparable(index: OrderingIndex) -> None:
    assert check(index, GLUCOSE, result("r", Item(LOINC, "2345-7", "", "mg/dL"))).coverage is Coverage.COVERED


def test_the_map_says_the_unit_that_a_result_leaves_out(index: OrderingIndex) -> None:
    assert check(index, THYROID, result("r", Item(LOINC, "3016-3", "", ""))).coverage is Coverage.COVERED


def test_methods_of_different_groups_are_not_compared() -> None:
    certificates = CertificateList(world.head(), (world.certificate(C, TSH, world.COUNTRY),))
    index = world.ordering(certificates=certificates)
    assert obstacles(check(index, THYROID, result("r", TSH, of=C))) == {TSH: Obstacle.METHOD}


def test_images_are_needed_where_the_item_says_so(index: OrderingIndex) -> None:
    bare = result("r", CT)
    assert obstacles(check(index, CHEST, bare)) == {CT: Obstacle.NO_IMAGES}
    answer = check(index, CHEST, result("r", CT, parts=("report", "imaging-study")))
    assert (answer.coverage, answer.offers[0].images_at_hand) == (Coverage.COVERED, True)


def test_no_mark_without_a_certificate_for_that_item(index: OrderingIndex) -> None:
    assert obstacles(check(index, LIVER, result("r", AST, of=D))) == {AST: Obstacle.NO_MARK}


def test_the_certificate_counts_on_the_day_of_examination_not_today() -> None:
    lapsed = world.certificate(A, GLU, world.PROVINCE, valid_to=date(2026, 11, 10))
    index = world.ordering(certificates=CertificateList(world.head(), (lapsed,)))
    assert check(index, GLUCOSE, result("r", GLU, days_ago=10)).coverage is Coverage.COVERED
    assert obstacles(check(index, GLUCOSE, result("r", GLU, days_ago=9))) == {GLU: Obstacle.NO_MARK}


def test_what_the_header_claims_of_its_mark_plays_no_part(index: OrderingIndex) -> None:
    claimed = result("r", AST, of=D, mark="全国HR", certificate="made up")
    assert obstacles(check(index, LIVER, claimed)) == {AST: Obstacle.NO_MARK}


def test_a_mark_reaches_inward_and_not_to_another_city() -> None:
    everywhere = (
        world.certificate(C, GLU, world.OTHER_CITY),
        world.certificate(A, GLU, world.PROVINCE),
        world.certificate(D, GLU, world.COUNTRY),
    )
    index = world.ordering(certificates=CertificateList(world.head(), everywhere))
    marks = {
        offer.institution: offer.marks for offer in check(index, GLUCOSE, *(result("r", GLU, of=of) for of in (A, C, D))).offers
    }
    assert marks == {A: ("粤HR",), D: ("全国HR",)}


def test_a_region_may_accept_the_marks_of_another() -> None:
    regions = world.regions_with(world.CITY, accepts=(world.OTHER_CITY,))
    answer = check(world.ordering(regions=regions), GLUCOSE, result("r", GLU, of=C))
    assert answer.offers[0].marks == ("深HR",)


def test_of_several_marks_the_one_that_reaches_furthest_is_told() -> None:
    both = (world.certificate(A, GLU, world.CITY), world.certificate(A, GLU, world.COUNTRY))
    index = world.ordering(certificates=CertificateList(world.head(), both))
    assert check(index, GLUCOSE, result("r", GLU)).offers[0].marks == ("全国HR",)


def test_upward_only_regions_recognise_no_lower_class() -> None:
    regions = world.regions_with(world.CITY, rules=RegionRules(upward_only=True))
    certificates = CertificateList(world.head(), (world.certificate(B, GLU, world.CITY), world.certificate(A, GLU, world.CITY)))
    high, low = (world.ordering(of, regions=regions, certificates=certificates) for of in (D, B))
    assert obstacles(check(high, GLUCOSE, result("r", GLU, of=B))) == {GLU: Obstacle.LOWER_CLASS}
    assert check(high, GLUCOSE, result("r", GLU, of=A)).coverage is Coverage.COVERED
    assert check(low, GLUCOSE, result("r", GLU, of=A)).coverage is Coverage.COVERED


def test_upward_only_regions_recognise_no_lower_class_where_no_mark_is_needed_either() -> None:
    items = tuple(replace(item, quality=Quality.NONE) for item in world.CATALOGUE.items)
    regions = world.regions_with(world.CITY, rules=RegionRules(upward_only=True))
    index = world.ordering(D, regions=regions, catalogue=replace(world.CATALOGUE, items=items))
    assert obstacles(check(index, GLUCOSE, result("r", GLU, of=B))) == {GLU: Obstacle.LOWER_CLASS}
    assert check(index, GLUCOSE, result("r", GLU, of=A)).offers[0].marks == ()


def test_own_results_need_no_mark_and_are_told_apart(index: OrderingIndex) -> None:
    (offer,) = check(index, GLUCOSE, result("r", GLU, of=B)).offers
    assert (offer.own, offer.marks) == (True, ())


def test_a_newer_version_replaces_the_older(index: OrderingIndex) -> None:
    first, second = result("r", GLU, days_ago=2), result("r", GLU, days_ago=2, version=Version(2), status="amended")
    answer = check(index, GLUCOSE, first, second)
    assert [offer.leaf for offer in answer.offers] == [second.leaf]
    assert [(each.leaf, each.items[0].obstacle) for each in answer.unrecognisable] == [(first.leaf, Obstacle.SUPERSEDED)]


def test_a_preliminary_correction_leaves_nothing_to_rely_on(index: OrderingIndex) -> None:
    first, second = result("r", GLU), result("r", GLU, version=Version(2), status="preliminary")
    answer = check(index, GLUCOSE, first, second)
    assert {each.items[0].obstacle for each in answer.unrecognisable} == {Obstacle.SUPERSEDED, Obstacle.PRELIMINARY}
    assert answer.offers == ()


def test_a_withdrawn_record_is_told_once(index: OrderingIndex) -> None:
    first, second = result("r", GLU), result("r", GLU, version=Version(2))
    last = replace(result("r", version=Version(3), status="entered-in-error"), entry_type=EntryType.WITHDRAWAL)
    answer = check(index, GLUCOSE, first, second, last)
    assert [(each.leaf, each.items[0].obstacle) for each in answer.unrecognisable] == [(second.leaf, Obstacle.WITHDRAWN)]


def test_a_log_supersedes_its_own_entries_only(index: OrderingIndex) -> None:
    victim = result("r", GLU)
    same = result("other", GLU, supersedes=victim.leaf)
    assert obstacles(check(index, GLUCOSE, victim, same)) == {GLU: Obstacle.SUPERSEDED}
    foreign = result("other", GLU, of=D, supersedes=LeafReference(Origin(victim.leaf.origin), victim.leaf.leaf_hash))
    assert len(check(index, GLUCOSE, victim, foreign).offers) == 2


def test_codes_that_lead_nowhere_are_listed(index: OrderingIndex) -> None:
    strange = result("r", Item("urn:local", "X1", "", "mg/L"), Item(LOINC, "24325-3", "", ""), GLU)
    outcome = check_order(index, "e", [world.line(GLUCOSE)], [strange], NOW_MS)
    assert [(each.leaf, each.codes) for each in outcome.unmapped] == [(strange.leaf, (("urn:local", "X1"),))]
    assert outcome.lines[0].coverage is Coverage.COVERED


def test_all_codes_of_an_institution_without_a_map_lead_nowhere(index: OrderingIndex) -> None:
    stranger = result("r", GLU, of=InstitutionId("hospital-x"))
    outcome = check_order(index, "e", [world.line(GLUCOSE)], [stranger], NOW_MS)
    assert outcome.unmapped[0].codes == ((LOINC, "2345-7"),)


def test_specimens_tell_equal_codes_apart() -> None:
    rows = (ResultMapping("urn:lis", "GLU", GLU, unit="mmol/L"), ResultMapping("urn:lis", "GLU", None, specimen="UR"))
    maps = world.MAPS | {A: world.mapping(A, results=rows)}
    index = world.ordering(maps=maps)
    blood, urine = (result(name, Item("urn:lis", "GLU", name, "mmol/L")) for name in ("SER", "UR"))
    outcome = check_order(index, "e", [world.line(GLUCOSE)], [blood, urine], NOW_MS)
    assert ([offer.leaf for offer in outcome.lines[0].offers], outcome.unmapped) == ([blood.leaf], ())


def test_an_orderable_that_the_map_does_not_know(index: OrderingIndex) -> None:
    answer = check(index, OrderableCode("NEVER-HEARD-OF"), result("r", GLU))
    assert (answer.known, answer.items, answer.coverage, answer.price_fen) == (False, (), Coverage.NOT, None)


def test_an_item_without_a_window_here_is_not_recognised() -> None:
    items = tuple(replace(i, windows={world.OTHER_CITY: 30}) if i.code == GLU else i for i in world.CATALOGUE.items)
    index = world.ordering(catalogue=replace(world.CATALOGUE, items=items))
    answer = check(index, GLUCOSE, result("r", GLU))
    assert (obstacles(answer), answer.window_days) == ({GLU: Obstacle.OUT_OF_WINDOW}, None)


def test_prices_are_those_of_the_day_the_class_and_the_nearest_region() -> None:
    assert check(world.ordering(A), LIVER).price_fen == 6000
    assert check(world.ordering(B), LIVER).price_fen == 5000
    index = world.ordering(B)
    (spring,) = check_order(index, "e", [world.line(GLUCOSE)], [], NOW_MS - 200 * DAY_MS).lines
    assert (spring.price_fen, check(index, GLUCOSE).price_fen) == (600, 700)


def test_the_outcome_pins_every_document_and_tells_foreign_hits(index: OrderingIndex) -> None:
    none = check_order(index, "e", [world.line(GLUCOSE)], [result("r", GLU, of=B)], NOW_MS)
    assert {pin.kind for pin in none.pins} == {"catalogue", "regions", "institutions", "prices", "certificates", "institution-map"}
    assert all(len(pin.digest) == 32 for pin in none.pins)
    assert not none.has_foreign_hit
    refused = check_order(index, "e", [world.line(GLUCOSE)], [result("r", GLU, of=C)], NOW_MS)
    assert refused.has_foreign_hit


def test_several_lines_are_answered_side_by_side(index: OrderingIndex) -> None:
    lines = [world.line(LIVER, "1"), world.line(GLUCOSE, "2"), world.line(LIVER, "3")]
    outcome = check_order(index, "e", lines, [result("r", ALT, AST)], NOW_MS)
    assert [each.coverage for each in outcome.lines] == [Coverage.COVERED, Coverage.NOT, Coverage.COVERED]
    assert [each.line.order_id for each in outcome.lines] == ["1", "2", "3"]


def test_an_institution_without_profile_or_map_cannot_order() -> None:
    with pytest.raises(NoProfileError):
        world.ordering(InstitutionId("hospital-x"))
