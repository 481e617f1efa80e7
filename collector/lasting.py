"""What was true at one instant, at a later one: what held at the edge of knowledge still holds.

Right where nothing but more of the same has come since, and time alone has changed nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from alerts.events import SystemView
from collector.core.truth import SystemTruth
from probes.spans import Interval, Span, Timeline

K = TypeVar("K")
T = TypeVar("T")


def view_later(seen: SystemView, at: int, now: int) -> SystemView:
    """A view as of `at`."""
    if now <= at:
        return seen
    return replace(
        seen,
        states=_longer(seen.states, at, now),
        site_states=_all_longer(seen.site_states, at, now),
        access=_running(seen.access, at, now),
        rejected_by_all=_running(seen.rejected_by_all, at, now),
        feed=_lasting(seen.feed, at, now),
        expires=_longer(seen.expires, at, now),
        burning=_running(seen.burning, at, now),
    )


def truth_later(truth: SystemTruth, now: int) -> SystemTruth:
    """A truth in which no outage is open; what it counts of results is as of `truth.now`."""
    at = truth.now
    return replace(
        truth,
        now=now,
        voices={
            source: replace(voice, states=_longer(voice.states, at, now))
            for source, voice in truth.voices.items()
        },
        checks=_all_longer(truth.checks, at, now),
        sites=_all_longer(truth.sites, at, now),
        states=_longer(truth.states, at, now),
        access=_running(truth.access, at, now),
        rejected_by_all=_running(truth.rejected_by_all, at, now),
        feed=_lasting(truth.feed, at, now),
        expires=_longer(truth.expires, at, now),
        burning=replace(truth.burning, spans=_running(truth.burning.spans, at, now)),
    )


def _all_longer(lines: Mapping[K, Timeline[T]], edge: int, now: int) -> dict[K, Timeline[T]]:
    return {name: _longer(line, edge, now) for name, line in lines.items()}


def _longer(line: Timeline[T], edge: int, now: int) -> Timeline[T]:
    if not line or line[-1].end < edge:
        return line
    return (*line[:-1], Span(line[-1].start, now, line[-1].value))


def _running(intervals: Sequence[Interval], edge: int, now: int) -> tuple[Interval, ...]:
    return tuple(Interval(i.start, now if i.end >= edge else i.end) for i in intervals)


def _lasting(spans: Sequence[Span[T]], edge: int, now: int) -> tuple[Span[T], ...]:
    return tuple(Span(s.start, now if s.end >= edge else s.end, s.value) for s in spans)
