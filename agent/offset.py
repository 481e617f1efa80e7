"""Which clock is believed, and how wrong it may be. Pure: instants and readings are arguments.

The agent's host is believed (offset 0) until the collector's clock shows that it is wrong. Then
the collector's is: windows, approvals and periods are reckoned by it, and with one clock for all
agents their order and durations agree. Until the contradiction has stood for a minute nobody is
believed: the two differ by more than 2 s, so that error makes the results `unknown` (semantics 1).
That minute is why a change of the offset never puts a judged result before an older one unseen.
"""

from __future__ import annotations

from dataclasses import dataclass

from probes.batch import CLOCK_ERROR_LIMIT_MS
from probes.clock import NS_PER_MS

HOST, COLLECTOR = "host", "collector"
BLUNT_MS = 1_000
"""A reading less exact than this proves a contradiction at most, never an agreement."""
QUESTION_NS = 60_000 * NS_PER_MS
"""How long two clocks must contradict each other before the host's is given up."""
DOUBT_NS = 60_000 * NS_PER_MS
"""How long after a step of the wall clock nothing is believed unless the collector speaks: longer
than a batch stays open.
"""
SHORT_DOUBT_NS = 2_000 * NS_PER_MS
"""How long even if it does: results from before the step are still on their way into a batch."""
DRIFT_PPM = 50
"""A host whose clock was wrong runs wrong, too: the error of a correction grows by this."""
_SLACK_MS = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """The collector's time minus ours lies within `error_ms` of `offset_ms`."""

    offset_ms: int
    error_ms: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class Moment:
    """Both clocks of this host, read together."""

    wall_ms: int
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class Belief:
    """What a batch header says: add `offset_ms` to the host's wall clock."""

    offset_ms: int
    error_ms: int
    source: str


def compare(sent: Moment, received: Moment, collector_ms: int) -> Reading | None:
    """The collector looked at its clock between the two moments; None if ours was set meanwhile.

    Its look may have been at either end, so half the round trip is no estimate but a bound; all
    three are whole milliseconds, which adds two.
    """
    took_ms = (received.monotonic_ns - sent.monotonic_ns) // NS_PER_MS
    wall_ms = received.wall_ms - sent.wall_ms
    if wall_ms < 0 or abs(wall_ms - took_ms) > _SLACK_MS:
        return None
    offset_ms = (2 * collector_ms - sent.wall_ms - received.wall_ms) // 2
    return Reading(offset_ms, (wall_ms + 4) // 2, received.monotonic_ns)


class Offset:
    """`take` readings, tell of steps; `settle` when a batch is closed, and only then."""

    def __init__(self) -> None:
        self._in_use = 0
        self._last: Reading | None = None
        self._question: Reading | None = None
        self._doubt: Reading | None = None

    def take(self, reading: Reading) -> None:
        gap = abs(reading.offset_ms - self._in_use)
        if reading.error_ms > BLUNT_MS and gap - reading.error_ms <= CLOCK_ERROR_LIMIT_MS:
            return
        self._last = reading
        if gap + reading.error_ms <= CLOCK_ERROR_LIMIT_MS:
            self._question = None
        elif self._question is None or not _alike(self._question, reading):
            self._question = reading

    def stepped(self, step_ms: int, now_ns: int) -> None:
        """The wall clock jumped: all that was known of it is of the time before. A batch that is
        open holds results of both times; in doubt it ends.
        """
        self._in_use, self._last, self._question = 0, None, None
        self._doubt = Reading(0, abs(step_ms), now_ns)

    def settle(self, now_ns: int) -> bool:
        """Whether another offset is in use from now on: a contradiction nobody took back."""
        asked, last, doubt = self._question, self._last, self._doubt
        if doubt is not None and last is not None and now_ns - doubt.at_ns >= SHORT_DOUBT_NS:
            self._doubt = None
        if asked is None or last is None or now_ns - asked.at_ns < QUESTION_NS:
            return False
        right = abs(last.offset_ms) + last.error_ms <= CLOCK_ERROR_LIMIT_MS
        self._in_use, self._question = (0 if right else last.offset_ms), None
        return True

    def belief(self, now_ns: int) -> Belief:
        """Never compared, the host's word stands: error 0 means that nothing was measured."""
        last, doubt = self._last, self._doubt
        if doubt is not None and now_ns - doubt.at_ns < DOUBT_NS:
            return Belief(0, doubt.error_ms, HOST)
        if last is None:
            return Belief(0, 0, HOST)
        error_ms = abs(last.offset_ms - self._in_use) + last.error_ms
        if self._in_use:
            error_ms += (now_ns - last.at_ns) // NS_PER_MS * DRIFT_PPM // 1_000_000
        return Belief(self._in_use, error_ms, COLLECTOR)


def _alike(first: Reading, second: Reading) -> bool:
    gap = abs(first.offset_ms - second.offset_ms)
    return gap <= first.error_ms + second.error_ms + CLOCK_ERROR_LIMIT_MS
