"""Is a feed silent or flooded against its baseline? Pure, whole numbers.

Silent: nothing has come for so long that more messages were due than twice the third-longest lull
of the weeks it was learned from, and twelve at least; or, over a time in which four times as many
were due, not a quarter of them came. Flooded: in the last half hour more came than three times the
high end of the usual, by more than twice the third-largest burst, and by fifty at least.
Due is the low end of the usual, so a night in which little is usual never becomes an alarm by
itself, and a silence that begins in one is told in the morning.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.core.feed_baseline import (
    FLOOD_BUCKETS,
    FLOOD_TIMES,
    Baseline,
    Counted,
    Usual,
)
from collector.core.feed_calendar import Calendar, Hour
from collector.core.rollup import HOUR_MS
from collector.core.tally import BUCKET_MS
from probes.feeds import HOURS, Finding, Judged

LOOK_BACK_MS = 48 * HOUR_MS
FRESH_MS = 600_000
"""Counts older than this say nothing of now."""
LEAST_DUE = 12
LEAST_BEYOND = 50
SCARCE = 4
"""Not a quarter of what was due, while four times as many were due as a silence asks for."""


def judge(
    baseline: Baseline | None, counts: Mapping[int, Counted], calendar: Calendar, now: int
) -> Judged:
    """By the five minutes of the last two days, by their start."""
    watched = sorted(
        (b for b, c in counts.items() if c.watched_ms and now - LOOK_BACK_MS <= b <= now),
        reverse=True,
    )
    if not watched or now - _end(watched[0], counts) > FRESH_MS:
        return Judged(Finding.UNWATCHED)
    here = calendar.hour(watched[0])
    if baseline is None or not baseline.usual[here.number].known:
        return Judged(Finding.LEARNING)
    walk = _Walk(baseline, counts, calendar, watched)
    usual = baseline.usual[here.number]
    habit = (_shown(here), usual.low, usual.high)
    for finding, found in (
        (Finding.SILENT, walk.silence() or walk.scarcity()),
        (Finding.FLOODED, walk.flood()),
    ):
        if found is not None:
            return Judged(finding, *found, *habit)
    return Judged(Finding.USUAL, 0, 0, 0, *habit)


Found = tuple[int, int, int]
"""(milliseconds, seen, due)."""


class _Walk:
    """Back from the newest five minutes."""

    def __init__(
        self,
        baseline: Baseline,
        counts: Mapping[int, Counted],
        calendar: Calendar,
        watched: list[int],
    ) -> None:
        self._baseline = baseline
        self._counts = counts
        self._calendar = calendar
        self._watched = watched
        self._end = _end(watched[0], counts)
        self._need = max(LEAST_DUE, 2 * baseline.lull)

    def silence(self) -> Found | None:
        due, start = 0, self._end
        for bucket in self._watched:
            if self._counts[bucket].messages or start - bucket > BUCKET_MS:
                break  # a message, or a time in which one may have come
            due += self._due(bucket)
            start = bucket
        if due < self._need * HOUR_MS:
            return None
        return self._end - start, 0, due // HOUR_MS

    def scarcity(self) -> Found | None:
        seen = due = 0
        for bucket in self._watched:
            seen += self._counts[bucket].messages
            due += self._due(bucket)
            if due >= SCARCE * self._need * HOUR_MS:
                scarce = seen * SCARCE * HOUR_MS <= due
                return (self._end - bucket, seen, due // HOUR_MS) if scarce else None
        return None

    def flood(self) -> Found | None:
        last = self._watched[:FLOOD_BUCKETS]
        if last[0] - last[-1] != (FLOOD_BUCKETS - 1) * BUCKET_MS:
            return None
        seen = sum(self._counts[bucket].messages for bucket in last)
        most = sum(self._usual(bucket).high for bucket in last) * BUCKET_MS // HOUR_MS
        beyond = seen - FLOOD_TIMES * most
        if beyond < max(LEAST_BEYOND, 2 * self._baseline.burst):
            return None
        return self._end - last[-1], seen, most

    def _due(self, bucket: int) -> int:
        usual = self._usual(bucket)
        return usual.low * self._counts[bucket].watched_ms if usual.known else 0

    def _usual(self, bucket: int) -> Usual:
        return self._baseline.usual[self._calendar.hour(bucket).number]


def _end(bucket: int, counts: Mapping[int, Counted]) -> int:
    return bucket + min(BUCKET_MS, counts[bucket].watched_ms)


def _shown(hour: Hour) -> int:
    return HOURS + hour.number % 24 if hour.holiday else hour.number
