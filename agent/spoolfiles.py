"""The files of a spool: made, written, made durable with their names, removed; and its reserve."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.disk import Disk, DiskError, File
from agent.spoolload import BATCHES, Kept, file_name
from probes.clock import Clock

FILE_BYTES = 4 * 1024 * 1024
RESERVE = "reserve"
RESERVE_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_bytes` of files at most, tombstones among them."""

    max_bytes: int
    max_age_ms: int

    @property
    def file_bytes(self) -> int:
        """So that a file can be given up long before everything is."""
        return min(FILE_BYTES, self.max_bytes // 16)


class Log:
    """A file that is written; `named` once its name is durable, `dirty` while its end is not."""

    def __init__(self, file: File, kept: Kept) -> None:
        self.file = file
        self.kept = kept
        self.named = False
        self.dirty = False

    def append(self, data: bytes) -> int:
        """Where it begins. What a failed try left is cut off again, if that can be done."""
        offset = self.kept.size
        self.dirty = True
        try:
            self.file.append(data)
        except DiskError:
            with contextlib.suppress(DiskError):  # the fault that is reported is the first
                self.file.cut(offset)
            raise
        self.kept.size += len(data)
        return offset


class Files:
    """By number, those that are there. Every method may raise DiskError."""

    def __init__(
        self,
        disk: Disk,
        limits: Limits,
        clock: Clock,
        kept: dict[int, Kept],
        next_number: int,
        synced: Callable[[int], None],
    ) -> None:
        """`synced` is told how many ns each sync of a file took."""
        self.disk = disk
        self.limits = limits
        self.kept = kept
        self.synced = synced
        self._clock = clock
        self._next_number = next_number

    def size_bytes(self) -> int:
        """Of all files."""
        return sum(kept.size for kept in self.kept.values())

    def newest_of_batches(self) -> int:
        """0 where there is none."""
        numbers = (number for number, kept in self.kept.items() if kept.series == BATCHES)
        return max(numbers, default=0)

    def first_seqs(self) -> dict[str, int]:
        """By epoch, the lowest number of a batch in any file."""
        least: dict[str, int] = {}
        for kept in self.kept.values():
            for epoch, (low, _) in kept.spans.items():
                least[epoch] = min(least.get(epoch, low), low)
        return least

    def make(self, series: str) -> Log:
        number = self._next_number
        self._next_number += 1
        log = Log(self.disk.make(file_name(series, number)), Kept(series, number, 0))
        self.kept[number] = log.kept
        return log

    def read(self, number: int, offset: int, size: int) -> bytes:
        file = self.disk.open(self.kept[number].name)
        try:
            return file.read(offset, size)
        finally:
            file.close()

    def sync(self, log: Log) -> None:
        self._sync(log.file)
        log.dirty = False
        if not log.named:
            self.disk.sync_names()
            log.named = True

    def remove(self, done: Sequence[Kept]) -> None:
        for kept in done:
            self.disk.remove(kept.name)
            del self.kept[kept.number]
        self.disk.sync_names()

    def cut(self, name: str, end: int) -> None:
        """A torn tail goes."""
        file = self.disk.open(name)
        try:
            file.cut(end)
            self._sync(file)
        finally:
            file.close()

    def drop(self, names: Sequence[str]) -> None:
        """Files that hold nothing readable."""
        for name in names:
            self.disk.remove(name)
        self.disk.sync_names()

    def hold_reserve(self) -> None:
        """Room for a tombstone when the disk is full: without it this disk counts as full."""
        if RESERVE in self.disk.names():
            return
        file = self.disk.make(RESERVE)
        try:
            file.append(bytes(min(RESERVE_BYTES, self.limits.file_bytes)))
            self._sync(file)
        except DiskError:
            with contextlib.suppress(DiskError):  # the fault that is reported is the first
                self.disk.remove(RESERVE)
            raise
        finally:
            file.close()

    def release_reserve(self) -> None:
        if RESERVE in self.disk.names():
            self.disk.remove(RESERVE)

    def _sync(self, file: File) -> None:
        began = self._clock.monotonic_ns()
        file.sync()
        self.synced(self._clock.monotonic_ns() - began)
