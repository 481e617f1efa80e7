"""Silence inside approved windows (semantics 4); instants in minutes."""

from __future__ import annotations

import pytest

from alerts.events import Cause, QuietWindow
from alerts.policy import incidents
from tests.unit.alerts.views import MIN, history, only, times, view, views, window


def judged(states: str, now: float, *windows: QuietWindow) -> tuple[str, float, bool]:
    """(causes, start, quiet) of the only incident."""
    one = only(incidents(views(view(states, windows=windows)), history(), round(now * MIN)))
    return "+".join(one.causes), one.started_at / MIN, one.quiet


HOUR = window(10, 70)


@pytest.mark.parametrize(
    ("states", "now", "windows", "expected"),
    [
        pytest.param("up:20 down:30 up:60", 110, [HOUR], ("down", 20, True), id="inside"),
        pytest.param("up:10 down:30 up:60", 100, [HOUR], ("down", 10, True), id="from its start"),
        pytest.param("up:9 down:30 up:60", 99, [HOUR], ("down", 9, False), id="began before"),
        pytest.param("up:70 down:9", 79, [HOUR], ("down", 70, False), id="its end is outside"),
        pytest.param("up:20 down:50 up:9", 79, [HOUR], ("down", 20, True), id="over at the end"),
        pytest.param("up:20 down:60", 70, [HOUR], ("down", 20, True), id="due exactly at now"),
        pytest.param("up:20 down:60", 71, [HOUR], ("down+overrun", 20, False), id="overrun"),
        pytest.param(
            "up:20 down:40 unknown:15", 75, [HOUR], ("down+overrun", 20, False), id="silent since"
        ),
        pytest.param(
            "up:20 down:40 degraded:15", 75, [HOUR], ("down+degraded", 20, True), id="degraded"
        ),
        pytest.param(
            "up:20 down:40 degraded:30", 81, [HOUR], ("down+degraded", 20, False), id="worn out"
        ),
        pytest.param(
            "up:20 down:40 degraded:15 down:1",
            76,
            [HOUR],
            ("down+degraded", 20, False),
            id="down again outside pages at once",
        ),
        pytest.param(
            "up:20 down:60 up:9",
            89,
            [HOUR, window(60, 100)],
            ("down", 20, True),
            id="occurrences are united",
        ),
        pytest.param(
            "up:20 down:81",
            101,
            [HOUR, window(70, 100)],
            ("down+overrun", 20, False),
            id="touching occurrences, too",
        ),
    ],
)
def test_down_inside_a_window_is_quiet_until_it_overruns(
    states: str, now: float, windows: list[QuietWindow], expected: tuple[str, float, bool]
) -> None:
    assert judged(states, now, *windows) == expected


def test_it_pages_once_it_has_lasted_expect_down() -> None:
    limited = window(10, 70, expect_down=15)
    assert judged("up:20 down:40", 35, limited) == ("down", 20, True)
    assert judged("up:20 down:40", 36, limited) == ("down", 20, False)
    assert judged("up:20 down:15 up:40", 75, limited) == ("down", 20, True)


def test_the_shortest_expect_down_counts() -> None:
    several = (window(10, 70), window(10, 70, expect_down=30), window(15, 60, expect_down=15))
    assert judged("up:20 down:40", 35, *several)[2] is True
    assert judged("up:20 down:40", 36, *several)[2] is False


def test_after_expect_down_the_end_of_the_window_is_still_an_overrun() -> None:
    limited = window(10, 70, expect_down=15)
    assert judged("up:20 down:60", 80, limited) == ("down+overrun", 20, False)


def test_an_outage_that_began_before_the_window_has_no_overrun() -> None:
    assert judged("up:5 down:90", 95, HOUR) == ("down", 5, False)


def test_degraded_inside_a_window_opens_nothing() -> None:
    shown = views(view("up:10 degraded:60 up:20", windows=(HOUR,)))
    assert incidents(shown, history(), 90 * MIN) == []


def test_an_incident_that_has_paged_is_never_quiet_again() -> None:
    assert judged("down:5 up:10 down:20", 35, window(10, 70)) == ("down", 0, False)


def test_a_quiet_incident_that_reopens_outside_a_window_pages() -> None:
    assert judged("up:60 down:5 up:20 down:5", 90, HOUR) == ("down", 60, False)


def test_misconfiguration_inside_a_window_is_not_quiet() -> None:
    shown = view("up:20 unknown:20", access=times((20, 40)), windows=(HOUR,))
    one = only(incidents(views(shown), history(), 40 * MIN))
    assert (one.causes, one.quiet) == ((Cause.MISCONFIGURED,), False)
