"""The truth of one system from its disclosed evidence, with memory for a part of it at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from collector.bundle.evidence import Asked
from collector.bundle.reading import Record
from collector.core.availability import cut
from collector.core.settled import Source
from collector.core.tally import BUCKET_MS
from collector.core.truth import SystemTruth, counted
from collector.core.windows import FAR
from collector.sorting import is_possible
from collector.truths import GRACE_MS, Live, by_source
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
        live = Live(system)
        _feed(live, history, _seen(read(), see), asked, limit)
        see = None
        live.fold(history, asked.now)
        if live.older is None:
            break
        # a version that waits has changed what was settled: nothing from there on may be
        limit = live.older
    truth = live.truth
    _look_up(truth, history, read, asked)
    return Folded(history, truth)


def results(record: Record, asked: Asked) -> Sequence[Result]:
    """Those that count: possible, from the beginning of the evidence to the edge of knowledge."""
    arrived = record.arrived
    found = batch.results_in([record.table], arrived.agent, record.clock, arrived.received_at)
    ends = (arrived.first_t, arrived.last_t)
    if (
        asked.evidence_from <= ends[0]
        and ends[1] < asked.now
        and all(is_possible(t, arrived.received_at) for t in ends)
    ):
        return found
    return [
        r
        for r in found
        if asked.evidence_from <= r.t < asked.now and is_possible(r.t, arrived.received_at)
    ]


def _seen(read: Iterator[Record], see: Callable[[Record], None] | None) -> Iterator[Record]:
    for record in read:
        if see is not None:
            see(record)
        yield record


def _feed(live: Live, history: History, read: Iterable[Record], asked: Asked, limit: int) -> None:
    names = _names(history, live.system)
    wait = GATHERED
    for record in read:
        for source, line in by_source(results(record, asked)).items():
            if source[0] in names:
                if len(line) > 1:
                    line.sort(key=_t)
                live.take_line(source, line, asked.now)
        if live.gathered <= wait:
            continue
        now = min(record.edge, asked.now)
        edge = min(now - GRACE_MS, limit)
        if edge > live.settled.until and live.older is None:
            live.fold(history, now)
            if live.older is None:
                live.settle(edge, now)
            live.stale = True
        wait = live.gathered + GATHERED


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
        for result in results(record, asked):
            place = (result.check, result.agent), result.t // BUCKET_MS * BUCKET_MS
            if place in found:
                found[place].append(result)
    for (source, bucket), some in found.items():
        truth.voices[source].judged.exact[bucket] = counted(truth, source, some)


_t = attrgetter("t")
