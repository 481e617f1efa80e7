"""Which batches and tombstones of a spool are not acknowledged, and where they lie. Pure.

Some forty bytes each, in columns: a backlog of weeks must not fill the memory.
"""

from __future__ import annotations

import bisect
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch (`first` is `last`) or a tombstone of one epoch: its record in file `file`."""

    epoch: str
    first: int
    last: int
    file: int
    offset: int
    size: int
    stamp_ms: int
    tombstone: bool = False
    bare: bool = False

    @property
    def place(self) -> Place:
        return (self.epoch, self.first)


Place = tuple[str, int]
"""(epoch, first seq)."""

_TOMBSTONE, _BARE = 1, 2


class _Line:
    """Of one epoch, in the order of `first`; ranges are apart."""

    def __init__(self) -> None:
        self.first = array("Q")
        self.last = array("Q")
        self.file = array("I")
        self.offset = array("I")
        self.size = array("I")
        self.stamp_ms = array("Q")
        self.flags = array("B")

    def columns(self) -> tuple[array[int], ...]:
        return (
            self.first,
            self.last,
            self.file,
            self.offset,
            self.size,
            self.stamp_ms,
            self.flags,
        )


class Index:
    """Epochs in the order they came."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._live: Counter[int] = Counter()

    def __len__(self) -> int:
        return self._live.total()

    def live_in(self, file: int) -> int:
        """How many entries a file holds."""
        return self._live[file]

    def add(self, entry: Entry) -> None:
        """An entry takes the place of all that its range covers."""
        line = self._lines.get(entry.epoch)
        if line is not None and entry.first <= line.last[-1]:
            self.drop(entry.epoch, [(entry.first, entry.last)])
        line = self._lines.setdefault(entry.epoch, _Line())
        at = bisect.bisect_left(line.first, entry.first)
        flags = (_TOMBSTONE if entry.tombstone else 0) | (_BARE if entry.bare else 0)
        values = (
            entry.first,
            entry.last,
            entry.file,
            entry.offset,
            entry.size,
            entry.stamp_ms,
            flags,
        )
        for column, value in zip(line.columns(), values, strict=True):
            column.insert(at, value)
        self._live[entry.file] += 1

    def drop(self, epoch: str, ranges: Iterable[tuple[int, int]]) -> int:
        """Forget what lies wholly in one of these ranges; returns how many entries that were."""
        line = self._lines.get(epoch)
        if line is None:
            return 0
        dropped = 0
        for first, last in ranges:
            start = bisect.bisect_left(line.first, first)
            end = bisect.bisect_right(line.last, last)
            if start >= end:
                continue
            self._live.subtract(line.file[start:end])
            dropped += end - start
            for column in line.columns():
                del column[start:end]
        if not line.first:
            del self._lines[epoch]
        return dropped

    def has_epoch(self, epoch: str) -> bool:
        return epoch in self._lines

    def oldest(self) -> Entry | None:
        return next(self.entries(), None)

    def oldest_batch(self) -> Entry | None:
        for epoch, line in self._lines.items():
            if 0 in line.flags:
                return _entry(epoch, line, line.flags.index(0))
        return None

    def tombstones(self) -> list[Entry]:
        """Oldest first."""
        return [
            _entry(epoch, line, at)
            for epoch, line in self._lines.items()
            for at, flags in enumerate(line.flags)
            if flags
        ]

    def buried(self) -> int:
        """How many tombstones there are."""
        return sum(len(line.flags) - line.flags.count(0) for line in self._lines.values())

    def newest(self, epoch: str) -> Entry | None:
        line = self._lines.get(epoch)
        return None if line is None else _entry(epoch, line, len(line.first) - 1)

    def after(self, place: Place | None) -> Entry | None:
        """The oldest entry behind a place; an epoch that is no more counts as passed."""
        if place is None:
            return self.oldest()
        return next(self.entries(place), None)

    def entries(self, behind: Place | None = None) -> Iterator[Entry]:
        """Every entry, oldest first, from behind a place on."""
        waiting = behind is not None and behind[0] in self._lines
        for epoch, line in list(self._lines.items()):
            start = 0
            if waiting and behind is not None:
                if epoch != behind[0]:
                    continue
                waiting = False
                start = bisect.bisect_right(line.first, behind[1])
            for at in range(start, len(line.first)):
                yield _entry(epoch, line, at)


def _entry(epoch: str, line: _Line, at: int) -> Entry:
    flags = line.flags[at]
    return Entry(
        epoch,
        line.first[at],
        line.last[at],
        line.file[at],
        line.offset[at],
        line.size[at],
        line.stamp_ms[at],
        bool(flags & _TOMBSTONE),
        bool(flags & _BARE),
    )
