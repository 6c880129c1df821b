from __future__ import annotations

import pytest

from node.domain.recognition import Reason
from node.supervision.events import LABORATORY, FigureEvent, figured
from node.supervision.tallies import Dimension, Figures
from tests.unit.supervision.world import (
    ALT,
    AST,
    CT,
    DAY_MS,
    A,
    B,
    checked,
    figures_of,
    line,
    performed,
    recognised,
    reordered,
    retrieved,
    reversed_,
    unchecked,
)
from tests.unit.terminology.world import CATALOGUE


def total(*events: FigureEvent) -> Figures:
    return figures_of(events).figures()


def test_an_opportunity_that_is_recognised() -> None:
    figures = total(checked("c", line()), recognised("d", line()))
    assert (figures.item_rate, figures.person_rate, figures.saving_fen) == ((1, 1), (1, 1), 5000)


def test_a_person_orderable_and_encounter_are_one_opportunity_however_often_checked() -> None:
    again = [checked(f"c{number}", line(order=str(number)), ms=number) for number in range(5)]
    assert total(*again).item_rate == (0, 1)
    other = [
        checked("p", line(2)),
        checked("o", line(orderable="GLUCOSE")),
        checked("e", line(encounter="e2")),
        checked("i", line(of=A)),
    ]
    assert total(*again, *other).item_rate == (0, 5)
    assert total(*again, *other).person_rate == (0, 2)


def test_order_lines_are_numbered_anew_for_each_person_and_encounter() -> None:
    lines = [line(), line(2), line(encounter="e2")]
    events = [
        event
        for at, each in enumerate(lines)
        for event in (checked(f"c{at}", each), recognised(f"d{at}", each), unchecked(f"u{at}", each))
    ]
    assert (total(*events).item_rate, total(*events).saving_fen, total(*events).unchecked) == ((3, 3), 3 * 5000, 3)


def test_without_an_encounter_each_order_line_is_an_opportunity() -> None:
    lines = [line(encounter="", order=number) for number in ("1", "2", "3")]
    events = [checked(f"{at} {again}", each) for at, each in enumerate(lines) for again in range(2)]
    assert total(*events, recognised("d", lines[0])).item_rate == (1, 3)


def test_a_check_that_offers_nothing_is_no_opportunity() -> None:
    assert total(checked("c", line(), ())) == Figures()
    assert total(checked("c", line(), ()), recognised("d", line())).item_rate == (0, 0)


def test_own_results_stand_in_columns_of_their_own() -> None:
    figures = total(checked("c", line(), (), own=(ALT,)), recognised("d", line(), (), foreign=False, saving=0))
    assert (figures.item_rate, figures.own, figures.own_recognised) == ((0, 0), 1, 1)
    both = total(checked("c", line(), own=(ALT,)), recognised("d", line(), (), foreign=False, saving=0))
    assert (both.item_rate, both.own, both.own_recognised) == ((0, 1), 0, 1)


def test_unchecked_lines_stand_in_a_column_of_their_own() -> None:
    figures = total(unchecked("u", line()), unchecked("v", line(), 5), unchecked("w", line(order="2")))
    assert (figures.unchecked, figures.opportunities) == (2, 0)


def test_a_re_order_has_its_reason() -> None:
    events: list[FigureEvent] = [
        checked("1", line(1)),
        reordered("2", line(1), Reason.OTHER, sub="unretrievable"),
        checked("3", line(2, order="2")),
        reordered("4", line(2, order="2"), None),
    ]
    figures = figures_of(events)
    assert (figures.figures().reordered, figures.figures().without_reason, figures.figures().recognised) == (2, 1, 0)
    assert figures.figures(Dimension.REASON, "6").reordered == 1
    assert figures.figures(Dimension.REASON, "6/unretrievable").reordered == 1
    assert figures.figures(Dimension.REASON, "none").without_reason == 1


def test_a_recognition_in_the_same_opportunity_comes_before_a_re_order() -> None:
    events: list[FigureEvent] = [checked("c", line()), reordered("r", line(order="2")), recognised("d", line(), ms=9000)]
    assert (total(*events).recognised, total(*events).reordered) == (1, 0)


def test_what_is_reversed_counts_as_reversed_and_nothing_else() -> None:
    events: list[FigureEvent] = [checked("c", line()), recognised("d", line()), reversed_("x", "d")]
    figures = total(*events)
    assert (figures.item_rate, figures.person_rate, figures.saving_fen, figures.reversed) == ((0, 1), (0, 1), 0, 1)
    assert total(*events, recognised("e", line(), ms=5000)).saving_fen == 5000


