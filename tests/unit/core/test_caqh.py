"""CAQH CORE: availability a calendar week, answers within 20 s a calendar month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from collector.core import caqh
from collector.core.caqh import Caqh
from collector.core.document import document
from collector.core.truth import fold_system
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.spans import Interval
from probes.times import rfc3339
from tests.support.stories import check, config, system

HOUR, DAY = 3_600_000, 86_400_000
MONDAY = 1_767_592_800_000
"""2026-01-05T00:00 in Chicago."""
JANUARY, FEBRUARY = 1_767_247_200_000, 1_769_925_600_000
UP, DOWN, DEGRADED = Outcome.UP, Outcome.DOWN, Outcome.DEGRADED
Lines = Mapping[tuple[str, str], Sequence[Result]]


def payer(**changes: Any) -> Config:
    """Billing system `ehr`, a check every hour: a result holds 3 h."""
    impact = {"class": "administrative", "service": "billing"}
    return config(
        organization={"id": "org", "name": "Org", "timezone": "America/Chicago"},
        systems={"ehr": system(impact=impact, slo=None)},
        checks={"c": check(every="1h", timeout="1h")},
    ).model_copy(update=changes)


def run(t: int, outcome: Outcome = UP, duration: int = 40, *, source: str = "c") -> Result:
    return Result(source, "a", t, outcome, "any", duration, t + duration)


def hourly(down: Sequence[int] = (), until: int = 168, *, first: int = MONDAY) -> list[Result]:
    """Up every hour, down in the hours named."""
    return [run(first + n * HOUR, DOWN if n in down else UP) for n in range(until)]


def found(
    lines: Sequence[Result] | Lines,
    used: Config | None = None,
    *,
    start: int = MONDAY,
    end: int = MONDAY + 7 * DAY,
    now: int | None = None,
    since: int | None = None,
) -> Caqh:
    used = used or payer()
    results = lines if isinstance(lines, Mapping) else {("c", "a"): lines}
    now = end if now is None else now
    history = History([Version(since, used)])
    truth = fold_system("ehr", history, results, now, start)
    rollups = caqh.from_results(results, history, start, end, now)
    return caqh.caqh(truth, used, rollups, start, end, now)


@pytest.mark.parametrize(
    ("down", "known", "verdicts"),
    [
        # of 168 hours: 24 down leave 85.7 %, 23 leave 86.3 %, 17 leave 89.8 %, 16 leave 90.4 %
        (24, "85.7142", {"86": "breached", "90": "breached"}),
        (23, "86.3095", {"86": "met", "90": "breached"}),
        (17, "89.8809", {"86": "met", "90": "breached"}),
        (16, "90.4761", {"86": "met", "90": "met"}),
    ],
)
def test_a_week_is_judged_against_86_and_90_percent(
    down: int, known: str, verdicts: dict[str, str]
) -> None:
    (week,) = found(hourly(range(10, 10 + down))).weeks
    assert week.span == Interval(MONDAY, MONDAY + 7 * DAY)
    assert (week.sums.known, week.sums.least, week.sums.most) == (known, known, known)
    assert week.verdicts == verdicts


def test_unknown_time_makes_a_week_indeterminate_and_nothing_known_no_data() -> None:
    # the last result, of hour 149, holds three hours: 152 of 168
    (week,) = found(hourly(until=150)).weeks
    assert (week.sums.known, week.sums.least, week.sums.most) == ("100.0000", "90.4761", "100.0000")
    assert week.verdicts == {"86": "met", "90": "met"}
    # 145 of 168 known
    (blind,) = found(hourly(until=143)).weeks
    assert blind.sums.least == "86.3095"
    assert blind.verdicts == {"86": "met", "90": "indeterminate"}
    (nothing,) = found([]).weeks
    assert nothing.verdicts == {"86": "no_data", "90": "no_data"}


def test_a_week_that_lasts_is_open_until_its_budget_is_gone() -> None:
    now = MONDAY + 2 * DAY
    (week,) = found(hourly(range(10, 26), 48), now=now).weeks
    assert week.verdicts == {"86": "open", "90": "open"}
    # 17 hours are more than 10 % of 168
    (week,) = found(hourly(range(10, 27), 48), now=now).weeks
    assert week.verdicts == {"86": "open", "90": "breached"}


def test_approved_maintenance_is_published_downtime_and_excluded_whatever_the_formula() -> None:
    window = {
        "id": "w",
        "systems": ["ehr"],
        "start": "2026-01-06T00:00",
        "end": "2026-01-07T00:00",
        "timezone": "America/Chicago",
        "proposed": {"by": "p", "at": "2025-12-30T00:00:00Z"},
        "approval": {"by": "q", "at": "2025-12-31T00:00:00Z"},
    }
    impact = {"class": "administrative", "service": "billing"}
    for formula in ("contract-v1", "whole-period-v1"):
        used = config(
            organization={"id": "org", "name": "Org", "timezone": "America/Chicago"},
            systems={"ehr": system(impact=impact, slo={"target": "99", "formula": formula})},
            checks={"c": check(every="1h", timeout="1h")},
            maintenance=[window],
        )
        # down for the whole of Tuesday, which is the window, and 14 hours more: 14 of 144
        (week,) = found(hourly(range(24, 62)), used).weeks
        assert week.sums.eligible == 144 * HOUR
        assert (week.sums.known, week.verdicts["90"]) == ("90.2777", "met")


def test_an_answer_inside_a_window_is_an_answer() -> None:
    window = {
        "id": "w",
        "systems": ["ehr"],
        "start": "2026-01-06T00:00",
        "end": "2026-01-07T00:00",
        "timezone": "America/Chicago",
        "proposed": {"by": "p", "at": "2025-12-30T00:00:00Z"},
        "approval": {"by": "q", "at": "2025-12-31T00:00:00Z"},
    }
    planned = config(maintenance=[window]).maintenance
    one = found([run(MONDAY + 25 * HOUR)], payer(maintenance=planned))
    assert one.weeks[0].sums.eligible == 6 * DAY
    assert one.months[0].responses == 1


def test_weeks_and_months_are_whole_whatever_the_period_and_begin_with_monitoring() -> None:
    start, end = MONDAY + DAY, MONDAY + 30 * DAY
    one = found(hourly(until=800), start=start, end=end, now=MONDAY + 31 * DAY, since=start)
    # recorded on the second day: weeks from then on, those the period touches
    assert [rfc3339(w.span.start)[:10] for w in one.weeks] == [
        "2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26", "2026-02-02",
    ]  # fmt: skip
    assert one.months[0].span == Interval(JANUARY, FEBRUARY)
    assert one.weeks[0].sums.eligible == 6 * DAY
    late = found(hourly(until=800), start=start, end=end, now=start, since=start)
    assert late == Caqh((), ())


@pytest.mark.parametrize(
    ("within", "slow", "verdict"),
    [
        (9, 1, "met"),
        (8, 1, "breached"),
        (179, 21, "breached"),
        (0, 0, "no_data"),
        (0, 3, "breached"),
        (3, 0, "met"),
    ],
)
def test_a_month_is_met_when_nine_of_ten_answers_come_within_20_seconds(
    within: int, slow: int, verdict: str
) -> None:
    durations = [20_000] * within + [20_001] * slow
    lines = [run(JANUARY + n * HOUR, duration=d) for n, d in enumerate(durations)]
    (month,) = found(lines, start=JANUARY, end=FEBRUARY).months
    assert (month.within, month.responses, month.verdict) == (within, within + slow, verdict)


def test_only_answers_are_responses() -> None:
    lines = [
        run(JANUARY, UP),
        run(JANUARY + HOUR, DEGRADED, 25_000),
        run(JANUARY + 2 * HOUR, DOWN, 60_000),
        run(JANUARY + 3 * HOUR, Outcome.MISCONFIGURED, 5),
        run(JANUARY + 4 * HOUR, Outcome.UNKNOWN, 5),
    ]
    (month,) = found(lines, start=JANUARY, end=FEBRUARY).months
    assert (month.within, month.responses) == (1, 2)


def test_a_month_that_lasts_is_open() -> None:
    (month,) = found(hourly(), start=JANUARY, end=FEBRUARY, now=FEBRUARY - 1).months
    assert (month.responses, month.verdict) == (168, "open")


def test_answers_of_supporting_checks_are_not_the_transaction() -> None:
    impact = {"class": "administrative", "service": "billing"}
    used = config(
        organization={"id": "org", "name": "Org", "timezone": "America/Chicago"},
        systems={"ehr": system(impact=impact, groups={"g": {"need": 1}})},
        checks={
            "c": check(every="1h", timeout="1h", role={"group": "g"}),
            "tcp": check(every="1h", timeout="1h", role="supporting"),
        },
    )
    lines = {
        ("c", "a"): [run(JANUARY, duration=30_000)],
        ("tcp", "a"): [run(JANUARY + n, source="tcp") for n in range(50)],
    }
    (month,) = found(lines, used, start=JANUARY, end=FEBRUARY).months
    assert (month.within, month.responses, month.verdict) == (0, 1, "breached")


def test_answers_count_in_the_month_of_the_organization_and_while_it_is_monitored() -> None:
    lines = [run(FEBRUARY - 1), run(FEBRUARY), run(FEBRUARY + 10 * DAY)]
    one = found(lines, start=JANUARY, end=FEBRUARY + 28 * DAY, now=FEBRUARY + 10 * DAY)
    # the last one is at the edge of knowledge
    assert [month.responses for month in one.months] == [1, 1]
    late = found(lines, start=JANUARY, end=FEBRUARY + 28 * DAY, since=FEBRUARY)
    assert [(rfc3339(m.span.start)[:10], m.responses) for m in late.months] == [("2026-02-01", 2)]


def test_answers_to_an_agent_that_is_not_assigned_then_are_not_counted() -> None:
    lines = {("c", "a"): [run(JANUARY)], ("c", "b"): [run(JANUARY)]}
    (month,) = found(lines, start=JANUARY, end=FEBRUARY).months
    assert month.responses == 1


def test_answers_before_monitoring_began_are_history() -> None:
    since = JANUARY + HOUR
    lines = [run(since - 2), run(since - 1), run(since), run(since + 300_000)]
    (month,) = found(lines, start=JANUARY, end=FEBRUARY, since=since).months
    assert month.responses == 2
    # five minutes are not cut: what shares its bucket with the first monitored instant counts
    (month,) = found(lines, start=JANUARY, end=FEBRUARY, since=since + 1).months
    assert month.responses == 2
    (month,) = found(lines, start=JANUARY, end=FEBRUARY, since=since - 1).months
    assert month.responses == 4


def test_answers_are_counted_by_the_version_at_the_start_of_their_bucket() -> None:
    one, other = payer(), payer(checks={"d": payer().checks["c"]})
    at = JANUARY + HOUR
    history = History([Version(JANUARY, one), Version(at, other)])
    lines = {
        ("c", "a"): [run(at - 1), run(at), run(at + 1)],
        ("d", "a"): [run(at - 1, source="d"), run(at, source="d")],
    }
    truth = fold_system("ehr", history, lines, FEBRUARY, None)
    rollups = caqh.from_results(lines, history, JANUARY, FEBRUARY, FEBRUARY)
    (month,) = caqh.caqh(truth, other, rollups, JANUARY, FEBRUARY, FEBRUARY).months
    assert month.responses == 2


@pytest.mark.parametrize(
    ("start", "end", "now", "expected"),
    [
        (JANUARY, FEBRUARY, FEBRUARY, (JANUARY, FEBRUARY)),
        (JANUARY + DAY, FEBRUARY - DAY, FEBRUARY, (JANUARY, FEBRUARY)),
        (JANUARY, FEBRUARY + 1, FEBRUARY, (JANUARY, FEBRUARY)),
        (JANUARY, FEBRUARY + 1, FEBRUARY + 1, (JANUARY, FEBRUARY + 28 * DAY)),
        # nothing of it is known yet
        (FEBRUARY, FEBRUARY + DAY, JANUARY, (FEBRUARY, FEBRUARY + 28 * DAY)),
        (FEBRUARY - 1, FEBRUARY + DAY, JANUARY, (JANUARY, FEBRUARY)),
    ],
)
def test_rollups_are_read_of_the_whole_months_a_period_touches(
    start: int, end: int, now: int, expected: tuple[int, int]
) -> None:
    history = History([Version(None, payer())])
    assert caqh.reach(history, start, end, now) == Interval(*expected)


def test_the_document_has_it_for_billing_systems_only() -> None:
    used = payer()
    plain = used.model_copy(update={"systems": {"ehr": config().systems["ehr"]}})
    for version, expected in ((used, True), (plain, False)):
        history = History([Version(None, version)])
        results = {("c", "a"): hourly(range(10, 34))}
        end = MONDAY + 7 * DAY
        truth = fold_system("ehr", history, results, end, MONDAY)
        rollups = caqh.from_results(results, history, MONDAY, end, end)
        assert bool(rollups) is expected
        shown = document({"ehr": truth}, history, MONDAY, end, end, rollups)["systems"]["ehr"]
        assert (shown["caqh"] is not None) is expected
        if expected:
            assert shown["caqh"] == {
                "weeks": [
                    {
                        "start": "2026-01-05T06:00:00.000Z",
                        "end": "2026-01-12T06:00:00.000Z",
                        "known": "85.7142",
                        "min": "85.7142",
                        "max": "85.7142",
                        "coverage": "100.0000",
                        "verdicts": {"86": "breached", "90": "breached"},
                    }
                ],
                "months": [
                    {
                        "start": "2026-01-01T06:00:00.000Z",
                        "end": "2026-02-01T06:00:00.000Z",
                        "within": 144,
                        "responses": 144,
                        "share": "100.0000",
                        "verdict": "open",
                    }
                ],
            }


def test_a_payers_weeks_begin_on_sunday_in_its_zone_and_down_is_down() -> None:
    window = {
        "id": "w",
        "systems": ["ehr"],
        "start": "2026-01-06T00:00",
        "end": "2026-01-07T00:00",
        "timezone": "America/Chicago",
        "proposed": {"by": "p", "at": "2025-12-30T00:00:00Z"},
        "approval": {"by": "q", "at": "2025-12-31T00:00:00Z"},
    }
    impact = {"class": "administrative", "service": "billing"}
    owed = {"timezone": "America/New_York"}
    used = config(
        organization={"id": "org", "name": "Org", "timezone": "America/Chicago"},
        systems={"ehr": system(impact=impact, payer=owed)},
        checks={"c": check(every="1h", timeout="1h")},
        maintenance=[window],
    )
    one = found(hourly(range(24, 62)), used)
    # Monday 00:00 in Chicago is Monday 01:00 in New York
    sunday = MONDAY - 25 * HOUR
    assert [week.span for week in one.weeks] == [
        Interval(sunday, sunday + 7 * DAY),
        Interval(sunday + 7 * DAY, sunday + 14 * DAY),
    ]
    # 38 h down, the first 25 h of the week not watched: 105 of 168 up
    week = one.weeks[0]
    assert (week.sums.up, week.sums.down, week.sums.unknown) == (105 * HOUR, 38 * HOUR, 25 * HOUR)
    assert (week.sums.least, week.sums.most) == ("62.5000", "77.3809")
    assert week.verdicts == {"86": "breached", "90": "breached"}
    assert rfc3339(one.months[0].span.start) == "2026-01-01T05:00:00.000Z"


def test_a_system_that_is_never_monitored_has_no_week_and_no_month() -> None:
    history = History([Version(None, payer())])
    truth = fold_system("lab", history, {}, MONDAY + 7 * DAY, MONDAY)
    none = caqh.caqh(truth, payer(), {}, MONDAY, MONDAY + 7 * DAY, MONDAY + 7 * DAY)
    assert none == Caqh((), ())


def test_approved_maintenance_still_to_come_is_no_part_of_a_whole_week() -> None:
    window = {
        "id": "w",
        "systems": ["ehr"],
        "start": "2026-01-07T00:00",
        "end": "2026-01-08T00:00",
        "timezone": "America/Chicago",
        "proposed": {"by": "p", "at": "2026-01-01T00:00:00Z"},
        "approval": {"by": "q", "at": "2026-01-02T00:00:00Z"},
    }
    planned = config(maintenance=[window]).maintenance
    (week,) = found(hourly(until=24), payer(maintenance=planned), now=MONDAY + DAY).weeks
    assert week.sums.whole == 6 * DAY
