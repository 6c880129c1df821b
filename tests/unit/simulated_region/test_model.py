from __future__ import annotations

from dataclasses import replace

import pytest

from devnet.simulation.config import GUANGZHOU, LONGHUA, REGIONS, RegionConfig
from devnet.simulation.happenings import Recognition, Reordering
from devnet.simulation.misconduct import choose_parts
from devnet.simulation.model import draw_year
from devnet.simulation.region import draw_region
from devnet.simulation.rules import DAY_MS
from node.domain.recognition import ItemCode
from tests.unit.simulated_region.world import DAY_0, ITEMS, LIPID, REGION, RULES, A, B, result

VISITS = 4_000


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
    year = draw_year(draw_region(GUANGZHOU, 1), 30_000, 1)
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


def test_offers_are_the_newest_first_within_the_window_and_final() -> None:
    window_days = RULES.window_ms(ITEMS[0]) / DAY_MS
    old, near, newest = result(0, A, -window_days - 1), result(1, A, -5), result(2, A, -1)
    open_still = result(3, A, -2, preliminary=True)
    offers = RULES.offers(B, LIPID, [old, near, newest, open_still], DAY_0)
    assert [each.result for each in offers] == [2, 1]


def test_results_of_others_need_a_certificate_and_own_ones_do_not() -> None:
    documents = REGION.documents
    bare = replace(REGION, documents=replace(documents, certificates=replace(documents.certificates, certificates=())))
    rules = type(RULES)(bare)
    assert not rules.offers(B, LIPID, [result(0, A, -5)], DAY_0)
    assert rules.offers(A, LIPID, [result(0, A, -5)], DAY_0)


def test_a_part_of_a_panel_saves_what_the_rest_does_not_cost() -> None:
    whole = RULES.saving_fen(B, LIPID, list(ITEMS), [], DAY_0)
    left = ItemCode("LAB-LDLC")
    part = RULES.saving_fen(B, LIPID, [item for item in ITEMS if item != left], [], DAY_0)
    assert (whole, part) == (7040, 7040 - 600)
    assert RULES.saving_fen(B, LIPID, list(ITEMS), list(ITEMS), DAY_0) == 0
