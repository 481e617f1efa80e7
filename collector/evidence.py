"""Reading the stored batches: what is new, in the order of time; and any time again.

What a chain holds is known by ranges, so this sees what other replicas stored, and what arrives
late, without looking at the rest again.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

import msgspec

from collector.core.settled import Source
from collector.sightings import FACTS, Sighting
from collector.sorting import is_possible
from collector.store import ledger, ranges, shortform
from collector.store.ledger import TOMBS, Chain, Stored
from collector.store.ranges import Ranges
from collector.store.store import Store
from probes.batch import CLOCK_ERROR_LIMIT_MS, Clock
from probes.envelope import BatchError
from probes.results import Result
from probes.segments import Table

log = logging.getLogger("wardwatch.evidence")

PAGE = 200
"""Batches read in one transaction at most."""
AT_HAND = 4_000
"""Batches held in memory at most, about, while many chains are read side by side."""
TOMBSTONES = 10
"""Tombstones read of a chain at a time: one may be as large as hundreds of batches."""
RESULTS = 20_000
"""Results made of what was read at a time, and those of one batch or tombstone more: what a backlog
takes for a moment stays taken."""


@dataclass(frozen=True, slots=True)
class LastBatch:
    """What the newest batch of an agent says. Clock figures are milliseconds."""

    epoch: str
    seq: int
    received_at: int
    clock_offset_ms: int
    clock_error_ms: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some batches' results by (check, agent), each in order of `t`. Nothing that is still to be
    read began before `edge` (None: that was the last page).
    """

    lines: Mapping[Source, Sequence[Result]]
    held: Mapping[Chain, Ranges]
    edge: int | None
    sightings: Sequence[Sighting] = ()


@dataclass(slots=True)
class _Front:
    """Where reading stands in one chain."""

    wanted: Ranges
    read: deque[Stored] = field(default_factory=deque)


