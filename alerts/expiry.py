"""What expires, as time: when it is how near, and how urgent an incident of it is. Pure.

Semantics 5: P4 within the first horizon, P3 within the second, P2 within the third. An incident
opens by the horizon in force at that instant; its priority follows the policy at its start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from alerts.events import Priority
from alerts.instants import first, inside
from alerts.terms import in_force
from probes.config_policy import Horizons
from probes.history import History
from probes.spans import Interval, Span, Timeline, clip, unite

Rising = tuple[tuple[int, Priority], ...]
"""(instant, priority reached then), ever more urgent."""


def nearing(
    system: str, expires: Timeline[int | None], outages: Sequence[Interval], history: History
) -> tuple[Interval, ...]:
    """When what expires first is within the first horizon in force."""
    known = [span for span in expires if span.value is not None]
    if not known:
        return ()
    if len({v.config.policy.expiry.P4 for v in history.versions}) == 1:
        return _within(known, history.latest.policy.expiry.P4)
    start, end = known[0].start, known[-1].end
    changes = [t for v in history.versions if (t := v.at) is not None]
    changes += [t for outage in outages for t in (outage.start, outage.end)]
    cuts = [start, *sorted({t for t in changes if start < t < end}), end]
    return unite(
        near
        for left, right in pairwise(cuts)
        for near in _within(
            clip(known, left, right),
            in_force(history, outages, system, left).policy.expiry.P4,
        )
    )


def urgency(
    expires: Timeline[int | None], horizons: Horizons, spans: Sequence[Interval], start: int
) -> Rising:
    """The priorities that an incident over `spans` reaches, the first at its start."""
    found = {
        Priority.P4: start,
        Priority.P3: first(inside(_within(expires, horizons.P3), spans), start),
        Priority.P2: first(inside(_within(expires, horizons.P2), spans), start),
    }
    reached = sorted((t, priority) for priority, t in found.items() if t is not None)
    out: list[tuple[int, Priority]] = []
    for t, priority in reached:
        if not out or priority < out[-1][1]:
            out.append((t, priority))
    return tuple(out)


def _within(expires: Iterable[Span[int | None]], horizon: int) -> tuple[Interval, ...]:
    return unite(
        Interval(max(span.start, span.value - horizon), span.end)
        for span in expires
        if span.value is not None
    )
