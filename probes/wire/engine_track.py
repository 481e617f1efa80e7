"""What one channel told before, and how it moved since. Pure.

Counters may be reset at any time, by hand, a restart or a deployment: what they lost is never
counted, never makes a number negative, and a reset is no movement.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from probes.wire.engine import Reading

_DRAIN_SAMPLES = 5
_MOST_CAME = 64


@dataclass(frozen=True, slots=True)
class Movement:
    """Since the reading before; all None at the first one. Ages are at least so long."""

    since_ms: int = 0
    """How long ago the reading before was; of exports by their own time."""
    received: int | None = None
    errored: int | None = None
    was_reset: bool = False
    risen: int = 0
    """At how many readings in a row the queue had grown."""
    still_ms: int = 0
    """Nothing at all was counted for so long."""
    stuck_ms: int = 0
    """Messages wait, and none left for so long; 0 where nobody tells what leaves."""
    counted_seen: bool = False
    """The last time anything was counted lies within what was seen: `still_ms` is no mere least."""
    left_seen: bool = False
    """The same of `stuck_ms`: some left since the first reading, or none waited."""
    is_lost: bool = False
    """Not connected, with messages that wait, as at the reading before; none left since."""
    oldest_ms: int = 0
    drain_ms: int | None = None
    """Until the queue is empty at the pace of the last readings; None where it does not shrink."""


class _Depth(NamedTuple):
    at_ms: int
    queued: int


class _Came(NamedTuple):
    """So many had come in by then, those that had left among them."""

    at_ms: int
    messages: int


class Track:
    """What one channel told before; lost with the process."""

    def __init__(self) -> None:
        self._before: Reading | None = None
        self._at_ms = self._since_ms = 0
        self._depths: deque[_Depth] = deque(maxlen=_DRAIN_SAMPLES)
        self._came: list[_Came] = []
        """Those by which an age can be proved, the oldest first."""
        self._risen = 0
        self._counted_ms = 0
        self._left_ms = 0
        self._counted_seen = self._left_seen = self._is_lost = False

    def take(self, reading: Reading, now_ms: int) -> Movement:
        """`now_ms` is of a clock that never goes back."""
        before = self._before
        if before is None:
            self._counted_ms = self._left_ms = now_ms
            self._keep(reading, now_ms)
            return Movement()
        if reading.at_s is not None and reading.at_s == before.at_s:
            return self._told(before, before, now_ms)  # the same export once more
        was_reset = any(
            new is not None and old is not None and new < old
            for new, old in zip(reading.counters, before.counters, strict=True)
        )
        if was_reset:
            self._forget(before, now_ms)
        else:
            self._move(before, reading, now_ms)
        self._is_lost = (
            bool(before.queued and reading.queued)
            and reading.connected is before.connected is False
            and not _grown(before.sent, reading.sent)
        )
        self._keep(reading, now_ms)
        return self._told(before, reading, now_ms, was_reset=was_reset)

    def _told(
        self, before: Reading, reading: Reading, now_ms: int, *, was_reset: bool = False
    ) -> Movement:
        """After a reset what counts from zero says at least that much; it is no movement, though."""
        waits = bool(reading.queued)
        return Movement(
            since_ms=self._since_ms,
            received=None if was_reset else _grown(before.received, reading.received),
            errored=_grown(before.errored, reading.errored),
            was_reset=was_reset,
            risen=self._risen,
            still_ms=now_ms - self._counted_ms,
            stuck_ms=self._stuck_ms(reading, now_ms) if waits else 0,
            counted_seen=self._counted_seen,
            left_seen=self._left_seen,
            is_lost=self._is_lost,
            oldest_ms=now_ms - self._came[0].at_ms if waits and self._came else 0,
            drain_ms=self._drain_ms() if waits else None,
        )

    def _forget(self, before: Reading, now_ms: int) -> None:
        """What was counted before a reset compares with nothing after it."""
        self._depths.clear()
        self._came.clear()
        self._risen = 0
        if not before.queued:
            self._left_ms, self._left_seen = now_ms, True

    def _move(self, before: Reading, reading: Reading, now_ms: int) -> None:
        grown = [_grown(o, n) for o, n in zip(before.counters, reading.counters, strict=True)]
        if any(grown):
            self._counted_ms, self._counted_seen = now_ms, True
        old, new = before.queued or 0, reading.queued or 0
        self._risen = self._risen + 1 if new > old else 0
        # Where nothing waited before, it can be stuck from now on at the earliest.
        if _grown(before.sent, reading.sent) or new < old or old == 0:
            self._left_ms, self._left_seen = now_ms, True

    def _stuck_ms(self, reading: Reading, now_ms: int) -> int:
        """A queue of the same depth proves nothing: as many may have come as have left."""
        if reading.sent is not None:
            return now_ms - self._left_ms
        idle_ms = (reading.idle_s or 0) * 1000
        return min(idle_ms, now_ms - self._left_ms) if idle_ms else 0

    def _keep(self, reading: Reading, now_ms: int) -> None:
        at_ms = now_ms if reading.at_s is None else reading.at_s * 1000
        self._at_ms, self._since_ms = at_ms, at_ms - self._at_ms
        self._before = reading
        self._depths.append(_Depth(now_ms, reading.queued or 0))
        left = _left(reading)
        if left is None:
            return
        came = _Came(now_ms, left + (reading.queued or 0))
        if self._came and came.messages < self._came[-1].messages:
            self._came.clear()  # some were taken out by hand: nobody knows which
        # If more had come in by then than have left by now, one of those is still here.
        self._came = [one for one in (*self._came, came) if one.messages > left]
        if not reading.queued:
            self._came.clear()
        if len(self._came) > _MOST_CAME:
            del self._came[1:-1:2]  # an age may come out lower, never higher

    def _drain_ms(self) -> int | None:
        first, last = self._depths[0], self._depths[-1]
        shrunk = first.queued - last.queued
        if shrunk <= 0 or self._risen:
            return None
        return -(-last.queued * (last.at_ms - first.at_ms) // shrunk)


def _grown(old: int | None, new: int | None) -> int | None:
    """From zero where it was reset: at least so many."""
    if old is None or new is None:
        return None
    return new - old if new >= old else new


def _left(reading: Reading) -> int | None:
    return None if reading.sent is None else reading.sent + (reading.errored or 0)
