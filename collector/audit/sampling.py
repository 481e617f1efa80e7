"""A sample that anybody can draw again: by hashes, not by chance. Pure.

The rank of a row is SHA-256 of `SEED`, a newline, the population's name, a newline and the row's key,
in UTF-8. The rows with the lowest ranks are drawn.
"""

from __future__ import annotations

import hashlib
import heapq
from typing import Generic, TypeVar

T = TypeVar("T")


def rank(seed: int, population: str, key: str) -> str:
    """64 hex digits."""
    return hashlib.sha256(f"{seed}\n{population}\n{key}".encode()).hexdigest()


class Draw(Generic[T]):
    """Keeps the rows of the lowest ranks, and no others, while they are counted."""

    def __init__(self, seed: int, population: str, most: int) -> None:
        self._seed, self._population, self._most = seed, population, most
        self._kept: list[tuple[int, str, T]] = []
        """A heap with the highest rank on top."""

    def see(self, key: str, row: T) -> None:
        entry = (-int(rank(self._seed, self._population, key), 16), key, row)
        if len(self._kept) < self._most:
            heapq.heappush(self._kept, entry)
        elif self._kept and entry[0] > self._kept[0][0]:
            heapq.heapreplace(self._kept, entry)

    @property
    def drawn(self) -> list[tuple[str, str, T]]:
        """(rank, key, row), by rank."""
        found = sorted(self._kept, key=lambda entry: -entry[0])
        return [(f"{-low:064x}", key, row) for low, key, row in found]
