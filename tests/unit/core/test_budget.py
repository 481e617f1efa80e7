"""Error budgets: golden months, scopes, pace (semantics 3, conventions of the SRE workbook)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.amounts import NOTHING, Sums
from collector.core.availability import availability
from collector.core.budget import Budget, budget
from collector.core.document import fields
from collector.core.periods import period
from collector.core.truth import fold_system
from collector.core.verdict import Scopes
from probes.config_systems import Slo
from probes.history import History, Version
from tests.support.stories import T0, check, config, fold, system
from tests.unit.core.test_availability import judged, slot, two_sites, with_slo

MINUTE = 60_000
CHICAGO = "America/Chicago"
EARLY = {
    "id": "weekday-early",
    "systems": ["ehr"],
    "start": "2023-01-02T02:00",
    "end": "2023-01-02T04:00",
    "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "proposed": {"by": "p", "at": "2022-12-01T00:00:00Z"},
    "approval": {"by": "q", "at": "2022-12-02T00:00:00Z"},
}


def month(text: str, zone: str, target: str, windows: list[dict[str, Any]]) -> Budget:
    """The budget of a whole month in which nothing was seen."""
    used = config(
        organization={"id": "org", "name": "Org", "timezone": zone},
        systems={"ehr": system(slo={"target": target})},
        maintenance=[w | {"timezone": zone} for w in windows],
    )
    span = period(text, 0, ZoneInfo(zone))
    history = History([Version(None, used)])
    truth = fold_system("ehr", history, {}, span.end, span.start)
    found = availability(truth, history, span.start, span.end, span.end).budget
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "zone", "windows", "nines", "half"),
    [
        ("2026-02", CHICAGO, [], 2_419_200, 1_209_600),
        ("2024-02", CHICAGO, [], 2_505_600, 1_252_800),
        ("2026-06", CHICAGO, [], 2_592_000, 1_296_000),
        ("2026-07", CHICAGO, [], 2_678_400, 1_339_200),
        ("2026-03", CHICAGO, [], 2_674_800, 1_337_400),
        ("2026-03", "Europe/Berlin", [], 2_674_800, 1_337_400),
        ("2026-03", "America/Phoenix", [], 2_678_400, 1_339_200),
        ("2026-11", "America/New_York", [], 2_595_600, 1_297_800),
        ("2026-10", "Europe/Berlin", [], 2_682_000, 1_341_000),
        ("2026-02", CHICAGO, [EARLY], 2_275_200, 1_137_600),
        ("2026-03", "America/Phoenix", [EARLY], 2_520_000, 1_260_000),
        ("2026-03", CHICAGO, [EARLY], 2_516_400, 1_258_200),
        ("2026-06", CHICAGO, [EARLY], 2_433_600, 1_216_800),
        ("2026-07", CHICAGO, [EARLY], 2_512_800, 1_256_400),
        ("2026-11", "America/Phoenix", [EARLY], 2_440_800, 1_220_400),
    ],
)
def test_the_budget_of_a_real_month_is_exact(
    text: str, zone: str, windows: list[dict[str, Any]], nines: int, half: int
) -> None:
    """99.9 and 99.95 %, with and without weekday windows of 02:00 to 04:00."""
    assert month(text, zone, "99.9", windows).total == nines
    assert month(text, zone, "99.95", windows).total == half


def test_spent_is_confirmed_down_time_and_pace_compares_it_with_time_gone() -> None:
    # 20 % of 600 s are 120 s; at 300 s half of the time is gone and 120 s are spent.
    one = judged("uddu.", with_slo(target="80"), now=300).budget
    assert one == Budget("organization", None, 120_000, 120_000, 0, Fraction(2))


def test_remaining_is_negative_once_more_is_spent_than_there_was() -> None:
    one = judged("udddddu", with_slo(target="80")).budget
    assert one is not None
    assert (one.spent, one.remaining, one.pace) == (300_000, -180_000, Fraction(5, 2))


def test_unknown_time_and_windows_spend_nothing() -> None:
    one = judged("", with_slo(target="80")).budget
    assert one is not None
    assert (one.total, one.spent, one.pace) == (120_000, 0, Fraction(0))
    used = config(
        systems={"ehr": system(slo={"target": "80"})}, maintenance=[slot("00:01", "00:06")]
    )
    two = judged("udddddu", used).budget
    assert two is not None
    assert (two.total, two.spent) == (60_000, 0)


def test_future_windows_make_the_total_smaller_at_once() -> None:
    used = config(
        systems={"ehr": system(slo={"target": "80"})}, maintenance=[slot("00:05", "00:10")]
    )
    one = judged("uu", used, now=60).budget
    assert one is not None
    assert one.total == 60_000


def test_under_whole_period_v1_windows_leave_the_total_whole() -> None:
    used = config(
        systems={"ehr": system(slo={"target": "80", "formula": "whole-period-v1"})},
        maintenance=[slot("00:05", "00:10")],
    )
    one = judged("uu", used, now=60).budget
    assert one is not None
    assert one.total == 120_000


def test_the_total_is_truncated_to_a_millisecond() -> None:
    # 0.0001 % of 600 000 ms are 0.6 ms
    one = judged("ddu", with_slo(target="99.9999")).budget
    assert one is not None
    assert (one.total, one.remaining) == (0, -120_000)
    # the pace stays exact: 120 000 / 0.6
    assert one.pace == 200_000


def test_a_target_of_100_leaves_no_budget_and_no_pace() -> None:
    one = judged("ddu", with_slo(target="100")).budget
    assert one == Budget("organization", None, 0, 120_000, -120_000, None)


def test_pace_is_undefined_while_no_eligible_time_is_gone() -> None:
    one = judged("", now=0).budget
    assert one is not None
    assert one.pace is None


def test_without_an_slo_there_is_no_budget() -> None:
    shown = fields(judged("uu", config(systems={"ehr": system(slo=None)})))
    assert (shown["budget"], shown["burn"]) == (None, None)


LINES = {("c", "a"): "u" * 10, ("c", "s"): "ddd" + "u" * 7}


def test_the_budget_of_the_worst_site_is_that_of_the_site_that_spent_most() -> None:
    one = judged(LINES, two_sites(scope="worst_site", target="80")).budget
    assert one == Budget("worst_site", "south", 120_000, 180_000, -60_000, Fraction(3, 2))


def test_a_blind_site_has_not_spent_more_than_one_that_was_down() -> None:
    lines = {("c", "a"): "", ("c", "s"): "dd" + "u" * 8}
    one = judged(lines, two_sites(scope="worst_site", target="80")).budget
    assert one is not None
    assert (one.site, one.spent) == ("south", 120_000)


def test_user_weighted_budgets_are_milliseconds_times_users() -> None:
    found = judged(LINES, two_sites(scope="user_weighted", target="80"))
    # 20 % of (3 + 1) * 600 s; one user was down for 180 s
    assert found.budget == Budget(
        "user_weighted", None, 480_000, 180_000, 300_000, Fraction(180, 480)
    )
    assert fields(found)["budget"] == {
        "scope": "user_weighted",
        "site": None,
        "unit": "user_ms",
        "total": 480_000,
        "spent": 180_000,
        "remaining": 300_000,
        "pace": "0.3750",
    }


def test_a_scope_over_sites_without_a_monitored_site_has_an_empty_budget() -> None:
    slo = Slo(target="99.9", scope="worst_site")
    assert budget(slo, Scopes(NOTHING, {}, NOTHING)) == Budget("worst_site", None, 0, 0, 0, None)


def test_worst_site_and_user_weighted_numbers_stand_beside_whatever_the_scope() -> None:
    one = judged(LINES, two_sites())
    assert one.scopes.weighted == Sums(2_220_000, 180_000, 0, 2_400_000, 2_400_000, 2_400_000)
    shown = fields(one)
    percents = {"known": "70.0000", "min": "70.0000", "max": "70.0000", "coverage": "100.0000"}
    assert shown["worst_site"] == {"site": "south", **percents}
    # (3 * 600 + 420) / 2400
    weighted = {"known": "92.5000", "min": "92.5000", "max": "92.5000", "coverage": "100.0000"}
    assert shown["user_weighted"] == weighted
    assert shown["judged_by"]["scope"] == "organization"


def test_without_users_there_is_no_user_weighted_number() -> None:
    assert fields(judged("uu"))["user_weighted"] is None


def test_a_site_that_no_check_watches_is_never_the_worst() -> None:
    used = config(checks={"c": check()})
    truth = fold("uuu", until=180, used=used)
    history = History([Version(None, used)])
    shown = fields(availability(truth, history, T0, T0 + 180_000, T0 + 180_000))
    assert shown["worst_site"]["site"] == "north"


@given(
    st.integers(1, 999_999),
    st.integers(1, 10**10),
    st.integers(0, 10**10),
    st.integers(0, 10**10),
)
def test_spent_beyond_the_total_is_what_breaches_an_open_period(
    millionths: int, whole: int, gone: int, down: int
) -> None:
    """The verdict compares exact amounts, the total is truncated: they agree to the millisecond."""
    gone, down = min(gone, whole), min(down, gone, whole)
    target = f"{millionths // 10_000}.{millionths % 10_000:04d}"
    judged_by = Sums(gone - down, down, 0, gone, gone, whole)
    one = budget(Slo(target=target), Scopes(judged_by, {}, NOTHING))
    exact = (1 - Fraction(millionths, 1_000_000)) * whole
    assert (one.remaining < 0) == (down > exact)
    assert one.total <= exact < one.total + 1
