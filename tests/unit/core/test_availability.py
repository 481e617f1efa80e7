"""Amounts, percentages, verdicts and scopes (semantics 3)."""

from __future__ import annotations

from typing import Any

import pytest

from collector.core.amounts import Amounts, percent
from collector.core.availability import Availability, availability
from collector.core.document import fields
from probes.config import Config
from probes.history import History, Version
from tests.support.stories import T0, check, config, fold, system
from tests.unit.core.test_windows import window

END = 600


def judged(
    words: str | dict[tuple[str, str], str],
    used: Config | None = None,
    *,
    now: int = END,
    start: int = 0,
    end: int = END,
) -> Availability:
    """The period is the first ten minutes; seconds after `T0`."""
    used = used or config()
    truth = fold(words, until=now, used=used)
    history = History([Version(None, used)])
    return availability(truth, history, T0 + start * 1000, T0 + end * 1000, T0 + now * 1000)


def with_slo(**changes: Any) -> Config:
    return config(systems={"ehr": system(slo={"target": "99.9"} | changes)})


def slot(start: str, end: str) -> dict[str, Any]:
    """Approved maintenance on the first of January, `00:MM` to `00:MM`."""
    return window(
        start=f"2026-01-01T{start}",
        end=f"2026-01-01T{end}",
        proposed={"by": "p", "at": "2025-12-01T00:00:00Z"},
        approval={"by": "q", "at": "2025-12-02T00:00:00Z"},
    )


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (998_997, 1_000_000, "99.8997"),
        (9_989_979, 10_000_000, "99.8997"),
        (99_899_799, 100_000_000, "99.8997"),
        (99_899_999, 100_000_000, "99.8999"),
        (2, 3, "66.6666"),
        (1, 1, "100.0000"),
        (0, 5, "0.0000"),
        (10**15 - 1, 10**15, "99.9999"),
        (0, 0, None),
    ],
)
def test_a_percentage_is_truncated_and_never_rounded_up(
    part: int, whole: int, expected: str | None
) -> None:
    assert percent(part, whole) == expected


def test_time_is_split_into_up_degraded_down_and_unknown() -> None:
    one = judged("uugddu")
    assert one.amounts == Amounts(600_000, 120_000 + 130_000, 60_000, 120_000, 170_000, 0, 0)
    shown = fields(one)
    assert [shown[key] for key in ("known", "min", "max", "coverage")] == [
        "72.0930",  # 310 / 430
        "51.6666",  # 310 / 600
        "80.0000",  # 480 / 600
        "71.6666",  # 430 / 600
    ]
    assert (one.judged_runs, one.good_runs) == (6, 4)


def test_undefined_is_null_never_0_or_100() -> None:
    shown = fields(judged(""))
    assert [shown[key] for key in ("known", "min", "max", "coverage")] == [
        None, None, None, "0.0000",
    ]  # fmt: skip
    nothing = fields(judged("", start=END, end=END + 60))
    assert (nothing["not_monitored_ms"], nothing["coverage"]) == (60_000, None)


def test_maintenance_is_excluded_and_raw_is_not() -> None:
    used = config(maintenance=[slot("00:02", "00:04"), slot("00:03", "00:05") | {"id": "v"}])
    one = judged("uuddduuuuu", used)
    assert one.amounts == Amounts(420_000, 420_000, 0, 0, 0, 180_000, 0)
    assert one.raw == Amounts(600_000, 420_000, 0, 180_000, 0, 0, 0)
    assert (one.judged_runs, one.good_runs) == (7, 7)
    assert one.verdict == "met"
    assert len(one.outages) == 1


def test_under_whole_period_v1_maintenance_counts_as_time_that_was_kept() -> None:
    used = config(
        systems={"ehr": system(slo={"target": "99.9", "formula": "whole-period-v1"})},
        maintenance=[slot("00:02", "00:05")],
    )
    one = judged("uuddduuuuu", used)
    assert one.amounts == Amounts(600_000, 420_000, 0, 0, 0, 180_000, 0)
    assert fields(one)["min"] == "100.0000"
    assert (one.judged_runs, one.good_runs) == (10, 7)
    assert one.formula == "whole-period-v1"


