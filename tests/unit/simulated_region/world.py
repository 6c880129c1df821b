"""A region small enough to be looked at: three hospitals of Guangzhou that hold every certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from devnet.simulation.config import GUANGZHOU, ClassShare
from devnet.simulation.happenings import (
    Change,
    LineOrdered,
    ListWorked,
    OfferExpected,
    OrderingVisit,
    PersonNumber,
    RecallMade,
    RecallNumber,
    Recognition,
    Reordering,
    ResultMade,
    ResultNumber,
    Status,
    VersionMade,
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
FIRST_DAY, PERIOD_DAYS, PERIODS = -98, 7, 28
"""The year of these tests: periods of seven days, one of which begins with `DAY_0`."""


def moment(day: float) -> int:
    return DAY_0 + int(day * DAY_MS)


def period_of(day: float) -> int:
    return int((day - FIRST_DAY) // PERIOD_DAYS)


def result(
    number: int,
    institution: InstitutionId,
    day: float,
    items: Sequence[ItemCode] = ITEMS,
    *,
    preliminary: bool = False,
    device: str = "",
    lot: str = "",
) -> ResultMade:
    place = ResultNumber(number), PersonNumber(1), institution
    return ResultMade(*place, tuple(items), moment(day), period_of(day), preliminary, device, lot)


def revised(of: ResultMade, version: int, day: float, status: Status = Status.CORRECTED, lot: str = "") -> VersionMade:
    return VersionMade(of, version, status, moment(day), period_of(day), lot)


def recall(
    number: int,
    institution: InstitutionId,
    day: float,
    *,
    lot: str = "",
    device: str = "",
    item: str = "",
    lifted: float | None = None,
) -> RecallMade:
    return RecallMade(
        number=RecallNumber(number),
        institution=institution,
        device=device,
        lot=lot,
        item=item,
        from_ms=moment(day - 30),
        to_ms=moment(day + 30),
        at_ms=moment(day),
        period=period_of(day),
        lifted_at_ms=None if lifted is None else moment(lifted),
        lifted_period=None if lifted is None else period_of(lifted),
    )


def worked(institution: InstitutionId, day: float, *takes_back: Change) -> ListWorked:
    return ListWorked(institution, moment(day), period_of(day), frozenset(takes_back))


def offer(of: ResultMade, version: int = 1) -> OfferExpected:
    return OfferExpected(of.number, of.institution, of.items, version)


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
    at_ms = moment(day)
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
        period=period_of(day),
        is_answered=is_answered,
        checks_twice=False,
        is_logged=not is_answered or any(each.institution != institution for each in offers),
        lines=(line,),
        retrieved=tuple(each.name for each in line.used if each.institution != institution),
    )


def looking(at: OrderingVisit, *looked_at: ResultMade) -> OrderingVisit:
    """Return a visit at which more is retrieved than is recognised."""
    return replace(at, retrieved=(*at.retrieved, *(offer(each).name for each in looked_at)))


def using_version(at: OrderingVisit, version: int) -> OrderingVisit:
    """Return a visit at which all results are offered, and retrieved, in a later version."""
    lines = tuple(replace(line, offers=tuple(replace(each, version=version) for each in line.offers)) for line in at.lines)
    return replace(at, lines=lines, retrieved=tuple(each._replace(version=version) for each in at.retrieved))


def year(
    visits: Sequence[OrderingVisit],
    results: Sequence[ResultMade] = (),
    revisions: Sequence[VersionMade] = (),
    recalls: Sequence[RecallMade] = (),
    lists_worked: Sequence[ListWorked] = (),
) -> Year:
    starts = [moment(FIRST_DAY + PERIOD_DAYS * number) for number in range(PERIODS)]
    return Year(
        visits=len(visits),
        persons=2,
        plain_visits={},
        ordering=tuple(visits),
        results=tuple(results),
        retrievals=(),
        periods=tuple((start, start + PERIOD_DAYS * DAY_MS) for start in starts),
        revisions=tuple(revisions),
        recalls=tuple(recalls),
        lists_worked=tuple(lists_worked),
    )
