"""Figures are the same whatever the order of arrival, and the same as when computed from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from node.domain.recognition import Reason
from node.supervision.events import (
    DecisionReversed,
    FiguredItem,
    FigureEvent,
    LineChecked,
    LineDecided,
    LineUnchecked,
    Performed,
    Retrieved,
)
from node.supervision.figures import RecognitionFigures
from node.supervision.tallies import Dimension
from tests.unit.supervision import world
from tests.unit.supervision.world import ALT, AST, CT, DAY_MS, A, B, figures_of

pytestmark = pytest.mark.slow

MOMENTS = st.integers(0, 40).map(lambda days: days * DAY_MS)
LINES = st.builds(
    world.line,
    st.integers(1, 3),
    st.sampled_from([A, B]),
    st.sampled_from(["1", "2"]),
    orderable=st.sampled_from(["LIVER", "CHEST"]),
    encounter=st.sampled_from(["e1", "e2", ""]),
    campus=st.sampled_from(["", "east"]),
)
ITEMS = st.lists(st.sampled_from([ALT, AST, CT]), unique_by=lambda item: item.code).map(tuple)


@st.composite
def events(draw: st.DrawFn) -> list[FigureEvent]:
    """Events of all kinds, each with an id of its own, and reversals of decisions that are there or not."""
    return [draw(event(str(number))) for number in range(draw(st.integers(0, 12)))]


def event(name: str) -> st.SearchStrategy[FigureEvent]:
    known = st.integers(0, 12).map(str)
    kinds: list[st.SearchStrategy[Any]] = [
        st.builds(world.checked, st.just(name), LINES, ITEMS, own=ITEMS, ms=MOMENTS),
        st.builds(world.unchecked, st.just(name), LINES, MOMENTS),
        st.builds(
            world.recognised, st.just(name), LINES, ITEMS, foreign=st.booleans(), saving=st.sampled_from([0, 100, 700]), ms=MOMENTS
        ),
        st.builds(world.reordered, st.just(name), LINES, st.none() | st.sampled_from(Reason), sub=st.none(), ms=MOMENTS),
        st.builds(world.reversed_, st.just(name), known),
        st.builds(
            lambda who, items, of, days: world.performed(name, who, *items, of=of, days=days),
            st.integers(1, 3), ITEMS, st.sampled_from([A, B]), st.integers(0, 40),
        ),
        st.builds(world.retrieved, st.just(name), st.sampled_from([A, B])),
    ]  # fmt: skip
    return st.one_of(kinds)


@settings(max_examples=40)
@given(events(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(given_events: list[FigureEvent], random: Any) -> None:  # noqa: ANN401 - Hypothesis
    shuffled = list(given_events)
    random.shuffle(shuffled)
    assert figures_of(shuffled).report() == figures_of(given_events).report()


@settings(max_examples=40)
@given(events())
def test_after_each_event_the_figures_are_those_computed_from_scratch(given_events: list[FigureEvent]) -> None:
    figures = figures_of([])
    for count, each in enumerate(given_events, 1):
        figures.take(each)
        assert figures.report() == figures_of(given_events[:count]).report()


@settings(max_examples=40)
@given(given_events=events(), cut=st.integers(0, 12), asked=st.booleans())
def test_many_at_once_are_as_one_by_one(given_events: list[FigureEvent], cut: int, *, asked: bool) -> None:
    figures, one_by_one = figures_of(given_events[:cut]), figures_of([])
    if asked:
        figures.report()  # what was told already is no other starting point
    figures.take_all(given_events[cut:])
    for each in given_events:
        one_by_one.take(each)
    assert figures.report() == one_by_one.report()


@settings(max_examples=40)
@given(events())
def test_the_totals_are_what_the_definitions_say(given_events: list[FigureEvent]) -> None:
    figures = figures_of(given_events).figures()
    plain = Plain(given_events)
    assert figures.item_rate == plain.item_rate()
    assert figures.person_rate == plain.person_rate()
    assert (figures.saving_fen, figures.cancelled_fen) == plain.savings()
    assert figures.unchecked == len({order_line(each) for each in given_events if isinstance(each, LineUnchecked)})
    assert figures.retrievals == sum(isinstance(each, Retrieved) for each in given_events)
    assert figures.reversed == len(plain.decisions) - len(plain.standing)


@settings(max_examples=40)
@given(events())
def test_institutions_add_up(given_events: list[FigureEvent]) -> None:
    figures: RecognitionFigures = figures_of(given_events)
    whole, parts = figures.figures(), [figures.figures(Dimension.INSTITUTION, each) for each in (A, B)]
    for name in ("opportunities", "recognised", "reordered", "saving_fen", "cancelled_fen", "own", "unchecked", "reversed"):
        assert getattr(whole, name) == sum(getattr(each, name) for each in parts)
    assert whole.persons <= sum(each.persons for each in parts)


class Plain:
    """The definitions of docs/spec/figures.md, read aloud: sets, and no increments."""

    def __init__(self, given_events: Sequence[FigureEvent]) -> None:
        self.events = given_events
        self.decisions = [each for each in given_events if isinstance(each, LineDecided)]
        taken_back = {each.decision for each in given_events if isinstance(each, DecisionReversed)}
        self.standing = [each for each in self.decisions if each.event not in taken_back]

    def opportunities(self) -> dict[object, set[object]]:
        """Opportunity -> the items offered."""
        found: dict[object, set[object]] = {}
        for each in self.events:
            if isinstance(each, LineChecked) and each.foreign:
                found.setdefault(key(each), set()).update(item.code for item in each.foreign)
        return found

    def recognised(self) -> set[object]:
        offered = self.opportunities()
        return {
            key(each)
            for each in self.standing
            if each.foreign and any(item.code in offered.get(key(each), set()) for item in each.items)
        }

    def item_rate(self) -> tuple[int, int]:
        return len(self.recognised() & self.opportunities().keys()), len(self.opportunities())

    def person_rate(self) -> tuple[int, int]:
        persons = {each.line.person for each in self.events if isinstance(each, LineChecked) and key(each) in self.opportunities()}
        recognised = {each.line.person for each in self.decisions if key(each) in self.recognised()}
        return len(recognised), len(persons)

    def savings(self) -> tuple[int, int]:
        by_line: dict[object, LineDecided] = {}
        for each in sorted(self.standing, key=lambda decision: (decision.at_ms, decision.event)):
            if each.foreign and each.outcome == "recognised":
                by_line.setdefault(order_line(each), each)
        cancelled = [each for each in by_line.values() if any(self.repeats(each, item) for item in each.items)]
        lost = sum(each.saving_fen for each in cancelled)
        return sum(each.saving_fen for each in by_line.values()) - lost, lost

    def repeats(self, decision: LineDecided, item: FiguredItem) -> bool:
        return any(
            isinstance(each, Performed)
            and (each.person, each.institution) == (decision.line.person, decision.line.institution)
            and item.code in each.items
            and 0 < each.at_ms - decision.at_ms <= item.window_ms
            for each in self.events
        )


def key(each: LineChecked | LineDecided) -> object:
    line = each.line
    return line.person, line.institution, line.orderable, line.encounter or ("no encounter", line.order_id)


def order_line(each: LineChecked | LineDecided | LineUnchecked) -> object:
    return each.line.person, each.line.institution, each.line.encounter, each.line.order_id
