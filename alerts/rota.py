"""Who is on duty in an on-call schedule, at an instant and over a range. Pure.

Instants are UTC milliseconds. Handoffs, and the times of `only`, are wall clock and converted as
maintenance windows are (semantics 4): a time in a gap uses the offset before it, an ambiguous one is
the first. So a turn is longer in the night that has an hour twice, and one that a gap swallows is
nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from probes import spans, times
from probes.config_oncall import Layer, OnCall, Override
from probes.opening import Opening
from probes.spans import Interval, Span

_SPARE = timedelta(days=3)
"""An `only` over midnight ends up to two days after its day began, and no clock was ever set by more
than one.
"""


Line = Sequence[Span[str | None]]


@dataclass(frozen=True, slots=True)
class Duty:
    """`[start, end)` in UTC milliseconds; `person` is the id of a contact."""

    start: int
    end: int
    person: str


def on_duty(schedule: OnCall, zone: ZoneInfo, t: int, given: Sequence[Override] = ()) -> str | None:
    """The contact on duty at `t`; None: nobody.

    `zone` is the organization's, which a schedule's own replaces. Overrides lie over every layer,
    those `given` over those of the file, of each the later over the earlier.
    """
    place = schedule.zone(zone)
    for one in reversed((*schedule.overrides, *given)):
        if times.to_ms(one.start, place) <= t < times.to_ms(one.end, place):
            return one.person
    for layer in reversed(schedule.layers):
        person = _on_layer(layer, place, t)
        if person is not None:
            return person
    return None


def duties(
    schedule: OnCall, zone: ZoneInfo, start: int, end: int, given: Sequence[Override] = ()
) -> list[Duty]:
    """Who is on duty in `[start, end)`, in order; touching duties of one person are one, and time
    of nobody is left out. The rest is as in `on_duty`.
    """
    if end <= start:
        return []
    place = schedule.zone(zone)
    layers = [_layer(layer, place, start, end) for layer in schedule.layers]
    overrides = [_override(one, place, start, end) for one in (*schedule.overrides, *given)]
    standing_in = _one_over_another(
        [_whole(one, start, end) for one in overrides if one], start, end
    )
    lines = [*(_whole(line, start, end) for line in layers if line), standing_in]
    line = spans.combine(lines, _uppermost, start, end)
    return [Duty(one.start, one.end, one.value) for one in line if one.value is not None]


def _one_over_another(lines: Sequence[Line], start: int, end: int) -> Line:
    """Lines that cover `[start, end)`, as one; by halves, for overrides may be thousands."""
    if len(lines) > 2:
        half = len(lines) // 2
        lines = [_one_over_another(some, start, end) for some in (lines[:half], lines[half:])]
    return spans.combine(lines, _uppermost, start, end)


def _uppermost(people: tuple[str | None, ...]) -> str | None:
    return next((person for person in reversed(people) if person is not None), None)


def _on_layer(layer: Layer, zone: ZoneInfo, t: int) -> str | None:
    if t < times.to_ms(layer.starts, zone):
        return None
    if layer.ends is not None and times.to_ms(layer.ends, zone) <= t:
        return None
    if layer.only is not None and not any(_holds(one.rule, zone, t) for one in layer.only):
        return None
    number = _number(layer, _wall(t, zone) + _SPARE)
    while number > 0 and times.to_ms(layer.handoff(number), zone) > t:
        number -= 1
    return layer.people[number % len(layer.people)]


def _holds(rule: Opening, zone: ZoneInfo, t: int) -> bool:
    return any(one.start <= t < one.end for one in _open(rule, zone, t, t + 1))


def _layer(layer: Layer, zone: ZoneInfo, start: int, end: int) -> Line:
    """Who is on duty in a layer, in order; time of nobody is left out."""
    begin = max(start, times.to_ms(layer.starts, zone))
    until = end if layer.ends is None else min(end, times.to_ms(layer.ends, zone))
    if until <= begin:
        return []
    turns = _turns(layer, zone, begin, until)
    if layer.only is None:
        return turns
    rules = (one.rule for one in layer.only)
    open_ = spans.unite(one for rule in rules for one in _open(rule, zone, begin, until))
    return [
        one
        for opened in open_
        for one in spans.clip(
            spans.until(spans.onwards(turns, opened.start), opened.end), opened.start, opened.end
        )
    ]


def _override(one: Override, zone: ZoneInfo, start: int, end: int) -> Line:
    return spans.clip(
        [Span(times.to_ms(one.start, zone), times.to_ms(one.end, zone), one.person)], start, end
    )


def _whole(line: Line, start: int, end: int) -> Line:
    """With spans of nobody where it has none, so that it covers `[start, end)`."""
    out: list[Span[str | None]] = []
    begin = start
    for one in line:
        out += [Span(begin, one.start, None), one]
        begin = one.end
    out.append(Span(begin, end, None))
    return [one for one in out if one.start < one.end]


def _turns(layer: Layer, zone: ZoneInfo, start: int, end: int) -> Line:
    """The turns of a layer that has begun, inside `[start, end)`, in order."""
    first = _number(layer, _wall(start, zone) - _SPARE)
    last = _number(layer, _wall(end, zone) + _SPARE) + 1
    handoffs = [times.to_ms(layer.handoff(number), zone) for number in range(first, last + 1)]
    # Where a clock is set forward by more than a turn, handoffs come at once: the last one counts.
    for place in reversed(range(len(handoffs) - 1)):
        handoffs[place] = min(handoffs[place], handoffs[place + 1])
    people = [layer.people[number % len(layer.people)] for number in range(first, last)]
    turns: Line = [
        Span(*pair, person) for pair, person in zip(pairwise(handoffs), people, strict=True)
    ]
    return spans.clip(turns, start, end)


def _wall(t: int, zone: ZoneInfo) -> datetime:
    """What the clocks of the zone show, without the zone."""
    return times.from_ms(t, zone).replace(tzinfo=None)


def _number(layer: Layer, wall: datetime) -> int:
    """The number of the turn at a wall clock, the first one's before it began."""
    return max(0, (wall - layer.starts) // timedelta(milliseconds=layer.turn))


def _open(rule: Opening, zone: ZoneInfo, start: int, end: int) -> Iterator[Interval]:
    """When a rule holds, as far as it may touch `[start, end)`; in no order."""
    day, last = (_wall(start, zone) - _SPARE).date(), (_wall(end, zone) + _SPARE).date()
    while day <= last:
        if rule.opens(day):
            midnight = datetime.combine(day, time())
            for first, until in rule.times:
                yield Interval(
                    times.to_ms(midnight + timedelta(minutes=first), zone),
                    times.to_ms(midnight + timedelta(minutes=until), zone),
                )
        day += timedelta(days=1)
