"""/v1/supervision: figures of a regulator's node, the form of Liaoning, and the institutions and entries that they rest on."""

from __future__ import annotations

import asyncio
import calendar
import re
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from node.api.bodies.figures import (
    EntryListBody,
    FiguresBody,
    InstitutionListBody,
    LiaoningBody,
    delay_row,
    entry_line,
    figure_row,
    institution_line,
    liaoning_line,
)
from node.api.bodies.records import show_time
from node.api.openapi.document import documented
from node.api.requests import Caller, NodeOf, json_response
from node.api.routes.supervision import supervision_of
from node.domain.entry import Origin
from node.errors import MalformedParameterError
from node.ports.clock import unix_ms
from node.services.clients import Scope
from node.supervision.tallies import Dimension

router = APIRouter(tags=["supervision"])

MAX_MONTHS: Final = 120

_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_MONTHS: Final = 12
_FIRST_YEAR: Final = 2000


@router.get("/v1/supervision/figures", **documented("figures"))
async def show_figures(
    node: NodeOf,
    client: Caller,
    by: Annotated[Dimension, Query(description="by what")] = Dimension.ALL,
    first: Annotated[str | None, Query(alias="from", description="first month, such as 2026-01; without any: all time")] = None,
    last: Annotated[str | None, Query(alias="to", description="last month; by default the first")] = None,
) -> Response:
    """Return figures by one dimension: a row for each group and month."""
    client.require(Scope.READ_FINDINGS)
    supervision, periods = supervision_of(node), _periods(first, last)

    def read() -> FiguresBody:
        names = supervision.figures.names()
        rows = [figure_row(group, figures, names) for group, figures in supervision.figures.report(by, periods)]
        delays = [delay_row(*each) for each in supervision.figures.delays(periods)]
        return FiguresBody(by.value, show_time(unix_ms(supervision.clock)), rows, delays)

    return json_response(await asyncio.to_thread(read))


@router.get("/v1/supervision/liaoning", **documented("liaoning"))
async def show_liaoning(
    node: NodeOf,
    client: Caller,
    month: Annotated[str | None, Query(description="such as 2026-01; without: all time")] = None,
    day: Annotated[date | None, Query(description="when certificates have to be valid; by default the month's last day")] = None,
) -> Response:
    """Return the form of Liaoning: a row for each hospital, the last one for all."""
    client.require(Scope.READ_FINDINGS)
    supervision = supervision_of(node)
    chosen = day or supervision.clock.now().date()
    if month is not None and day is None:
        year, number = _month("month", month)
        chosen = date(year, number, calendar.monthrange(year, number)[1])
    rows = await asyncio.to_thread(supervision.figures.liaoning, month or "", chosen)
    names = supervision.figures.names()
    return json_response(LiaoningBody(month or "", chosen.isoformat(), [liaoning_line(row, names) for row in rows]))


@router.get("/v1/supervision/institutions", **documented("institutions"))
async def list_institutions(node: NodeOf, client: Caller) -> Response:
    """List the institutions of the consortium with their logs."""
    client.require(Scope.READ_FINDINGS)
    told = await asyncio.to_thread(supervision_of(node).logs.institutions)
    return json_response(InstitutionListBody([institution_line(each) for each in told]))


@router.get("/v1/supervision/entries", **documented("entries"))
async def list_entries(
    node: NodeOf,
    client: Caller,
    origin: Annotated[str, Query(description="the log")],
    start: Annotated[int, Query(ge=0, le=2**53, description="the first entry")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="entries")] = 500,
) -> Response:
    """List entries of a followed log in their order, with what receipts say of their requests."""
    client.require(Scope.READ_FINDINGS)
    found = await asyncio.to_thread(supervision_of(node).logs.entries, Origin(origin), start, limit)
    next_start = start + limit if len(found) == limit else None
    return json_response(EntryListBody(origin, [entry_line(each) for each in found], next_start))


def _periods(first: str | None, last: str | None) -> list[str]:
    if first is None:
        if last is not None:
            raise MalformedParameterError("to", "give `from` as well")
        return [""]
    (year, month), (end_year, end_month) = _month("from", first), _month("to", last or first)
    start, end = year * _MONTHS + month - 1, end_year * _MONTHS + end_month - 1
    if not start <= end < start + MAX_MONTHS:
        raise MalformedParameterError("to", f"give a month from `from` on, at most {MAX_MONTHS} of them")
    return [f"{each // _MONTHS:04}-{each % _MONTHS + 1:02}" for each in range(start, end + 1)]


def _month(name: str, text: str) -> tuple[int, int]:
    match = _MONTH.fullmatch(text)
    if match is None or int(match[1]) < _FIRST_YEAR:
        raise MalformedParameterError(name, "give a month such as 2026-01")
    return int(match[1]), int(match[2])
