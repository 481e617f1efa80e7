"""Whether this process got to run. What it could not see meanwhile says nothing of a target.

A timer that is served late names the hole: a reply may have come in it, and the deadline of an
attempt passed before anybody read it.
"""

from __future__ import annotations

from collections import deque

from agent.fault import LATE_MS
from probes.clock import NS_PER_MS, Clock

BEAT_MS = 100
KEPT = 1_000
"""Late beats at most; the oldest are of interest to nobody but the longest attempts."""


class Pulse:
    """One per process. `run` for ever; who never runs it is never told of a lag.

    A beat later than `LATE_MS` is a stall: the machine, a blocking call or a debugger held us up.
    `stalled_ns` is when the last one ended.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._worst_ns = 0
        self._due_ns: int | None = None
        self._late: deque[tuple[int, int]] = deque(maxlen=KEPT)
        self.stalled_ns: int | None = None

    async def run(self) -> None:
        while True:
            self._due_ns = self._clock.monotonic_ns() + BEAT_MS * NS_PER_MS
            await self._clock.sleep_ms(BEAT_MS)
            self._beat(self._clock.monotonic_ns(), self._due_ns)

    def _beat(self, now_ns: int, due_ns: int) -> None:
        late_ns = now_ns - due_ns
        self._worst_ns = max(self._worst_ns, late_ns)
        if late_ns > LATE_MS * NS_PER_MS:
            self.stalled_ns = now_ns
        # By age, and each later than all after it: the first of a time is its worst.
        while self._late and self._late[-1][1] <= late_ns:
            self._late.pop()
        self._late.append((now_ns, late_ns))

    def worst_since(self, began_ns: int) -> int:
        """Milliseconds the latest beat was late that ended after this monotonic instant, or is to
        come.
        """
        pending_ns = 0 if self._due_ns is None else self._clock.monotonic_ns() - self._due_ns
        beats = (late_ns for ended_ns, late_ns in self._late if ended_ns >= began_ns)
        return max(next(beats, 0), pending_ns, 0) // NS_PER_MS

    def worst_ms(self) -> int:
        """How late the latest beat was since this was last asked."""
        worst, self._worst_ns = self._worst_ns, 0
        return worst // NS_PER_MS