class Evidence:
    """`held` says which batches count as read; `last` and `latest` are what they say last."""

    def __init__(self, store: Store, org: str) -> None:
        self._store = store
        self._org = org
        self.held: dict[Chain, Ranges] = {}
        self.last: dict[str, LastBatch] = {}
        self.latest: dict[Source, Result] = {}

    def dump(self) -> str:
        """`last` and `latest` as text, for `load`."""
        return msgspec.json.encode([list(self.last.items()), list(self.latest.values())]).decode()

    def load(self, held: Mapping[Chain, Ranges], text: str) -> None:
        """Take up what was read when `text` was dumped."""
        last, latest = msgspec.json.decode(
            text, type=tuple[list[tuple[str, LastBatch]], list[Result]]
        )
        self.held, self.last = dict(held), dict(last)
        self.latest = {(r.check, r.agent): r for r in latest}

    def read(self, page: Page) -> None:
        """Count the batches of a page as read."""
        for source, line in page.lines.items():
            known = self.latest.get(source)
            if known is None or known.t <= line[-1].t:
                self.latest[source] = line[-1]
        self.held.update(page.held)

    async def since(
        self, held: Mapping[Chain, Ranges], upto: Mapping[Chain, Ranges] | None = None
    ) -> AsyncIterator[Page]:
        """What is stored (or in `upto`) and not in `held`, in pages, oldest first."""
        stored = upto
        if stored is None:
            stored = await self._store.read(ledger.stored_ranges, self._org)
        fronts = {
            chain: _Front(wanted)
            for chain, have in stored.items()
            if (wanted := ranges.missing(held.get(chain, ()), have))
        }
        heads: list[tuple[int, Chain]] = []
        size = max(10, min(PAGE, AT_HAND // max(len(fronts), 1)))
        for chain, front in fronts.items():
            await self._fill(chain, front, heads, size)
        done = dict(held)
        while heads:
            taken: list[Stored] = []
            results = 0
            while heads and len(taken) < PAGE and results < RESULTS:
                _, chain = heapq.heappop(heads)
                front = fronts[chain]
                incoming = front.read.popleft()
                taken.append(incoming)
                results += shortform.count(incoming.form)
                done[chain] = ranges.add(done.get(chain, ()), incoming.seq)
                await self._fill(chain, front, heads, size)
            lines, last, sightings = await asyncio.to_thread(_decode, taken)
            for agent, each in last:
                known = self.last.get(agent)
                if known is None or (each.received_at, each.seq) >= (
                    known.received_at,
                    known.seq,
                ):
                    self.last[agent] = each
            changed = {(i.agent, i.epoch): done[i.agent, i.epoch] for i in taken}
            yield Page(lines, changed, heads[0][0] if heads else None, sightings)

    async def between(
        self, sources: Iterable[Source], start: int, end: int
    ) -> dict[Source, list[Result]]:
        """All results of some (check, agent)s in `[start, end)`, in order of `t`."""
        out: dict[Source, list[Result]] = {source: [] for source in sources}
        agents = {agent for _, agent in out}
        after: tuple[int, int] | None = None
        while True:
            page = await self._store.read(ledger.read_between, self._org, start, end, after, PAGE)
            for some in _parts([row for row in page if row.agent in agents]):
                lines, _, _ = await asyncio.to_thread(_decode, some)
                for source in lines.keys() & out.keys():
                    out[source] += (r for r in lines[source] if start <= r.t < end)
            if len(page) < PAGE:
                break
            after = (page[-1].chain, page[-1].seq)
        for line in out.values():
            line.sort(key=_t)
        return out

    async def _fill(
        self, chain: Chain, front: _Front, heads: list[tuple[int, Chain]], size: int
    ) -> None:
        """Read on where nothing is left to hand out, and put the next batch's time up."""
        size = min(size, TOMBSTONES) if chain[1].endswith(TOMBS) else size
        if not front.read and front.wanted:
            page = await self._store.read(
                ledger.read_batches, self._org, chain, front.wanted, limit=size
            )
            front.read.extend(page)
            front.wanted = (
                ranges.missing(((0, page[-1].seq),), front.wanted) if len(page) == size else ()
            )
        if front.read:
            heapq.heappush(heads, (front.read[0].first_t, chain))


_t = attrgetter("t")


def _parts(page: Sequence[Stored]) -> Iterator[list[Stored]]:
    """A page in parts of `RESULTS` results, or of one batch that has more."""
    part: list[Stored] = []
    results = 0
    for row in page:
        part.append(row)
        results += shortform.count(row.form)
        if results >= RESULTS:
            yield part
            part, results = [], 0
    if part:
        yield part


def _decode(
    page: Sequence[Stored],
) -> tuple[dict[Source, list[Result]], list[tuple[str, LastBatch]], list[Sighting]]:
    """Results by (check, agent), each in order of `t`, what each batch says of its agent, and the
    sightings.
    """
    lines: dict[Source, list[Result]] = {}
    last: list[tuple[str, LastBatch]] = []
    sightings: list[Sighting] = []
    for incoming in page:
        received_at = incoming.received_at
        try:
            found, tables, clock = shortform.contents_of(incoming.form, incoming.agent, received_at)
        except BatchError as error:
            # It was readable when it was stored: this program is older than that, or has a defect.
            log.error("evidence.unreadable code=%s seq=%d", error.code.value, incoming.seq)  # noqa: TRY400 - codes only
            continue
        if not (
            is_possible(incoming.first_t, received_at) and is_possible(incoming.last_t, received_at)
        ):
            found = [r for r in found if is_possible(r.t, received_at)]
        sightings += seen_in(tables, clock, incoming.agent, received_at)
        for result in found:
            source = (result.check, result.agent)
            line = lines.get(source)
            if line is None:
                lines[source] = [result]
            else:
                line.append(result)
        if not incoming.epoch.endswith(TOMBS):
            place = (incoming.epoch, incoming.seq, received_at)
            last.append((incoming.agent, LastBatch(*place, clock.offset_ms, clock.error_ms)))
    for line in lines.values():
        if len(line) > 1:
            line.sort(key=_t)
    return lines, last, sightings


def seen_in(
    tables: Sequence[Table], clock: Clock, agent: str, received_at: int
) -> Iterator[Sighting]:
    """What the runs of a batch say of the servers they saw; nothing where its clock is lost: agents
    say it again.
    """
    if clock.error_ms > CLOCK_ERROR_LIMIT_MS:
        return
    for table in tables:
        for fact, what in FACTS.items():
            for row, state in enumerate(table.fact(fact) or ()):
                t = table.at_ms[row] + clock.offset_ms
                if state is not None and is_possible(t, received_at):
                    yield Sighting(t, table.checks[table.check[row]], agent, what, state)