def test_under_whole_period_v1_no_data_is_judged_outside_windows() -> None:
    used = config(
        systems={"ehr": system(slo={"target": "99.9", "formula": "whole-period-v1"})},
        maintenance=[slot("00:02", "00:05")],
    )
    assert judged("", used).verdict == "no_data"


@pytest.mark.parametrize(
    ("words", "used", "verdict", "minimum"),
    [
        ("uuuuuuuuuu", with_slo(), "met", "met"),
        ("dduuuuuuuu", with_slo(), "breached", "breached"),
        ("uuuuu", with_slo(), "indeterminate", "indeterminate"),
        ("", with_slo(), "no_data", "no_data"),
        ("dduuuuuuuu", with_slo(target="80", minimum="70"), "met", "met"),
        ("dduuuuuuuu", with_slo(target="80.0001", minimum="80"), "breached", "met"),
        ("dduuu", with_slo(target="81", minimum="80"), "breached", "indeterminate"),
    ],
)
def test_the_verdict_of_a_finished_period(
    words: str, used: Config, verdict: str, minimum: str
) -> None:
    one = judged(words, used)
    assert (one.verdict, one.minimum_verdict) == (verdict, minimum)


def test_without_an_slo_there_is_no_target_and_no_verdict() -> None:
    used = config(systems={"ehr": system(slo=None)})
    shown = fields(judged("uu", used))
    keys = ("target", "verdict", "minimum", "minimum_verdict", "judged_by")
    assert [shown[key] for key in keys] == [None] * 5


def test_an_open_period_is_breached_once_down_time_exceeds_the_whole_budget() -> None:
    # 20 % of 600 s are 120 s.
    used = with_slo(target="80", minimum="70")
    assert judged("ddu", used, now=130).verdict == "open"
    assert judged("dddu", used, now=200).verdict == "breached"
    assert judged("dddu", used, now=200).minimum_verdict == "open"
    assert judged("", used, now=10).verdict == "open"


def test_a_future_approved_window_makes_the_budget_smaller() -> None:
    used = config(
        systems={"ehr": system(slo={"target": "80"})}, maintenance=[slot("00:05", "00:10")]
    )
    # 20 % of 300 s are 60 s.
    assert judged("ddu", used, now=130).verdict == "breached"


def test_a_verdict_is_provisional_until_72_h_after_the_end() -> None:
    later = END + 72 * 3600
    assert judged("u", now=later - 1).provisional
    assert not judged("u", now=later).provisional


def two_sites(**slo: Any) -> Config:
    return config(
        systems={"ehr": system(slo={"target": "99.9"} | slo)},
        sites={
            "north": {"name": "North", "users": 3},
            "south": {"name": "South", "users": 1},
            "empty": {"name": "Empty", "users": 100},
        },
        checks={"c": check(**{"from": ["a", "s"]})},
    )


SOUTH_DOWN = {("c", "a"): "u" * 10, ("c", "s"): "ddduuuuuuu"}


def test_the_organization_is_judged_by_its_own_number() -> None:
    one = judged(SOUTH_DOWN, two_sites())
    assert (one.verdict, one.amounts.degraded, one.amounts.down) == ("met", 180_000, 0)
    assert one.sites["south"].down == 180_000
    assert one.sites["empty"].not_monitored == 600_000


def test_the_worst_site_decides_where_the_contract_says_so() -> None:
    one = judged(SOUTH_DOWN, two_sites(scope="worst_site"))
    assert (one.verdict, one.minimum_verdict) == ("breached", "breached")
    assert one.judged_by == {
        "scope": "worst_site", "site": "south", "known": "70.0000", "min": "70.0000",
        "max": "70.0000",
    }  # fmt: skip


def test_the_worst_site_is_judged_against_target_and_minimum_apart() -> None:
    one = judged(SOUTH_DOWN, two_sites(scope="worst_site", minimum="70"))
    assert (one.verdict, one.minimum_verdict) == ("breached", "met")
    assert one.judged_by is not None
    assert one.judged_by["site"] == "south"


@pytest.mark.parametrize(
    ("south", "verdict"),
    [("dddd", "breached"), ("", "no_data"), ("uuuu", "indeterminate"), ("u" * 10, "met")],
)
def test_worst_is_breached_else_no_data_else_indeterminate_else_met(
    south: str, verdict: str
) -> None:
    lines = {("c", "a"): "u" * 10, ("c", "s"): south}
    assert judged(lines, two_sites(scope="worst_site")).verdict == verdict


