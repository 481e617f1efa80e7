"""Runs the checks of one agent on their slots; every slot ends in exactly one recorded run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from probes.attempts import STEP_MS, Attempts
from probes.clock import NS_PER_MS, Clock
from probes.contract import Slot
from probes.reasons import Reason
from probes.schedule import Schedule
from probes.segments import Run

log = logging.getLogger("wardwatch.agent")

CONCURRENCY = 64
"""Attempts at once; a slot that cannot start yet waits until its successor is due, then it is missed
and the successor waits in its place.
"""
LOOK_MS = 1_000
"""The longest sleep: a wall clock that was set is noticed within it."""

TOGETHER_MS = 2
"""The shortest sleep: of slots that follow each other as closely, one look costs half of two."""
BEHIND_MS = 10
"""The same while more slots wait than can be under way: nothing that comes due could begin."""

Change = tuple[dict[str, Attempts], Callable[[], None]]
Called = asyncio.Future[tuple[Attempts, Slot]]


class Runner:
    """`record` gets each run when it ends. `beat_ns` is the monotonic instant of the last look."""

    def __init__(
        self,
        agent: str,
        checks: Sequence[Attempts],
        clock: Clock,
        record: Callable[[Run], None],
        *,
        concurrency: int = CONCURRENCY,
        look_ms: int = LOOK_MS,
        stepped: Callable[[int], None] = lambda _step_ms: None,
    ) -> None:
        """`look_ms` is the longest sleep; `stepped` is told of a step of the wall clock before the
        runs that name it.
        """
        self._checks = {check.name: check for check in checks}
        self._clock = clock
        self._record = record
        self._look_ms = look_ms
        self._places = self._room = concurrency
        self._waiting: dict[str, tuple[Attempts, Slot]] = {}
        self._idle: list[Called] = []
        self._busy: set[str] = set()
        self._tell_step = stepped
        self._worst_late_ms = 0
        self._schedule = Schedule(agent, _every(checks), clock.now_ms() + 1)
        self._change: Change | None = None
        self._begun: asyncio.Task[None] | None = None
        self.beat_ns = clock.monotonic_ns()
        self.missed_ns: int | None = None
        """When a slot was last missed."""

    def worst_late_ms(self) -> int:
        """How long after its slot the latest attempt began since this was last asked."""
        worst, self._worst_late_ms = self._worst_late_ms, 0
        return worst

    def change(self, checks: Sequence[Attempts], at_change: Callable[[], None]) -> None:
        """Run these instead, from the next look on, which calls `at_change`.

        A check given as the object it was goes on untouched. An attempt under way is finished and
        recorded, whatever became of its check; a slot that waits of a check that is there no more
        is missed, for those that stay wait behind it. What is gone is closed.
        """
        self._change = ({check.name: check for check in checks}, at_change)

    async def run(self) -> None:
        """Until cancelled; what then is under way or waits is recorded as missed."""
        try:
            async with asyncio.TaskGroup() as attempts:
                self._begun = attempts.create_task(_begun([*self._checks.values()]))
                await self._look(attempts)
        finally:
            left = [check for check, _ in self._waiting.values() if self._is_gone(check)]
            for check, slot in self._waiting.values():
                self._missed(check, slot)
            await asyncio.gather(*(check.close() for check in (*self._checks.values(), *left)))

    async def once(self) -> None:
        """Every check once, now, whatever its slots; returns when all are recorded."""
        try:
            async with asyncio.TaskGroup() as attempts:
                for name, check in self._checks.items():
                    self._waiting[name] = (check, Slot(name, self._clock.now_ms()))
                for _ in range(min(self._room, len(self._waiting))):
                    attempts.create_task(self._drain())
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
                self._missed(self._checks[slot.check], slot)
            for slot in look.due:
                check = self._checks[slot.check]
                if slot.check in self._waiting:
                    self._overtaken(check, slot, attempts)
                elif slot.check in self._busy:
                    self._missed(check, slot)
                else:
                    self._begin(check, slot, attempts)
            # Every slot up to now is the old checks', every later one the new ones'.
            self._changed(now_ms, attempts)
            next_ms = self._schedule.next_ms()
            wait_ms = self._look_ms if next_ms is None else min(next_ms - now_ms, self._look_ms)
            is_behind = len(self._waiting) > self._places
            await self._clock.sleep_ms(max(wait_ms, BEHIND_MS if is_behind else TOGETHER_MS))

    def _begin(self, check: Attempts, slot: Slot, attempts: asyncio.TaskGroup) -> None:
        if self._idle:
            self._busy.add(slot.check)
            self._idle.pop().set_result((check, slot))
        else:
            self._waiting[slot.check] = (check, slot)
            if self._room:
                self._room -= 1
                attempts.create_task(self._place())

    def _overtaken(self, check: Attempts, slot: Slot, attempts: asyncio.TaskGroup) -> None:
        """The slot before it still waits: no verdict is older than its check's interval."""
        before, missed = self._waiting[slot.check]
        self._missed(before, missed)
        self._waiting[slot.check] = (check, slot)
        if self._is_gone(before):
            attempts.create_task(self._close(before))

    def _changed(self, now_ms: int, attempts: asyncio.TaskGroup) -> None:
        if self._change is None:
            return
        before, (self._checks, at_change), self._change = self._checks, self._change, None
        self._schedule.change(_every(self._checks.values()), now_ms)
        at_change()
        fresh = [check for name, check in self._checks.items() if before.get(name) is not check]
        self._begun = attempts.create_task(_begun(fresh))
        for name in [name for name in self._waiting if name not in self._checks]:
            check, slot = self._waiting.pop(name)
            self._missed(check, slot)
            if before.get(name) is not check:
                attempts.create_task(self._close(check))
        for name, check in before.items():
            if self._is_gone(check) and name not in self._busy and name not in self._waiting:
                attempts.create_task(self._close(check))

    def _is_gone(self, check: Attempts) -> bool:
        return self._checks.get(check.name) is not check

    async def _place(self) -> None:
        """Room for one attempt at a time, for ever: a task for each would cost as much as all else
        about a slot.
        """
        while True:
            await self._drain()
            called: Called = asyncio.get_running_loop().create_future()
            self._idle.append(called)
            try:
                check, slot = await called
            except asyncio.CancelledError:
                if called.done() and not called.cancelled():
                    self._missed(*called.result())  # both at once
                raise
            await self._run(check, slot)

    async def _drain(self) -> None:
        """Run what waits, one after the other."""
        while self._waiting:
            name = next(iter(self._waiting))
            self._busy.add(name)
            await self._run(*self._waiting.pop(name))
            if self._waiting:
                # Attempts that fail at once must not keep all others from the loop.
                await self._clock.sleep_ms(0)

    async def _run(self, check: Attempts, slot: Slot) -> None:
        try:
            late_ms = self._clock.now_ms() - slot.at_ms
            self._worst_late_ms = max(self._worst_late_ms, late_ms)
            run = await check.run(slot)
        except asyncio.CancelledError:
            self._missed(check, slot)
            raise
        else:
            self._record(run)
        finally:
            self._busy.discard(slot.check)
            if self._is_gone(check):
                await self._close(check)

    async def _close(self, check: Attempts) -> None:
        """After its successor was begun: what both listen on stays open."""
        if self._begun is not None:
            await asyncio.wait((self._begun,))
        await check.close()

    def _missed(self, check: Attempts, slot: Slot) -> None:
        self.missed_ns = self._clock.monotonic_ns()
        self._record(check.without_attempt(slot.at_ms, Reason.AGENT_MISSED_SLOT))

    def _stepped(self, step_ms: int, now_ms: int) -> None:
        """The slots between the two times never were, or were already: count from now on."""
        log.warning("clock.step ms=%d", step_ms)
        self._tell_step(step_ms)
        self._schedule.restart(now_ms + 1)
        for check in self._checks.values():
            self._record(check.without_attempt(now_ms, Reason.AGENT_CLOCK))


async def _begun(checks: Sequence[Attempts]) -> None:
    await asyncio.gather(*(check.begin() for check in checks if check.passive))


def _every(checks: Iterable[Attempts]) -> dict[str, int]:
    return {check.name: check.every_ms for check in checks}
