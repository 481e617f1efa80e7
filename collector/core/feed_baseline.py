"""What is usual of a feed in each hour of the week, learned from its counts. Pure, whole numbers.

Of each of the 168 hours the counts of the last weeks are taken. Usual is from the second smallest
to the second largest of five or more, so that one odd week moves neither end; of three or four it
is from the smallest to the largest; below three the hour is not known. Left out are hours that were
not watched nearly whole, public holidays, and what the caller says: outages, maintenance, alarms.

How long a feed is quiet by itself is learned, too. A lull is measured in messages that were due:
the low end of the usual, hour by hour, for as long as nothing came. Nights are long and little is
due in them; a minute of a busy morning is worth more. `lull` is the third largest of the weeks, and
`burst` the third largest excess of half an hour over three times the high end: two odd events that
nobody recorded change neither.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from collector.core.feed_calendar import Calendar, Hour
from collector.core.rollup import HOUR_MS
from collector.core.tally import BUCKET_MS
from probes.feeds import HOURS

WEEK_MS = 7 * 24 * HOUR_MS
LEAST_HOURS = 3
"""Fewer say nothing."""
ROBUST_HOURS = 5
FLOOD_TIMES = 3
FLOOD_BUCKETS = 6
"""Half an hour."""
_ODD = 2
"""Events of which nobody knows why, in the weeks that are learned from."""


class Counted(NamedTuple):
    """Five minutes: the time that the runs in them stand for, and what came. A run stands for the
    time since the one before, so of slots of two minutes there are two and three in turn.
    """

    watched_ms: int
    messages: int


class Usual(msgspec.Struct, frozen=True, array_like=True):
    """Messages in an hour, from `low` to `high`, learned from so many hours."""

    hours: int
    low: int
    high: int

    @property
    def known(self) -> bool:
        return self.hours >= LEAST_HOURS


UNKNOWN = Usual(0, 0, 0)


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version. It is learned from `weeks` weeks before `upto`; `lull` and `burst` are messages."""

    upto: int
    weeks: int
    usual: tuple[Usual, ...]
    lull: int
    burst: int
    hours: int
    """From how many hours it is learned."""

    @property
    def known(self) -> int:
        """How many of the 168 hours are known."""
        return sum(one.known for one in self.usual)


def learn(
    counts: Mapping[int, Counted],
    upto: int,
    weeks: int,
    calendar: Calendar,
    left_out: Collection[int] = frozenset(),
) -> Baseline:
    """From five minutes by their start; `left_out` are starts of such that are not to be learned."""
    start = upto - weeks * WEEK_MS
    hours: dict[Hour, list[int]] = {}
    for bucket in sorted(counts):
        if start <= bucket < upto:
            hours.setdefault(calendar.hour(bucket), []).append(bucket)
    good = {
        hour: buckets
        for hour, buckets in hours.items()
        if _is_good(hour, buckets, counts, left_out)
    }
    values: list[list[int]] = [[] for _ in range(HOURS)]
    for hour, buckets in good.items():
        values[hour.number].append(sum(counts[bucket].messages for bucket in buckets))
    usual = tuple(_usual(sorted(found)) for found in values)
    line = [(bucket, hour.number) for hour, buckets in good.items() for bucket in buckets]
    return Baseline(
        upto=upto,
        weeks=weeks,
        usual=usual,
        lull=_third(_lulls(line, counts, usual)),
        burst=_third(_bursts(line, counts, usual)),
        hours=len(good),
    )


def _is_good(
    hour: Hour, buckets: Sequence[int], counts: Mapping[int, Counted], left_out: Collection[int]
) -> bool:
    watched = sum(counts[bucket].watched_ms for bucket in buckets)
    return (
        not hour.holiday
        and watched * 10 >= HOUR_MS * 9
        and not any(bucket in left_out for bucket in buckets)
    )


def _usual(found: Sequence[int]) -> Usual:
    if not found:
        return UNKNOWN
    odd = 1 if len(found) >= ROBUST_HOURS else 0
    return Usual(len(found), found[odd], found[-1 - odd])


def _lulls(
    line: Iterable[tuple[int, int]], counts: Mapping[int, Counted], usual: Sequence[Usual]
) -> list[int]:
    """Messages due in each stretch in which nothing came."""
    found: list[int] = []
    due, before = 0, None
    for bucket, number in line:
        if before is not None and bucket - before > BUCKET_MS:
            found.append(due)
            due = 0
        before = bucket
        if counts[bucket].messages:
            found.append(due)
            due = 0
        else:
            due += usual[number].low * counts[bucket].watched_ms
    return [one // HOUR_MS for one in (*found, due) if one >= HOUR_MS]


def _bursts(
    line: Sequence[tuple[int, int]], counts: Mapping[int, Counted], usual: Sequence[Usual]
) -> list[int]:
    """Messages beyond three times the high end, in half hours."""
    halves: dict[int, tuple[int, int]] = {}
    for bucket, number in line:
        seen, most = halves.get(bucket // (FLOOD_BUCKETS * BUCKET_MS), (0, 0))
        halves[bucket // (FLOOD_BUCKETS * BUCKET_MS)] = (
            seen + counts[bucket].messages,
            most + usual[number].high * BUCKET_MS,
        )
    beyond = [seen - FLOOD_TIMES * most // HOUR_MS for seen, most in halves.values()]
    return [one for one in beyond if one > 0]


def _third(found: Sequence[int]) -> int:
    return sorted(found, reverse=True)[_ODD] if len(found) > _ODD else 0
