"""Events of a small region, made with few words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from node.domain.entry import InstitutionId
from node.domain.recognition import DecisionOutcome, ItemCode, OrderableCode, Reason, ReasonCode
from node.supervision.events import (
    DecisionReversed,
    EventId,
    FiguredItem,
    FigureEvent,
    LineChecked,
    LineDecided,
    LineUnchecked,
    OrderedLine,
    Performed,
    Person,
    Retrieved,
)
from node.supervision.figures import RecognitionFigures
from tests.unit.terminology import world

CHINA = timezone(timedelta(hours=8))
DAY_MS = world.DAY_MS
START_MS = int(datetime(2026, 11, 10, tzinfo=UTC).timestamp() * 1000)
A, B, C = world.A, world.B, world.C
ALT = FiguredItem(ItemCode("ALT"), "LAB", 15 * DAY_MS)
AST = FiguredItem(ItemCode("AST"), "LAB", 7 * DAY_MS)
CT = FiguredItem(ItemCode("CT-CHEST"), "CT", 30 * DAY_MS)


def figures_of(events: Sequence[FigureEvent]) -> RecognitionFigures:
    figures = RecognitionFigures(world.INSTITUTIONS.by_id(), CHINA)
    figures.take_all(events)
    return figures


def person(number: int) -> Person:
    return Person(bytes([number]) * 32)


def line(who: int = 1, of: InstitutionId = B, order: str = "1", **more: str) -> OrderedLine:
    orderable = OrderableCode(more.get("orderable", "LIVER"))
    return OrderedLine(person(who), of, more.get("campus", ""), more.get("encounter", "e1"), order, orderable)


def checked(event: str, at: OrderedLine, foreign: Sequence[FiguredItem] = (ALT, AST), **more: Any) -> LineChecked:  # noqa: ANN401
    return LineChecked(EventId(event), at, tuple(foreign), tuple(more.get("own", ())), START_MS + more.get("ms", 0))


def unchecked(event: str, at: OrderedLine, ms: int = 0) -> LineUnchecked:
    return LineUnchecked(EventId(event), at, START_MS + ms)


def recognised(event: str, at: OrderedLine, items: Sequence[FiguredItem] = (ALT, AST), **more: Any) -> LineDecided:  # noqa: ANN401
    return LineDecided(
        EventId(event),
        at,
        DecisionOutcome.RECOGNISED,
        more.get("foreign", True),
        tuple(items),
        None,
        None,
        more.get("saving", 5000),
        START_MS + more.get("ms", 1000),
    )


def reordered(event: str, at: OrderedLine, reason: Reason | None = Reason.EMERGENCY, **more: Any) -> LineDecided:  # noqa: ANN401
    sub = more.get("sub")
    code = None if sub is None else ReasonCode(sub)
    return LineDecided(
        EventId(event),
        at,
        DecisionOutcome.REORDERED,
        False,  # noqa: FBT003 - of results of others
        (),
        reason,
        code,
        0,
        START_MS + more.get("ms", 1000),
    )


def reversed_(event: str, decision: str) -> DecisionReversed:
    return DecisionReversed(EventId(event), EventId(decision))


def performed(event: str, who: int, *items: FiguredItem, of: InstitutionId = B, days: float = 1) -> Performed:
    return Performed(EventId(event), person(who), of, tuple(item.code for item in items), START_MS + int(days * DAY_MS))


def retrieved(event: str, of: InstitutionId = B, days: float = 0) -> Retrieved:
    return Retrieved(EventId(event), of, START_MS + int(days * DAY_MS))
