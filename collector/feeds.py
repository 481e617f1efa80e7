"""Judges feeds by the rollups of their counts, and keeps their baselines up. Never reads batches.

One per process. What is judged here is said by the checks of kind `feed_silence`, which the agent
built into the collector runs under the lease.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import date, datetime

from collector import feedlog, journal
from collector.businesshours import holidays_of
from collector.core import feed_baseline, feed_judge
from collector.core.feed_baseline import WEEK_MS, Baseline, Counted
from collector.core.feed_calendar import Calendar
from collector.core.rollup import Rollup
from collector.core.tally import BUCKET_MS
from collector.evaluate import Evaluator
from collector.feedlog import Subject, Version
from collector.store.store import Store, StoreUnavailableError
from probes import registry
from probes.clock import Clock
from probes.contract import Outcome
from probes.feeds import Feed, Finding, Judged
from probes.heartbeats import StoreAwayError
from probes.history import History
from probes.spans import Interval
from probes.times import to_ms

log = logging.getLogger("wardwatch.feeds")


class Feeds:
    """`Env.counts` of the collector's own checks."""

    def __init__(self, store: Store, clock: Clock, org: str, evaluator: Evaluator) -> None:
        self._store = store
        self._clock = clock
        self._org = org
        self._evaluator = evaluator
        self._read_to = 0
        self._versions: dict[Subject, Version] = {}
        self._learned: dict[Subject, int] = {}
        self._lock = asyncio.Lock()

    async def judged(self, check: str, feed: Feed) -> Judged:
        """StoreAwayError where the store does not answer."""
        try:
            found, _ = await self.explained(check, feed)
        except StoreUnavailableError:
            raise StoreAwayError from None
        return found

    async def explained(self, check: str, feed: Feed) -> tuple[Judged, Version | None]:
        """The verdict as of now, and the baseline it is made by."""
        subject = feedlog.subject_of(self._evaluator.config, check, feed)
        if subject is None:
            return Judged(Finding.UNWATCHED), None
        async with self._lock:
            await self._renew(subject)
        version = self._versions.get(subject)
        now = self._clock.now_ms()
        counts = await self._counts(subject, Interval(now - feed_judge.LOOK_BACK_MS, now + 1))
        baseline = None if version is None else version.baseline
        calendar = self._calendar()
        return await asyncio.to_thread(feed_judge.judge, baseline, counts, calendar, now), version

    async def _renew(self, subject: Subject) -> None:
        """Read what is recorded, and record a version that is due."""
        rows = await self._store.read(
            journal.rows, self._org, kind=feedlog.KIND, after=self._read_to
        )
        if rows:
            self._read_to = rows[-1].id
            self._versions |= feedlog.newest(rows)
        zone, now = self._evaluator.config.organization.zone, self._clock.now_ms()
        upto, week = feedlog.midnight(now, zone), feedlog.monday(now, zone)
        before = self._versions.get(subject)
        known = None if before is None else before.baseline
        if self._learned.get(subject) == upto or not feedlog.is_due(known, upto, week):
            return
        found = await self.learned(subject, upto)
        self._learned[subject] = upto
        if not self._evaluator.leads or not feedlog.is_news(known, found, week):
            return
        await self._store.write(feedlog.record, self._org, subject, found, now)
        log.info("feed.baseline check=%s hours=%d", subject.check, found.hours)
        rows = await self._store.read(
            journal.rows, self._org, kind=feedlog.KIND, after=self._read_to
        )
        self._read_to = rows[-1].id if rows else self._read_to
        self._versions |= feedlog.newest(rows)

    async def learned(self, subject: Subject, upto: int) -> Baseline:
        """The version up to an instant, from the rollups as they are now."""
        feed, config = subject.feed, self._evaluator.config
        start = upto - feed.weeks * WEEK_MS
        if feed.since:
            begins = datetime.combine(date.fromisoformat(feed.since), datetime.min.time())
            start = max(start, to_ms(begins, config.organization.zone))
        span = Interval(start, upto)
        counts = await self._counts(subject, span)
        left_out = await self._left_out(subject, span)
        return await asyncio.to_thread(
            feed_baseline.learn, counts, upto, feed.weeks, self._calendar(), left_out
        )

    async def _counts(self, subject: Subject, span: Interval) -> dict[int, Counted]:
        found = await self._evaluator.rollups([subject.feed.of], span)
        own = found.get((subject.feed.of, subject.agent), {})
        return counts_of(own, subject.feed.fact, _every(self._evaluator.history, subject.feed.of))

    async def _left_out(self, subject: Subject, span: Interval) -> set[int]:
        """Five minutes in which the watched check was down, this check alarmed, or approved
        maintenance of either's system was on.
        """
        of, config = subject.feed.of, self._evaluator.config
        found = await self._evaluator.rollups([of, subject.check], span)
        out = {
            bucket
            for (check, _), line in found.items()
            for bucket, one in line.items()
            for outcome, _, _ in one.counts
            if outcome is (Outcome.DOWN if check == of else Outcome.DEGRADED)
        }
        for name in {config.checks[n].system for n in (of, subject.check) if n in config.checks}:
            live = self._evaluator.folded.get(name)
            windows = () if live is None or not live.folded else live.truth.excluded(span.end)
            for window in windows:
                first = max(window.start, span.start) // BUCKET_MS * BUCKET_MS
                out.update(range(first, min(window.end, span.end), BUCKET_MS))
        return out

    def _calendar(self) -> Calendar:
        config, frozen = self._evaluator.config, self._evaluator.frozen
        return Calendar(config.organization.zone, holidays_of(config, frozen))


def _every(history: History, check: str) -> Callable[[int], int]:
    """The time a run of the check stands for, at an instant: as the version in force then has it."""
    latest = history.latest.checks[check]

    def every(t: int) -> int:
        config = history.at(t) or history.versions[0].config
        return config.checks.get(check, latest).every

    return every


def counts_of(
    line: Mapping[int, Rollup], fact: str, every: Callable[[int], int]
) -> dict[int, Counted]:
    """By the start of five minutes; `every` is that of an instant. A type that did not come has no
    fact of its own: what was watched is told by the count of all.
    """
    found: dict[int, Counted] = {}
    for bucket, one in line.items():
        sums = {name: (runs, total) for name, runs, total in one.counted}
        runs, _ = sums.get("messages", (0, 0))
        if runs:
            each = every(bucket)
            watched = min(runs * each, BUCKET_MS + each)
            found[bucket] = Counted(watched, max(0, sums.get(fact, (0, 0))[1]))
    return found


def feed_of(spec: Mapping[str, object]) -> Feed:
    """Of a check's settings; they have been found right when the file was loaded."""
    feed: Feed = registry.load("feed_silence").parse(spec).feed
    return feed
