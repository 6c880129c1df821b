from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

import node
from node.domain.found_result import FoundResult
from node.domain.moments import EARLIEST_MS, LATEST_MS
from node.domain.money import yuan
from node.domain.recognition import UNRETRIEVABLE, Coverage, Obstacle, OrderableCode, Reachability, Reason
from node.domain.record import Item
from node.recognition.check import check_order
from node.recognition.index import OrderingIndex
from node.recognition.warning import chinese_names, english_names, warning_lines
from tests.unit.terminology import world
from tests.unit.terminology.world import ALT, AST, CHEST, CT, GLU, GLUCOSE, LIVER, NOW_MS, B, C, D, result

TEXTS = {
    language: tomllib.loads((Path(node.__file__).parent / f"texts/{language}.toml").read_text(encoding="utf-8"))
    for language in ("zh", "en")
}


@pytest.fixture(scope="module")
def index() -> OrderingIndex:
    return world.ordering()


def lines(index: OrderingIndex, language: str, *found: FoundResult, of: OrderableCode = LIVER) -> tuple[str, ...]:
    outcome = check_order(index, "e", [world.line(of)], found, NOW_MS)
    names = chinese_names(index) if language == "zh" else english_names(index)
    return warning_lines(outcome, names, TEXTS[language])


def test_both_languages_say_what_was_offered(index: OrderingIndex) -> None:
    found = result("r", ALT, AST, days_ago=3)
    assert lines(index, "en", found) == (
        "Liver panel: recognisable results answer all of it",
        "2026-11-17 (3 days ago), Hospital A, 粤HR, anchored: ALT item, AST item; saves CNY 50.00",
        "What is offered saves CNY 50.00 of 50.00",
        "A result of the same kind within 30 days: still order?",
    )
    assert lines(index, "zh", found) == (
        "肝功能：已有可互认结果，覆盖全部项目",
        "2026-11-17（3 天前），甲医院，粤HR，已上链锚定：ALT 项目、AST 项目；可节省 50.00 元",
        "采用上述结果可节省 50.00 元（原价 50.00 元）",
        "30 天内已有同类结果：仍要开单吗？",
    )


def test_a_panel_that_is_answered_in_part_names_what_is_missing(index: OrderingIndex) -> None:
    head, offer, *_ = lines(index, "en", result("r", ALT, of=B))
    assert head.endswith("still missing: AST item")
    assert "this hospital's own result" in offer


@pytest.mark.parametrize(
    ("days", "zh", "en"),
    [(0, "（不足 1 天）", "(less than a day ago)"), (1, "（1 天前）", "(1 day ago)"), (2, "（2 天前）", "(2 days ago)")],
)
def test_the_age_of_an_offer_is_said_as_people_say_it(index: OrderingIndex, days: int, zh: str, en: str) -> None:
    found = result("r", ALT, AST, days_ago=days)
    assert zh in lines(index, "zh", found)[1]
    assert en in lines(index, "en", found)[1]


def test_why_results_do_not_count_is_said_with_their_items(index: OrderingIndex) -> None:
    assert lines(index, "en", result("r", ALT, AST, of=C)) == (
        "not recognised: 2026-11-19, Hospital C: mark not valid in this region (ALT item, AST item)",
    )
    assert lines(index, "zh", result("r", ALT, AST, of=C)) == (
        "不能互认：2026-11-19，丙医院：互认标识在本地区无效（ALT 项目、AST 项目）",
    )
    strange = result("r", Item("urn:local", "X1", "", ""), Item("urn:local", "X2", "", ""))
    assert lines(index, "zh", strange) == ("不能互认：2026-11-19，甲医院：有 2 个代码未建立对照",)


def test_images_and_an_absent_holder_are_told(index: OrderingIndex) -> None:
    found = replace(result("r", CT, parts=("report", "imaging-study")), reachability=Reachability.AWAY)
    offer = lines(index, "zh", found, of=CHEST)[1]
    assert "，可调阅影像，持有机构暂无应答：" in offer


def test_more_than_a_few_are_counted(index: OrderingIndex) -> None:
    found = [result(f"r{days}", GLU, days_ago=days) for days in range(1, 7)]
    told = lines(index, "en", *found, of=GLUCOSE)
    assert told[4] == "and 3 more"
    assert len([each for each in told if " ago)" in each]) == 3


def test_nothing_found_says_nothing(index: OrderingIndex) -> None:
    assert lines(index, "en", result("r", GLU, of=D)) == ()


@pytest.mark.parametrize(("fen", "text"), [(0, "0.00"), (5, "0.05"), (1250, "12.50"), (123456, "1234.56")])
def test_amounts_are_told_in_yuan(fen: int, text: str) -> None:
    assert yuan(fen) == text


@pytest.mark.parametrize("texts", [TEXTS["zh"], TEXTS["en"]], ids=["zh", "en"])
def test_every_obstacle_reason_and_coverage_has_its_words(texts: Mapping[str, Mapping[str, str]]) -> None:
    assert set(texts["obstacle"]) == {each.value for each in Obstacle}
    assert set(texts["reason"]) == {str(each.value) for each in Reason} | {UNRETRIEVABLE}
    assert {each.value for each in Coverage} - {"not"} <= set(texts["recognition"])


@pytest.mark.parametrize(("at_ms", "day"), [(LATEST_MS, "9999-12-31"), (EARLIEST_MS, "0001-01-02"), (2**60, "9999-12-31")])
def test_a_day_that_no_calendar_has_stops_no_check(index: OrderingIndex, at_ms: int, day: str) -> None:
    found = result("r", ALT, AST)
    odd = replace(found, content=replace(found.content, performed_at_ms=at_ms))
    assert lines(index, "en", odd) == (f"not recognised: {day}, Hospital A: outside the window (ALT item, AST item)",)
