"""When incidents open, recover and reopen (semantics 5); instants in minutes."""

from __future__ import annotations

import pytest

from alerts.events import Cause, Family
from alerts.policy import incidents
from tests.unit.alerts.views import (
    MIN,
    brief,
    config,
    history,
    only,
    times,
    view,
    views,
    window,
)


def found(states: str, now: float = 1000, **more: object) -> list[tuple[str, float, float | None]]:
    shown = view(states, **more)  # type: ignore[arg-type] # keywords of view
    return brief(incidents(views(shown), history(), round(now * MIN)))


@pytest.mark.parametrize(
    ("states", "now", "expected"),
    [
        pytest.param("up:60", 60, [], id="nothing happens"),
        pytest.param("up:10 down:1", 11, [("down", 10, None)], id="down opens at once"),
        pytest.param("up:10 down:1", 10, [], id="what starts at now is not known"),
        pytest.param("up:10 degraded:10", 20, [], id="a timer due exactly at now has not fired"),
        pytest.param(
            "up:10 degraded:11", 20 + 1 / MIN, [("degraded", 10, None)], id="1 ms later it has"
        ),
        pytest.param("up:10 degraded:10 up:40", 60, [], id="degraded for exactly the timer"),
        pytest.param("up:10 degraded:6 up:1 degraded:6 up:9", 60, [], id="two short stretches"),
        pytest.param(
            "degraded:3 down:1 degraded:30",
            34,
            [("down+degraded", 3, None)],
            id="a pending degraded stretch is not part of the down incident",
        ),
        pytest.param(
            "degraded:12 down:1 up:30",
            43,
            [("degraded+down", 0, 13)],
            id="degraded opened, down joined",
        ),
        pytest.param(
            "up:5 down:1 degraded:1 up:30",
            37,
            [("down+degraded", 5, 7)],
            id="degraded joins at once while an incident is open",
        ),
        pytest.param(
            "down:5 up:5", 10, [("down", 0, None)], id="recovery due exactly at now is not over"
        ),
        pytest.param("down:5 up:5.1", 10.1, [("down", 0, 5)], id="recovery is back-dated"),
        pytest.param(
            "down:5 up:5 down:1 up:9",
            20,
            [("down", 0, 11)],
            id="up for exactly recover_for is no recovery",
        ),
        pytest.param(
            "down:5 degraded:60", 65, [("down+degraded", 0, None)], id="degraded stays open"
        ),
        pytest.param(
            "down:5 unknown:60 up:6", 71, [("down", 0, 65), ("unknown", 5, 65)], id="unknown, too"
        ),
        pytest.param(
            "up:5 down:5 not_monitored:60",
            70,
            [("down", 5, 10)],
            id="removing the system ends its incident",
        ),
    ],
)
def test_availability_incidents_open_and_recover(
    states: str, now: float, expected: list[tuple[str, float, float | None]]
) -> None:
    assert found(states, now) == expected


@pytest.mark.parametrize(
    ("states", "now", "expected"),
    [
        pytest.param("unknown:10", 10, [], id="due exactly at now"),
        pytest.param("unknown:10.5", 10.5, [("unknown", 0, None)], id="fired"),
        pytest.param("unknown:20 down:3", 23, [("unknown", 0, None), ("down", 20, None)], id="2"),
        pytest.param(
            "unknown:20 down:6", 26, [("unknown", 0, 20), ("down", 20, None)], id="not unknown"
        ),
        pytest.param("unknown:20 up:4 unknown:3", 27, [("unknown", 0, None)], id="seen too short"),
    ],
)
def test_blind_incidents_open_after_blind_after_and_end_when_seen_again(
    states: str, now: float, expected: list[tuple[str, float, float | None]]
) -> None:
    assert found(states, now) == expected


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (30, [("down", 0, 45)]),
        (30 + 1 / MIN, [("down", 0, 5), ("down", 35 + 1 / MIN, 45 + 1 / MIN)]),
    ],
)
def test_a_start_at_most_reopen_within_after_recovery_is_the_same_incident(
    gap: float, expected: list[tuple[str, float, float | None]]
) -> None:
    assert found(f"down:5 up:{gap} down:10 up:60") == expected


def test_reopening_counts_by_the_back_dated_start_not_by_the_timer() -> None:
    shown = views(view("down:5 up:29 degraded:15 up:60"))
    one = only(incidents(shown, history(), 200 * MIN))
    assert (one.causes, one.started_at, one.recovered_at, one.reopened) == (
        (Cause.DOWN, Cause.DEGRADED),
        0,
        49 * MIN,
        1,
    )


def test_three_reopenings_are_flapping() -> None:
    shown = views(view("down:5 " + "up:6 down:5 " * 3 + "up:60"))
    early = only(incidents(shown, history(), 34 * MIN))
    assert (early.reopened, early.flapping) == (3, True)
    earlier = only(incidents(shown, history(), 33 * MIN))
    assert (earlier.reopened, earlier.flapping) == (2, False)


def test_the_due_instant_of_the_opening_stays_that_of_the_first_opening() -> None:
    shown = views(view("degraded:12 up:10 down:5"))
    one = only(incidents(shown, history(), 27 * MIN))
    assert (one.key, one.started_at, one.due_at) == ("ehr.availability.0", 0, 10 * MIN)


