"""The truth as the process fold reads it."""

from __future__ import annotations

from alerts.events import QuietWindow, SystemView
from collector.core.truth import SystemTruth
from collector.core.windows import AHEAD_MS
from probes.spans import Interval, intersect


def view(truth: SystemTruth) -> SystemView:
    """Windows are those that exclude, also the next weeks' (a timer may end inside one)."""
    start = truth.now if truth.monitored_from is None else truth.monitored_from
    range_ = (Interval(start, truth.now + AHEAD_MS),)
    return SystemView(
        system=truth.system,
        states=truth.states,
        site_states=truth.sites,
        access=truth.access,
        rejected_by_all=truth.rejected_by_all,
        windows=tuple(
            QuietWindow(part.start, part.end, one.expect_down_ms)
            for one in truth.occurrences(truth.now + AHEAD_MS)
            for part in one.parts
            if intersect((part,), range_)
        ),
        feed=truth.feed,
        expires=truth.expires,
        burning=truth.burning.spans,
    )
