"""Laws of a payer's report: parts add up, weeks cover time once, asking in two says the same."""

from __future__ import annotations

from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.core import periods
from collector.core.payer import PayerReport
from collector.core.payer_failed import Failed
from probes import times
from probes.contract import Outcome
from probes.results import Result
from tests.support.payer_path import HOUR, SPRING, payer, report, run
from tests.support.stories import check

ZONES = (
    "America/New_York", "America/Phoenix", "America/Sao_Paulo", "America/Havana",
    "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu",
)  # fmt: skip
WEEKS_3 = 21 * 24
REASONS = ("x12.aaa_42_payer", "x12.aaa_42_clearinghouse", "tcp.refused")
runs_of = st.lists(
    st.tuples(
        st.integers(0, WEEKS_3 * 60 - 1), st.sampled_from(list(Outcome)), st.sampled_from(REASONS)
    ),
    max_size=60,
    unique_by=lambda one: one[0],
)
windows_of = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.integers(0, 23),
        st.integers(1, 30),
        st.sampled_from(("routine", "non_routine", "unscheduled")),
        st.integers(-10, 20),
    ),
    max_size=4,
)


def results(drawn: list[tuple[int, Outcome, str]]) -> list[Result]:
    return [
        run(SPRING + minute * 60_000, outcome, reason if outcome is Outcome.DOWN else "ok")
        for minute, outcome, reason in sorted(drawn)
    ]


def calendar(drawn: list[tuple[int, int, int, str, int]]) -> list[dict[str, str]]:
    zone = ZoneInfo("UTC")
    out = []
    for number, (day, hour, length, kind, published) in enumerate(drawn):
        start = SPRING + (day * 24 + hour) * HOUR
        local = [
            times.from_ms(at, zone).strftime("%Y-%m-%dT%H:%M")
            for at in (start, start + length * HOUR)
        ]
        at = times.rfc3339(SPRING + published * 24 * HOUR)
        out.append(
            {"id": f"w{number}", "kind": kind, "start": local[0], "end": local[1], "published": at}
        )
    return out


@settings(max_examples=40)
@given(runs=runs_of, windows=windows_of, zone=st.sampled_from(ZONES), hours=st.integers(1, WEEKS_3))
@example(runs=[], windows=[], zone="America/New_York", hours=1)
def test_the_parts_of_every_week_add_up(
    runs: list[tuple[int, Outcome, str]],
    windows: list[tuple[int, int, int, str, int]],
    zone: str,
    hours: int,
) -> None:
    found = at_hours(runs, windows, zone, 0, WEEKS_3, hours)
    for week in found.weeks:
        span, part = week.week.span, week.amounts
        states = part.up + part.degraded + part.down + part.unknown + part.not_monitored
        assert states == span.length
        assert sum(week.failed.values()) == part.down
        assert 0 <= week.down_published <= min(week.published, part.down)
        sums = week.week.sums
        assert sums.up + sums.down + sums.unknown == sums.eligible <= span.length
        assert sums.whole == span.length
    for month in found.months:
        one = month.month
        assert one.within <= one.responses <= one.required
        assert one.required == one.responses + one.outside.unanswered
    down = sum(week.amounts.down - week.down_published for week in found.weeks)
    if found.weeks and found.weeks[0].week.span.start <= SPRING:
        assert sum(one.unpublished for one in found.unplanned) == down


@settings(max_examples=40)
@given(
    runs=st.lists(
        st.tuples(st.integers(0, 3 * 24 * 60), st.sampled_from(list(Outcome))),
        max_size=60,
        unique_by=lambda one: one[0],
    ),
    confirm=st.sampled_from(("1", "2", "3")),
)
@example(runs=[(4, Outcome.DOWN), (185, Outcome.UNKNOWN)], confirm="1")
@example(runs=[(0, Outcome.DOWN), (6, Outcome.UP)], confirm="1")
def test_where_every_failing_run_names_the_payer_all_down_time_is_its(
    runs: list[tuple[int, Outcome]], confirm: str
) -> None:
    checks = {"c": check(every="1h", timeout="1h", confirm={"down": confirm})}
    drawn = results([(minute, outcome, REASONS[0]) for minute, outcome in runs])
    for week in report(drawn, payer(checks=checks)).weeks:
        assert week.failed[Failed.PAYER] == week.amounts.down


@settings(max_examples=25)
@given(
    runs=runs_of, windows=windows_of, zone=st.sampled_from(ZONES), cut=st.integers(1, WEEKS_3 - 1)
)
def test_asking_in_two_says_the_same_of_every_week_and_month(
    runs: list[tuple[int, Outcome, str]],
    windows: list[tuple[int, int, int, str, int]],
    zone: str,
    cut: int,
) -> None:
    whole = at_hours(runs, windows, zone, 0, WEEKS_3, WEEKS_3)
    first = at_hours(runs, windows, zone, 0, cut, WEEKS_3)
    second = at_hours(runs, windows, zone, cut, WEEKS_3, WEEKS_3)
    spans = [week.week.span for week in first.weeks]
    later = [week for week in second.weeks if week.week.span not in spans]
    assert [*first.weeks, *later] == list(whole.weeks)
    for months in (first.months, second.months):
        assert set(months) <= set(whole.months)


def at_hours(
    runs: list[tuple[int, Outcome, str]],
    windows: list[tuple[int, int, int, str, int]],
    zone: str,
    start: int,
    end: int,
    now: int,
) -> PayerReport:
    return report(
        results(runs),
        payer(calendar(windows), timezone=zone),
        start=SPRING + start * HOUR,
        end=SPRING + end * HOUR,
        now=SPRING + now * HOUR,
    )


@pytest.mark.parametrize(
    ("zone", "lengths"),
    [
        ("America/New_York", {167, 168, 169}),
        ("America/Phoenix", {168}),
        ("Australia/Lord_Howe", {167.5, 168, 168.5}),
        ("America/Havana", {167, 168, 169}),
        ("Africa/Cairo", {167, 168, 169}),
    ],
)
def test_a_week_has_167_or_169_hours_where_clocks_change(zone: str, lengths: set[float]) -> None:
    start, end = 1_735_689_600_000, 1_767_225_600_000  # 2025
    weeks = list(periods.weeks(start, end, ZoneInfo(zone), periods.SUNDAY))
    assert {week.length / HOUR for week in weeks} == lengths
    assert all(left.end == right.start for left, right in pairwise(weeks))
    for week in weeks:
        # where midnight does not exist the day begins as the clock jumps over it
        days = [times.from_ms(t, ZoneInfo(zone)).weekday() for t in (week.start - 1, week.start)]
        assert days == [5, 6]


@settings(max_examples=200)
@given(st.integers(0, 4_102_444_800_000), st.sampled_from(ZONES), st.integers(0, 6))
def test_every_instant_lies_in_one_week(t: int, zone: str, first: int) -> None:
    here = ZoneInfo(zone)
    week = periods.week(t, here, first)
    assert week.start <= t < week.end
    assert periods.week(week.start, here, first) == week
    assert periods.week(week.end - 1, here, first) == week
    assert periods.week(week.end, here, first).start == week.end
