"""Sealed batches until the collector has them: a queue in memory, bounded by bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LIMIT_BYTES = 256 * 1024 * 1024
"""Weeks of an ordinary agent's batches. Beyond it the oldest goes, counted, rather than the process."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """`closed_ns` is the monotonic instant at which the batch closed."""

    seq: int
    data: bytes
    closed_ns: int


class Outgoing:
    """Batches of one epoch in the order of `seq`; each stays until it is acknowledged."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._batches: dict[int, Sealed] = {}
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._batches)

    def add(self, sealed: Sealed) -> int:
        """Returns how many of the oldest had to go; the newest always fits."""
        dropped = 0
        self._batches[sealed.seq] = sealed
        self.size_bytes += len(sealed.data)
        while self.size_bytes > self._limit and len(self._batches) > 1:
            self._remove(next(iter(self._batches)))
            dropped += 1
        return dropped

    def oldest(self) -> Sealed | None:
        return next(iter(self._batches.values()), None)

    def after(self, seq: int) -> Sealed | None:
        """The oldest batch behind `seq`."""
        return next((sealed for sealed in self._batches.values() if sealed.seq > seq), None)

    def acknowledge(self, stored: Iterable[tuple[int, int]]) -> None:
        """Forget the batches in these ranges, both ends included."""
        for first, last in stored:
            for seq in [seq for seq in self._batches if first <= seq <= last]:
                self._remove(seq)

    def _remove(self, seq: int) -> None:
        self.size_bytes -= len(self._batches.pop(seq).data)
