"""Questions about an instant: intervals and timelines as `probes/spans.py` makes them."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence

from probes.spans import Interval, Span, T

FAR = 1 << 60
"""Beyond every instant: the end of what has no end yet."""


def covering(intervals: Sequence[Interval], t: int) -> Interval | None:
    """The interval that holds `t`; `intervals` are in order and disjoint."""
    position = bisect.bisect_right(intervals, t, key=lambda i: i.start) - 1
    if position >= 0 and t < intervals[position].end:
        return intervals[position]
    return None


def first(intervals: Sequence[Interval], since: int) -> int | None:
    """The first instant at or after `since` inside one of the ordered, disjoint intervals."""
    position = bisect.bisect_right(intervals, since, key=lambda i: i.end)
    return max(intervals[position].start, since) if position < len(intervals) else None


def inside(intervals: Sequence[Interval], spans: Sequence[Interval]) -> tuple[Interval, ...]:
    """`intersect` for a long first and a short second list: it never walks the whole first."""
    out: list[Interval] = []
    for span in spans:
        position = bisect.bisect_right(intervals, span.start, key=lambda i: i.end)
        while position < len(intervals) and intervals[position].start < span.end:
            part = intervals[position]
            out.append(Interval(max(part.start, span.start), min(part.end, span.end)))
            position += 1
    return tuple(out)


def value(timeline: Sequence[Span[T]], t: int) -> T | None:
    """The value at `t`; None where the timeline says nothing."""
    position = bisect.bisect_right(timeline, t, key=lambda s: s.start) - 1
    if position >= 0 and t < timeline[position].end:
        return timeline[position].value
    return None


def earliest(instants: Iterable[int | None]) -> int | None:
    """The smallest of those that exist."""
    return min((t for t in instants if t is not None), default=None)
