"""Whether this process got to run. What it could not see meanwhile says nothing of a target.

A timer that is served late names the hole: a reply may have come in it, and the deadline of an
attempt passed before anybody read it.
"""

from __future__ import annotations

from probes.clock import NS_PER_MS, Clock

BEAT_MS = 100
LATE_MS = 500
"""A beat later than this is a stall: the machine, a blocking call or a debugger held us up."""


class Pulse:
    """One per process. `run` for ever; who never runs it is never told of a stall."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stalled_ns: int | None = None

    async def run(self) -> None:
        while True:
            begun_ns = self._clock.monotonic_ns()
            await self._clock.sleep_ms(BEAT_MS)
            now_ns = self._clock.monotonic_ns()
            if now_ns - begun_ns > (BEAT_MS + LATE_MS) * NS_PER_MS:
                self._stalled_ns = now_ns

    def stalled_since(self, began_ns: int) -> bool:
        """Has a stall ended after this monotonic instant?"""
        return self._stalled_ns is not None and self._stalled_ns >= began_ns
