"""Incidents of an error budget that burns too fast: information (semantics 5); in minutes."""

from __future__ import annotations

import pytest

from alerts.events import Cause, Family, Priority
from alerts.policy import incidents, next_due
from tests.unit.alerts.views import MIN, brief, history, only, times, view, views, window


@pytest.mark.parametrize(
    ("burns", "now", "expected"),
    [
        pytest.param([], 60, [], id="none"),
        pytest.param([(10, 60)], 10, [], id="what starts at now is not known"),
        pytest.param([(10, 60)], 10 + 1 / MIN, [("burning", 10, None)], id="at once"),
        pytest.param([(10, 20)], 25, [("burning", 10, None)], id="calm for exactly recover_for"),
        pytest.param([(10, 20)], 25 + 1 / MIN, [("burning", 10, 20)], id="recovered"),
        pytest.param([(10, 20), (24, 30)], 40, [("burning", 10, 30)], id="a short pause"),
    ],
)
def test_a_budget_incident_is_as_long_as_a_row_fires(
    burns: list[tuple[float, float]], now: float, expected: list[tuple[str, float, float | None]]
) -> None:
    shown = view("up:90", burning=times(*burns))
    assert brief(incidents(views(shown), history(), round(now * MIN))) == expected


def test_it_is_information_whatever_the_system_and_however_long_it_lasts() -> None:
    shown = view("up:90", burning=times((0, 90)), windows=(window(0, 90),))
    one = only(incidents(views(shown), history(), 90 * MIN))
    assert (one.family, one.causes) == (Family.BUDGET, (Cause.BURNING,))
    assert (one.category, one.priority, one.quiet) == (1, Priority.P4, False)


def test_its_recovery_is_a_deadline() -> None:
    shown = views(view("up:31", burning=times((0, 30))))
    assert next_due(shown, history(), 31 * MIN) == 35 * MIN + 1
    assert next_due(views(view("up:31", burning=times((0, 31)))), history(), 31 * MIN) is None


def test_a_system_that_is_removed_spends_nothing() -> None:
    shown = view("up:20 not_monitored:20", burning=times((10, 40)))
    assert brief(incidents(views(shown), history(), 40 * MIN)) == [("burning", 10, 20)]
