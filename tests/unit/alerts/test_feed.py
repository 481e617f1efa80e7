"""Incidents of a feed that is silent or flooded (semantics 5); instants in minutes."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.events import Cause, Family, Priority
from alerts.policy import incidents, next_due
from tests.unit.alerts.views import (
    MIN,
    brief,
    config,
    history,
    minute,
    only,
    view,
    views,
    window,
)


@pytest.mark.parametrize(
    ("feed", "now", "expected"),
    [
        pytest.param("ok:60", 60, [], id="within its baseline"),
        pytest.param("ok:10 silent:50", 10, [], id="what starts at now is not known"),
        pytest.param("ok:10 silent:50", 10 + 1 / MIN, [("silent", 10, None)], id="at once"),
        pytest.param("ok:10 flooded:20 ok:5", 35, [("flooded", 10, None)], id="over too shortly"),
        pytest.param("ok:10 flooded:20 ok:5.1", 35.1, [("flooded", 10, 30)], id="its end"),
        pytest.param(
            "flooded:5 silent:5 flooded:5 ok:30",
            45,
            [("flooded+silent", 0, 15)],
            id="one incident, its causes in order of appearance",
        ),
        pytest.param(
            "silent:5 ok:30 silent:5", 40, [("silent", 0, None)], id="the same within reopen_within"
        ),
    ],
)
def test_a_feed_incident_opens_at_once_and_ends_with_its_trouble(
    feed: str, now: float, expected: list[tuple[str, float, float | None]]
) -> None:
    found = incidents(views(view("up:90", feed=feed)), history(), round(now * MIN))
    assert brief(found) == expected
    assert {i.family for i in found} <= {Family.FEED}


@pytest.mark.parametrize(
    ("system", "at_20", "at_40"),
    [
        ({"class": "administrative"}, (1, Priority.P3), (1, Priority.P3)),
        ({"workaround": {}}, (2, Priority.P2), (2, Priority.P2)),
        ({}, (2, Priority.P2), (3, Priority.P1)),
    ],
)
def test_its_category_is_that_of_the_second_column(
    system: dict[str, Any], at_20: tuple[int, Priority], at_40: tuple[int, Priority]
) -> None:
    shown, used = views(view("up:60", feed="silent:60")), history(config({"ehr": system}))
    for now, expected in ((20, at_20), (40, at_40)):
        one = only(incidents(shown, used, now * MIN))
        assert (one.category, one.priority) == expected


def test_inside_a_window_it_opens_nothing_and_what_outlasts_it_starts_at_its_end() -> None:
    shown = view("up:60", feed="ok:10 silent:50", windows=(window(5, 20),))
    assert incidents(views(shown), history(), 20 * MIN) == []
    one = only(incidents(views(shown), history(), 60 * MIN))
    assert (minute(one.started_at), one.causes, one.quiet) == (20, (Cause.SILENT,), False)


def test_its_recovery_is_a_deadline() -> None:
    shown = views(view("up:31", feed="silent:30 ok:1"))
    assert next_due(shown, history(config({"ehr": {"workaround": {}}})), 31 * MIN) == 35 * MIN + 1


def test_a_system_that_is_removed_has_no_feed() -> None:
    shown = view("up:20 not_monitored:20", feed="silent:40")
    assert brief(incidents(views(shown), history(), 40 * MIN)) == [("silent", 0, 20)]
