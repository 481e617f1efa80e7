"""The edges of a period, in milliseconds: what falls just inside, and what just outside."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from alerts.events import State
from collector.core.amounts import Amounts, Sums, sums, watched
from collector.core.availability import Availability, availability, cut
from collector.core.truth import fold_system
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.spans import Interval, Span
from tests.support.stories import T0, check, config, result, system

UP, DOWN = Outcome.UP, Outcome.DOWN
MINUTE, HOUR = 60_000, 3_600_000


def of(
    versions: list[tuple[int, Config]],
    runs: list[tuple[int, Outcome]],
    start: int,
    end: int,
    now: int,
) -> Availability:
    """Instants are ms after `T0`."""
    history = History([Version(T0 + at, used) for at, used in versions])
    line = [result(T0 + t, outcome) for t, outcome in runs]
    truth = fold_system("ehr", history, {("c", "a"): line}, T0 + now, None)
    return availability(truth, history, T0 + start, T0 + end, T0 + now)


BLIP = [(0, UP), (MINUTE, DOWN), (2 * MINUTE, UP), (4 * MINUTE, UP)]


@pytest.mark.parametrize(
    ("start", "end", "blips"),
    [
        (0, 5 * MINUTE, 1),
        (MINUTE, 2 * MINUTE, 1),
        (MINUTE + 1, 5 * MINUTE, 0),
        (0, MINUTE, 0),
        (0, MINUTE + 1, 1),
    ],
)
def test_a_blip_belongs_to_the_period_of_its_first_failing_result(
    start: int, end: int, blips: int
) -> None:
    assert of([(0, config())], BLIP, start, end, 5 * MINUTE).blips == blips


@pytest.mark.parametrize(("recorded", "blips"), [(MINUTE, 1), (MINUTE + 1, 0)])
def test_a_blip_from_before_a_system_was_monitored_is_not_counted(
    recorded: int, blips: int
) -> None:
    assert of([(recorded, config())], BLIP, 0, 5 * MINUTE, 5 * MINUTE).blips == blips


@pytest.mark.parametrize(
    ("start", "end", "judged", "good"),
    [
        (0, 5 * MINUTE, 4, 3),
        (0, MINUTE, 1, 1),
        (0, MINUTE + 1, 2, 1),
        (MINUTE, 2 * MINUTE, 1, 0),
        (MINUTE + 1, 2 * MINUTE, 0, 0),
        (5 * MINUTE, 6 * MINUTE, 0, 0),
        (6 * MINUTE, 7 * MINUTE, 0, 0),
    ],
)
def test_a_run_counts_where_it_began(start: int, end: int, judged: int, good: int) -> None:
    one = of([(0, config())], BLIP, start, end, 5 * MINUTE)
    assert (one.judged_runs, one.good_runs) == (judged, good)


def with_target(target: str) -> Config:
    return config(systems={"ehr": system(slo={"target": target})})


@pytest.mark.parametrize(
    ("changed", "target"),
    [(5 * MINUTE - 2, "50"), (5 * MINUTE - 1, "50"), (5 * MINUTE, "99.9")],
)
def test_the_last_instant_of_a_period_is_its_last_millisecond(changed: int, target: str) -> None:
    versions = [(0, config()), (changed, with_target("50"))]
    one = of(versions, BLIP, 0, 5 * MINUTE, 9 * MINUTE)
    assert one.slo is not None
    assert one.slo.target == target


def test_of_an_open_period_the_last_known_instant_counts() -> None:
    versions = [(0, config()), (3 * MINUTE, with_target("50"))]
    for now, target in ((3 * MINUTE, "99.9"), (3 * MINUTE + 1, "50")):
        one = of(versions, BLIP, 0, 9 * MINUTE, now)
        assert one.slo is not None
        assert one.slo.target == target


def test_before_a_system_was_recorded_the_first_terms_it_has_are_printed() -> None:
    later = [(7 * MINUTE, with_target("50")), (8 * MINUTE, with_target("60"))]
    one = of(later, BLIP, 0, 5 * MINUTE, 9 * MINUTE)
    assert one.slo is not None
    assert (one.slo.target, one.verdict) == ("50", "no_data")
    assert one.amounts.not_monitored == 5 * MINUTE


def test_after_its_removal_the_last_terms_it_had_are_printed() -> None:
    gone = config(systems={"other": system()}, checks={})
    versions = [(0, with_target("60")), (MINUTE // 2, with_target("50")), (3 * MINUTE, gone)]
    one = of(versions, BLIP, 0, 5 * MINUTE, 9 * MINUTE)
    assert one.slo is not None
    assert one.slo.target == "50"
    assert one.amounts.not_monitored == 2 * MINUTE


def test_without_an_slo_the_formula_is_the_contracts() -> None:
    used = config(systems={"ehr": system(slo=None)})
    one = of([(0, used)], BLIP, 0, 5 * MINUTE, 5 * MINUTE)
    assert (one.system, one.formula, one.judged_by) == ("ehr", "contract-v1", None)


def test_the_number_beside_a_verdict_names_its_scope() -> None:
    one = of([(0, config())], BLIP, 0, 5 * MINUTE, 5 * MINUTE)
    assert one.judged_by is not None
    assert one.judged_by["scope"] == "organization"
    assert [one.judged_by[key] for key in ("known", "min", "max")] == ["100.0000"] * 3


def test_whatever_was_judged_makes_data_be_it_down_or_degraded() -> None:
    for outcome, verdict in ((DOWN, "breached"), (Outcome.DEGRADED, "indeterminate")):
        one = of([(0, config())], [(0, outcome), (MINUTE, outcome)], 0, 5 * MINUTE, 5 * MINUTE)
        assert one.verdict == verdict


def test_a_removed_site_weighs_nothing_and_is_still_listed() -> None:
    scoped = {"target": "99.9", "scope": "user_weighted"}
    sites = {"north": {"name": "N", "users": 1}, "south": {"name": "S", "users": 9}}
    checks = {"c": check(**{"from": ["a", "s"]})}
    both = config(systems={"ehr": system(slo=scoped)}, sites=sites, checks=checks)
    agents = {"a": {"site": "north"}, "b": {"site": "north"}}
    one_left = config(
        systems={"ehr": system(slo=scoped)},
        sites={"north": sites["north"]},
        agents=agents,
        checks={"c": check()},
    )
    one = of([(0, both), (3 * MINUTE, one_left)], BLIP, 0, 5 * MINUTE, 5 * MINUTE)
    assert set(one.sites) == {"north", "south"}
    assert one.verdict == "met"
    assert one.judged_by is not None
    assert one.judged_by["min"] == "100.0000"


def test_sums_add_and_weigh_each_amount() -> None:
    one = sums(Amounts(100, 40, 20, 10, 30, 7, 3), 900)
    assert one == Sums(up=60, down=10, unknown=30, eligible=100, seen=70, whole=900)
    assert one + one.times(2) == Sums(180, 30, 90, 300, 210, 2700)
    assert sums(Amounts(100, 40, 20, 10, 30, 7, 3)).whole == 0


def test_a_system_that_no_version_knows_has_no_terms() -> None:
    history = History([Version(T0, config())])
    one = availability(
        fold_system("lab", history, {}, T0 + MINUTE, None), history, T0, T0 + MINUTE, T0 + MINUTE
    )
    assert (one.slo, one.verdict, one.formula) == (None, None, "contract-v1")
    assert (one.amounts.eligible, one.amounts.not_monitored) == (0, MINUTE)


def test_a_period_has_the_terms_of_the_third_version_once_that_is_in_force() -> None:
    versions = [(0, with_target("90")), (MINUTE, with_target("91")), (90_000, with_target("92"))]
    one = of(versions, [(0, UP), (MINUTE, UP)], 0, 2 * MINUTE, 2 * MINUTE)
    assert one.slo is not None
    assert one.slo.target == "92"


def test_runs_are_only_counted_when_asked_for() -> None:
    history = History([Version(T0, config())])
    line = [result(T0, UP)]
    truth = fold_system("ehr", history, {("c", "a"): line}, T0 + MINUTE, None)
    period = (T0, T0 + MINUTE, T0 + MINUTE)
    assert availability(truth, history, *period).judged_runs == 1
    assert availability(truth, history, *period, count_runs=False).judged_runs == 0


def scoped(scope: str, **changes: Any) -> Config:
    """North has 3 users, south 5; a supporting check runs from south as well."""
    slo = {"target": "99", "scope": scope, "formula": "whole-period-v1"}
    return config(
        systems={"ehr": system(slo=slo, **changes)},
        sites={"north": {"name": "North", "users": 3}, "south": {"name": "South", "users": 5}},
        checks={"c": check(), "t": check(role="supporting", **{"from": ["s"]})},
    )


def test_before_monitoring_begins_the_sites_to_come_are_those_of_deciding_checks() -> None:
    used = scoped("worst_site", effective_from="2026-01-01T00:05:00")
    one = of([(0, used)], [], 0, 10 * MINUTE, MINUTE)
    assert {site: found.whole for site, found in one.scopes.sites.items()} == {"north": 5 * MINUTE}
    assert one.scopes.organization.whole == 5 * MINUTE


def test_the_whole_of_a_site_has_the_rest_of_an_open_period() -> None:
    one = of([(0, scoped("worst_site"))], [(0, UP)], 0, 10 * MINUTE, MINUTE)
    assert {site: found.whole for site, found in one.scopes.sites.items()} == {"north": 10 * MINUTE}


def test_approved_maintenance_counts_for_a_site_as_the_formula_says() -> None:
    used = scoped("worst_site")
    history = History([Version(T0, used)])
    line = [result(T0, UP), result(T0 + MINUTE, UP)]
    truth = fold_system("ehr", history, {("c", "a"): line}, T0 + 2 * MINUTE, None)
    out = [Interval(T0, T0 + MINUTE)]
    one = availability(truth, history, T0, T0 + 2 * MINUTE, T0 + 2 * MINUTE, also_excluded=out)
    assert one.formula == "whole-period-v1"
    assert (one.sites["north"].eligible, one.sites["north"].excluded) == (2 * MINUTE, MINUTE)
    assert (one.raw.eligible, one.raw.excluded) == (2 * MINUTE, 0)


def test_a_burn_rate_by_users_weighs_each_site_by_its_own() -> None:
    one = of([(0, scoped("user_weighted"))], [(0, DOWN), (MINUTE, DOWN)], 0, HOUR, 2 * MINUTE)
    assert one.burn is not None
    assert (one.burn[0].long, one.burn[0].short) == (Fraction(1), Fraction(1))


@pytest.mark.parametrize(
    ("zone", "now", "days"),
    [
        ("UTC", 31 * 24 * HOUR, 31),  # the last instant of January
        ("UTC", 31 * 24 * HOUR + 1, 28),  # the first of February
        ("America/Chicago", 31 * 24 * HOUR + 1, 31),  # still January there
    ],
)
def test_a_burn_rate_row_is_scaled_to_the_month_of_the_last_known_instant(
    zone: str, now: int, days: int
) -> None:
    used = config(organization={"id": "org", "name": "Org", "timezone": zone})
    one = of([(0, used)], [(0, UP)], 0, 90 * 24 * HOUR, now)
    assert one.burn is not None
    # The first row may burn 2 % of the month's budget in an hour.
    assert one.burn[0].factor == Fraction(2 * 24 * days, 100)


def test_monitored_time_is_united_where_states_meet_and_nowhere_else() -> None:
    states = (
        Span(0, 10, State.NOT_MONITORED),
        Span(10, 20, State.UP),
        Span(20, 30, State.NOT_MONITORED),
        Span(30, 40, State.DOWN),
        Span(40, 50, State.UNKNOWN),
        Span(60, 70, State.DEGRADED),
    )
    assert watched(states) == (Interval(10, 20), Interval(30, 50), Interval(60, 70))
    assert watched(states[:1]) == ()


SEVEN_TO_TWELVE = {
    "id": "w",
    "systems": ["ehr"],
    "start": "2026-01-01T00:07",
    "end": "2026-01-01T00:12",
    "timezone": "UTC",
    "proposed": {"by": "p", "at": "2025-12-30T00:00:00Z"},
    "approval": {"by": "q", "at": "2025-12-31T00:00:00Z"},
}


def judging(**slo: str) -> Config:
    entry = system()
    del entry["slo"]
    if slo:
        entry["slo"] = slo
    return config(systems={"ehr": entry}, maintenance=[SEVEN_TO_TWELVE])


CONTRACT, WHOLE = judging(target="99.9"), judging(target="99.9", formula="whole-period-v1")
END = 16 * MINUTE


@pytest.mark.parametrize(
    ("versions", "end", "minutes"),
    [
        ([(0, CONTRACT)], END, {0, 5, 10, 15}),
        ([(0, CONTRACT)], 25 * MINUTE, {0, 5, 10}),
        ([(0, WHOLE)], END, {0, 15}),
        ([(0, judging())], END, {0, 5, 10, 15}),
        ([(0, CONTRACT), (END, WHOLE)], END, {0, 5, 10, 15}),
        ([(0, CONTRACT), (END - 1, WHOLE)], END, {0, 15}),
        ([(0, CONTRACT), (20 * MINUTE - 1, WHOLE)], 25 * MINUTE, {0}),
    ],
)
def test_results_of_long_ago_are_needed_where_what_counts_begins_or_ends_within_five_minutes(
    versions: list[tuple[int, Config]], end: int, minutes: set[int]
) -> None:
    now = T0 + 20 * MINUTE
    history = History([Version(T0 + at, used) for at, used in versions])
    line = [result(T0 + n * MINUTE, UP) for n in range(20)]
    truth = fold_system("ehr", history, {("c", "a"): line, ("c", "b"): []}, now, None)
    truth.voices["c", "a"].judged.pack(now)
    needed = cut(truth, history, T0 + MINUTE + 1, T0 + end, now)
    assert needed == {("c", "a"): {T0 + n * MINUTE for n in minutes}}


def test_of_a_system_that_nobody_configured_nothing_is_needed() -> None:
    history = History([Version(T0, config())])
    truth = fold_system("lab", history, {}, T0 + HOUR, None)
    assert cut(truth, history, T0, T0 + HOUR, T0 + HOUR) == {}
