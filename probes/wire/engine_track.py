"""What one channel told before, and how it moved since. Pure.

Counters may be reset at any time, by hand, a restart or a deployment: what they lost is never
counted, never makes a number negative, and a reset is no movement.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from probes.wire.engine import Reading

_SAMPLES = 512
_DRAIN_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Movement:
    """Since the reading before; all None at the first one. Ages are at least so long."""

    received: int | None = None
    errored: int | None = None
    was_reset: bool = False
    risen: int = 0
    """At how many readings in a row the queue had grown."""
    still_ms: int = 0
    """Nothing at all was counted for so long."""
    stuck_ms: int = 0
    """Messages wait, and none left for so long."""
    oldest_ms: int = 0
    drain_ms: int | None = None
    """Until the queue is empty at the pace of the last readings; None where it does not shrink."""


@dataclass(frozen=True, slots=True)
class _Sample:
    at_ms: int
    reading: Reading


class Track:
    """What one channel told before; lost with the process."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque(maxlen=_SAMPLES)
        """Since the last reset, the oldest first."""
        self._risen = 0
        self._counted_ms = 0
        self._left_ms = 0

    def take(self, reading: Reading, now_ms: int) -> Movement:
        """`now_ms` is of a clock that never goes back."""
        if not self._samples:
            self._counted_ms = self._left_ms = now_ms
            self._samples.append(_Sample(now_ms, reading))
            return Movement()
        before = self._samples[-1].reading
        if reading.at_s is not None and reading.at_s == before.at_s:
            return self._told(before, before, now_ms)  # the same export once more
        was_reset = any(
            new is not None and old is not None and new < old
            for new, old in zip(reading.counters, before.counters, strict=True)
        )
        if was_reset:
            self._samples.clear()
            self._risen = 0
        else:
            self._move(before, reading, now_ms)
        self._samples.append(_Sample(now_ms, reading))
        return self._told(before, reading, now_ms, was_reset=was_reset)

    def _told(
        self, before: Reading, reading: Reading, now_ms: int, *, was_reset: bool = False
    ) -> Movement:
        """After a reset what counts from zero says at least that much; it is no movement, though."""
        waits = bool(reading.queued)
        return Movement(
            received=None if was_reset else _grown(before.received, reading.received),
            errored=_grown(before.errored, reading.errored),
            was_reset=was_reset,
            risen=self._risen,
            still_ms=now_ms - self._counted_ms,
            stuck_ms=now_ms - self._left_ms if waits else 0,
            oldest_ms=self._oldest_ms(reading, now_ms) if waits else 0,
            drain_ms=self._drain_ms() if waits else None,
        )

    def _move(self, before: Reading, reading: Reading, now_ms: int) -> None:
        grown = [_grown(o, n) for o, n in zip(before.counters, reading.counters, strict=True)]
        if any(grown):
            self._counted_ms = now_ms
        old, new = before.queued or 0, reading.queued or 0
        self._risen = self._risen + 1 if new > old else 0
        # Where nothing waited before, it can be stuck from now on at the earliest. What is sent
        # decides where it is told; an engine that only takes in does not move.
        left = _grown(before.sent, reading.sent) if reading.sent is not None else any(grown)
        if left or new < old or old == 0:
            self._left_ms = now_ms

    def _oldest_ms(self, reading: Reading, now_ms: int) -> int:
        """If more had come in by then than have left by now, one of those is still here."""
        left = _left(reading)
        if left is None:
            return 0
        return next(
            (
                now_ms - sample.at_ms
                for sample in self._samples
                if (then := _left(sample.reading)) is not None
                and then + (sample.reading.queued or 0) > left
            ),
            0,
        )

    def _drain_ms(self) -> int | None:
        last = list(self._samples)[-_DRAIN_SAMPLES:]
        first, queued = last[0], last[-1].reading.queued or 0
        shrunk = (first.reading.queued or 0) - queued
        if len(last) < 2 or shrunk <= 0 or self._risen:
            return None
        return -(-queued * (last[-1].at_ms - first.at_ms) // shrunk)


def _grown(old: int | None, new: int | None) -> int | None:
    """From zero where it was reset: at least so many."""
    if old is None or new is None:
        return None
    return new - old if new >= old else new


def _left(reading: Reading) -> int | None:
    return None if reading.sent is None else reading.sent + (reading.errored or 0)
