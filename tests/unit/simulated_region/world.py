"""A region small enough to be looked at: three hospitals of Guangzhou that hold every certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from devnet.simulation.config import GUANGZHOU, ClassShare
from devnet.simulation.happenings import (
    LineOrdered,
    OfferExpected,
    OrderingVisit,
    PersonNumber,
    Recognition,
    Reordering,
    ResultMade,
    ResultNumber,
    Year,
)
from devnet.simulation.region import Region, draw_region
from devnet.simulation.rules import DAY_MS, RegionRulesRead
from node.domain.entry import InstitutionId
from node.domain.recognition import ClassCode, ItemCode, OrderableCode, Reason

CONFIG = replace(GUANGZHOU, classes=(ClassShare(ClassCode("3A"), 3, 1.0, 1.0),), districts=("tianhe",), hosts=1)
REGION: Region = draw_region(CONFIG, 1)
RULES = RegionRulesRead(REGION)
A, B, C = (each.institution for each in REGION.institutions)
LIPID = OrderableCode("LIPID")
CHEST = OrderableCode("I-CT-CHEST")
ITEMS = RULES.items(LIPID)
DAY_0 = int(datetime(2026, 3, 10, 1, 0, tzinfo=UTC).timestamp() * 1000)
"""Nine in the morning of 10 March, in Guangzhou."""


def result(
    number: int, institution: InstitutionId, day: float, items: Sequence[ItemCode] = ITEMS, *, preliminary: bool = False
) -> ResultMade:
    at_ms = DAY_0 + int(day * DAY_MS)
    return ResultMade(ResultNumber(number), PersonNumber(1), institution, tuple(items), at_ms, 0, preliminary)


def offer(of: ResultMade) -> OfferExpected:
    return OfferExpected(of.number, of.institution, of.items)


def recognise(*used: ResultMade, at: InstitutionId, saving_fen: int = 7040) -> Recognition:
    foreign = [each for each in used if each.institution != at]
    items = tuple(dict.fromkeys(item for each in foreign for item in each.items))
    return Recognition(tuple(each.number for each in used), items, bool(foreign), saving_fen if foreign else 0)


def again(reason: Reason | None = Reason.FAST_CHANGING) -> Reordering:
    return Reordering(reason, None, "")


def visit(
    number: int,
    institution: InstitutionId,
    day: float,
    *offers: ResultMade,
    decision: Recognition | Reordering | None = None,
    taken_back: bool = False,
    is_answered: bool = True,
    person: int = 1,
) -> OrderingVisit:
    at_ms = DAY_0 + int(day * DAY_MS)
    line = LineOrdered(
        order_id=f"O{number}",
        orderable=LIPID,
        offers=tuple(offer(each) for each in offers),
        decision=decision,
        decided_at_ms=at_ms + 300_000,
        reversed_at_ms=at_ms + 7_200_000 if taken_back else None,
    )
    return OrderingVisit(
        number=number,
        person=PersonNumber(person),
        institution=institution,
        campus="main",
        clinician="D1",
        at_ms=at_ms,
        period=1,
        is_answered=is_answered,
        checks_twice=False,
        is_logged=not is_answered or any(each.institution != institution for each in offers),
        lines=(line,),
    )


def year(visits: Sequence[OrderingVisit], results: Sequence[ResultMade] = ()) -> Year:
    return Year(
        visits=len(visits),
        persons=2,
        plain_visits={},
        ordering=tuple(visits),
        results=tuple(results),
        retrievals=(),
        periods=((DAY_0 - 100 * DAY_MS, DAY_0 + 100 * DAY_MS),),
    )
