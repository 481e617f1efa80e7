"""Semantics 2.4: many voices, one state; the same rule over agents and over sites."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alerts.events import State


def vote(states: Sequence[State], need: int | None) -> State:
    """`states` has one entry for each assigned voice; only those that are not unknown vote."""
    assigned = len(states)
    fresh = [s for s in states if s is not State.UNKNOWN]
    count = len(fresh)
    wanted = (assigned + 1) // 2 if need is None else min(need, assigned)
    if count == 0 or count < wanted:
        return State.UNKNOWN
    majority = (2 * count + 2) // 3
    down = fresh.count(State.DOWN)
    if down >= majority:
        return State.DOWN
    if down or fresh.count(State.DEGRADED) >= majority:
        return State.DEGRADED
    return State.UP


def voter(need: int | None) -> Callable[[tuple[State, ...]], State]:
    """`vote` as a fold over timelines."""
    return lambda states: vote(states, need)
