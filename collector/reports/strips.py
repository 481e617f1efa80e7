"""The states of a month, a row a day, and the same in words. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from collector.reports.naming import name_of
from collector.reports.page import Block, Day, Strip, Table
from collector.reports.predicate import Period, Predicate, States
from collector.reports.tables import first
from collector.reports.wording import STATES, word
from collector.reports.writing import instant, lasting
from probes.times import from_ms, to_ms

WIDTH = 1000
MAX_DAYS = 400
SPANS = 50
"""So many of a strip are printed in words."""
_HOUR = 3_600_000
LEAST = 2
"""So wide at least is what is not up: no outage is too short to be seen."""
_ORDER = ("excluded", "not_monitored", "up", "degraded", "unknown", "down")
Span = tuple[int, int, str]


def strips(read: Predicate, zone: ZoneInfo) -> tuple[Strip, ...]:
    """ValueError for a period of more than 400 days, or of none."""
    if not 0 < read.period.end - read.period.start <= MAX_DAYS * 86_400_000:
        raise ValueError
    days = tuple(_days(read.period, zone))
    return tuple(
        _strip(read, f"strip-{n}", one, days, zone) for n, one in enumerate(read.states, 1)
    )


def _strip(
    read: Predicate, place: str, one: States, days: Sequence[tuple[str, int, int]], zone: ZoneInfo
) -> Strip:
    longest = max(end - start for _, start, end in days)
    name = name_of(read, one.system)
    rows, note = first(
        (
            (instant(start, zone), instant(end, zone), lasting(end - start), word(STATES, state))
            for start, end, state in one.spans
            if state != "up"
        ),
        SPANS,
    )
    spans = Table(
        f"{place}-spans",
        f"{name}: time that was not up",
        ("From", "Up to", "Lasting", "State"),
        rows,
        numeric=(2,),
        none=f"{name} was up all the time.",
        note=note,
    )
    drawn = tuple(
        Day(
            label,
            _blocks(
                [*_windows(read, one.system, start, end), *_inside(one.spans, start, end)],
                start,
                end,
                longest,
            ),
        )
        for label, start, end in days
    )
    hours = tuple((hour * _HOUR * WIDTH // longest, f"{hour} h") for hour in range(0, 25, 6))
    told = (
        f"States of {name}, a row a day, with maintenance that excludes time: the table below and "
        "that of the windows say the same."
    )
    return Strip(place, name, told, hours, drawn, spans)


def _windows(read: Predicate, system: str, start: int, end: int) -> Iterator[Span]:
    for one in read.exclusions:
        if one.system == system and one.excludes and one.start < end and one.end > start:
            yield one.start, one.end, "excluded"


def _inside(spans: Sequence[Span], start: int, end: int) -> Sequence[Span]:
    """Of spans in order, which do not overlap."""
    return spans[bisect_right(spans, start, key=_ends) : bisect_left(spans, end, key=_starts)]


def _blocks(spans: Iterable[Span], start: int, end: int, longest: int) -> tuple[Block, ...]:
    """What is worse is drawn later, over what is better."""
    blocks = [_block(one, start, end, longest) for one in spans]
    return tuple(sorted(dict.fromkeys(blocks), key=_rank))


def _block(span: Span, start: int, end: int, longest: int) -> Block:
    begun, ended, state = span
    x = (max(begun, start) - start) * WIDTH // longest
    last = -(-(min(ended, end) - start) * WIDTH // longest)
    width = last - x if state == "up" else max(last - x, LEAST)
    return Block(state if state in _ORDER else "unknown", x, width)


def _rank(block: Block) -> tuple[int, int]:
    return _ORDER.index(block.state), block.x


def _days(period: Period, zone: ZoneInfo) -> Iterator[tuple[str, int, int]]:
    """Local days that have time of the period, each from midnight to midnight, cut to it."""
    day = from_ms(period.start, zone).date()
    while (start := _midnight(day, zone)) < period.end:
        following = _midnight(day + timedelta(days=1), zone)
        yield day.isoformat(), max(start, period.start), min(following, period.end)
        day += timedelta(days=1)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return to_ms(datetime.combine(day, time()), zone)


def _starts(span: Span) -> int:
    return span[0]


def _ends(span: Span) -> int:
    return span[1]
