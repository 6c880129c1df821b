from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

import pytest

from devnet.simulation.aftermath import aftermath_of
from devnet.simulation.config import GUANGZHOU, LONGHUA, REGIONS, RegionConfig
from devnet.simulation.happenings import Change, Obstacle, Recognition, Reordering, ResultMade, Status, Year
from devnet.simulation.misconduct import choose_parts
from devnet.simulation.model import draw_year
from devnet.simulation.region import draw_region
from devnet.simulation.rules import DAY_MS, Answer, RegionRulesRead
from devnet.simulation.standing import Known
from node.domain.entry import InstitutionId
from node.domain.recognition import CertificateId, ItemCode, RegionCode
from node.terminology.marks import Certificate
from tests.unit.simulated_region.world import DAY_0, ITEMS, LIPID, REGION, RULES, A, B, result

VISITS = 4_000


@cache
def whole_year() -> Year:
    return draw_year(draw_region(GUANGZHOU, 1), 30_000, 1)


@pytest.mark.parametrize(("name", "institutions"), [("guangzhou", 86), ("longhua", 499)])
def test_regions_have_their_sizes(name: str, institutions: int) -> None:
    region = draw_region(REGIONS[name], 1)
    assert len(region.institutions) == len({each.institution for each in region.institutions}) == institutions


@pytest.mark.parametrize("config", [GUANGZHOU, LONGHUA], ids=lambda config: config.name)
def test_the_same_seed_gives_the_same_year(config: RegionConfig) -> None:
    region = draw_region(config, 7)
    first = draw_year(region, VISITS, 7)
    assert draw_year(draw_region(config, 7), VISITS, 7) == first
    assert draw_year(region, VISITS, 8) != first
    assert sum(first.plain_visits.values()) + len(first.ordering) == first.visits == VISITS


def test_everything_that_clinicians_do_occurs() -> None:
    year = whole_year()
    decisions = [line.decision for visit in year.ordering for line in visit.lines]
    reasons = {each.reason for each in decisions if isinstance(each, Reordering)}
    assert len(reasons) == 7  # the six, and none
    assert any(isinstance(each, Recognition) and not each.is_foreign for each in decisions)
    assert any(line.reversed_at_ms for visit in year.ordering for line in visit.lines)
    assert any(not visit.is_answered for visit in year.ordering)
    assert any(visit.checks_twice for visit in year.ordering)
    assert any(each.is_preliminary for each in year.results)


def test_a_silent_institution_orders_nothing_in_the_second_half() -> None:
    region = draw_region(GUANGZHOU, 1)
    silent = choose_parts(region, 1).silent
    year = draw_year(region, VISITS, 1, frozenset({silent}))
    middle_ms = (year.periods[0][0] + year.periods[-1][1]) // 2
    assert all(visit.at_ms <= middle_ms + DAY_MS for visit in year.ordering if visit.institution == silent)
    assert {visit.institution for visit in year.ordering} >= {each.institution for each in region.institutions} - {silent}


def answered(rules: RegionRulesRead, at: InstitutionId, *results: ResultMade, against: Obstacle | None = None) -> Answer:
    return rules.answer(at, LIPID, [Known(each.first, against) for each in results], DAY_0)


def test_offers_are_the_newest_first_within_the_window() -> None:
    window_days = RULES.window_ms(ITEMS[0]) / DAY_MS
    old, near, newest = result(0, A, -window_days - 1), result(1, A, -5), result(2, A, -1)
    answer = answered(RULES, B, old, near, newest)
    assert [each.result for each in answer.offers] == [2, 1]
    assert {(each.name.result, each.obstacle) for each in answer.refused} == {(0, Obstacle.OUT_OF_WINDOW)}


def test_what_stands_against_a_result_stands_against_each_of_its_items() -> None:
    answer = answered(RULES, B, result(0, A, -5), against=Obstacle.RECALLED)
    assert not answer.offers
    assert [(each.item, each.obstacle) for each in answer.refused] == [(item, Obstacle.RECALLED) for item in ITEMS]


