"""A simulated disk that fails as disks do: full, read-only, a failing write or sync, power loss.

Power loss: what was not synced is lost, torn at 512 bytes, or there; names that were made or
removed since the folder was synced are there or not, each by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from agent.disk import DiskError, DiskFault

SECTOR = 512


class PowerLossError(Exception):
    """The machine stops here."""


@dataclass
class Inode:
    data: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


class FaultyDisk:
    """`fail_at` and `lose_power_at` count operations that change something, from 1 on."""

    def __init__(self, rng: Random, capacity: int = 1 << 30) -> None:
        self._rng = rng
        self._names: dict[str, Inode] = {}
        self._durable_names: dict[str, Inode] = {}
        self.capacity = capacity
        self.read_only = False
        self.unreadable = False
        self.operations = 0
        self.fail_at: dict[int, DiskFault] = {}
        self.lose_power_at: int | None = None

    def used(self) -> int:
        return sum(len(inode.data) for inode in self._names.values())

    def lose_power(self) -> None:
        """What the next start finds; a handle of before writes nowhere any more."""
        rng = self._rng
        names = dict(self._durable_names)
        for name in sorted(self._names.keys() ^ self._durable_names.keys()):
            if rng.random() < 0.5:
                names.pop(name, None)
            else:
                names[name] = self._names.get(name) or self._durable_names[name]
        left = {name: self._left(inode) for name, inode in names.items()}
        self._names = {name: Inode(bytearray(data), data) for name, data in left.items()}
        self._durable_names = dict(self._names)
        self.lose_power_at = None
        self.fail_at = {}

    def _left(self, inode: Inode) -> bytes:
        """Of one file: what was synced, and of the rest whatever the disk had got to."""
        safe = len(inode.durable)
        if len(inode.data) <= safe:
            return inode.durable if self._rng.random() < 0.5 else bytes(inode.data)
        size = self._rng.choice([safe, len(inode.data), self._rng.randint(safe, len(inode.data))])
        left = bytearray(inode.data[:size])
        if self._rng.random() < 0.5:
            first = -(-safe // SECTOR) * SECTOR
            for at in range(first, size, SECTOR):
                if self._rng.random() < 0.5:
                    end = min(at + SECTOR, size)
                    left[at:end] = bytes(end - at)
        return bytes(left)

    def changing(self, *, syncing: bool = False) -> None:
        """Every change passes here first. Whatever goes wrong with a sync is a fault of its own."""
        self.operations += 1
        if self.lose_power_at is not None and self.operations >= self.lose_power_at:
            raise PowerLossError
        fault = self.fail_at.pop(self.operations, None)
        if fault is not None:
            raise DiskError(DiskFault.SYNC if syncing else fault)
        if self.read_only and not syncing:
            raise DiskError(DiskFault.READ_ONLY)

    def names(self) -> list[str]:
        return sorted(self._names)

    def make(self, name: str) -> FaultyFile:
        self.changing()
        if name in self._names:
            raise DiskError(DiskFault.WRITE)
        self._names[name] = Inode()
        return FaultyFile(self, self._names[name])

    def open(self, name: str) -> FaultyFile:
        if name not in self._names or self.unreadable:
            raise DiskError(DiskFault.READ)
        return FaultyFile(self, self._names[name])

    def remove(self, name: str) -> None:
        self.changing()
        if self._names.pop(name, None) is None:
            raise DiskError(DiskFault.WRITE)

    def sync_names(self) -> None:
        self.changing(syncing=True)
        self._durable_names = dict(self._names)

    def free_bytes(self) -> int:
        return max(self.capacity - self.used(), 0)


class FaultyFile:
    def __init__(self, disk: FaultyDisk, inode: Inode) -> None:
        self._disk = disk
        self._inode = inode

    def append(self, data: bytes) -> None:
        """A failing one leaves a part, and so does one in which the power goes."""
        try:
            self._disk.changing()
        except (DiskError, PowerLossError):
            if not self._disk.read_only:  # then nothing is written at all
                self._inode.data += data[: len(data) // 2]
            raise
        room = self._disk.free_bytes()
        self._inode.data += data[:room]
        if len(data) > room:
            raise DiskError(DiskFault.FULL)

    def sync(self) -> None:
        self._disk.changing(syncing=True)
        self._inode.durable = bytes(self._inode.data)

    def cut(self, size: int) -> None:
        self._disk.changing()
        del self._inode.data[size:]

    def read(self, offset: int, size: int) -> bytes:
        return bytes(self._inode.data[offset : offset + size])

    def size(self) -> int:
        return len(self._inode.data)

    def close(self) -> None:
        return
