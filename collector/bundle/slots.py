"""Which runs there had to be, which are there, and the stretches of those that are not (semantics 1).

The slots of a check are `k * every + offset` for each agent (`probes/schedule.py`). One counts as
received when a run of it, or of a slot less than half an interval away, is disclosed: an agent's
clock may be off, and after a change of `every` its slots are others for a moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector.bundle import layout
from collector.bundle.evidence import Arrived, Asked
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.reading import Record
from collector.core.settled import Source
from collector.core.windows import FAR, segments
from probes.batch import CLOCK_ERROR_LIMIT_MS
from probes.contract import Outcome
from probes.history import History
from probes.schedule import first_slot_ms, offset_ms
from probes.spans import Interval

DAY_MS = 86_400_000
MOST_SLOTS = 1 << 28
"""Of a system, a byte each: as many as a hundred checks of sixty agents have in a month of minutes."""
MOST_FORMS = 4_096
"""Lists of checks, as segments have them, that are remembered: agents have a few."""


@dataclass(frozen=True, slots=True)
class Missing:
    """`slots` runs in a row that are not there; `start` is the first's instant, `end` that of the
    one after the last, as far as it was expected. `every` is in force at the start.
    """

    check: str
    agent: str
    start: int
    end: int
    slots: int
    every: int


@dataclass(slots=True)
class _Stretch:
    """Slots of one (check, agent) under one version: bytes, 1 where a run is there."""

    first: int
    every: int
    until: int
    there: bytearray


_Plan = tuple[int, int, int, bytearray]
"""Of a stretch: the instant half an interval before its first slot, `every`, how many slots, bytes."""


class Slots:
    """`see` each record, then ask. BundleError for more slots than fit."""

    def __init__(self, system: str, history: History, asked: Asked) -> None:
        self._asked = asked
        self._stretches: dict[Source, list[_Stretch]] = {}
        self._plans: dict[tuple[str, ...], list[Sequence[_Plan]]] = {}
        self.outcomes: Counter[Outcome] = Counter()
        """Runs of the period by outcome, as far as they are disclosed."""
        room = MOST_SLOTS
        for source, part, every in _scheduled(system, history, asked):
            name, agent = source
            first = first_slot_ms(offset_ms(agent, name, every), every, part.start)
            count = max(0, -(-(part.end - first) // every))
            room -= count
            if room < 0:
                raise BundleError(BundleFault.TOO_LARGE, layout.evidence_of(system))
            own = self._stretches.setdefault(source, [])
            own.append(_Stretch(first, every, part.end, bytearray(count)))

    def see(self, record: Record) -> None:
        """Count what a record holds; of a batch that is there twice, once."""
        arrived = record.arrived
        if record.again or not self._is_near(arrived):
            return
        table, agent = record.table, arrived.agent
        names = (agent, *table.form.checks)
        plans = self._plans.get(names)
        if plans is None:
            if len(self._plans) >= MOST_FORMS:
                self._plans.clear()
            plans = self._plans[names] = [self._plan(name, agent) for name in names[1:]]
        offset = record.clock.offset_ms
        if all(len(some) == 1 for some in plans):  # mostly: then no loop for each run
            alone = [some[0] for some in plans]
            for check, at, early in zip(table.check, table.at_ms, table.slot, strict=True):
                base, every, count, there = alone[check]
                n = (at - early + offset - base) // every
                if 0 <= n < count:
                    there[n] = 1
        else:
            for check, at, early in zip(table.check, table.at_ms, table.slot, strict=True):
                for base, every, count, there in plans[check]:
                    n = (at - early + offset - base) // every
                    if 0 <= n < count:
                        there[n] = 1
        self._count(record)

    @property
    def expected(self) -> int:
        return sum(len(one.there) for some in self._stretches.values() for one in some)

    @property
    def received(self) -> int:
        return sum(one.there.count(1) for some in self._stretches.values() for one in some)

    def missing(self) -> Iterator[Missing]:
        """By (check, agent), in order of time."""
        for (name, agent), some in sorted(self._stretches.items()):
            for one in some:
                at = one.there.find(0)
                while at >= 0:
                    end = one.there.find(1, at)
                    end = len(one.there) if end < 0 else end
                    start = one.first + at * one.every
                    until = min(one.first + end * one.every, one.until)
                    yield Missing(name, agent, start, until, end - at, one.every)
                    at = one.there.find(0, end)

    def _plan(self, name: str, agent: str) -> Sequence[_Plan]:
        return [
            (one.first - (one.every >> 1), one.every, len(one.there), one.there)
            for one in self._stretches.get((name, agent), ())
        ]

    def _is_near(self, arrived: Arrived) -> bool:
        """An attempt comes up to an interval after its slot."""
        asked = self._asked
        return asked.start - DAY_MS <= arrived.last_t and arrived.first_t < asked.end + DAY_MS

    def _count(self, record: Record) -> None:
        arrived, asked, form = record.arrived, self._asked, record.table.form
        numbers = record.table.outcome
        if not (asked.start <= arrived.first_t and arrived.last_t < asked.end):
            offset = record.clock.offset_ms
            numbers = [
                number
                for number, at in zip(numbers, record.table.at_ms, strict=True)
                if asked.start <= at + offset < asked.end
            ]
        if record.clock.error_ms > CLOCK_ERROR_LIMIT_MS:
            self.outcomes[Outcome.UNKNOWN] += len(numbers)
            return
        for number, count in Counter(numbers).items():
            self.outcomes[form.outcomes[number]] += count


def _scheduled(
    system: str, history: History, asked: Asked
) -> Iterator[tuple[Source, Interval, int]]:
    """(source, time, every) in the order of time: neighbours of one interval are one."""
    open_: dict[Source, tuple[Interval, int]] = {}
    for start, end, config in segments(history):
        found = config.systems.get(system)
        if found is None:
            continue
        begins = -FAR if found.effective_from is None else config.ms(found.effective_from)
        part = Interval(max(start, begins, asked.start), min(end, asked.end))
        if part.length <= 0:
            continue
        for name in config.checks_of(system):
            every = config.checks[name].every
            for agent in config.agents_of(name):
                source = (name, agent)
                before = open_.get(source)
                if before is not None and before[0].end == part.start and before[1] == every:
                    open_[source] = (Interval(before[0].start, part.end), every)
                    continue
                if before is not None:
                    yield (source, *before)
                open_[source] = (part, every)
    for source, last in open_.items():
        yield (source, *last)
