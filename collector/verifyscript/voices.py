"""What one agent says of one check: from its results to a line of states (semantics 2.1 to 2.3).

A result speaks until the next one, but no longer than its hold; behind that is a gap. `up`,
`degraded` and `down` are judged; `unknown` says nothing and is dropped before anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from collector.verifyscript.spans import Line, line_of

WORST_FIRST = ("down", "misconfigured", "unknown", "degraded", "up")
GOOD = ("up", "degraded")
_MANY, _LONG_MS = 10, 3_600_000
"""Of intermittence: so many judged results in a row, within so long."""
_SEPARATE, _HALF = 3, 5


class Rule(NamedTuple):
    """As in force at a result: how many confirm an outage, how many its end; how long it holds."""

    down: int
    up: int
    hold: int


class Heard(NamedTuple):
    t: int
    outcome: str
    rule: Rule


class Voice(NamedTuple):
    """`line`: up, degraded, down, unknown, misconfigured, from the first result to `now`."""

    heard: list[Heard]
    line: Line


def distinct(results: Sequence[tuple[int, str]], now: int) -> list[tuple[int, str]]:
    """In order of time, one of each instant: the worse. None from `now` on, none that says nothing."""
    worst: dict[int, str] = {}
    for t, outcome in results:
        if t < now:
            before = worst.get(t, outcome)
            worst[t] = min(before, outcome, key=WORST_FIRST.index)
    return [(t, worst[t]) for t in sorted(worst) if worst[t] != "unknown"]


def voice_of(heard: list[Heard], now: int) -> Voice:
    """Each result gives the state of the time it holds; behind a hold, time is unknown."""
    states = _told(heard)
    _worsen(heard, states)
    spans: list[tuple[int, int, str]] = []
    for n, one in enumerate(heard):
        until = heard[n + 1].t if n + 1 < len(heard) else now
        end = min(one.t + one.rule.hold, until)
        spans += [(one.t, end, states[n]), (end, until, "unknown")]
    return Voice(heard, line_of(spans))


def _is_gap(heard: list[Heard], n: int) -> bool:
    """Is there a gap before the result `n`?"""
    return n > 0 and heard[n - 1].t + heard[n - 1].rule.hold < heard[n].t


def _runs(heard: list[Heard]) -> list[list[int]]:
    """Places of judged results; another side, or a gap anywhere between, begins another run."""
    found: list[list[int]] = []
    broken = True
    for n, one in enumerate(heard):
        broken = broken or _is_gap(heard, n)
        if one.outcome == "misconfigured":
            continue
        is_down = one.outcome == "down"
        if broken or (heard[found[-1][-1]].outcome == "down") != is_down:
            found.append([])
        found[-1].append(n)
        broken = False
    return found


def _outages(heard: list[Heard]) -> list[bool]:
    """Of each result: is it in an outage? From the first failing of a run that confirms to the first
    good one of a run that confirms the recovery.
    """
    inside = [False] * len(heard)
    start: int | None = None
    for run in _runs(heard):
        confirmed = [
            place >= (rule.down if heard[n].outcome == "down" else rule.up)
            for place, n in enumerate(run, 1)
            for rule in (heard[n].rule,)
        ]
        if heard[run[0]].outcome == "down":
            if start is None and any(confirmed):
                start = run[0]
        elif start is not None and any(confirmed):
            inside[start : run[0]] = [True] * (run[0] - start)
            start = None
    if start is not None:
        inside[start:] = [True] * (len(heard) - start)
    return inside


def _rejected(heard: list[Heard]) -> list[bool]:
    """Of each result: is it a confirmed `misconfigured`? Only judged results break a row of them."""
    found = [False] * len(heard)
    row: list[int] = []
    for n, one in enumerate(heard):
        if one.outcome != "misconfigured":
            row = []
            continue
        row.append(n)
        if any(place >= heard[m].rule.down for place, m in enumerate(row, 1)):
            for m in row:
                found[m] = True
    return found


def _ended_by_good(heard: list[Heard]) -> list[bool]:
    """Of each result: is a good one the next that is judged, with no gap before it?"""
    found = [False] * len(heard)
    for n in range(len(heard) - 2, -1, -1):
        if not _is_gap(heard, n + 1):
            found[n] = heard[n + 1].outcome in GOOD or (
                heard[n + 1].outcome == "misconfigured" and found[n + 1]
            )
            if heard[n + 1].outcome == "down":
                found[n] = found[n + 1]
    return found


def _told(heard: list[Heard]) -> list[str]:
    """2.2: the state that each result gives the time it holds."""
    outages, rejected, blips = _outages(heard), _rejected(heard), _ended_by_good(heard)
    states: list[str] = []
    for n, one in enumerate(heard):
        if one.outcome == "misconfigured":
            if rejected[n]:
                states.append("misconfigured")
            else:  # the state before it, if that was held up to now
                states.append("unknown" if n == 0 or _is_gap(heard, n) else states[-1])
        elif outages[n]:
            states.append("down")
        elif one.outcome == "down":
            states.append("degraded" if blips[n] else "unknown")
        else:
            states.append(one.outcome)
    return states


def _worsen(heard: list[Heard], states: list[str]) -> None:
    """2.3: ten judged results within an hour, with three separate runs of `down` or more among them."""
    judged = [n for n, one in enumerate(heard) if one.outcome != "misconfigured"]
    begins = {run[0] for run in _runs(heard)}
    good_from: list[int | None] = [None] * (len(judged) + 1)
    for place in range(len(judged) - 1, -1, -1):
        is_good = heard[judged[place]].outcome in GOOD
        good_from[place] = judged[place] if is_good else good_from[place + 1]
    for first in range(len(judged) - _MANY + 1):
        ten = judged[first : first + _MANY]
        failing = [n for n in ten if heard[n].outcome == "down"]
        # the first of them begins a run among the ten, whatever came before
        separate = sum(n == failing[0] or n in begins for n in failing)
        if separate < _SEPARATE or heard[ten[-1]].t - heard[ten[0]].t > _LONG_MS:
            continue
        end = good_from[first + ten.index(failing[-1])]
        for n in judged[first + ten.index(failing[0]) :]:
            if end is not None and n >= end:
                break
            if len(failing) >= _HALF:
                states[n] = "down"
            elif states[n] != "down":
                states[n] = "degraded"
