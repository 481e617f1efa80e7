"""Burn-rate rows: factors of the real month, ratios of confirmed states, when a row fires."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.events import State
from collector.core import burn
from collector.core.burn import Row, Sight, rows
from collector.core.document import fields
from collector.core.periods import period
from probes.config_systems import Slo
from probes.spans import Interval, Span, Timeline, merge, unite
from tests.support.stories import config
from tests.unit.core.test_availability import judged, with_slo

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EDGE = 10 * DAY
MONTH = 30 * DAY


def line(
    *minutes_down: tuple[int, int], unknown: Sequence[tuple[int, int]] = ()
) -> Timeline[State]:
    """Up for ten days but for these minutes before the edge, `(from, to)`, the earlier first."""
    marks = sorted(
        [(EDGE - a * MINUTE, EDGE - b * MINUTE, State.DOWN) for a, b in minutes_down]
        + [(EDGE - a * MINUTE, EDGE - b * MINUTE, State.UNKNOWN) for a, b in unknown]
    )
    spans: list[Span[State]] = []
    edge = 0
    for start, end, state in marks:
        if start > edge:
            spans.append(Span(edge, start, State.UP))
        spans.append(Span(start, end, state))
        edge = end
    if edge < EDGE:
        spans.append(Span(edge, EDGE, State.UP))
    return tuple(spans)


def seen(
    whole: Timeline[State], slo: Slo, *, out: Sequence[Interval] = (), month_ms: int = MONTH
) -> tuple[Row, ...]:
    return rows(slo, Sight({None: whole}, {}, out, EDGE, month_ms))


NINES = Slo(target="99.9")


@pytest.mark.parametrize(
    ("month", "zone", "factors"),
    [
        ("2026-02", "UTC", ["13.44", "5.6", "2.8", "14/15"]),
        ("2026-06", "UTC", ["14.4", "6", "3", "1"]),
        ("2026-07", "UTC", ["14.88", "6.2", "3.1", "31/30"]),
        # 743 hours: the month in which clocks go forward
        ("2026-03", "America/Chicago", ["14.86", "743/120", "743/240", "743/720"]),
        ("2026-11", "America/Chicago", ["14.42", "721/120", "721/240", "721/720"]),
        # 720.5 hours: half an hour longer
        ("2026-04", "Australia/Lord_Howe", ["14.41", "1441/240", "1441/480", "1441/1440"]),
    ],
)
def test_factors_are_scaled_to_the_real_month(month: str, zone: str, factors: list[str]) -> None:
    span = period(month, 0, ZoneInfo(zone))
    found = seen(line(), NINES, month_ms=span.length)
    assert [row.factor for row in found] == [Fraction(f) for f in factors]
    assert [(r.severity, r.long_ms, r.short_ms) for r in found] == [
        ("page", 3_600_000, 300_000),
        ("page", 21_600_000, 1_800_000),
        ("ticket", 86_400_000, 7_200_000),
        ("ticket", 259_200_000, 21_600_000),
    ]


@pytest.mark.parametrize(
    ("target", "thresholds"),
    [
        ("99.9", ["0.0144", "0.006", "0.003", "0.001"]),
        ("99.95", ["0.0072", "0.003", "0.0015", "0.0005"]),
    ],
)
def test_the_threshold_is_the_factor_times_what_the_target_allows(
    target: str, thresholds: list[str]
) -> None:
    assert [row.threshold for row in seen(line(), Slo(target=target))] == [
        Fraction(t) for t in thresholds
    ]


def test_a_row_fires_only_when_both_windows_exceed_its_threshold() -> None:
    # 52 s of a full outage are more than 1.44 % of an hour, 51 s are not.
    def ended(seconds: int) -> Timeline[State]:
        return (
            Span(0, EDGE - seconds * 1000, State.UP),
            Span(EDGE - seconds * 1000, EDGE, State.DOWN),
        )

    assert [row.firing for row in seen(ended(52), NINES)] == [True, False, False, False]
    assert [row.firing for row in seen(ended(51), NINES)] == [False, False, False, False]
    # over for ten minutes: the long window still exceeds, the short one knows that it is over
    past = seen(line((20, 10)), NINES)
    assert (past[0].long, past[0].short, past[0].firing) == (Fraction(10, 60), Fraction(0), False)
    assert past[1].firing


def test_equal_to_the_threshold_is_not_exceeded() -> None:
    # 14.4 * 6.25 % = 90 %: exactly 54 minutes of 60, all of the last five
    one = seen(line((54, 0)), Slo(target="93.75"))[0]
    assert (one.long, one.threshold, one.firing) == (Fraction(9, 10), Fraction(9, 10), False)
    # the same of the short window: 4.5 minutes of 5, and all of the hour before
    (row, *_) = seen(
        (
            Span(0, EDGE - 5 * MINUTE, State.DOWN),
            Span(EDGE - 5 * MINUTE, EDGE - 30_000, State.DOWN),
            Span(EDGE - 30_000, EDGE, State.UP),
        ),
        Slo(target="93.75"),
    )
    assert (row.long, row.short, row.firing) == (Fraction(119, 120), Fraction(9, 10), False)


def test_a_slow_burn_makes_a_ticket_and_no_page() -> None:
    # three minutes of every hour of the last three days
    marks = [(60 * n + 3, 60 * n) for n in range(72)]
    slow = seen(line(*marks), Slo(target="98"))
    assert [row.firing for row in slow] == [False, False, False, True]
    assert slow[3].long == Fraction(1, 20)


def test_unknown_time_is_left_out_and_nothing_known_is_null() -> None:
    blind = seen(line(unknown=[(60, 0)]), NINES)
    assert (blind[0].long, blind[0].short) == (None, None)
    assert not blind[0].firing
    assert blind[1].long == 0
    assert blind[1].short is None
    half = seen(line((30, 0), unknown=[(60, 30)]), NINES)
    assert half[0].long == 1


def test_maintenance_is_no_part_of_a_window() -> None:
    out = (Interval(EDGE - 30 * MINUTE, EDGE),)
    one = seen(line((40, 0)), NINES, out=out)[0]
    assert (one.long, one.short, one.firing) == (Fraction(10, 30), None, False)
    whole = Slo(target="99.9", formula="whole-period-v1")
    assert seen(line((40, 0)), whole, out=out)[0].long == Fraction(10, 60)


def test_one_failing_result_burns_nothing_and_a_confirmed_outage_does() -> None:
    used = with_slo(target="99.9")
    once = judged("uuuud", used, now=241, end=86_400).burn
    twice = judged("uuuudd", used, now=301, end=86_400).burn
    assert once is not None
    assert twice is not None
    assert once[0].long == 0
    assert twice[0].long == Fraction(61, 301)
    assert twice[0].firing


def test_a_row_of_the_worst_site_names_the_site_it_fires_for() -> None:
    sight = Sight(
        {None: line(), "north": line((50, 30)), "south": line((2, 0)), "west": line()},
        {}, (), EDGE, MONTH,
    )  # fmt: skip
    found = rows(Slo(target="99.9", scope="worst_site"), sight)
    # north has the higher ratio, but it is over there
    assert (found[0].site, found[0].firing) == ("south", True)
    assert (found[2].site, found[2].firing) == ("north", True)


def test_a_row_of_the_worst_site_that_fires_for_none_is_that_of_the_highest_ratio() -> None:
    blind, calm = line(unknown=[(60 * 24 * 9, 0)]), line()
    past, earlier = line((58, 55)), line((58, 56), (4, 3))
    slo = Slo(target="90", scope="worst_site")

    def told(**sites: Timeline[State]) -> str | None:
        lines: dict[str | None, Timeline[State]] = {None: line()}
        lines.update(sites.items())
        return rows(slo, Sight(lines, {}, (), EDGE, MONTH))[0].site

    assert told(a=blind, b=calm) == "b"
    assert told(a=calm, b=past, c=blind) == "b"
    # three minutes each in the hour; one of them in the last five
    assert told(a=past, b=earlier) == "b"
    half = line((58, 55), unknown=[(5, 0)])
    # fifty-five minutes known: a higher ratio
    assert told(a=past, b=half) == "b"
    assert told(a=half, b=line((57, 54), unknown=[(6, 1)])) == "b"


def test_sites_that_are_alike_are_told_apart_by_their_ids() -> None:
    sight = Sight({None: line(), "b": line(), "a": line()}, {}, (), EDGE, MONTH)
    found = rows(Slo(target="99.9", scope="worst_site"), sight)
    assert [row.site for row in found] == ["a"] * 4


def test_without_a_monitored_site_the_rows_of_the_worst_site_know_nothing() -> None:
    found = rows(Slo(target="99.9", scope="worst_site"), Sight({None: line()}, {}, (), EDGE, MONTH))
    assert [(row.site, row.long, row.firing) for row in found] == [(None, None, False)] * 4


def test_user_weighted_rows_weigh_each_site_by_its_users() -> None:
    sight = Sight(
        {None: line(), "north": line(), "south": line((60, 0))},
        {"north": 3, "south": 1}, (), EDGE, MONTH,
    )  # fmt: skip
    one = rows(Slo(target="99.9", scope="user_weighted"), sight)[0]
    assert (one.long, one.short, one.site) == (Fraction(1, 4), Fraction(1, 4), None)


def test_the_document_prints_factors_ratios_and_thresholds_as_truncated_decimals() -> None:
    shown = fields(judged("uuuudd", with_slo(target="99.9"), now=301, end=86_400))["burn"]
    assert len(shown) == len(burn.ROWS)
    # January: 31 days; 61 s of 301 s, and of the last 300 s
    assert shown[0] == {
        "severity": "page",
        "long_ms": 3_600_000,
        "short_ms": 300_000,
        "factor": "14.8800",
        "threshold": "1.4880",
        "long": "20.2657",
        "short": "20.3333",
        "site": None,
        "firing": True,
    }
    # 31 / 30, truncated
    assert (shown[3]["factor"], shown[3]["threshold"]) == ("1.0333", "0.1033")


def test_the_month_is_the_one_that_holds_the_last_known_instant() -> None:
    """February ends at the edge: its last instant is in it, whatever came after."""
    used = config()
    end = 59 * 86_400
    found = judged("u", used, start=31 * 86_400, end=end, now=end + 86_400).burn
    assert found is not None
    assert found[1].factor == Fraction("5.6")
    later = judged("u", used, start=31 * 86_400, end=end + 31 * 86_400, now=end + 1).burn
    assert later is not None
    assert later[1].factor == Fraction("6.2")


STEP = 30_000
runs = st.lists(st.tuples(st.sampled_from(State), st.integers(1, 3_000)), min_size=1, max_size=12)


@given(runs, st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 2_000)), max_size=3))
def test_ratios_are_what_counting_every_half_minute_gives(
    parts: list[tuple[State, int]], windows: list[tuple[int, int]]
) -> None:
    """Rows of one system against a list of its states, one each 30 s, counted back from the edge."""
    states = [state for state, count in parts for _ in range(count)]
    spans, begin = [], EDGE - len(states) * STEP
    for state, count in parts:
        spans.append(Span(begin, begin + count * STEP, state))
        begin += count * STEP
    out = unite(
        Interval(EDGE - (back + length) * STEP, EDGE - back * STEP) for back, length in windows
    )
    left_out = {back + n for back, length in windows for n in range(length)}
    for row in seen(merge(spans), NINES, out=out):
        for length, ratio in ((row.long_ms, row.long), (row.short_ms, row.short)):
            inside = [
                state
                for back, state in enumerate(reversed(states))
                if back < length // STEP and back not in left_out
            ]
            down = inside.count(State.DOWN)
            known = down + inside.count(State.UP) + inside.count(State.DEGRADED)
            assert ratio == (Fraction(down, known) if known else None)
        both = None not in (row.long, row.short)
        assert row.firing == (both and min(row.long or 0, row.short or 0) > row.threshold)
