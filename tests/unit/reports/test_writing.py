from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.reports.writing import instant, lasting, percent, title_of

CHICAGO = ZoneInfo("America/Chicago")
UNITS = {"h": 3_600_000, "min": 60_000, "s": 1_000}


@pytest.mark.parametrize(
    ("ms", "told"),
    [
        (0, "0 s"),
        (1, "0.001 s"),
        (60_000, "1 min"),
        (2_678_400_000, "744 h"),
        (3_661_001, "1 h 1 min 1.001 s"),
        (3_600_500, "1 h 0.500 s"),
        (None, "undefined"),
    ],
)
def test_a_length_is_exact_and_has_no_days(ms: int | None, told: str) -> None:
    assert lasting(ms).replace("\u00a0", " ") == told


@given(st.integers(0, 1 << 53))
def test_a_length_can_be_read_back(ms: int) -> None:
    found = 0
    told = re.findall("([0-9]+)(?:[.]([0-9]{3}))?\u00a0(h|min|s)", lasting(ms))
    for whole, thousandths, unit in told:
        found += int(whole) * UNITS[unit] + int(thousandths or 0)
    assert found == ms


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (1_793_514_600_000, "2026-11-01 01:30:00 -05:00"),
        (1_793_518_200_001, "2026-11-01 01:30:00.001 -06:00"),
        (None, "none"),
    ],
)
def test_the_same_wall_clock_twice_differs_by_its_offset(at: int | None, told: str) -> None:
    assert instant(at, CHICAGO) == told


def test_a_percentage_is_printed_as_it_stands() -> None:
    assert percent("99.8997") == "99.8997\u00a0%"
    assert percent("100.0000") == "100.0000\u00a0%"
    assert percent(None) == "undefined"


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (1_782_882_000_000, 1_785_560_400_000, "July 2026"),
        (1_796_104_800_000, 1_798_783_200_000, "December 2026"),
        (
            1_782_882_000_001,
            1_785_560_400_000,
            "2026-07-01 00:00:00.001 -05:00 to 2026-08-01 00:00:00 -05:00",
        ),
        (
            1_782_882_000_000,
            1_788_238_800_000,
            "2026-07-01 00:00:00 -05:00 to 2026-09-01 00:00:00 -05:00",
        ),
    ],
)
def test_only_a_calendar_month_has_its_name(start: int, end: int, told: str) -> None:
    assert title_of(start, end, CHICAGO) == told
