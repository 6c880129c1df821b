from __future__ import annotations

from datetime import UTC, datetime

import pytest

from node.wire.fhir.times import parse_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-05", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-31", datetime(2026, 5, 31, tzinfo=UTC)),
        ("2026-05-31T23:59:58Z", datetime(2026, 5, 31, 23, 59, 58, tzinfo=UTC)),
        ("2026-05-31T23:59:58+08:00", datetime(2026, 5, 31, 15, 59, 58, tzinfo=UTC)),
        ("2026-05-31T00:00:00-04:00", datetime(2026, 5, 31, 4, tzinfo=UTC)),
        ("2026-05-31T00:00:00.5Z", datetime(2026, 5, 31, microsecond=500_000, tzinfo=UTC)),
        ("2026-05-31T00:00:00.1234569Z", datetime(2026, 5, 31, microsecond=123_456, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2026-05-31T00:00:00+14:00", datetime(2026, 5, 30, 10, tzinfo=UTC)),
    ],
)
def test_dates_and_times_of_any_precision(text: str, expected: datetime) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "26",
        "2026-13",
        "2026-02-30",
        "2026-05-31T10:00",
        "2026-05-31T10:00Z",
        "2026-05-31T10:00:00",
        "2026-05-31 10:00:00Z",
        "2026-05-31T24:00:00Z",
        "2026-05-31T10:00:61Z",
        "2026-05-31T10:00:00+15:00",
        "2026-05-31T10:00:00.Z",
        "2026-05-31T10:00:00z",
        "2026-05-31Z",
        "0000",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:60Z",
        "٢٠٢٦",
        "2026\n",
    ],
)
def test_what_is_no_date_and_time(text: str) -> None:
    assert parse_time(text) is None
