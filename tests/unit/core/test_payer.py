"""A payer's weeks and months: down is down, split by its calendar and by who failed."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from collector.core.caqh import Answers
from collector.core.payer import PayerReport, payer_report, reach
from collector.core.payer_failed import Failed, named
from collector.core.payer_quarter import allowed, quarters
from collector.core.truth import fold_system
from collector.replay import Input, replay
from probes.config import Config
from probes.config_payer import Payer
from probes.contract import Outcome
from probes.history import History, Version
from probes.spans import Interval
from probes.times import parse_datetime, rfc3339, to_ms
from tests.support.payer_path import (
    DAY,
    DOWN,
    FRIDAY,
    HOUR,
    SPRING,
    SPRING_END,
    SPRING_RUNS,
    SUNDAYS,
    hourly,
    payer,
    report,
    run,
)
from tests.support.stories import check, system

EIGHTY_SIX, NINETY = 84_168_000, 60_120_000
"""14 and 10 % of 167 hours."""


def test_a_week_written_out_by_hand() -> None:
    found = report(SPRING_RUNS)
    (week,) = found.weeks
    # the clocks went forward on the Sunday
    assert week.week.span == Interval(SPRING, SPRING_END)
    # down 4 h Sunday, 4 h Thursday, 13 h Friday, 2 h Saturday; slow 5 h: 144 of 167 h up
    assert (week.amounts.up, week.amounts.degraded) == (139 * HOUR, 5 * HOUR)
    assert (week.amounts.down, week.amounts.unknown) == (23 * HOUR, 0)
    assert (week.week.sums.least, week.week.sums.most) == ("86.2275", "86.2275")
    # 23 h are less than 23.38 h and more than 16.7 h
    assert week.week.verdicts == {"86": "met", "90": "breached"}
    assert week.allowed == {"86": EIGHTY_SIX, "90": NINETY}
    # 00:00 to 06:00 on that Sunday are five hours; Thursday was published too late
    assert (week.published, week.down_published) == (5 * HOUR, 4 * HOUR)
    assert week.failed == {
        Failed.CLEARINGHOUSE: 4 * HOUR,
        Failed.PAYER: 17 * HOUR,
        Failed.UNNAMED: 2 * HOUR,
    }
    assert week.provisional


def test_a_month_written_out_by_hand() -> None:
    (month,) = report(SPRING_RUNS).months
    # March in New York
    assert rfc3339(month.month.span.start) == "2026-03-01T05:00:00.000Z"
    assert (month.month.within, month.month.responses) == (139, 144)
    # of the five runs in published downtime one was answered
    assert month.month.inside == Answers(responses=1, within=1, unanswered=4)
    assert month.month.outside == Answers(responses=143, within=138, unanswered=19)
    assert (month.month.required, month.month.share) == (163, Fraction(139, 163))
    assert month.month.verdict == "open"


@pytest.mark.parametrize(
    ("came", "missing", "out", "verdict"),
    [
        (60, 40, 0, "breached"),
        (90, 10, 0, "met"),
        (90, 11, 0, "breached"),
        # what is missing in published downtime is nobody's fault
        (90, 10, 50, "met"),
        (90, 11, 50, "breached"),
        (0, 5, 0, "breached"),
        (0, 0, 5, "no_data"),
    ],
)
def test_an_answer_that_never_came_did_not_come_in_time(
    came: int, missing: int, out: int, verdict: str
) -> None:
    """Of a payer that answers at once or not at all; `out` are missing in published downtime."""
    april = to_ms(parse_datetime("2026-04-01T04:00"), ZoneInfo("UTC"))
    once = {**SUNDAYS, "start": "2026-03-20T00:00", "end": "2026-03-25T00:00", "rrule": None}
    runs = [
        *(run(SPRING + n * HOUR) for n in range(came)),
        *(run(SPRING + n * HOUR, DOWN, "tcp.refused") for n in range(came, came + missing)),
        *(run(april - 11 * DAY + n * HOUR, DOWN, "tcp.refused") for n in range(out)),
    ]
    (month,) = report(runs, payer([once]), end=april).months
    assert month.month.span.end == april
    assert (month.month.within, month.month.responses) == (came, came)
    assert (month.month.required, month.month.verdict) == (came + missing, verdict)


def test_of_a_payers_path_the_document_of_every_system_says_the_same_of_its_months() -> None:
    told = replay(
        History([Version(None, payer())]),
        Input({("c", "a"): SPRING_RUNS}, 0),
        SPRING,
        SPRING_END,
        SPRING_END,
    )
    shown = told["systems"]["ehr"]["caqh"]
    assert shown["timezone"] == "America/New_York"
    assert shown["months"] == [
        {
            "start": "2026-03-01T05:00:00.000Z",
            "end": "2026-04-01T04:00:00.000Z",
            "within": 139,
            "responses": 144,
            "required": 163,
            "share": "85.2760",
            "verdict": "open",
        }
    ]


def test_runs_in_the_only_published_downtime_there_is_lie_in_it() -> None:
    once = {**SUNDAYS, "start": "2026-03-08T00:00", "end": "2026-03-08T04:00", "rrule": None}
    (month,) = report(hourly(bad={1: "tcp.refused"}), payer([once])).months
    assert month.month.inside == Answers(responses=2, within=2, unanswered=1)


@pytest.mark.parametrize(
    ("start", "end", "now", "expected"),
    [
        # from a day before the week that holds the start, to the end of the last week
        ("04-02T00:00", "04-30T12:00", "06-30T00:00", ("03-28T04:00", "05-03T04:00")),
        # to the end of the month, which ends in Chicago later; a week ends with the period
        ("05-31T03:00", "05-31T04:00", "06-30T00:00", ("05-01T04:00", "06-01T05:00")),
        # nothing of it is known yet: what holds its start
        ("05-31T04:00", "06-01T00:00", "05-01T00:00", ("05-01T04:00", "06-07T04:00")),
    ],
)
def test_rollups_are_read_of_the_weeks_and_months_a_report_touches_and_a_day_before(
    start: str, end: str, now: str, expected: tuple[str, str]
) -> None:
    def at(text: str) -> int:
        return to_ms(parse_datetime(f"2026-{text}"), ZoneInfo("UTC"))

    used = payer()
    owed = used.systems["ehr"].payer
    assert owed is not None
    found = reach(owed, History([Version(None, used)]), at(start), at(end), at(now))
    assert found == Interval(at(expected[0]), at(expected[1]))


def test_before_it_is_known_the_last_instant_of_a_week_asks_for_no_other_week() -> None:
    used = payer()
    owed = used.systems["ehr"].payer
    assert owed is not None
    start = to_ms(parse_datetime("2026-05-31T04:00"), ZoneInfo("UTC")) - 1
    found = reach(owed, History([Version(None, used)]), start, start + DAY, start - DAY)
    assert rfc3339(found.end) == "2026-06-01T05:00:00.000Z"


def test_outages_that_nobody_published_are_listed_with_the_notice_of_each() -> None:
    found = report(SPRING_RUNS)
    assert [
        (one.outage.start - SPRING, one.unpublished, one.notice and one.notice.id)
        for one in found.unplanned
    ] == [
        (96 * HOUR, 4 * HOUR, None),
        (120 * HOUR, 13 * HOUR, "friday"),
        (150 * HOUR, 2 * HOUR, None),
    ]


def test_outages_before_the_period_hide_none_in_it() -> None:
    found = report(SPRING_RUNS, start=SPRING + 121 * HOUR).unplanned
    assert [one.outage.start - SPRING for one in found] == [120 * HOUR, 150 * HOUR]


def test_an_outage_that_outlasts_published_downtime_is_listed_with_what_is_over() -> None:
    bad = dict.fromkeys(range(3, 7), "x12.aaa_42_payer")
    found = report(hourly(bad=bad), payer([SUNDAYS]))
    (one,) = found.unplanned
    # published are the first five of the week's hours
    assert (one.outage.start, one.unpublished) == (SPRING + 3 * HOUR, 2 * HOUR)
    assert report(hourly(bad={0: "x", 4: "x"}), payer([SUNDAYS])).unplanned == ()


def test_published_time_of_an_outage_is_published_however_far_from_the_period() -> None:
    """Down for 50 days, of which all but two were published, day by day."""
    february = to_ms(parse_datetime("2026-02-01T05:00"), ZoneInfo("UTC"))
    daily = {
        **SUNDAYS,
        "start": "2026-01-10T00:00",
        "end": "2026-01-11T00:00",
        "rrule": "FREQ=DAILY;COUNT=70",
    }
    first, over = february - 15 * DAY, february + 35 * DAY + HOUR
    runs = [run(first - HOUR), *(run(t, DOWN) for t in range(first, over, HOUR)), run(over)]
    once = [{**daily, "exdate": ["2026-01-20T00:00", "2026-03-06T00:00"]}]
    for start, end in (
        (february + 14 * DAY, february + 21 * DAY),
        (first - DAY, first + DAY),
        (over - DAY, over + DAY),
    ):
        (one,) = report(runs, payer(once), start=start, end=end, now=over + 30 * DAY).unplanned
        assert (one.outage.start, one.outage.end) == (first, over)
        assert one.unpublished == 2 * DAY


def test_an_outage_is_listed_where_it_touches_the_period() -> None:
    def listed(start: int, end: int) -> int:
        bad = dict.fromkeys(range(20, 23), "tcp.refused")
        runs = hourly(bad=bad)
        return len(report(runs, start=start, end=end, now=SPRING_END).unplanned)

    assert listed(SPRING, SPRING + 20 * HOUR) == 0
    assert listed(SPRING, SPRING + 20 * HOUR + 1) == 1
    assert listed(SPRING + 23 * HOUR - 1, SPRING_END) == 1
    assert listed(SPRING + 23 * HOUR, SPRING_END) == 0


def test_published_downtime_is_listed_where_it_touches_the_period() -> None:
    gap = {**SUNDAYS, "start": "2026-01-04T02:30", "end": "2026-01-04T03:15"}

    def listed(window: Mapping[str, str], start: int, end: int) -> int:
        used = payer([window])
        return len(report(SPRING_RUNS, used, start=start, end=end, now=SPRING_END).downtime)

    assert listed(SUNDAYS, SPRING + 5 * HOUR - 1, SPRING_END) == 1
    assert listed(SUNDAYS, SPRING + 5 * HOUR, SPRING_END) == 0
    assert listed(SUNDAYS, SPRING - DAY, SPRING) == 0
    # one of no length where it starts
    at = SPRING + 2 * HOUR + HOUR // 2
    assert (listed(gap, at, at + 1), listed(gap, at + 1, at + 2)) == (1, 0)


def test_a_payer_that_is_not_monitored_yet_has_an_empty_report() -> None:
    history = History([Version(SPRING + 5 * DAY, payer())])
    found = report([], history, end=SPRING + DAY, now=SPRING + DAY)
    assert (found.weeks, found.months, found.quarters, found.unplanned) == ((), (), (), ())


def test_an_outage_that_is_not_over_reaches_to_the_edge_of_knowledge() -> None:
    bad = dict.fromkeys(range(164, 167), "tcp.refused")
    (one,) = report(hourly(bad=bad)).unplanned
    assert (one.outage.end, one.unpublished) == (None, 3 * HOUR)
    late = {**FRIDAY, "id": "now", "start": "2026-03-14T22:30", "end": "2026-03-14T23:00"}
    (one,) = report(hourly(bad=bad), payer([late])).unplanned
    assert one.notice is not None
    # what begins as it ends, or ends as it begins, tells of another one
    for start, end in (
        ("14T20:00", "14T21:00"),
        ("14T19:00", "14T20:30"),
        ("15T00:00", "15T01:00"),
    ):
        other = {**late, "start": f"2026-03-{start}", "end": f"2026-03-{end}"}
        (one,) = report(hourly(bad=bad), payer([other])).unplanned
        assert one.notice is None


def test_unknown_time_bounds_a_week_and_so_does_time_that_nobody_watched() -> None:
    # monitored from the Monday on; the last result, of hour 159, holds 3 h
    history = History([Version(SPRING + 24 * HOUR, payer())])
    runs = hourly(SPRING + 24 * HOUR, 136)
    (week,) = report(runs, history).weeks
    assert (week.amounts.up, week.amounts.unknown) == (138 * HOUR, 5 * HOUR)
    assert week.amounts.not_monitored == 24 * HOUR
    assert (week.week.sums.least, week.week.sums.most) == ("82.6347", "100.0000")
    assert (week.week.sums.known, week.week.sums.coverage) == ("100.0000", "82.6347")
    assert week.week.verdicts == {"86": "indeterminate", "90": "indeterminate"}
    (blind,) = report([], payer()).weeks
    assert blind.week.verdicts == {"86": "no_data", "90": "no_data"}


def test_a_week_that_lasts_is_open_until_its_allowance_is_gone() -> None:
    bad = dict.fromkeys(range(10, 27), "tcp.refused")
    (week,) = report(hourly(count=28, bad=bad), end=SPRING_END, now=SPRING + 28 * HOUR).weeks
    # 17 h are more than 16.7 h
    assert week.week.verdicts == {"86": "open", "90": "breached"}
    assert week.amounts.not_monitored == 139 * HOUR
    assert (week.week.sums.eligible, week.week.sums.whole) == (28 * HOUR, 167 * HOUR)
    assert week.published == 5 * HOUR


def test_a_week_is_provisional_until_72_hours_after_its_end() -> None:
    def provisional(now: int) -> bool:
        return report(SPRING_RUNS, now=now).weeks[0].provisional

    assert provisional(SPRING_END + 3 * DAY - 1)
    assert not provisional(SPRING_END + 3 * DAY)
    (month,) = report(SPRING_RUNS).months
    for early, now in ((True, -1), (False, 0)):
        found = report(SPRING_RUNS, now=month.month.span.end + 3 * DAY + now)
        assert found.months[0].provisional is early


def test_our_own_maintenance_takes_nothing_out_of_a_payers_week() -> None:
    window = {
        "id": "w",
        "systems": ["ehr"],
        "start": "2026-03-12T00:00",
        "end": "2026-03-13T00:00",
        "timezone": "America/New_York",
        "proposed": {"by": "p", "at": "2026-01-01T00:00:00Z"},
        "approval": {"by": "q", "at": "2026-01-02T00:00:00Z"},
    }
    assert report(SPRING_RUNS, payer(maintenance=[window])).weeks == report(SPRING_RUNS).weeks


def test_published_downtime_changes_no_other_number() -> None:
    def shown(used: Config) -> tuple[object, object]:
        history = History([Version(None, used)])
        given = Input({("c", "a"): SPRING_RUNS}, 0)
        told = replay(history, given, SPRING, SPRING_END, SPRING_END)
        del told["systems"]["ehr"]["caqh"]
        return told["systems"], told["incidents"]

    impact = {"class": "administrative", "service": "billing"}
    plain = {"ehr": system(name="Payer A", impact=impact, slo=None)}
    assert shown(payer()) == shown(payer(systems=plain))


@pytest.mark.parametrize(
    ("reason", "who"),
    [
        ("x12.aaa_42_clearinghouse", Failed.CLEARINGHOUSE),
        ("x12.aaa_42_payer", Failed.PAYER),
        ("x12.aaa_80_payer", Failed.PAYER),
        ("x12.aaa_42_subscriber", Failed.UNNAMED),
        ("http.status", Failed.UNNAMED),
        # of another protocol
        ("hl7.no_payer", Failed.UNNAMED),
    ],
)
def test_a_reason_of_the_transaction_names_who_could_not_go_on(reason: str, who: Failed) -> None:
    assert named(reason) is who


def failing(*runs: tuple[int, str]) -> dict[Failed, int]:
    """Minutes of down time by who failed; every run is down, at minutes of the week."""
    bad = [run(SPRING + 60_000 * minute, DOWN, reason, 30_000) for minute, reason in runs]
    line = [run(SPRING - HOUR), *bad, run(SPRING + 4 * HOUR)]
    (week,) = report(line, now=SPRING + 4 * HOUR).weeks
    return {who: ms // 60_000 for who, ms in week.failed.items() if ms}


def test_a_quarter_adds_what_its_weeks_were_down_beyond_their_allowance() -> None:
    # 23 h of 167 and 20 h of 168 down, where 16.7 and 16.8 h are allowed
    second = hourly(SPRING_END, 168, dict.fromkeys(range(20), "tcp.refused"))
    (quarter,) = report([*SPRING_RUNS, *second], end=SPRING_END + 168 * HOUR).quarters
    assert rfc3339(quarter.span.start) == "2026-01-01T05:00:00.000Z"
    assert quarter.over == (23 * HOUR - NINETY) + (20 * HOUR - 60_480_000)
    assert (quarter.granted, quarter.exceeds) == (24 * HOUR, False)
    # of the whole quarter, whatever is asked about
    asked = report([*SPRING_RUNS, *second], start=SPRING_END, end=SPRING_END + 168 * HOUR)
    assert asked.quarters == (quarter,)
    worse = hourly(SPRING_END, 168, dict.fromkeys(range(40), "tcp.refused"))
    (quarter,) = report([*SPRING_RUNS, *worse], end=SPRING_END + 168 * HOUR).quarters
    assert (quarter.over, quarter.exceeds) == (29 * HOUR + 30 * 60_000, True)


def test_exactly_the_hours_granted_are_within_them() -> None:
    week = Interval(0, 168 * HOUR)
    down = (Interval(0, 24 * HOUR + allowed(week, "90")),)
    owed = Payer(timezone="UTC", target="90", quarterly_hours=24)
    # 1970 began on a Thursday: the Sunday is the fourth
    sunday = 3 * DAY
    moved = tuple(Interval(part.start + sunday, part.end + sunday) for part in down)
    (quarter,) = quarters(owed, moved, Interval(sunday, sunday + DAY))
    assert (quarter.over, quarter.exceeds) == (24 * HOUR, False)
    one_more = (Interval(sunday, moved[0].end + 1),)
    assert next(quarters(owed, one_more, Interval(sunday, sunday + DAY))).exceeds


def test_a_week_belongs_to_the_quarter_it_begins_in() -> None:
    owed = Payer(timezone="UTC", target="90", quarterly_hours=24)
    # 2026-03-29 is a Sunday, and the quarter ends on the Wednesday
    start = to_ms(parse_datetime("2026-03-29T00:00"), ZoneInfo("UTC"))
    down = (Interval(start, start + 7 * DAY),)
    first, second = quarters(owed, down, Interval(start, start + 7 * DAY))
    assert (first.over, second.over) == (7 * DAY - 60_480_000, 0)
    # 2023-01-01 is one
    start = to_ms(parse_datetime("2023-01-01T00:00"), ZoneInfo("UTC"))
    down = (Interval(start, start + 7 * DAY),)
    (only,) = quarters(owed, down, Interval(start, start + DAY))
    assert only.over == 7 * DAY - 60_480_000
    assert list(quarters(owed, down, Interval(start, start))) == []
    none = owed.model_copy(update={"quarterly_hours": None})
    assert list(quarters(none, down, Interval(start, start + DAY))) == []


def test_what_failed_goes_on_failing_until_the_next_judged_run() -> None:
    one_by_one = failing((60, "x12.aaa_42_payer"), (120, "x12.aaa_42_clearinghouse"))
    assert one_by_one == {Failed.PAYER: 60, Failed.CLEARINGHOUSE: 120}


def test_answers_that_name_both_within_five_minutes_name_nobody() -> None:
    both = failing((60, "x12.aaa_42_payer"), (63, "x12.aaa_42_clearinghouse"))
    assert both == {Failed.UNNAMED: 180}
    # five minutes are not cut: 62 and 66 are in different ones, and 65 is where the second begins
    apart = failing((62, "x12.aaa_42_payer"), (66, "x12.aaa_42_clearinghouse"))
    assert apart == {Failed.PAYER: 3, Failed.CLEARINGHOUSE: 175}


def test_agents_that_hear_of_different_ones_name_nobody() -> None:
    checks = {"c": check(every="1h", timeout="1h", confirm={"down": "1"}, **{"from": ["a", "b"]})}
    bad = [run(SPRING, DOWN, "x12.aaa_42_payer"), run(SPRING + 2 * HOUR)]
    other = [
        run(SPRING + HOUR, DOWN, "x12.aaa_42_clearinghouse", agent="b"),
        run(SPRING + 2 * HOUR, agent="b"),
    ]
    # in the first hour nothing is heard of the second agent
    (week,) = report([*bad, *other], payer(checks=checks), now=SPRING + 3 * HOUR).weeks
    assert week.failed == {Failed.CLEARINGHOUSE: 0, Failed.PAYER: HOUR, Failed.UNNAMED: HOUR}


def test_an_agent_that_fell_silent_names_nobody_any_more() -> None:
    checks = {"c": check(every="1h", timeout="1h", confirm={"down": "1"}, **{"from": ["a", "b"]})}
    good = [run(SPRING + n * HOUR) for n in range(10)]
    bad = [run(SPRING + n * HOUR, DOWN, "x12.aaa_42_clearinghouse") for n in range(10, 12)]
    other = [run(SPRING, DOWN, "x12.aaa_42_payer", agent="b")]
    now = SPRING + 12 * HOUR
    (week,) = report([*good, *bad, *other], payer(checks=checks), now=now).weeks
    # one of two says down and the other up: degraded until the silent one is unknown
    assert week.failed == {Failed.CLEARINGHOUSE: 2 * HOUR, Failed.PAYER: 0, Failed.UNNAMED: 0}


def test_runs_that_reject_us_keep_whom_the_one_before_them_named() -> None:
    checks = {"c": check(every="1h", timeout="1h", confirm={"down": "3"})}
    runs = [
        *(run(SPRING + n * HOUR, DOWN, "x12.aaa_42_payer") for n in range(3)),
        *(run(SPRING + n * HOUR, Outcome.MISCONFIGURED, "x12.enrolment") for n in (3, 4)),
    ]
    # two of three do not confirm it: down until what was last said has held its 3 h
    (week,) = report(runs, payer(checks=checks), now=SPRING + 9 * HOUR).weeks
    assert week.failed == {Failed.CLEARINGHOUSE: 0, Failed.PAYER: 7 * HOUR, Failed.UNNAMED: 0}


def test_what_was_failing_as_a_week_began_is_known_in_it() -> None:
    bad = dict.fromkeys((*range(20, 30),), "x12.aaa_80_payer")
    runs = hourly(SPRING - 24 * HOUR, 60, bad)
    found = report(runs, start=SPRING - DAY, end=SPRING_END)
    assert [week.failed[Failed.PAYER] for week in found.weeks] == [4 * HOUR, 6 * HOUR]
    # asked for alone it says the same
    assert report(runs, start=SPRING).weeks == found.weeks[1:]


def test_there_is_no_report_of_a_system_that_was_no_payer_at_the_end_of_the_period() -> None:
    history = History([Version(None, payer())])
    truth = fold_system("lab", history, {}, SPRING_END, SPRING)
    assert payer_report(truth, history, {}, SPRING, SPRING_END, SPRING_END) is None
    plain = payer(systems={"ehr": system()})
    history = History([Version(SPRING - DAY, payer()), Version(SPRING + DAY, plain)])
    truth = fold_system("ehr", history, {}, SPRING_END, SPRING)
    assert payer_report(truth, history, {}, SPRING, SPRING_END, SPRING_END) is None
    assert payer_report(truth, history, {}, SPRING, SPRING + DAY, SPRING_END) is not None


def test_what_is_owed_is_what_was_owed_at_the_last_instant() -> None:
    other = payer([], timezone="America/Los_Angeles")
    history = History([Version(SPRING - DAY, payer()), Version(SPRING + 2 * DAY, other)])

    def zone(end: int) -> str:
        found: PayerReport = report(SPRING_RUNS, history, end=end)
        return found.payer.timezone

    assert zone(SPRING + 2 * DAY) == "America/New_York"
    assert zone(SPRING + 2 * DAY + 1) == "America/Los_Angeles"
