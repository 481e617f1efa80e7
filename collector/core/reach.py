"""Which results an explanation of one instant needs, so that no others need be read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from collector.core.agent_state import Voice
from collector.core.settled import Source
from collector.core.truth import SystemTruth
from collector.core.voice_fold import WINDOW, WINDOW_MS, AgentState
from probes.config_checks import Check
from probes.results import Result
from probes.spans import Interval, Timeline

_SILENT = (AgentState.UNKNOWN, AgentState.MISCONFIGURED)
_BAD = (AgentState.DOWN, *_SILENT)
_FIRST = 0
"""Where monitoring began within reach, all that came before it counts as history."""


def reach(truth: SystemTruth, at: int) -> dict[Source, Interval]:
    """For each (check, agent) that was heard, the range of `t` whose results bear on `at`.

    Long enough for every run, hold, row of misconfigured and hour of intermittence, and back to
    the start of the outage of that agent that holds `at` or ended just before. Time in which an
    agent says nothing judged is passed over: a run and a row go on behind it.
    """
    return {
        source: _around(voice, _margin(truth, source[0]), at)
        for source, voice in truth.voices.items()
    }


def near(
    truth: SystemTruth, results: Mapping[Source, Sequence[Result]], at: int
) -> dict[Source, Sequence[Result]]:
    """Of results in order of `t`, those within reach of `at`."""
    return {
        source: results[source][
            bisect_left(results[source], range_.start, key=_t) : bisect_left(
                results[source], range_.end, key=_t
            )
        ]
        for source, range_ in reach(truth, at).items()
        if source in results
    }


def _t(result: Result) -> int:
    return result.t


def _margin(truth: SystemTruth, check: str) -> int:
    """Judged time that holds all the results a rule can ask for, in milliseconds."""
    checks = [v.config.checks[check] for v in truth.versions if check in v.config.checks]
    return WINDOW_MS + max((_longest(c) for c in checks), default=0)


def _longest(check: Check) -> int:
    # Between two judged results of a run stand fewer than n misconfigured ones that keep a state.
    results = WINDOW + check.confirm.down + check.confirm.up
    return results * (check.confirm.down + 1) * check.hold_ms


def _around(voice: Voice, margin: int, at: int) -> Interval:
    states = voice.states
    low = _back(states, at, margin)
    low = min(_bad_since(states, low), _last_good(voice, low))
    return Interval(_back(states, low, margin), _ahead(states, at, margin) + 1)


def _bad_since(states: Timeline[AgentState], at: int) -> int:
    """The start of the stretch around `at` in which it is neither up nor degraded."""
    low = at
    for span in reversed(states):
        if span.start > at:
            continue
        if span.value not in _BAD:
            break
        low = span.start
    return low


def _last_good(voice: Voice, at: int) -> int:
    return max((t for t in voice.good if t < at), default=at)


def _back(states: Timeline[AgentState], at: int, margin: int) -> int:
    """The instant before which `margin` of judged time has passed."""
    left = margin
    for span in reversed(states):
        if span.start >= at:
            continue
        if span.value in _SILENT:
            continue
        end = min(span.end, at)
        if end - span.start >= left:
            return end - left
        left -= end - span.start
    return _FIRST


def _ahead(states: Timeline[AgentState], at: int, margin: int) -> int:
    left = margin
    for span in states:
        if span.end <= at or span.value in _SILENT:
            continue
        start = max(span.start, at)
        if span.end - start >= left:
            return start + left
        left -= span.end - start
    return max(at, states[-1].end if states else at)