def test_a_saving_counts_once_for_each_order_line() -> None:
    twice: list[FigureEvent] = [checked("c", line()), recognised("d", line()), recognised("e", line(), ms=2000, saving=9000)]
    assert total(*twice).saving_fen == 5000
    assert total(*twice, reversed_("x", "d")).saving_fen == 9000
    elsewhere = recognised("f", line(2, encounter="e2"), ms=500, saving=700)
    assert total(*twice, elsewhere).saving_fen == 5700  # another person's, whose order lines are numbered alike
    assert total(*twice, recognised("g", line(order="2"), saving=100)).saving_fen == 5100


@pytest.mark.parametrize(
    ("days", "items", "of", "who", "cancelled"),
    [
        (1, (ALT,), B, 1, True),
        (14.9, (ALT,), B, 1, True),
        (15.1, (ALT,), B, 1, False),
        (7.1, (AST,), B, 1, False),  # each item has its own window
        (1, (CT,), B, 1, False),
        (1, (ALT,), A, 1, False),
        (1, (ALT,), B, 2, False),
        (-1, (ALT,), B, 1, False),
    ],
)
def test_a_saving_is_cancelled_when_the_item_is_performed_there_within_its_window(
    days: float,
    items: tuple[object, ...],
    of: object,
    who: int,
    cancelled: bool,  # noqa: FBT001 - a column
) -> None:
    again = performed("p", who, *items, of=of, days=days)  # type: ignore[arg-type]  # columns of the table
    rest: list[FigureEvent] = [checked("c", line()), recognised("d", line())]
    for events in ([*rest, again], [again, *rest]):
        figures = total(*events)
        assert (figures.saving_fen, figures.cancelled_fen) == ((0, 5000) if cancelled else (5000, 0))
        assert figures.recognised == 1


def test_figures_are_told_by_institution_campus_class_modality_item_and_month() -> None:
    at = line(campus="east", of=A)
    figures = figures_of([checked("c", at, (ALT, AST, CT)), recognised("d", at, (ALT,), saving=2000)])
    for dimension, value in (
        (Dimension.ALL, ""),
        (Dimension.INSTITUTION, A),
        (Dimension.CAMPUS, f"{A}/east"),
        (Dimension.CLASS, "3A"),
        (Dimension.MODALITY, "LAB"),
        (Dimension.INSTITUTION_MODALITY, f"{A}/LAB"),
    ):
        for period in ("", "2026-11"):
            got = figures.figures(dimension, value, period)
            assert (got.item_rate, got.person_rate, got.saving_fen) == ((1, 1), (1, 1), 2000)
    assert figures.figures(Dimension.MODALITY, "CT").item_rate == (0, 1)
    assert figures.figures(Dimension.ITEM, "ALT").item_rate == (1, 1)
    assert figures.figures(Dimension.ITEM, "ALT").saving_fen == 2000
    assert figures.figures(Dimension.ITEM, "AST").item_rate == (0, 1)
    assert figures.figures(period="2026-10") == Figures()


def test_months_are_those_of_civil_time() -> None:
    last_evening_in_utc = 20 * DAY_MS + 17 * 3_600_000  # 30 November 17:00 UTC is December in China
    figures = figures_of([checked("c", line(), ms=last_evening_in_utc)])
    assert figures.figures(period="2026-12").opportunities == 1


def test_an_opportunity_belongs_to_the_month_of_its_first_check() -> None:
    figures = figures_of([checked("late", line(), ms=30 * DAY_MS), checked("early", line(order="2"))])
    assert (figures.figures(period="2026-11").opportunities, figures.figures(period="2026-12").opportunities) == (1, 0)


def test_recognising_what_no_check_offered_counts_for_nothing() -> None:
    assert total(checked("c", line(), (ALT,)), recognised("d", line(), (CT,))).recognised == 0


def test_retrievals_are_counted_by_who_asked() -> None:
    figures = figures_of([retrieved("r"), retrieved("s", of=A)])
    assert (figures.figures().retrievals, figures.figures(Dimension.INSTITUTION, B).retrievals) == (2, 1)


def test_the_report_holds_every_group_that_counts() -> None:
    figures = figures_of([checked("c", line())])
    report = figures.report()
    assert {group.dimension for group in report} == set(Dimension) - {Dimension.REASON}
    assert all(report[group] == figures.figures(group.dimension, group.value, group.period) for group in report)
    assert list(report) == sorted(report)


def test_items_are_figured_by_their_modality() -> None:
    by_code = CATALOGUE.by_code()
    assert [figured(by_code[code], 1).modality for code in (ALT.code, CT.code)] == [LABORATORY, "CT"]