def test_results_of_others_need_a_certificate_and_own_ones_do_not() -> None:
    documents = REGION.documents
    bare = replace(REGION, documents=replace(documents, certificates=replace(documents.certificates, certificates=())))
    rules = type(RULES)(bare)
    assert {each.obstacle for each in answered(rules, B, result(0, A, -5)).refused} == {Obstacle.NO_MARK}
    assert answered(rules, A, result(0, A, -5)).offers


@pytest.mark.parametrize(
    ("scope", "first", "last", "obstacle"),
    [
        ("CN-44", date(2026, 3, 5), date(2026, 3, 5), None),
        ("CN-4401", date(2026, 1, 1), date(2026, 12, 31), None),
        ("CN-4201", date(2026, 1, 1), date(2026, 12, 31), Obstacle.MARK_OUT_OF_SCOPE),
        ("CN-44", date(2026, 3, 6), date(2026, 12, 31), Obstacle.NO_MARK),
        ("CN-44", date(2026, 1, 1), date(2026, 3, 4), Obstacle.NO_MARK),
    ],
)
def test_a_certificate_counts_on_its_days_and_in_its_region(scope: str, first: date, last: date, obstacle: Obstacle | None) -> None:
    documents = REGION.documents
    held = Certificate(CertificateId("C"), A, ITEMS[0], RegionCode(scope), first, last)
    alone = replace(documents, certificates=replace(documents.certificates, certificates=(held,)))
    answer = answered(type(RULES)(replace(REGION, documents=alone)), B, result(0, A, -5))
    assert [each.items for each in answer.offers] == ([(ITEMS[0],)] if obstacle is None else [])
    assert [each.obstacle for each in answer.refused if each.item == ITEMS[0]] == ([] if obstacle is None else [obstacle])


def test_prices_are_those_of_the_day() -> None:
    assert RULES.saving_fen(B, LIPID, list(ITEMS), [], DAY_0 + 180 * DAY_MS) == 7040 * 90 // 100


def test_reports_are_revised_in_all_ways_after_they_were_filed_and_found() -> None:
    drawn = whole_year()
    assert {each.status for each in drawn.revisions} == {Status.FINAL, Status.CORRECTED, Status.WITHDRAWN}
    assert all(each.period > each.result.period for each in drawn.revisions)
    assert any(each.version > 2 for each in drawn.revisions)
    about = {(bool(each.lot), bool(each.device), bool(each.item)) for each in drawn.recalls}
    assert about == {(True, False, False), (False, True, False), (False, False, True)}
    assert {each.lifted_at_ms is None for each in drawn.recalls} == {True, False}
    refused = {each.obstacle for visit in drawn.ordering for line in visit.lines for each in line.refused}
    assert refused == set(Obstacle)
    offered = [each for visit in drawn.ordering for line in visit.lines for each in line.offers]
    assert any(each.version > 1 for each in offered)
    aftermath = aftermath_of(drawn)
    assert {each.change for each in aftermath.notices} == set(Change)
    assert set(aftermath.notices.values()) == {True, False}
    assert aftermath.taken_back


def test_who_is_silent_revises_and_answers_nothing_in_the_second_half() -> None:
    region = draw_region(GUANGZHOU, 1)
    silent = choose_parts(region, 1).silent
    drawn = draw_year(region, VISITS, 1, frozenset({silent}))
    middle_ms = (drawn.periods[0][0] + drawn.periods[-1][1]) // 2
    acts = [(each.result.institution, each.at_ms) for each in drawn.revisions]
    acts += [(each.institution, each.at_ms) for each in drawn.recalls]
    acts += [(each.institution, each.at_ms) for each in drawn.lists_worked]
    acts += [(each.institution, each.lifted_at_ms) for each in drawn.recalls if each.lifted_at_ms is not None]
    assert not [at_ms for institution, at_ms in acts if institution == silent and at_ms >= middle_ms]


def test_a_part_of_a_panel_saves_what_the_rest_does_not_cost() -> None:
    whole = RULES.saving_fen(B, LIPID, list(ITEMS), [], DAY_0)
    left = ItemCode("LAB-LDLC")
    part = RULES.saving_fen(B, LIPID, [item for item in ITEMS if item != left], [], DAY_0)
    assert (whole, part) == (7040, 7040 - 600)
    assert RULES.saving_fen(B, LIPID, list(ITEMS), list(ITEMS), DAY_0) == 0
