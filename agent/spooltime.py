"""The spool's own time, by which age is counted: while a process runs by the monotonic clock, between
two of them by the wall clock, a day at most. Whoever sets the host's clock throws nothing away.
"""

from __future__ import annotations

from probes.clock import NS_PER_MS, Clock

LONGEST_GAP_MS = 86_400_000
"""Between two processes, however long the host was off: its clock may have been set."""


class SpoolTime:
    """Milliseconds that go on over restarts."""

    def __init__(self, clock: Clock, stamp_ms: int, wall_ms: int) -> None:
        """From the newest stamp known, and the wall clock then."""
        gap_ms = min(max(clock.now_ms() - wall_ms, 0), LONGEST_GAP_MS) if wall_ms else 0
        self.clock = clock
        self._base_ms = stamp_ms + gap_ms
        self._began_ns = clock.monotonic_ns()

    def now_ms(self) -> int:
        return self._base_ms + (self.clock.monotonic_ns() - self._began_ns) // NS_PER_MS
