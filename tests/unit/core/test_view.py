"""What the process fold is told of one system: timelines as they are, windows that exclude."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.events import QuietWindow
from collector.core.truth import SystemTruth, fold_system
from collector.core.view import view
from probes.config import Config
from probes.history import History, Version
from tests.support.stories import T0, at, check, config, system

DAY = 86_400_000
HOUR = 3_600_000
LAST = T0 + 100 * DAY - 60_000
"""The last minute that is looked ahead to from `T0`."""


def window(**changes: Any) -> dict[str, Any]:
    return {
        "id": "w",
        "systems": ["ehr"],
        "start": "2026-01-01T02:00",
        "end": "2026-01-01T03:00",
        "timezone": "UTC",
        "proposed": {"by": "p", "at": "2025-12-30T00:00:00Z"},
        "approval": {"by": "q", "at": "2025-12-31T00:00:00Z"},
    } | changes


def seen(now: int, *windows: dict[str, Any], **more: Any) -> SystemTruth:
    used: Config = config(maintenance=list(windows), **more)
    history = History([Version(T0 - DAY, used)])
    return fold_system("ehr", history, {("c", "a"): at("uuddmm")}, now, None)


def test_timelines_are_told_as_they_are() -> None:
    truth = seen(T0 + 2 * HOUR, checks={"c": check(confirm={"down": 1})})
    told = view(truth)
    assert (told.system, told.windows) == ("ehr", ())
    assert (told.states, told.site_states) == (truth.states, truth.sites)
    assert (told.access, told.rejected_by_all) == (truth.access, truth.rejected_by_all)
    assert truth.access
    assert truth.rejected_by_all


@pytest.mark.parametrize(
    ("changes", "now", "told"),
    [
        ({}, T0, [QuietWindow(T0 + 2 * HOUR, T0 + 3 * HOUR, None)]),
        ({"expect_down": "5m"}, T0, [QuietWindow(T0 + 2 * HOUR, T0 + 3 * HOUR, 300_000)]),
        ({"approval": None}, T0, []),
        ({}, T0 + 3 * HOUR, [QuietWindow(T0 + 2 * HOUR, T0 + 3 * HOUR, None)]),
        (
            {"start": "2026-04-10T23:59", "end": "2026-04-11T01:00"},
            T0,
            [QuietWindow(LAST, LAST + 61 * 60_000, None)],
        ),
        ({"start": "2026-04-11T00:00", "end": "2026-04-11T01:00"}, T0, []),
    ],
)
def test_windows_that_exclude_are_told_once(
    changes: dict[str, Any], now: int, told: list[QuietWindow]
) -> None:
    assert list(view(seen(now, window(**changes))).windows) == told


EARLY = window(id="early", start="2026-01-01T00:00", end="2026-01-01T01:00")
ACROSS = window(id="across", start="2026-01-01T01:30", end="2026-01-01T02:30")


@pytest.mark.parametrize(
    ("now", "minutes"), [(T0, [0, 90, 120]), (T0 + HOUR, [90, 120]), (T0 + 4 * HOUR, [90, 120])]
)
def test_windows_are_told_that_touch_what_is_monitored_or_is_to_come_each_as_a_whole(
    now: int, minutes: list[int]
) -> None:
    from_two = {"ehr": system(effective_from="2026-01-01T02:00")}
    told = view(seen(now, EARLY, ACROSS, window(), systems=from_two)).windows
    assert [(one.start - T0) // 60_000 for one in told] == minutes
