"""One (check, agent): from results to states over time (semantics 2.1, 2.2 and 2.3)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from probes.config import Check
from probes.contract import Outcome
from probes.results import Result
from probes.spans import Interval, Span, Timeline, merge


class AgentState(StrEnum):
    """`misconfigured` is unknown time with that cause, confirmed."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    MISCONFIGURED = "misconfigured"


# Of two different results of one instant the worse stands (semantics 2.1).
_WORST_FIRST = (
    Outcome.DOWN,
    Outcome.MISCONFIGURED,
    Outcome.UNKNOWN,
    Outcome.DEGRADED,
    Outcome.UP,
)
_RANK = {outcome: rank for rank, outcome in enumerate(_WORST_FIRST)}
_GOOD = {Outcome.UP: AgentState.UP, Outcome.DEGRADED: AgentState.DEGRADED}

WINDOW = 10
WINDOW_MS = 3_600_000
RUNS = 3
HALF = 5


@dataclass(frozen=True, slots=True)
class Voice:
    """What one agent says of one check up to `now`.

    `blips` are runs of failures too short to confirm, from the first failing to the good result.
    `judged` and `good` are the instants of judged results and of the good among them.
    """

    states: Timeline[AgentState]
    blips: tuple[Interval, ...]
    judged: tuple[int, ...]
    good: tuple[int, ...]
    failing: tuple[int, ...]


@dataclass(slots=True)
class _Segment:
    """The time one judged or misconfigured result speaks for."""

    start: int
    end: int
    state: AgentState
    outcome: Outcome
    after_gap: bool


def distinct(results: Iterable[Result]) -> tuple[list[Result], int]:
    """Results in order of `t`, one an instant, and how many instants had two outcomes."""
    kept: list[Result] = []
    conflicts: set[int] = set()
    for result in sorted(results, key=lambda r: r.t):
        if kept and kept[-1].t == result.t:
            if kept[-1].outcome is not result.outcome:
                conflicts.add(result.t)
                if _RANK[result.outcome] < _RANK[kept[-1].outcome]:
                    kept[-1] = result
            continue
        kept.append(result)
    return kept, len(conflicts)


def listen(
    results: Sequence[Result], check_at: Callable[[int], Check | None], start: int, now: int
) -> Voice:
    """Fold distinct results, in order, into states that cover `[start, now)`.

    `check_at(t)` is the check as in force at `t`, None where this agent is not assigned to it.
    """
    fold = _Fold(now)
    for result in results:
        check = check_at(result.t)
        if check is not None and result.outcome is not Outcome.UNKNOWN:
            fold.take(result.t, result.outcome, check)
    fold.close()
    _intermittence(fold.segments)
    held = fold.segments
    return Voice(
        states=_cover(held, start, now),
        blips=tuple(fold.blips),
        judged=tuple(s.start for s in held if s.outcome.judged),
        good=tuple(s.start for s in held if s.outcome.good),
        failing=tuple(s.start for s in held if s.outcome is Outcome.DOWN),
    )