def test_a_site_that_is_down_opens_an_incident_that_names_it() -> None:
    shown = view(
        "up:10 degraded:20 up:10",
        sites={"south": "up:10 down:20 up:10", "north": "up:12 down:5 up:23"},
    )
    one = only(incidents(views(shown), history(), 40 * MIN))
    assert one.sites == ("south", "north")
    assert one.causes == (Cause.DOWN, Cause.DEGRADED)
    assert (one.started_at, one.due_at, one.recovered_at) == (10 * MIN, 10 * MIN, 30 * MIN)


def test_a_site_going_down_inside_a_degraded_stretch_opens_with_its_own_start() -> None:
    shown = view("degraded:30", sites={"south": "up:4 down:26"})
    one = only(incidents(views(shown), history(), 30 * MIN))
    assert (one.started_at, one.causes) == (4 * MIN, (Cause.DOWN, Cause.DEGRADED))


def test_a_site_that_is_still_down_keeps_the_incident_open_whatever_the_system_is() -> None:
    shown = view("up:60", sites={"south": "up:4 down:26 up:30"})
    assert brief(incidents(views(shown), history(), 60 * MIN)) == [("down", 4, 30)]


def test_misconfigured_time_feeds_access_and_not_blind() -> None:
    shown = view("up:10 unknown:30 up:20", access=times((10, 40)))
    one = only(incidents(views(shown), history(), 60 * MIN))
    assert (one.family, one.causes) == (Family.ACCESS, (Cause.MISCONFIGURED,))
    assert (one.started_at, one.due_at, one.recovered_at) == (10 * MIN, 10 * MIN, 40 * MIN)


def test_silence_after_misconfiguration_recovers_access_and_starts_blind_anew() -> None:
    shown = view("up:10 unknown:30", access=times((10, 15)))
    assert brief(incidents(views(shown), history(), 40 * MIN)) == [
        ("misconfigured", 10, 15),
        ("unknown", 15, None),
    ]


def test_a_critical_check_rejected_by_all_is_access_even_while_another_is_down() -> None:
    shown = view("up:10 down:10", rejected=times((12, 20)))
    assert brief(incidents(views(shown), history(), 20 * MIN)) == [
        ("down", 10, None),
        ("misconfigured+rejected_by_all", 12, None),
    ]


def test_the_cause_rejected_by_all_joins_when_the_first_critical_check_is() -> None:
    shown = view("up:10 unknown:30", access=times((10, 40)), rejected=times((25, 30)))
    at = {now: only(incidents(views(shown), history(), round(now * MIN))) for now in (25, 25.1, 40)}
    assert at[25].causes == (Cause.MISCONFIGURED,)
    assert at[25.1].causes == at[40].causes == (Cause.MISCONFIGURED, Cause.REJECTED_BY_ALL)
    assert (at[25].category, at[25.1].category) == (1, 2)


def test_the_timer_runs_only_outside_windows_and_starts_anew_at_their_end() -> None:
    shown = view("degraded:60", windows=(window(8, 20), window(20, 25)))
    one = only(incidents(views(shown), history(), 60 * MIN))
    assert (one.started_at, one.due_at) == (25 * MIN, 35 * MIN)
    blind = view("unknown:60", windows=(window(8, 20), window(29, 40)))
    one = only(incidents(views(blind), history(), 60 * MIN))
    assert (one.started_at, one.due_at, one.quiet) == (40 * MIN, 50 * MIN, False)


def test_a_timer_due_at_the_very_start_of_a_window_does_not_fire() -> None:
    shown = view("degraded:30", windows=(window(10, 25),))
    assert incidents(views(shown), history(), 30 * MIN) == []


def test_the_policy_in_force_at_the_start_decides() -> None:
    slow, quick = config(degraded_after="20m"), config(degraded_after="2m")
    shown = views(view("up:10 degraded:15 up:60 degraded:15 up:6"))
    versions = history((0, slow), (30, quick))
    assert brief(incidents(shown, versions, 106 * MIN)) == [("degraded", 85, 100)]


def test_a_version_recorded_during_an_outage_waits_for_its_end() -> None:
    mild = config({"ehr": {"class": "administrative"}})
    shown = views(view("up:10 down:30 up:10", rejected=times((25, 40))))
    found = incidents(shown, history((0, mild), (20, config())), 50 * MIN)
    assert [(i.family, i.category) for i in found] == [
        (Family.AVAILABILITY, 1),
        (Family.ACCESS, 1),
    ]


def test_incidents_are_ordered_by_start_then_system_then_family() -> None:
    shown = views(
        view("up:5 down:40", system="ehr"),
        view("unknown:5 down:40", system="billing"),
        view("up:5 unknown:40", system="adt"),
    )
    versions = history(config({"ehr": {}, "billing": {}, "adt": {}}))
    assert [(i.system, i.family) for i in incidents(shown, versions, 45 * MIN)] == [
        ("adt", Family.BLIND),
        ("billing", Family.AVAILABILITY),
        ("ehr", Family.AVAILABILITY),
    ]
