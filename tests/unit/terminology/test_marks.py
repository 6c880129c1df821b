from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from node.domain.recognition import CertificateId, Obstacle, RegionCode
from node.terminology.marks import CertificateList, Mark, MarkIndex, mark_for
from node.terminology.regions import Region, RegionLevel, nearest
from tests.unit.terminology import world
from tests.unit.terminology.world import CITY, COUNTRY, GLU, OTHER_CITY, PROVINCE, REGIONS, A, certificate


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "held"),
    [
        ("2026-06-30T23:59:59.999+08:00", False),
        ("2026-07-01T00:00:00+08:00", True),
        ("2026-07-01T07:59:00+08:00", True),  # still June in UTC
        ("2026-12-31T23:59:59.999+08:00", True),
        ("2027-01-01T00:00:00+08:00", False),
    ],
)
def test_a_certificate_counts_by_the_day_of_civil_time(moment: str, held: bool) -> None:  # noqa: FBT001 - a case
    index = MarkIndex(CertificateList(world.head(), (certificate(A, GLU, PROVINCE),)), REGIONS)
    assert bool(index.marks(A, GLU, at(moment))) is held


def test_a_certificate_may_hold_to_the_last_day_that_there_is() -> None:
    for_ever = certificate(A, GLU, PROVINCE, valid_from=date.min, valid_to=date.max)
    index = MarkIndex(CertificateList(world.head(), (for_ever,)), REGIONS)
    assert index.marks(A, GLU, at("2026-07-01T00:00:00+08:00"))


def test_a_withdrawn_certificate_counts_no_longer_from_that_day() -> None:
    withdrawn = certificate(A, GLU, PROVINCE, withdrawn=date(2026, 10, 1))
    index = MarkIndex(CertificateList(world.head(), (withdrawn,)), REGIONS)
    assert index.marks(A, GLU, at("2026-09-30T12:00:00+08:00"))
    assert not index.marks(A, GLU, at("2026-10-01T00:00:00+08:00"))


def test_certificates_of_unknown_regions_bear_no_mark() -> None:
    index = MarkIndex(CertificateList(world.head(), (certificate(A, GLU, RegionCode("XX")),)), REGIONS)
    assert index.marks(A, GLU, world.NOW_MS) == ()


def test_marks_are_spelled_with_their_region() -> None:
    assert [region.mark for region in REGIONS.regions] == ["全国HR", "粤HR", "穗HR", "深HR"]


def mark(scope: RegionCode) -> Mark:
    return Mark(f"{scope}HR", scope, CertificateId(scope))


def test_which_mark_counts() -> None:
    accepted, around = REGIONS.marks_accepted_in(CITY), REGIONS.around(CITY)
    assert mark_for([], accepted, around) is Obstacle.NO_MARK
    assert mark_for([mark(OTHER_CITY)], accepted, around) is Obstacle.MARK_OUT_OF_SCOPE
    assert mark_for([mark(OTHER_CITY), mark(CITY), mark(COUNTRY)], accepted, around) == mark(COUNTRY)


def test_a_region_may_lie_in_several() -> None:
    area = RegionCode("CN-JJJ")
    beijing = RegionCode("CN-11")
    table = replace(
        REGIONS,
        regions=(
            *REGIONS.regions,
            Region(area, "京津冀", "京津冀", "JJJ", RegionLevel.AREA, (COUNTRY,)),
            Region(beijing, "京", "北京", "Beijing", RegionLevel.PROVINCE, (area, COUNTRY)),
        ),
    )
    assert table.around(beijing) == (beijing, area, COUNTRY)
    assert table.around(RegionCode("XX")) == ("XX",)
    assert table.rules_for(beijing) == world.RULES
    assert table.rules_for(RegionCode("XX")).sub_reasons == ()
    assert nearest({COUNTRY: 1, area: 2}, table.around(beijing)) == 2
    assert nearest({}, table.around(beijing)) is None


def test_civil_time_is_the_tables() -> None:
    assert REGIONS.zone.utcoffset(datetime(2026, 1, 1, tzinfo=UTC)) == timedelta(hours=8)
