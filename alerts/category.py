"""The clinical risk category of an incident over time, as the rules alone set it. Pure.

Semantics 5: the table of `impact.class`, workaround and condition, `raise_after`, rejected by
all. A category only rises; each rise happens at an instant at which the trouble shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alerts.conditions import Condition, Reading
from alerts.events import Family, Priority
from alerts.instants import earliest, first, inside
from alerts.lifecycle import Track
from probes.config_systems import ImpactClass, Workaround
from probes.spans import Interval, intersect, subtract, unite

Rise = tuple[int, int]
"""(instant, category reached then)."""

INFORMATION = (Family.EXPIRY, Family.BUDGET)
"""Families of which nothing but what is to come is known: category 1, priority P4 (semantics 5)."""
PRIORITY = {1: Priority.P3, 2: Priority.P2, 3: Priority.P1, 4: Priority.P1}


def rises(track: Track, condition: Condition, readings: Mapping[str, Reading]) -> tuple[Rise, ...]:
    """The categories an incident reaches by itself, in order, the first at its start."""
    impact, policy = track.terms.impact, track.terms.policy
    if track.family in INFORMATION:
        return ((track.start, 1),)
    if impact.class_ is ImpactClass.ADMINISTRATIVE:
        return ((track.start, 1),)
    reading = readings[track.system]
    bad = inside(condition.bad, track.spans)
    severe: Sequence[Interval] = ()
    two: int | None = track.start
    if track.family is Family.AVAILABILITY:
        severe = inside(reading.outages, track.spans)
    if track.family is Family.ACCESS:
        two = first(inside(reading.rejected, track.spans), track.start)
    if two is None:
        return ((track.start, 1),)
    helpless = unusable(impact.workaround, track, readings)
    three = earliest(
        (
            first(intersect(severe, helpless), track.start),
            first(intersect(bad, helpless), max(two, track.start + policy.raise_after)),
        )
    )
    steps = [(track.start, 1)] if two > track.start else []
    if three is None or two < three:
        steps.append((two, 2))
    if three is not None:
        steps.append((three, 3))
    return tuple(steps)


def unusable(
    workaround: Workaround | None, track: Track, readings: Mapping[str, Reading]
) -> tuple[Interval, ...]:
    """When, during the incident, there is no usable workaround.

    At exactly `valid_for` it is still usable. A required system we know nothing of is not up.
    """
    whole = (Interval(track.start, track.spans[-1].end),)
    if workaround is None:
        return whole
    parts: list[Interval] = []
    if workaround.valid_for is not None:
        parts.append(Interval(track.start + workaround.valid_for + 1, whole[0].end))
    for system in workaround.requires:
        good = inside(readings[system].good, whole) if system in readings else ()
        parts.extend(subtract(whole, good))
    return unite(parts)
