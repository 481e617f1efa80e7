"""Outages of a system before exclusions, each with its own uncertainty (semantics 3)."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from alerts.events import State
from collector.core.agent_state import Voice
from collector.core.voice_fold import AgentState
from probes.spans import Span, Timeline

Source = tuple[str, str]
"""(check, agent)."""
DecidesAt = Callable[[int], bool]
"""Can a (check, agent) put the system down, by the version in force at an instant?"""


@dataclass(frozen=True, slots=True)
class Outage:
    """`min_ms` and `max_ms` as semantics 3 defines them; while open both and `end` are None."""

    start: int
    end: int | None
    min_ms: int | None
    max_ms: int | None

    def covers(self, t: int) -> bool:
        return self.start <= t and (self.end is None or t < self.end)


def stretches(states: Timeline[State], ends: Sequence[int] = ()) -> list[tuple[int, int | None]]:
    """From the first down instant to the first that is up, degraded or no longer monitored.

    `ends` are instants at which an outage is known to end for a version that waited for it;
    unknown time there belongs to no outage.
    """
    out: list[tuple[int, int | None]] = []
    start: int | None = None
    for span in states:
        if span.value is State.DOWN:
            start = span.start if start is None else start
        elif start is not None:
            ended = [t for t in ends if span.start <= t < span.end]
            if span.value is not State.UNKNOWN:
                ended = [span.start]
            if ended:
                out.append((start, ended[0]))
                start = None
    if start is not None:
        out.append((start, None))
    return out


def outage(
    start: int, end: int | None, voices: Mapping[Source, Voice], decides: Mapping[Source, DecidesAt]
) -> Outage:
    """Only evidence of what can put the system down counts, by the version in force at its time."""
    if end is None:
        return Outage(start, None, None, None)
    last_failing = start
    latest_good: int | None = None
    for source, voice in voices.items():
        first = max(bisect.bisect_right(voice.states, start, key=_starts) - 1, 0)
        last = bisect.bisect_left(voice.states, end, key=_starts)
        touching = [s for s in voice.states[first:last] if s.value is AgentState.DOWN]
        for span in touching:
            # Failing results count while the agent is in outage, not those of a later blip.
            left = bisect.bisect_left(voice.failing, max(span.start, start))
            right = bisect.bisect_left(voice.failing, min(span.end, end))
            failing = (t for t in reversed(voice.failing[left:right]) if decides[source](t))
            last_failing = max(last_failing, next(failing, start))
        if touching and touching[0].start <= start and decides[source](start):
            n = bisect.bisect_left(voice.good, start) - 1
            if n >= 0 and (latest_good is None or voice.good[n] > latest_good):
                latest_good = voice.good[n]
    return Outage(
        start,
        end,
        last_failing - start,
        None if latest_good is None else end - latest_good,
    )


def _starts(span: Span[AgentState]) -> int:
    return span.start
