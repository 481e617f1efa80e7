"""The truth of one system from its disclosed evidence, with memory for a part of it at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from collector.bundle.evidence import Asked
from collector.bundle.reading import Record
from collector.bundle.slots import MOST_FORMS
from collector.core.availability import cut
from collector.core.settled import NOTHING, Source
from collector.core.settling import settle
from collector.core.tally import BUCKET_MS
from collector.core.truth import SystemTruth, counted, fold_system
from collector.core.windows import FAR
from collector.sorting import is_possible
from probes import batch
from probes.history import History
from probes.results import Result

GATHERED = 30_000
"""Results of a system that wait to be settled, about."""

Read = Callable[[], Iterator[Record]]
"""Reads a system's evidence from its beginning."""


@dataclass(frozen=True, slots=True)
class Folded:
    """`history` is that of the system; `truth` is as of the edge of knowledge."""

    history: History
    truth: SystemTruth


def fold(
    system: str,
    history: History,
    read: Read,
    asked: Asked,
    see: Callable[[Record], None] | None = None,
) -> Folded:
    """As `fold_system` over all results at once. `see` is shown each record once, the results left
    out of it included.
    """
    limit = FAR
    while True:
        gathered = _Gathered(system, history, asked, limit)
        for record in read():
            if see is not None:
                see(record)
            gathered.take(record)
        see = None
        truth = gathered.truth(asked.now)
        if gathered.older is None:
            break
        # a version that waits has changed what was settled: nothing from there on may be
        limit = gathered.older
    _look_up(truth, history, read, asked)
    return Folded(history, replace(truth, folds={}))


def results(record: Record) -> Sequence[Result]:
    """One for each run, in their order, those included that do not count."""
    arrived = record.arrived
    return batch.results_in([record.table], arrived.agent, record.clock, arrived.received_at)


def counts(record: Record, asked: Asked) -> bool:
    """Do all of a record's results count: possible, within what is asked?"""
    first, last, received = (
        record.arrived.first_t,
        record.arrived.last_t,
        record.arrived.received_at,
    )
    return (
        asked.evidence_from <= first
        and last < asked.now
        and is_possible(first, received)
        and is_possible(last, received)
    )


class _Gathered:
    """Results that are not settled, and what is; nothing from `limit` on is settled."""

    def __init__(self, system: str, history: History, asked: Asked, limit: int) -> None:
        self._system, self._history, self._asked, self._limit = system, history, asked, limit
        self._names = _names(history, system)
        self._tail: dict[Source, list[Result]] = {}
        self._lines: dict[tuple[str, ...], list[list[Result] | None]] = {}
        self._settled = NOTHING
        self._held = 0
        self._wait = GATHERED
        self.older: int | None = None
        """What was settled is not so from this instant on."""

    def take(self, record: Record) -> None:
        names = (record.arrived.agent, *record.table.form.checks)
        lines = self._lines.get(names)
        if lines is None:
            if len(self._lines) >= MOST_FORMS:
                self._lines.clear()
            lines = self._lines[names] = [self._line(name, names[0]) for name in names[1:]]
        found = results(record)
        whole = counts(record, self._asked)
        for check, result in zip(record.table.check, found, strict=True):
            line = lines[check]
            if line is not None and (whole or self._counts(result)):
                line.append(result)
        self._held += len(found)
        if self._held > self._wait:
            self._settle(min(record.edge, self._asked.now))

    def truth(self, now: int) -> SystemTruth:
        for line in self._tail.values():
            line.sort(key=_t)
        truth = fold_system(self._system, self._history, self._tail, now, None, self._settled)
        if truth.mended is not None and self.older is None:
            self.older = truth.mended
        return truth

    def _line(self, name: str, agent: str) -> list[Result] | None:
        """None for what the system has no check of."""
        return self._tail.setdefault((name, agent), []) if name in self._names else None

    def _settle(self, now: int) -> None:
        edge = min(now, self._limit)
        if edge > self._settled.until and self.older is None:
            truth = self.truth(edge)
            if self.older is None:
                self._settled = settle(truth, self._tail, self._settled, edge)
                for source, line in self._tail.items():
                    del line[: bisect_left(line, self._settled.upto(source), key=_t)]
        self._held = sum(map(len, self._tail.values()))
        self._wait = self._held + GATHERED

    def _counts(self, result: Result) -> bool:
        asked = self._asked
        return asked.evidence_from <= result.t < asked.now and is_possible(
            result.t, result.received
        )


def _names(history: History, system: str) -> frozenset[str]:
    return frozenset(
        name
        for version in history.versions
        for name, check in version.config.checks.items()
        if check.system == system
    )


def _look_up(truth: SystemTruth, history: History, read: Read, asked: Asked) -> None:
    """Read again what a count of runs needs of five minutes long past."""
    wanted = cut(truth, history, asked.start, asked.end, asked.now)
    if not wanted:
        return
    buckets = sorted({bucket for some in wanted.values() for bucket in some})
    found: dict[tuple[Source, int], list[Result]] = {
        (source, bucket): [] for source, some in wanted.items() for bucket in some
    }
    for record in read():
        arrived = record.arrived
        if not any(b <= arrived.last_t and arrived.first_t < b + BUCKET_MS for b in buckets):
            continue
        for result in results(record):
            if not asked.evidence_from <= result.t < asked.now:
                continue
            if not is_possible(result.t, result.received):
                continue
            place = (result.check, result.agent), result.t // BUCKET_MS * BUCKET_MS
            if place in found:
                found[place].append(result)
    for (source, bucket), some in found.items():
        truth.voices[source].judged.exact[bucket] = counted(truth, source, some)


_t = attrgetter("t")
