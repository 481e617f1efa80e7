"""Keeps what the agent sees: on disk before it counts, then in batches.

What waits goes out with one sync (group commit). Missed slots are gathered first, and go into
batches of their own. Where it is written `holding.py` knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial

from agent.holding import Holding
from agent.makings import Makings
from agent.metrics import AgentMetrics
from agent.missing import Missing, parted
from agent.onethread import Hand
from agent.spool import Spool
from agent.spoolformat import Belief
from agent.spoolopen import Opened
from probes import batch
from probes.batch import Anchors
from probes.batcher import FULL, Batcher
from probes.clock import NS_PER_MS
from probes.segments import Run
from probes.waiting import news_within

GATHER_MS = 100
"""Runs that end within it share a sync."""
AGAIN_MS = 10_000
"""Between two tries to return to the disk, and two looks at the limits."""


class Keeper:
    """`add` takes a run; `counted` hears of it once it is safe. `begin`, then `parts` for ever, then
    `finish`. `held` is what waits for the collector.
    """

    def __init__(
        self,
        opened: Opened,
        makings: Makings,
        hand: Hand,
        metrics: AgentMetrics,
        counted: Callable[[Run], None],
        *,
        look_ms: int = AGAIN_MS,
    ) -> None:
        self.held = Holding(opened, makings, hand, metrics)
        self._makings = makings
        self._clock = makings.clock
        self._metrics = metrics
        self._counted = counted
        self._look_ms = look_ms
        self._batcher = Batcher()
        self._missing = Missing()
        self._waiting: list[Run | Callable[[], None]] = []
        self._came = asyncio.Event()
        self._counts = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """What is in no batch yet goes into one at once: by the clock it was recorded by, whatever is
        believed of it now.
        """
        await self.held.begin()
        for count, belief in self.held.spools()[-1].open_groups():
            now = self._makings.anchors()
            await self._seal(count, _as_of(now, belief))
        self.held.sealed.set()

    def add(self, run: Run) -> None:
        self._waiting.append(run)
        self._came.set()

    def then(self, act: Callable[[], None]) -> None:
        """Do this once all that was added before is in batches: later ones are made otherwise."""
        self._waiting.append(act)
        self._came.set()

    def parts(self) -> list[Coroutine[object, object, None]]:
        """To run until cancelled; DiskLostError when the process has to start again."""
        return [self._commit_for_ever(), self._close_for_ever(), self._look_after()]

    async def finish(self) -> None:
        """After `parts`: everything into batches; nothing is added any more."""
        if self._under_way:
            await asyncio.gather(*self._under_way)
        await self._commit()
        await self._close_all()

    async def _commit_for_ever(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            if len(self._waiting) < FULL:
                await self._clock.sleep_ms(GATHER_MS)
            await self._whole(self._commit())

    async def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        runs: list[Run] = []
        for one in waiting:
            if isinstance(one, Run):
                runs.append(one)
                continue
            await self._record(runs)
            await self._close_all()
            runs = []
            one()
        await self._record(runs)

    async def _record(self, ended: list[Run]) -> None:
        if not ended:
            return
        runs, missed = parted(ended)
        self._missing.add(missed, self._now_ms())
        if runs:
            now = self._makings.anchors()
            belief = Belief(now.offset_ms, now.error_ms, now.source)
            await self.held.write(lambda spool: spool.add_runs(runs, belief))
            now_ms = self._now_ms()
            for run in runs:
                self._counted(run)
                self._batcher.add(run, now_ms)
        self._counts.set()

    async def _close_for_ever(self) -> None:
        while True:
            due_ms, now_ms = self._due_ms(), self._now_ms()
            if due_ms is None:
                await self._counts.wait()
                self._counts.clear()
            elif due_ms > now_ms:
                await news_within(self._counts, self._clock, due_ms - now_ms)
            else:
                await self._whole(self._close_due(now_ms))

    def _due_ms(self) -> int | None:
        due = (self._batcher.due_ms(), self._missing.due_ms())
        return min((ms for ms in due if ms is not None), default=None)

    async def _close_due(self, now_ms: int) -> None:
        for due_ms, close in (
            (self._batcher.due_ms(), self._close),
            (self._missing.due_ms(), self._close_missed),
        ):
            if due_ms is not None and due_ms <= now_ms:
                await close()

    async def _close_all(self) -> None:
        while self._batcher.due_ms() is not None:
            await self._close()
        await self._close_missed()

    async def _close(self) -> None:
        """The open batch: what ends from now on is for the next one."""
        count, anchors = len(self._batcher.take()), self._makings.anchors()
        self._makings.closed()
        await self._seal(count, anchors)

    async def _close_missed(self) -> None:
        """The clock's offset is left as it is: it is that of the open batch, too."""
        by, anchors = self._makings.signer(), self._makings.anchors()
        for missed in self._missing.take():  # a change that follows waits for none of them
            secret = self._makings.random_bytes(batch.SECRET_BYTES)
            seal = partial(Spool.seal_missed, by=by, missed=missed, anchors=anchors, secret=secret)
            await self.held.write(seal)
            self._sealed(len(missed))
            for run in missed:
                self._counted(run)

    async def _seal(self, count: int, anchors: Anchors) -> None:
        by = self._makings.signer()
        secret = self._makings.random_bytes(batch.SECRET_BYTES)
        await self.held.write(lambda spool: spool.seal(by, count, anchors, secret))
        self._sealed(count)
        await self.held.write(Spool.clear)

    def _sealed(self, count: int) -> None:
        self._metrics.sealed.inc()
        self._metrics.batch_results.observe(count)
        self.held.sealed.set()

    async def _look_after(self) -> None:
        """Keep to the limits; without a disk, try it again."""
        while True:
            await self._whole(self.held.keep_to_limits())
            await self._clock.sleep_ms(self._look_ms)
            if self.held.in_memory:
                await self._whole(self.held.come_back())

    async def _whole(self, work: Coroutine[object, object, None]) -> None:
        """What has begun comes to its end, also when this task is cancelled."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.shield(task)

    def _now_ms(self) -> int:
        return self._clock.monotonic_ns() // NS_PER_MS


def _as_of(now: Anchors, belief: Belief) -> Anchors:
    return replace(now, offset_ms=belief.offset_ms, error_ms=belief.error_ms, source=belief.source)
