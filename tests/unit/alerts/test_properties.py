"""What must hold of incidents and their transitions whatever the hospital does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.events import Incident
from alerts.policy import incidents, next_due
from alerts.transitions import Transition, TransitionKind, transitions
from tests.support.soak import longer
from tests.unit.alerts.worlds import END, World, moments, prolonged, worlds

MIN = 60_000
slowly = settings(
    max_examples=longer(150), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def applied(recorded: Mapping[str, Incident], steps: Sequence[Transition]) -> dict[str, Incident]:
    """The record after each step in turn; no step may leave two open of one family."""
    out = dict(recorded)
    for step in steps:
        out[step.incident.key] = step.incident
        open_ones = Counter((i.system, i.family) for i in out.values() if i.recovered_at is None)
        assert all(n == 1 for n in open_ones.values()), step
    return out


@given(worlds(), moments)
@slowly
def test_growing_time_step_by_step_ends_in_what_one_call_says(
    world: World, steps: list[int]
) -> None:
    recorded: dict[str, Incident] = {}
    for now in steps:
        recorded = applied(
            recorded,
            transitions(recorded, incidents(world.views, world.history, now), world.history),
        )
    at_once = incidents(world.views, world.history, END * MIN)
    assert sorted(recorded.values(), key=lambda i: (i.started_at, i.system, i.family)) == at_once


@given(worlds(), moments)
@slowly
def test_nothing_is_corrected_and_nothing_is_resolved_twice_when_nothing_was_late(
    world: World, steps: list[int]
) -> None:
    recorded: dict[str, Incident] = {}
    for now in steps:
        derived = incidents(world.views, world.history, now)
        found = transitions(recorded, derived, world.history)
        assert TransitionKind.CORRECTED not in {step.kind for step in found}
        recorded = applied(recorded, found)
        assert transitions(recorded, derived, world.history) == []


@given(worlds(), worlds(), worlds(), st.integers(0, END * MIN))
@slowly
def test_after_any_change_of_truth_the_next_difference_is_empty(
    first: World, second: World, third: World, now: int
) -> None:
    recorded: dict[str, Incident] = {}
    for world in (first, second, third, second):
        derived = incidents(world.views, world.history, now)
        recorded = applied(recorded, transitions(recorded, derived, world.history))
        assert transitions(recorded, derived, world.history) == []
        open_now = {(i.system, i.family) for i in derived if i.recovered_at is None}
        assert {
            (i.system, i.family) for i in recorded.values() if i.recovered_at is None
        } == open_now


@given(worlds(), st.integers(1, END), st.integers(0, END * MIN))
@slowly
def test_until_next_due_time_alone_changes_nothing(world: World, cut: int, later: int) -> None:
    now = cut * MIN
    before = incidents(world.views, world.history, now)
    due = next_due(world.views, world.history, now)
    lasting = prolonged(world, now)
    assert incidents(lasting.views, world.history, now) == before
    if due is None:
        assert incidents(lasting.views, world.history, now + later) == before
    else:
        assert due > now
        between = now + later % (due - now)
        assert incidents(lasting.views, world.history, between) == before
