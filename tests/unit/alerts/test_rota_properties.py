"""Laws of the rota, for any schedule: it tiles, agrees with itself, adds up, and with a plain twin."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.rota import Duty, duties, on_duty
from probes.config_oncall import OnCall, Override
from probes.times import from_ms, to_ms
from tests.support.soak import longer
from tests.unit.alerts import rota_twin

HOUR, MINUTE = 3_600_000, 60_000
PEOPLE = ("anna", "ben", "cleo", "dora")
CHANGES = {
    "America/Chicago": ("2026-03-08T02:00", "2026-11-01T01:00", "2026-06-01T00:00"),
    "Europe/Berlin": ("2026-03-29T02:00", "2026-10-25T02:00"),
    "Australia/Lord_Howe": ("2026-04-05T01:30", "2026-10-04T02:00"),
    "Pacific/Apia": ("2011-12-30T00:00",),
    "America/Havana": ("2026-03-08T00:00", "2026-11-01T00:00"),
}
"""Wall clocks at which clocks change, and one at which they do not."""
nights = st.sampled_from(
    [(zone, datetime.fromisoformat(wall)) for zone, walls in CHANGES.items() for wall in walls]
)
clocks = st.sampled_from(["00:00", "00:30", "01:00", "01:45", "02:00", "02:30", "08:00", "22:15"])
ends = st.one_of(clocks, st.just("24:00"))
shifts = st.tuples(clocks, ends).filter(lambda pair: pair[0] != pair[1])
only = st.lists(
    st.fixed_dictionaries(
        {
            "times": st.lists(shifts, min_size=1, max_size=2).map(
                lambda pairs: [{"start_time": a, "end_time": b} for a, b in pairs]
            )
        },
        optional={
            "weekdays": st.lists(
                st.sampled_from(["saturday", "sunday", "friday"]), min_size=1, unique=True
            )
        },
    ),
    min_size=1,
    max_size=2,
)


def walls(around: datetime) -> st.SearchStrategy[str]:
    """Quarters of hours around a wall clock, written out."""
    quarters = st.integers(-200, 120).map(lambda n: around + timedelta(minutes=15 * n))
    return quarters.map(lambda wall: wall.isoformat(timespec="minutes"))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[OnCall, ZoneInfo, int, tuple[Override, ...]]:
    """A schedule, the zone, the instant of the change, and overrides beside the file's."""
    name, change = draw(nights)
    zone = ZoneInfo(name)
    layers: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 3))):
        one: dict[str, Any] = {
            "people": draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4)),
            "starts": draw(walls(change)),
            "turn": draw(st.sampled_from(["1h", "2h", "8h", "12h", "1d", "2d", "7d"])),
        }
        if draw(st.booleans()):
            one["ends"] = draw(walls(change))
        if draw(st.booleans()):
            one["only"] = draw(only)
        layers.append(one)
    overrides = [
        {"start": draw(walls(change)), "end": draw(walls(change)), "person": person}
        for person in draw(st.lists(st.sampled_from(PEOPLE), max_size=3))
    ]
    split = draw(st.integers(0, len(overrides)))
    schedule = OnCall.model_validate(
        {"role": "engineering", "layers": layers, "overrides": overrides[:split]}
    )
    beside = tuple(Override.model_validate(one) for one in overrides[split:])
    return schedule, zone, to_ms(change, zone), beside


World = tuple[OnCall, ZoneInfo, int, tuple[Override, ...]]


@settings(max_examples=longer(60))
@given(worlds(), st.lists(st.integers(-40 * 60, 40 * 60), min_size=5, max_size=20))
def test_duties_tile_without_overlap_and_agree_with_who_is_on_duty(
    world: World, minutes: list[int]
) -> None:
    schedule, zone, change, beside = world
    start, end = change - 40 * HOUR, change + 40 * HOUR
    found = duties(schedule, zone, start, end, beside)
    assert all(start <= one.start < one.end <= end for one in found)
    for left, right in pairwise(found):
        assert left.end <= right.start
        assert left.end < right.start or left.person != right.person
    edges = [t for one in found for t in (one.start - 1, one.start, one.end - 1, one.end)]
    for t in (*edges, *(change + minute * MINUTE for minute in minutes)):
        if start <= t < end:
            expected = next((one.person for one in found if one.start <= t < one.end), None)
            assert on_duty(schedule, zone, t, beside) == expected


@settings(max_examples=longer(60))
@given(worlds(), st.integers(-40 * 60, 40 * 60))
def test_splitting_a_range_adds_up(world: World, minute: int) -> None:
    schedule, zone, change, beside = world
    start, middle, end = change - 40 * HOUR, change + minute * MINUTE, change + 40 * HOUR
    left = duties(schedule, zone, start, middle, beside)
    right = duties(schedule, zone, middle, end, beside)
    touching = bool(left and right) and left[-1].end == middle == right[0].start
    if touching and left[-1].person == right[0].person:
        left, right = [*left[:-1], Duty(left[-1].start, right[0].end, right[0].person)], right[1:]
    assert duties(schedule, zone, start, end, beside) == [*left, *right]


@settings(max_examples=longer(25))
@given(worlds())
def test_a_plain_twin_that_asks_every_quarter_of_an_hour_finds_the_same(world: World) -> None:
    schedule, zone, change, beside = world
    for minute in range(-12 * 60, 12 * 60, 15):
        t = change + minute * MINUTE
        assert on_duty(schedule, zone, t, beside) == rota_twin.on_duty(schedule, zone, t, beside)


@given(nights, st.integers(-120, 120))
@example(("America/Chicago", datetime(2026, 3, 8, 2)), 0)
def test_the_twin_reads_wall_clocks_as_the_contract_does(
    night: tuple[str, datetime], quarters: int
) -> None:
    zone, wall = ZoneInfo(night[0]), night[1] + timedelta(minutes=15 * quarters)
    assert rota_twin.instant(wall, zone) == to_ms(wall, zone)
    assert from_ms(to_ms(wall, zone), zone).tzinfo is not None
