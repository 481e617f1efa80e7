"""Whether this process got to run. What it could not see meanwhile says nothing of a target.

A timer that is served late names the hole: a reply may have come in it, and the deadline of an
attempt passed before anybody read it.
"""

from __future__ import annotations

from agent.fault import LATE_MS
from probes.clock import NS_PER_MS, Clock

BEAT_MS = 100


class Pulse:
    """One per process. `run` for ever; who never runs it is never told of a stall.

    A beat later than `LATE_MS` is a stall: the machine, a blocking call or a debugger held us up.
    `stalled_ns` is when the last one ended.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._worst_ns = 0
        self.stalled_ns: int | None = None

    async def run(self) -> None:
        while True:
            begun_ns = self._clock.monotonic_ns()
            await self._clock.sleep_ms(BEAT_MS)
            now_ns = self._clock.monotonic_ns()
            late_ns = now_ns - begun_ns - BEAT_MS * NS_PER_MS
            self._worst_ns = max(self._worst_ns, late_ns)
            if late_ns > LATE_MS * NS_PER_MS:
                self.stalled_ns = now_ns

    def stalled_since(self, began_ns: int) -> bool:
        """Has a stall ended after this monotonic instant?"""
        return self.stalled_ns is not None and self.stalled_ns >= began_ns

    def worst_ms(self) -> int:
        """How late the latest beat was since this was last asked."""
        worst, self._worst_ns = self._worst_ns, 0
        return worst // NS_PER_MS
