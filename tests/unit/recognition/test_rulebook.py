"""Other documents take over while checks run: each is answered, and spelled, by those that it began with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.errors import NoProfileError
from node.recognition.check import check_order
from node.services.catalogue.rulebook import Rulebook
from node.terminology.bundle import Terminology
from tests.unit.recognition.test_warning import TEXTS
from tests.unit.terminology import world
from tests.unit.terminology.world import LIVER, MAPS, NOW_MS, A, B, mapping, result


def renamed(name: str) -> Terminology:
    orderables = tuple(replace(each, en=name) if each.code == LIVER else each for each in world.ORDERABLES)
    return world.terminology(maps={**MAPS, B: mapping(B, orderables=orderables)})


def test_a_check_that_is_under_way_is_spelled_by_the_documents_it_began_with() -> None:
    rules = Rulebook(renamed("Before"), TEXTS)
    index = rules.ordering(B)
    outcome = check_order(index, "e", [world.line(LIVER)], [result("r", world.ALT)], NOW_MS)
    rules.adopt(renamed("After"), [B])
    assert rules.warnings(outcome)["en"][0].startswith("Before: ")
    assert rules.ordering(B) is not index
    later = check_order(rules.ordering(B), "e", [world.line(LIVER)], [result("r", world.ALT)], NOW_MS)
    assert rules.warnings(later)["en"][0].startswith("After: ")
    assert rules.documents.pins == later.pins != outcome.pins


def test_what_no_longer_has_a_name_is_told_by_its_code() -> None:
    rules = Rulebook(renamed("Before"), TEXTS)
    outcome = check_order(rules.ordering(B), "e", [world.line(LIVER)], [result("r", world.ALT)], NOW_MS)
    others = tuple(each for each in world.ORDERABLES if each.code != LIVER)
    for _ in range(2):
        rules.adopt(world.terminology(maps={**MAPS, B: mapping(B, orderables=others)}), [B])
    assert rules.warnings(outcome)["en"][0].startswith("LIVER: ")


def test_an_institution_that_the_new_documents_do_not_have_checks_nothing_and_stops_nobody_else() -> None:
    rules = Rulebook(world.terminology(), TEXTS)
    rules.adopt(world.terminology(maps={A: MAPS[A]}), [A, B])
    assert rules.ordering(A).institution == A
    with pytest.raises(NoProfileError):
        rules.ordering(B)
