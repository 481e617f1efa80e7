"""Time as an argument: everything that waits or stamps takes a `Clock`.

Stamps come from the wall, intervals from the monotonic counter; both are integers.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from typing import Protocol

NS_PER_MS = 1_000_000
NS_PER_S = 1_000 * NS_PER_MS


class Clock(Protocol):
    """The only source of time for product code."""

    def now_ms(self) -> int:
        """Wall clock, UTC milliseconds since 1970."""
        ...

    def monotonic_ns(self) -> int:
        """A counter that never goes back; only differences mean anything."""
        ...

    async def sleep_ms(self, duration_ms: int) -> None:
        """Return after `duration_ms` of monotonic time; at once when it is not positive."""
        ...


class SystemClock:
    """The host's clocks."""

    monotonic_ns = staticmethod(time.monotonic_ns)  # asked sixteen times in a run

    def now_ms(self) -> int:
        return time.time_ns() // NS_PER_MS

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(max(duration_ms, 0) / 1000)


class ManualClock:
    """A clock a test moves by hand. `step_wall` moves the wall alone, as an NTP step does."""

    def __init__(self, now_ms: int = 1_767_225_600_000) -> None:
        self._wall_ms = now_ms
        self._mono_ns = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = 0

    def now_ms(self) -> int:
        return self._wall_ms

    def monotonic_ns(self) -> int:
        return self._mono_ns

    async def sleep_ms(self, duration_ms: int) -> None:
        if duration_ms <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(
            self._sleepers, (self._mono_ns + duration_ms * NS_PER_MS, self._order, future)
        )
        await future

    def step_wall(self, by_ms: int) -> None:
        self._wall_ms += by_ms

    async def advance(self, by_ms: int) -> None:
        """Move both clocks, waking sleepers in order; each gets a few loop turns to act."""
        end = self._mono_ns + by_ms * NS_PER_MS
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, future = heapq.heappop(self._sleepers)
            self._wall_ms += (due - self._mono_ns) // NS_PER_MS
            self._mono_ns = due
            if not future.done():
                future.set_result(None)
            await self._settle()
        self._wall_ms += (end - self._mono_ns) // NS_PER_MS
        self._mono_ns = end
        await self._settle()

    async def _settle(self) -> None:
        # asyncio cannot tell "all tasks blocked": a fixed number of turns is the honest limit.
        for _ in range(20):
            await asyncio.sleep(0)