class _Fold:
    """Holds and confirmation in one pass; a state written early is mended when a run is decided."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.segments: list[_Segment] = []
        self.blips: list[Interval] = []
        self._hold_end = 0
        self._outage = False
        self._failures = 0
        self._first_failing = 0
        self._undecided: list[_Segment] = []
        self._good_run = 0
        self._recovering: list[tuple[_Segment, AgentState]] = []
        self._row: list[_Segment] = []
        self._row_confirmed = False

    def take(self, t: int, outcome: Outcome, check: Check) -> None:
        previous = self.segments[-1] if self.segments else None
        gap = previous is not None and self._hold_end < t
        if previous is not None:
            previous.end = min(self._hold_end, t)
        if gap:
            self._break_runs()
        self._hold_end = t + check.hold_ms
        segment = _Segment(t, t, AgentState.UNKNOWN, outcome, gap or previous is None)
        self.segments.append(segment)
        if outcome is Outcome.MISCONFIGURED:
            self._misconfigured(segment, None if gap else previous, check.confirm.down)
            return
        self._row = []
        self._row_confirmed = False
        if outcome is Outcome.DOWN:
            self._down(segment, check.confirm.down)
        else:
            self._good(segment, _GOOD[outcome], check.confirm.up)

    def close(self) -> None:
        if self.segments:
            self.segments[-1].end = min(self._hold_end, self.now)

    def _break_runs(self) -> None:
        # An unconfirmed run before a gap stays unknown; inside an outage a short good run is down.
        self._failures = 0
        self._undecided = []
        self._good_run = 0
        self._recovering = []

    def _misconfigured(self, segment: _Segment, previous: _Segment | None, need: int) -> None:
        # Only judged results break the row: a gap inside it is a gap, and no recovery.
        self._row.append(segment)
        if self._row_confirmed or len(self._row) >= need:
            self._row_confirmed = True
            for one in self._row:
                one.state = AgentState.MISCONFIGURED
            self._row = []
            return
        if previous is None:
            return
        segment.state = previous.state
        if self._undecided and self._undecided[-1] is previous:
            self._undecided.append(segment)
        if self._recovering and self._recovering[-1][0] is previous:
            self._recovering.append((segment, self._recovering[-1][1]))

    def _down(self, segment: _Segment, need: int) -> None:
        self._good_run = 0
        self._recovering = []
        if self._outage:
            segment.state = AgentState.DOWN
            return
        if self._failures == 0:
            self._first_failing = segment.start
        self._failures += 1
        self._undecided.append(segment)
        if self._failures >= need:
            self._decide(AgentState.DOWN)
            self._outage = True

    def _good(self, segment: _Segment, state: AgentState, need: int) -> None:
        if not self._outage:
            if self._failures:
                self.blips.append(Interval(self._first_failing, segment.start))
                self._decide(AgentState.DEGRADED)
            segment.state = state
            return
        segment.state = AgentState.DOWN
        self._good_run += 1
        self._recovering.append((segment, state))
        if self._good_run >= need:
            for one, own in self._recovering:
                if one.state is not AgentState.MISCONFIGURED:
                    one.state = own
            self._outage = False
            self._good_run = 0
            self._recovering = []

    def _decide(self, state: AgentState) -> None:
        for one in self._undecided:
            if one.state is not AgentState.MISCONFIGURED:
                one.state = state
        self._undecided = []
        self._failures = 0


def _intermittence(segments: Sequence[_Segment]) -> None:
    """Semantics 2.3: ten judged results in an hour, failing in three separate runs or more."""
    judged = [n for n, s in enumerate(segments) if s.outcome.judged]
    down = [segments[n].outcome is Outcome.DOWN for n in judged]
    if sum(down) < RUNS:
        return
    broken = _gap_before(segments, judged)
    begins = [fails and (n == 0 or not down[n - 1] or broken[n]) for n, fails in enumerate(down)]
    downs = list(itertools.accumulate(down, initial=0))
    starts = list(itertools.accumulate(begins, initial=0))
    for first in range(len(judged) - WINDOW + 1):
        last = first + WINDOW - 1
        count = downs[last + 1] - downs[first]
        if count < RUNS:
            continue
        if segments[judged[last]].start - segments[judged[first]].start > WINDOW_MS:
            continue
        if starts[last + 1] - starts[first + 1] + down[first] < RUNS:
            continue
        failing = [n for n in range(first, last + 1) if down[n]]
        end = failing[-1] + 1
        while end < len(judged) and down[end]:
            end += 1
        _worsen(segments, judged[failing[0] : end], is_down=count >= HALF)


def _gap_before(segments: Sequence[_Segment], judged: Sequence[int]) -> list[bool]:
    """For each judged result: has there been a gap since the judged result before it?"""
    gaps = list(itertools.accumulate((s.after_gap for s in segments), initial=0))
    out = [False] * len(judged)
    for n in range(1, len(judged)):
        out[n] = gaps[judged[n] + 1] > gaps[judged[n - 1] + 1]
    return out


def _worsen(segments: Sequence[_Segment], chosen: Iterable[int], *, is_down: bool) -> None:
    for n in chosen:
        segment = segments[n]
        if is_down:
            segment.state = AgentState.DOWN
        elif segment.state in (AgentState.UP, AgentState.UNKNOWN):
            segment.state = AgentState.DEGRADED


def _cover(segments: Sequence[_Segment], start: int, now: int) -> Timeline[AgentState]:
    """Spans over `[start, now)`; what no result speaks for is unknown."""
    spans: list[Span[AgentState]] = []
    edge = start
    for segment in segments:
        left, right = max(segment.start, start), min(segment.end, now)
        if right <= left:
            continue
        if left > edge:
            spans.append(Span(edge, left, AgentState.UNKNOWN))
        spans.append(Span(left, right, segment.state))
        edge = right
    if edge < now:
        spans.append(Span(edge, now, AgentState.UNKNOWN))
    return merge(spans)
