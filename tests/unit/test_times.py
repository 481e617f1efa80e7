from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.times import parse_datetime, parse_duration, rfc3339, to_ms, tzdata_version

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 30_000),
        ("10m", 600_000),
        ("1h30m", 5_400_000),
        ("1d", 86_400_000),
        ("250ms", 250),
        ("0s", 0),
    ],
)
def test_a_duration_is_read_in_milliseconds(text: str, expected: int) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "30", "s", "-5s", "1.5h", "5m1h", "30 s", "٣s"])
def test_a_duration_without_a_proper_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write a duration with its unit"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["2026-01-05", "02:00", "soon", "2026-13-05T02:00"])
def test_a_time_without_date_or_clock_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write a date and a time"):
        parse_datetime(text)


def test_a_wall_clock_time_inside_a_gap_uses_the_offset_before_it() -> None:
    # Chicago skips 02:00-03:00 on 2026-03-08; 02:30 CST is 08:30Z.
    assert rfc3339(to_ms(datetime(2026, 3, 8, 2, 30), CHICAGO)) == "2026-03-08T08:30:00.000Z"


def test_an_ambiguous_wall_clock_time_is_the_first() -> None:
    # Chicago repeats 01:00-02:00 on 2026-11-01; the first 01:30 is CDT, 06:30Z.
    assert rfc3339(to_ms(datetime(2026, 11, 1, 1, 30), CHICAGO)) == "2026-11-01T06:30:00.000Z"


def test_an_offset_in_the_text_wins_over_the_zone() -> None:
    aware = parse_datetime("2025-12-18T09:00:00-06:00")
    assert rfc3339(to_ms(aware, ZoneInfo("Europe/Berlin"))) == "2025-12-18T15:00:00.000Z"


@given(st.integers(0, 4_000_000_000_000))
def test_printing_and_reading_an_instant_gives_it_back(at_ms: int) -> None:
    assert to_ms(parse_datetime(rfc3339(at_ms)), CHICAGO) == at_ms


def test_the_version_of_the_time_zone_rules_is_the_one_that_is_pinned() -> None:
    pins = Path(__file__).parents[2] / "requirements.txt"
    assert f"tzdata=={tzdata_version()} " in pins.read_text(encoding="utf-8")
