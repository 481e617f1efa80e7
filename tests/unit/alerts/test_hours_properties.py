"""Business time under any hours: against a twin that counts minutes, and what always holds."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from alerts.hours import Hours, add_business
from probes.amounts import Amount, Unit
from probes.opening import Opening
from probes.times import from_ms
from tests.unit.alerts import hours_twin

MINUTE = 60_000
DAY = 24 * 60
# Clocks change on 03-08 and 11-01 in Chicago, 03-29 and 10-25 in Berlin, by half an hour on
# 04-05 and 10-04 on Lord Howe Island; none in Phoenix.
ZONES = ("America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "America/Phoenix")
NIGHTS = (
    1_772_928_000_000,  # 2026-03-08
    1_793_491_200_000,  # 2026-11-01
    1_774_742_400_000,  # 2026-03-29
    1_792_886_400_000,  # 2026-10-25
    1_775_347_200_000,  # 2026-04-05
    1_791_072_000_000,  # 2026-10-04
    1_798_675_200_000,  # 2026-12-31
)


@st.composite
def rules(draw: st.DrawFn, first: int = 0, last: int = DAY) -> Opening:
    """One to three shifts in quarters of an hour, between two minutes of the day."""
    ends = draw(
        st.lists(st.integers(first // 15, last // 15), min_size=2, max_size=6, unique=True).filter(
            lambda found: len(found) % 2 == 0
        )
    )
    quarters = sorted(ends)
    times = tuple((a * 15, b * 15) for a, b in zip(quarters[::2], quarters[1::2], strict=True))
    days = draw(st.sampled_from(((), ((1, 5),), ((0, 6),), ((2, 2), (6, 6)))))
    return Opening(times, days)


zones = st.sampled_from(ZONES).map(ZoneInfo)
starts = st.builds(
    lambda night, minutes: night + minutes * MINUTE,
    st.sampled_from(NIGHTS),
    st.integers(-3 * DAY, 2 * DAY),
)
hours_long = st.builds(Amount, st.just(Unit.HOURS), st.integers(1, 30))
days_long = st.builds(Amount, st.just(Unit.DAYS), st.integers(1, 8))
# By day no clock changes, so local times stay in order.
by_day = rules(6 * 60, 22 * 60)


@given(rules(), zones, starts, st.integers(1, 6))
@example(Opening(((150, 180), (180, 240))), ZoneInfo("America/Chicago"), NIGHTS[0], 2)
@example(Opening(((90, 240),)), ZoneInfo("America/Chicago"), NIGHTS[1], 4)
def test_business_hours_are_those_counted_minute_by_minute(
    rule: Opening, zone: ZoneInfo, start: int, count: int
) -> None:
    found = add_business(start, Amount(Unit.HOURS, count), Hours(rule, zone))
    assert found == hours_twin.after_hours(start, count, rule, zone)


@given(rules(), zones, starts, st.integers(1, 6))
def test_business_days_are_those_counted_minute_by_minute(
    rule: Opening, zone: ZoneInfo, start: int, count: int
) -> None:
    found = add_business(start, Amount(Unit.DAYS, count), Hours(rule, zone))
    assert found == hours_twin.after_days(start, count, rule, zone)


@given(rules(), zones, starts, st.one_of(hours_long, days_long))
def test_it_is_due_in_business_time_or_at_its_end(
    rule: Opening, zone: ZoneInfo, start: int, amount: Amount
) -> None:
    hours = Hours(rule, zone)
    due = add_business(start, amount, hours)
    assert due > start
    day = from_ms(due, zone).date()
    near = [*hours.on(day.fromordinal(day.toordinal() - 1)), *hours.on(day)]
    assert any(one.start <= due <= one.end for one in near)


@given(rules(), zones, starts, st.integers(0, 3 * DAY * MINUTE), hours_long)
def test_a_later_start_is_never_due_earlier(
    rule: Opening, zone: ZoneInfo, start: int, later: int, amount: Amount
) -> None:
    hours = Hours(rule, zone)
    assert add_business(start, amount, hours) <= add_business(start + later, amount, hours)


@given(by_day, zones, starts, st.integers(0, 3 * DAY * MINUTE), days_long)
def test_a_later_start_is_never_due_earlier_in_days(
    rule: Opening, zone: ZoneInfo, start: int, later: int, amount: Amount
) -> None:
    hours = Hours(rule, zone)
    assert add_business(start, amount, hours) <= add_business(start + later, amount, hours)


@given(
    rules(), zones, starts, st.integers(1, 20), st.integers(1, 20), st.sampled_from(["bh", "bd"])
)
def test_more_is_due_later(
    rule: Opening, zone: ZoneInfo, start: int, count: int, more: int, unit: str
) -> None:
    hours = Hours(rule, zone)
    less, all_of_it = Amount(Unit(unit), count), Amount(Unit(unit), count + more)
    assert add_business(start, less, hours) < add_business(start, all_of_it, hours)


@given(rules(), zones, starts, st.integers(1, 20), st.integers(1, 20))
def test_one_part_after_the_other_is_the_whole_in_hours(
    rule: Opening, zone: ZoneInfo, start: int, first: int, second: int
) -> None:
    hours = Hours(rule, zone)
    halfway = add_business(start, Amount(Unit.HOURS, first), hours)
    whole = add_business(start, Amount(Unit.HOURS, first + second), hours)
    assert add_business(halfway, Amount(Unit.HOURS, second), hours) == whole


@given(by_day, zones, starts, st.integers(1, 8), st.integers(1, 8))
def test_one_part_after_the_other_is_the_whole_in_days(
    rule: Opening, zone: ZoneInfo, start: int, first: int, second: int
) -> None:
    hours = Hours(rule, zone)
    halfway = add_business(start, Amount(Unit.DAYS, first), hours)
    whole = add_business(start, Amount(Unit.DAYS, first + second), hours)
    assert add_business(halfway, Amount(Unit.DAYS, second), hours) == whole
