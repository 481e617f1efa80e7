"""Incidents of what expires (semantics 5): horizons of 60, 20 and 5 minutes; instants in minutes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from alerts.events import Cause, Family, Priority, SystemView
from alerts.policy import incidents, next_due
from probes.config_policy import Horizons, Policy
from tests.unit.alerts.views import MIN, brief, config, ends, history, only, view, views, window

P2, P3, P4 = Priority.P2, Priority.P3, Priority.P4
HORIZONS = {"P4": "60m", "P3": "20m", "P2": "5m"}
USED = history(config(expiry=HORIZONS))


def shown(*spans: tuple[float, float, float | None], **more: object) -> SystemView:
    return view("up:1000", expires=ends(*spans), **more)  # type: ignore[arg-type] # of view


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(40, None, id="due exactly at now has not fired"),
        pytest.param(40 + 1 / MIN, P4, id="within the first horizon"),
        pytest.param(80, P4, id="the second is due now"),
        pytest.param(80 + 1 / MIN, P3, id="within the second"),
        pytest.param(95 + 1 / MIN, P2, id="within the third"),
        pytest.param(300, P2, id="long expired and nobody has shown another"),
    ],
)
def test_time_alone_opens_it_and_makes_it_more_urgent(
    now: float, expected: Priority | None
) -> None:
    found = incidents(views(shown((0, 1000, 100))), USED, round(now * MIN))
    assert [i.priority for i in found] == ([] if expected is None else [expected])
    for one in found:
        assert (one.family, one.causes, one.category) == (Family.EXPIRY, (Cause.EXPIRING,), 1)
        assert (one.key, one.due_at, one.quiet) == ("ehr.expiry.2400000", 40 * MIN, False)


def test_each_horizon_is_a_deadline() -> None:
    seen = views(shown((0, 1000, 100)))
    dues = [next_due(seen, USED, now * MIN + 1) for now in (10, 40, 80, 95)]
    assert dues == [40 * MIN + 1, 80 * MIN + 1, 95 * MIN + 1, None]


@pytest.mark.parametrize(
    ("by", "expected"), [(110, P4), (70 + 1 / MIN, P4), (70, P3), (56, P3), (55, P2), (9, P2)]
)
def test_what_is_near_when_it_is_seen_first_opens_with_the_priority_it_has(
    by: float, expected: Priority
) -> None:
    near = shown((0, 50, None), (50, 1000, by))
    one = only(incidents(views(near), USED, 50 * MIN + 1))
    assert (one.started_at, one.priority) == (50 * MIN, expected)


def test_a_later_end_beyond_the_first_horizon_recovers_it_after_recover_for() -> None:
    renewed = shown((0, 90, 100), (90, 1000, 500))
    assert brief(incidents(views(renewed), USED, 95 * MIN)) == [("expiring", 40, None)]
    assert brief(incidents(views(renewed), USED, 95 * MIN + 1)) == [("expiring", 40, 90)]


def test_a_later_end_within_the_horizon_is_the_same_incident_and_lowers_nothing() -> None:
    seen = shown((0, 96, 100), (96, 1000, 150))
    one = only(incidents(views(seen), USED, 120 * MIN))
    assert (one.started_at, one.recovered_at, one.priority) == (40 * MIN, None, P2)


def test_silence_and_expiry_itself_are_no_recovery() -> None:
    down = view("up:100 down:200", expires=ends((0, 300, 100)))
    assert brief(incidents(views(down), USED, 300 * MIN)) == [
        ("expiring", 40, None),
        ("down", 100, None),
    ]


def test_maintenance_does_not_hold_it_back() -> None:
    one = only(incidents(views(shown((0, 90, 100), windows=(window(0, 500),))), USED, 90 * MIN))
    assert (one.started_at, one.quiet) == (40 * MIN, False)


def test_a_system_that_is_removed_has_nothing_left_to_renew() -> None:
    gone = view("up:50 not_monitored:50", expires=ends((0, 100, 100)))
    assert brief(incidents(views(gone), USED, 100 * MIN)) == [("expiring", 40, 50)]


def test_it_opens_by_the_first_horizon_in_force_at_that_instant() -> None:
    longer = history((0, config(expiry=HORIZONS)), (30, config(expiry=HORIZONS | {"P4": "90m"})))
    assert brief(incidents(views(shown((0, 100, 100))), longer, 100 * MIN)) == [
        ("expiring", 30, None)
    ]


def test_its_priority_follows_the_policy_at_its_start() -> None:
    later = history((0, config(expiry=HORIZONS)), (50, config(expiry=HORIZONS | {"P3": "45m"})))
    seen = views(shown((0, 100, 100)))
    assert only(incidents(seen, later, 80 * MIN)).priority is P4
    assert only(incidents(seen, later, 80 * MIN + 1)).priority is P3


def test_the_horizons_nobody_wrote_are_30_and_7_days_and_24_hours() -> None:
    assert Policy().expiry == Horizons(P4=2_592_000_000, P3=604_800_000, P2=86_400_000)
    assert "expiry" not in Policy().model_dump()


def test_a_more_urgent_horizon_that_is_longer_is_refused() -> None:
    with pytest.raises(ValidationError, match="a more urgent horizon is not longer"):
        config(expiry={"P2": "8d"})