def test_the_site_named_is_one_with_the_verdict_printed() -> None:
    used = config(
        systems={"ehr": system(slo={"target": "99.9", "scope": "worst_site"})},
        checks={"c": check(**{"from": ["a", "s"]})},
    )
    one = judged({("c", "a"): "", ("c", "s"): "dd" + "u" * 8}, used)
    assert one.verdict == "breached"
    assert one.judged_by is not None
    assert one.judged_by["site"] == "south"


def test_user_weighted_adds_the_sites_times_their_users() -> None:
    one = judged(SOUTH_DOWN, two_sites(scope="user_weighted", target="92.5", minimum="92"))
    # (3 * 600 + 420) / (4 * 600) = 92.5 %
    assert (one.verdict, one.minimum_verdict) == ("met", "met")
    assert one.judged_by is not None
    assert one.judged_by["min"] == "92.5000"


def test_a_site_without_users_weighs_nothing() -> None:
    used = config(
        systems={"ehr": system(slo={"target": "99.9", "scope": "user_weighted"})},
        sites={"north": {"name": "North", "users": 1}, "south": {"name": "South"}},
        checks={"c": check(**{"from": ["a", "s"]})},
    )
    assert judged(SOUTH_DOWN, used).verdict == "met"


def test_an_slo_is_the_one_in_force_at_the_last_instant_of_the_period() -> None:
    strict, easy = with_slo(target="99.99"), with_slo(target="50", minimum="40")
    for second, target in ((599, "50"), (600, "99.99")):
        history = [(T0, strict), (T0 + second * 1000, easy)]
        truth = fold("u" * 12, until=700, history=history)
        known = History([Version(t, c) for t, c in history])
        one = availability(truth, known, T0, T0 + 600_000, T0 + 700_000)
        assert one.slo is not None
        assert one.slo.target == target


@pytest.mark.parametrize(
    ("words", "now", "expected"),
    [
        ("uddu", 200, [(60, 180, 60, 180)]),
        ("dddu", 200, [(0, 180, 120, None)]),
        ("udd", 200, [(60, None, None, None)]),
        ("udd...u", 400, [(60, 360, 60, 360)]),
        ("uddudd", 400, [(60, 180, 60, 180), (240, None, None, None)]),
    ],
)
def test_an_outage_carries_its_own_uncertainty(
    words: str, now: int, expected: list[tuple[int, int | None, int | None, int | None]]
) -> None:
    def s(value: int | None) -> int | None:
        return None if value is None else value // 1000

    found = fold(words, until=now).outages
    assert [
        ((o.start - T0) // 1000, s(None if o.end is None else o.end - T0), s(o.min_ms), s(o.max_ms))
        for o in found
    ] == expected


def test_a_failing_result_of_an_agent_that_is_not_in_outage_proves_nothing() -> None:
    used = config(
        checks={
            "c": check(**{"from": ["a", "b"]}),
            "e": check(),
        }
    )
    lines = {("c", "a"): "udddddu", ("c", "b"): "uuuuuuu", ("e", "a"): "uddduuu"}
    (one,) = fold(lines, until=400, used=used).outages
    # `c` is only degraded: one of two. But its agent `a` is in outage until 360, `e` until 240.
    assert (one.start, one.end, one.min_ms) == (T0 + 60_000, T0 + 240_000, 120_000)
    blip = {("c", "a"): "uuuduuu", ("c", "b"): "uuuuuuu", ("e", "a"): "udd..uu"}
    (two,) = fold(blip, until=400, used=used).outages
    assert (two.start, two.end, two.min_ms) == (T0 + 60_000, T0 + 300_000, 60_000)


def test_outages_are_listed_unclipped_where_they_overlap_the_period() -> None:
    inside = judged("udddu", start=120, end=180)
    assert [(o.start, o.end) for o in inside.outages] == [(T0 + 60_000, T0 + 240_000)]
    assert judged("udddu", start=240, end=300).outages == ()
    assert judged("udddu", start=0, end=60).outages == ()
