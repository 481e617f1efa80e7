"""Runs the checks of one agent on their slots; every slot ends in exactly one recorded run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from agent.attempts import STEP_MS, Attempts
from agent.metrics import AgentMetrics
from agent.schedule import Schedule
from probes.clock import NS_PER_MS, Clock
from probes.contract import Slot
from probes.reasons import Reason
from probes.segments import Run

log = logging.getLogger("wardwatch.agent")

CONCURRENCY = 64
"""Attempts at once; a slot that cannot start yet waits, and its successor is missed."""
LOOK_MS = 1_000
"""The longest sleep: a wall clock that was set is noticed within it."""


class Runner:
    """`record` gets each run when it ends. `beat_ns` is the monotonic instant of the last look."""

    def __init__(
        self,
        agent: str,
        checks: Sequence[Attempts],
        clock: Clock,
        record: Callable[[Run], None],
        metrics: AgentMetrics,
        *,
        concurrency: int = CONCURRENCY,
        stepped: Callable[[int], None] = lambda _step_ms: None,
    ) -> None:
        """`stepped` is told of a step of the wall clock before the runs that name it."""
        self._checks = {check.name: check for check in checks}
        self._clock = clock
        self._record = record
        self._metrics = metrics
        self._room = asyncio.Semaphore(concurrency)
        self._busy: set[str] = set()
        self._tell_step = stepped
        self._worst_late_ms = 0
        every = {check.name: check.every_ms for check in checks}
        self._schedule = Schedule(agent, every, clock.now_ms() + 1)
        self.beat_ns = clock.monotonic_ns()
        self.missed_ns: int | None = None
        """When a slot was last missed."""

    def worst_late_ms(self) -> int:
        """How long after its slot the latest attempt began since this was last asked."""
        worst, self._worst_late_ms = self._worst_late_ms, 0
        return worst

    async def run(self) -> None:
        """Until cancelled; attempts then under way are recorded as missed."""
        try:
            async with asyncio.TaskGroup() as attempts:
                await self._look(attempts)
        finally:
            await asyncio.gather(*(check.close() for check in self._checks.values()))

    async def _look(self, attempts: asyncio.TaskGroup) -> None:
        wall_ms, mono_ns = self._clock.now_ms(), self._clock.monotonic_ns()
        while True:
            now_ms, now_ns = self._clock.now_ms(), self._clock.monotonic_ns()
            step_ms = now_ms - wall_ms - (now_ns - mono_ns) // NS_PER_MS
            if abs(step_ms) > STEP_MS:
                self._stepped(step_ms, now_ms)
            wall_ms, mono_ns = now_ms, now_ns
            self.beat_ns = now_ns
            look = self._schedule.take(now_ms)
            for slot in look.missed:
                self._missed(slot)
            for slot in look.due:
                if slot.check in self._busy:
                    self._missed(slot)
                else:
                    self._busy.add(slot.check)
                    attempts.create_task(self._attempt(slot))
            next_ms = self._schedule.next_ms()
            wait_ms = LOOK_MS if next_ms is None else min(next_ms - now_ms, LOOK_MS)
            await self._clock.sleep_ms(wait_ms)

    async def _attempt(self, slot: Slot) -> None:
        try:
            async with self._room:
                late_ms = self._clock.now_ms() - slot.at_ms
                self._worst_late_ms = max(self._worst_late_ms, late_ms)
                run = await self._checks[slot.check].run(slot)
        except asyncio.CancelledError:
            self._missed(slot)
            raise
        finally:
            self._busy.discard(slot.check)
        self._record(run)

    def _missed(self, slot: Slot) -> None:
        check = self._checks[slot.check]
        self.missed_ns = self._clock.monotonic_ns()
        self._record(check.without_attempt(slot.at_ms, Reason.AGENT_MISSED_SLOT))

    def _stepped(self, step_ms: int, now_ms: int) -> None:
        """The slots between the two times never were, or were already: count from now on."""
        log.warning("clock.step ms=%d", step_ms)
        self._metrics.clock_steps.inc()
        self._tell_step(step_ms)
        self._schedule.restart(now_ms + 1)
        for check in self._checks.values():
            self._record(check.without_attempt(now_ms, Reason.AGENT_CLOCK))
