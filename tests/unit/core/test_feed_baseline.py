"""What is usual of a feed, and when it is silent or flooded: written out, and on seeded traffic."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.feed_baseline import UNKNOWN, Baseline, Counted, Usual, learn
from collector.core.feed_calendar import Calendar, Hour
from collector.core.feed_judge import judge
from probes.feeds import Finding, Judged
from probes.testing.feed_traffic import (
    ADT,
    DAY,
    FIVE,
    HOUR,
    MONDAY,
    SHAPES,
    ZONE,
    traffic,
)
from tests.support.soak import SOAKING

CALENDAR = Calendar(ZONE)
WEEK = 7 * DAY
TEN = 10
"""Monday, 10:00 to 11:00."""


def hours(*counts: int, watched: int = FIVE) -> dict[int, Counted]:
    """One Monday 10:00-11:00 a week with these many messages, the last week last."""
    found = {}
    for n, count in enumerate(counts):
        start = MONDAY + n * WEEK + 10 * HOUR
        for k in range(12):
            found[start + k * FIVE] = Counted(watched, count // 12 + (k < count % 12))
    return found


def usual(*counts: int, watched: int = FIVE, weeks: int = 6) -> Usual:
    learned = learn(hours(*counts, watched=watched), MONDAY + 6 * WEEK, weeks, CALENDAR)
    return learned.usual[TEN]


def test_the_hours_of_a_week_are_those_of_the_wall_clock() -> None:
    assert CALENDAR.hour(MONDAY) == Hour(0, MONDAY, holiday=False)
    assert CALENDAR.hour(MONDAY + 6 * DAY + 23 * HOUR + 1) == (
        167,
        MONDAY + 6 * DAY + 23 * HOUR,
        False,
    )
    autumn = 1_793_512_800_000  # 2026-11-01 01:00 in Chicago, for the first time
    assert [CALENDAR.hour(autumn + n * HOUR) for n in range(3)] == [
        (145, autumn, False),
        (145, autumn + HOUR, False),
        (146, autumn + 2 * HOUR, False),
    ]
    thanksgiving = Calendar(ZONE, lambda _year: frozenset({date(2026, 6, 2)}))
    assert thanksgiving.hour(MONDAY + DAY + 10 * HOUR) == (154, MONDAY + DAY + 10 * HOUR, True)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((), UNKNOWN),
        ((120,), Usual(1, 120, 120)),
        ((120, 140, 90), Usual(3, 90, 140)),
        ((120, 140, 0, 130), Usual(4, 0, 140)),
        # of five or more one odd week moves neither end
        ((120, 140, 0, 130, 999), Usual(5, 120, 140)),
        ((120, 140, 0, 130, 999, 100), Usual(6, 100, 140)),
    ],
)
def test_usual_is_what_most_weeks_had(counts: tuple[int, ...], expected: Usual) -> None:
    assert usual(*counts) == expected


def test_hours_that_were_not_watched_nearly_whole_teach_nothing() -> None:
    assert usual(120, 120, 120, watched=FIVE * 9 // 10).hours == 3
    assert usual(120, 120, 120, watched=FIVE * 9 // 10 - 1).hours == 0


def test_older_weeks_teach_nothing() -> None:
    assert usual(10, 20, 30, 40, 50, 60).hours == 6
    assert usual(10, 20, 30, 40, 50, 60, weeks=4) == Usual(4, 30, 60)


def test_holidays_and_what_is_left_out_teach_nothing() -> None:
    counts, upto = hours(120, 130, 140), MONDAY + 6 * WEEK
    free = Calendar(ZONE, lambda _year: frozenset({date(2026, 6, 8)}))
    assert learn(counts, upto, 6, free).usual[TEN] == Usual(2, 120, 140)
    assert learn(counts, upto, 6, free).usual[154] == UNKNOWN
    outage = {MONDAY + 10 * HOUR + 5 * FIVE}
    assert learn(counts, upto, 6, CALENDAR, outage).usual[TEN] == Usual(2, 130, 140)


def steady(per_five: int = 10, weeks: int = 6) -> dict[int, Counted]:
    return {t: Counted(FIVE, per_five) for t in range(MONDAY, MONDAY + weeks * WEEK, FIVE)}


def quiet(counts: dict[int, Counted], start: int, minutes: int) -> None:
    for bucket in range(start, start + minutes * 60_000, FIVE):
        counts[bucket] = Counted(FIVE, 0)


def test_the_third_longest_lull_counts_in_messages_that_were_due() -> None:
    counts, upto = steady(), MONDAY + 6 * WEEK
    assert learn(counts, upto, 6, CALENDAR).lull == 0
    for week, minutes in ((0, 300), (1, 200), (2, 25), (3, 10)):
        quiet(counts, MONDAY + week * WEEK + week * DAY + 7 * HOUR, minutes)
    found = learn(counts, upto, 6, CALENDAR)
    # two odd silences are nobody's habit; 25 min at 120 an hour are 50 messages
    assert found.lull == 50
    assert {one.low for one in found.usual} == {120}


def test_a_lull_in_hours_with_little_is_little() -> None:
    counts, upto = steady(), MONDAY + 6 * WEEK
    for day in range(42):
        quiet(counts, MONDAY + day * DAY, 300)
    # every night is quiet: nothing is due then
    assert learn(counts, upto, 6, CALENDAR).lull == 0


def test_the_third_largest_burst_counts_beyond_three_times_the_usual() -> None:
    counts, upto = steady(), MONDAY + 6 * WEEK
    for n, many in enumerate((5_000, 900, 400, 300)):
        counts[MONDAY + n * WEEK + n * DAY] = Counted(FIVE, many)
    # half an hour holds 50 others; three times its usual 60 are 180
    assert learn(counts, upto, 6, CALENDAR).burst == 400 + 50 - 180


BASELINE = learn(steady(), MONDAY + 6 * WEEK, 6, CALENDAR)
NOON = MONDAY + 6 * WEEK + 12 * HOUR


def until(now: int, per_five: Callable[[int], int | None]) -> dict[int, Counted]:
    """Two days up to `now`; None: not watched."""
    found = {}
    for bucket in range(now // FIVE * FIVE - 2 * DAY, now, FIVE):
        many = per_five(bucket)
        if many is not None:
            found[bucket] = Counted(min(FIVE, now - bucket), many)
    return found


def judged(per_five: Callable[[int], int | None], now: int = NOON) -> Judged:
    return judge(BASELINE, until(now, per_five), CALENDAR, now)


def test_what_is_usual_is_told_with_its_hour() -> None:
    assert judged(lambda _: 10) == Judged(Finding.USUAL, hour=11, low=120, high=120)


def test_silent_once_more_was_due_than_the_lulls_explain() -> None:
    def since(minutes: int) -> Judged:
        return judged(lambda b: 0 if b >= NOON - minutes * 60_000 else 10)

    assert since(5).finding is Finding.USUAL  # ten were due
    assert since(10) == Judged(Finding.SILENT, 600_000, 0, 20, 11, 120, 120)
    noisy = Baseline(0, 6, BASELINE.usual, lull=50, burst=0, hours=1008)
    counts = until(NOON, lambda b: 0 if b >= NOON - 50 * 60_000 else 10)
    assert judge(noisy, counts, CALENDAR, NOON).finding is Finding.SILENT
    del counts[NOON - 50 * 60_000]
    assert judge(noisy, counts, CALENDAR, NOON).finding is Finding.USUAL


def test_part_of_the_last_five_minutes_counts_as_such() -> None:
    at = NOON + 60_000
    found = judged(lambda b: 0 if b >= NOON - FIVE else 10, at)
    assert found == Judged(Finding.SILENT, 360_000, 0, 12, 12, 120, 120)


def test_silence_is_counted_from_the_end_of_a_time_nobody_watched() -> None:
    gap = NOON - 2 * FIVE

    def per_five(bucket: int) -> int | None:
        return None if bucket == gap else 0

    assert judged(per_five).finding is Finding.SILENT  # by what the hours before say
    busy = judged(lambda b: None if b == gap else 0 if b > gap else 10)
    assert busy.finding is Finding.USUAL


def test_too_little_is_silence_too() -> None:
    # three of four are gone for good, and none of the five minutes is empty
    found = judged(lambda b: 2 if b >= NOON - 2 * HOUR else 10)
    assert found.finding is Finding.SILENT
    assert (found.ms, found.seen, found.due) == (1_500_000, 10, 50)
    assert judged(lambda b: 3 if b >= NOON - 2 * HOUR else 10).finding is Finding.USUAL


def test_flooded_beyond_three_times_the_usual_for_half_an_hour() -> None:
    def last_half(each: int) -> Judged:
        return judged(lambda b: each if b >= NOON - 6 * FIVE else 10)

    assert last_half(38).finding is Finding.USUAL  # 228 of 180 + 50
    assert last_half(39) == Judged(Finding.FLOODED, 1_800_000, 234, 60, 11, 120, 120)
    bursty = Baseline(0, 6, BASELINE.usual, lull=0, burst=28, hours=1008)
    for each, finding in ((39, Finding.USUAL), (40, Finding.FLOODED)):
        counts = until(NOON, lambda b, n=each: n if b >= NOON - 6 * FIVE else 10)  # type: ignore[misc]
        assert judge(bursty, counts, CALENDAR, NOON).finding is finding
    assert judged(lambda b: None if b == NOON - 2 * FIVE else 90).finding is Finding.USUAL


def test_without_fresh_counts_nothing_is_said() -> None:
    assert judged(lambda _: None) == Judged(Finding.UNWATCHED)
    old = until(NOON, lambda _: 0)
    assert judge(BASELINE, old, CALENDAR, NOON + 600_000).finding is Finding.SILENT
    assert judge(BASELINE, old, CALENDAR, NOON + 600_001) == Judged(Finding.UNWATCHED)


def test_before_three_weeks_of_an_hour_nothing_is_said_of_it() -> None:
    counts = until(NOON, lambda _: 0)
    assert judge(None, counts, CALENDAR, NOON) == Judged(Finding.LEARNING)
    young = learn(steady(weeks=2), MONDAY + 2 * WEEK, 6, CALENDAR)
    assert (young.known, judge(young, counts, CALENDAR, NOON)) == (0, Judged(Finding.LEARNING))
    assert learn(steady(weeks=3), MONDAY + 3 * WEEK, 6, CALENDAR).known == 168


def test_a_holiday_is_judged_as_a_sunday_and_called_a_holiday() -> None:
    counts = steady()
    for bucket in counts:
        if CALENDAR.hour(bucket).number >= 144:
            counts[bucket] = Counted(FIVE, 1)
    learned = learn(counts, MONDAY + 6 * WEEK, 6, CALENDAR)
    free = Calendar(ZONE, lambda _year: frozenset({date(2026, 7, 13)}))
    at = NOON
    shown = judge(learned, until(at, lambda _: 1), free, at)
    assert shown == Judged(Finding.USUAL, hour=168 + 11, low=12, high=12)
    assert judge(learned, until(at, lambda _: 1), CALENDAR, at).finding is Finding.SILENT


def test_a_night_is_never_an_alarm_and_a_silence_that_began_in_it_is_told_in_the_morning() -> None:
    counts = steady()
    for bucket in counts:
        if CALENDAR.hour(bucket).number % 24 < 6:
            counts[bucket] = Counted(FIVE, 0)
    upto = MONDAY + 5 * WEEK
    learned = learn(counts, upto, 5, CALENDAR)
    dead = upto + 1 * HOUR
    told = []
    for now in range(dead, upto + 8 * HOUR, FIVE):
        line = {
            b: Counted(FIVE, 0 if b >= dead else counts[b].messages)
            for b in range(now - 2 * DAY, now, FIVE)
        }
        if judge(learned, line, CALENDAR, now).finding is Finding.SILENT:
            told.append(now)
    assert told[0] == upto + 6 * HOUR + 2 * FIVE


@given(st.lists(st.integers(0, 10_000), min_size=3, max_size=6), st.permutations(range(72)))
def test_the_order_in_which_counts_came_is_no_matter(counts: list[int], order: list[int]) -> None:
    found = hours(*counts)
    keys = sorted(found)
    shuffled = {keys[n]: found[keys[n]] for n in order if n < len(keys)}
    upto = MONDAY + 6 * WEEK
    assert learn(shuffled, upto, 6, CALENDAR) == learn(found, upto, 6, CALENDAR)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SHAPES)
def test_realistic_traffic_raises_hardly_any_false_silence_and_a_dead_feed_is_found(
    name: str,
) -> None:
    """None here; in `make soak` five minutes in 100 days at most."""
    upto, days = MONDAY + 6 * WEEK, 14 if SOAKING else 3
    silences, seeds = 0, 8 if SOAKING else 1
    for seed in range(seeds):
        came = traffic(SHAPES[name], MONDAY, upto + days * DAY, seed)
        counts = {bucket: Counted(FIVE, n) for bucket, n in came.items()}
        learned = learn(counts, upto, 6, CALENDAR)
        silent = flooded = 0
        for now in range(upto, upto + days * DAY, FIVE if SOAKING else 6 * FIVE):
            line = {b: counts[b] for b in range(now - 2 * DAY, now, FIVE)}
            finding = judge(learned, line, CALENDAR, now).finding
            silent += finding is Finding.SILENT
            flooded += finding is Finding.FLOODED
        silences += silent
        assert flooded <= SHAPES[name].burst_a_week * days  # no more than bursts explain
        dead = upto + DAY + 10 * HOUR
        for now in range(dead, dead + 3 * HOUR, FIVE):
            line = {
                b: counts[b] if b < dead else Counted(FIVE, 0)
                for b in range(now - 2 * DAY, now, FIVE)
            }
            if judge(learned, line, CALENDAR, now).finding is Finding.SILENT:
                break
        assert now - dead <= 150 * 60_000
    assert silences <= seeds * days // 100


def test_the_traffic_is_what_it_says() -> None:
    week = traffic(ADT, MONDAY, MONDAY + WEEK, 1)
    assert week == traffic(ADT, MONDAY, MONDAY + WEEK, 1)
    assert 5_000 < sum(week.values()) < 15_000
