from __future__ import annotations

from collections.abc import Mapping

from devnet.simulation.aftermath import aftermath_of
from devnet.simulation.happenings import Change, OrderingVisit, ResultMade, RetrievalMade, Status, Year
from devnet.simulation.oracle import Oracle, Place
from node.domain.recognition import Reason
from node.supervision.tallies import Dimension, Figures
from tests.unit.simulated_region.world import DAY_0, ITEMS, RULES, A, B, again, recognise, result, revised, visit, worked, year

FOREIGN = result(0, A, -5)
OWN = result(1, B, -5)


def figures_of(happened: Year, *retrievals: RetrievalMade) -> Mapping[Place, Figures]:
    return Oracle(RULES, happened, aftermath_of(happened), retrievals).figures()


def count(*visits: OrderingVisit, results: tuple[ResultMade, ...] = ()) -> Figures:
    return figures_of(year(visits, (FOREIGN, OWN, *results))).get((Dimension.ALL, "", ""), Figures())


def test_recognition_of_anothers_result_counts_and_saves() -> None:
    figures = count(visit(1, B, 0, FOREIGN, decision=recognise(FOREIGN, at=B)))
    assert figures == Figures(opportunities=1, recognised=1, persons=1, persons_recognised=1, saving_fen=7040)


def test_figures_are_told_by_campus() -> None:
    figures = figures_of(year([visit(1, B, 0, FOREIGN)], [FOREIGN]))
    assert figures[Dimension.CAMPUS, f"{B}/main", "2026-03"] == Figures(opportunities=1, persons=1)


def test_what_is_not_offered_is_no_opportunity() -> None:
    assert count(visit(1, B, 0)) == Figures()


def test_reorder_counts_under_its_reason() -> None:
    visits = [visit(1, B, 0, FOREIGN, decision=again(Reason.EMERGENCY)), visit(2, B, 1, FOREIGN, decision=again(None))]
    figures = figures_of(year(visits, [FOREIGN]))
    assert figures[Dimension.ALL, "", ""] == Figures(opportunities=2, reordered=2, without_reason=1, persons=1)
    assert figures[Dimension.REASON, "4", ""] == Figures(reordered=1)
    assert figures[Dimension.REASON, "none", ""] == Figures(reordered=1, without_reason=1)


def test_a_reversal_leaves_the_opportunity_and_takes_the_rest() -> None:
    figures = count(visit(1, B, 0, FOREIGN, decision=recognise(FOREIGN, at=B), taken_back=True))
    assert figures == Figures(opportunities=1, persons=1, reversed=1)


def test_a_saving_is_cancelled_by_the_same_item_there_within_its_window() -> None:
    decided = visit(1, B, 0, FOREIGN, decision=recognise(FOREIGN, at=B))
    window_days = RULES.window_ms(ITEMS[0]) / 86_400_000
    assert count(decided, results=(result(2, B, 3, ITEMS[:1]),)).cancelled_fen == 7040
    assert count(decided, results=(result(2, B, window_days + 1, ITEMS[:1]),)).saving_fen == 7040
    assert count(decided, results=(result(2, A, 3, ITEMS[:1]),)).saving_fen == 7040


def test_own_results_are_no_opportunity_and_are_seen_only_in_logged_checks() -> None:
    unlogged = visit(1, B, 0, OWN, decision=recognise(OWN, at=B))
    assert count(unlogged) == Figures()
    both = visit(1, B, 0, FOREIGN, OWN, decision=recognise(OWN, at=B))
    assert count(both) == Figures(opportunities=1, persons=1, own_recognised=1)


def test_an_unchecked_line_counts_by_itself() -> None:
    assert count(visit(1, B, 0, is_answered=False)) == Figures(unchecked=1)


def test_persons_count_once_and_months_are_civil() -> None:
    visits = [visit(1, B, 0, FOREIGN), visit(2, B, 25, FOREIGN), visit(3, B, 0, FOREIGN, person=2)]
    figures = figures_of(year(visits, [FOREIGN]))
    assert figures[Dimension.ALL, "", ""].persons == 2
    assert figures[Dimension.ALL, "", "2026-03"] == Figures(opportunities=2, persons=2)
    assert figures[Dimension.INSTITUTION, B, "2026-04"] == Figures(opportunities=1, persons=1)


def test_an_item_is_recognised_only_if_it_is_used() -> None:
    first, second = result(2, A, -5, ITEMS[:1]), result(3, A, -4, ITEMS[1:2])
    figures = figures_of(year([visit(1, B, 0, first, second, decision=recognise(first, at=B))], [FOREIGN, OWN, first, second]))
    assert figures[Dimension.ITEM, ITEMS[0], ""] == Figures(opportunities=1, recognised=1, saving_fen=7040)
    assert figures[Dimension.ITEM, ITEMS[1], ""] == Figures(opportunities=1)


def test_retrievals_count_by_who_asked() -> None:
    figures = figures_of(year([]), RetrievalMade(B, DAY_0))
    assert figures[Dimension.INSTITUTION, B, "2026-03"] == Figures(retrievals=1)
    assert (Dimension.INSTITUTION, A, "") not in figures


def test_what_a_list_takes_back_counts_as_reversed() -> None:
    decided = visit(1, B, 0, FOREIGN, decision=recognise(FOREIGN, at=B))
    withdrawn = revised(FOREIGN, 2, 8, Status.WITHDRAWN)
    noted = figures_of(year([decided], [FOREIGN], [withdrawn], lists_worked=[worked(B, 15)]))
    assert noted[Dimension.ALL, "", ""].recognised == 1
    heeded = figures_of(year([decided], [FOREIGN], [withdrawn], lists_worked=[worked(B, 15, Change.WITHDRAWN)]))
    assert heeded[Dimension.ALL, "", ""] == Figures(opportunities=1, persons=1, reversed=1)
