"""One folder of files that only grow, as the spool uses it: the host's disk, and memory in its form.

Files are made, appended to, cut and removed; nothing is renamed or written over. What was appended
is safe after `sync` of the file, a made or removed name after `sync_names`.
"""

from __future__ import annotations

import errno
import fcntl
import os
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from agent.owning import hand_over

MODE = 0o600
SPOOL = "spool"
"""Folder inside the state folder."""


class DiskFault(StrEnum):
    """What a disk did, as the metric names it."""

    FULL = "full"
    READ_ONLY = "read_only"
    DENIED = "denied"
    WRITE = "write"
    SYNC = "sync"
    READ = "read"
    DAMAGED = "damaged"
    RESOURCES = "resources"


class DiskError(Exception):
    """A failed operation; its text is the code."""

    def __init__(self, fault: DiskFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class File(Protocol):
    """An open file. `append` may leave a part of its bytes when it raises."""

    def append(self, data: bytes) -> None: ...

    def sync(self) -> None: ...

    def cut(self, size: int) -> None: ...

    def read(self, offset: int, size: int) -> bytes: ...

    def size(self) -> int: ...

    def close(self) -> None: ...


class Disk(Protocol):
    """Every method raises DiskError and nothing else."""

    def names(self) -> list[str]: ...

    def make(self, name: str) -> File: ...

    def open(self, name: str) -> File: ...

    def remove(self, name: str) -> None: ...

    def sync_names(self) -> None: ...

    def free_bytes(self) -> int: ...


_FAULTS = {
    errno.ENOSPC: DiskFault.FULL,
    errno.EDQUOT: DiskFault.FULL,
    errno.EFBIG: DiskFault.FULL,
    errno.EROFS: DiskFault.READ_ONLY,
    errno.EACCES: DiskFault.DENIED,
    errno.EPERM: DiskFault.DENIED,
    errno.EMFILE: DiskFault.RESOURCES,
    errno.ENFILE: DiskFault.RESOURCES,
    errno.ENOMEM: DiskFault.RESOURCES,
}


def _failed(error: OSError, otherwise: DiskFault) -> DiskError:
    return DiskError(_FAULTS.get(error.errno or 0, otherwise))


class HostFile:
    def __init__(self, number: int) -> None:
        self._number = number

    def append(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._number, view) :]
        except OSError as error:
            raise _failed(error, DiskFault.WRITE) from None

    def sync(self) -> None:
        """Whatever goes wrong here, nobody knows what the file holds now."""
        try:
            os.fsync(self._number)
        except OSError:
            raise DiskError(DiskFault.SYNC) from None

    def cut(self, size: int) -> None:
        try:
            os.ftruncate(self._number, size)
        except OSError as error:
            raise _failed(error, DiskFault.WRITE) from None

    def read(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._number, size, offset)
        except OSError as error:
            raise _failed(error, DiskFault.READ) from None

    def size(self) -> int:
        try:
            return os.fstat(self._number).st_size
        except OSError:
            raise DiskError(DiskFault.READ) from None

    def close(self) -> None:
        try:
            os.close(self._number)
        except OSError:
            raise DiskError(DiskFault.WRITE) from None


class HostDisk:
    """A folder of the host, made with the first file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        try:
            return sorted(path.name for path in self._folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _failed(error, DiskFault.READ) from None

    def make(self, name: str) -> HostFile:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            if not self._folder.is_dir():
                self._make_folder()
            number = os.open(self._folder / name, flags, MODE)
            hand_over(number, self._folder)
            return HostFile(number)
        except OSError as error:
            raise _failed(error, DiskFault.WRITE) from None

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700)
        number = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            hand_over(number, self._folder.parent)
        finally:
            os.close(number)
        _sync_folder(self._folder.parent)

    def open(self, name: str) -> HostFile:
        """For reading and cutting; for reading alone where the disk allows no more."""
        path = self._folder / name
        try:
            return HostFile(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC))
        except OSError:
            pass
        try:
            return HostFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            raise _failed(error, DiskFault.READ) from None

    def remove(self, name: str) -> None:
        try:
            (self._folder / name).unlink()
        except OSError as error:
            raise _failed(error, DiskFault.WRITE) from None

    def sync_names(self) -> None:
        try:
            _sync_folder(self._folder)
        except OSError:
            raise DiskError(DiskFault.SYNC) from None

    def free_bytes(self) -> int:
        """Free for this process; that of the folder above while there is no folder."""
        for folder in (self._folder, self._folder.parent):
            try:
                found = os.statvfs(folder)
            except FileNotFoundError:
                continue
            except OSError:
                raise DiskError(DiskFault.READ) from None
            return found.f_bavail * found.f_frsize
        raise DiskError(DiskFault.READ)


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


class StateLock:
    """One process a state folder, by a lock on the folder itself: a read-only disk has it too."""

    def __init__(self, folder: Path) -> None:
        """BlockingIOError when another process has it, OSError when there is no folder."""
        self._number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._number)
            raise

    def release(self) -> None:
        os.close(self._number)


def is_held(folder: Path) -> bool:
    """Has a process the lock of this folder now? OSError when there is no folder."""
    number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(number)
    return False


class MemoryFile:
    """Bytes that die with the process; `sync` has nothing to do."""

    def __init__(self) -> None:
        self.data = bytearray()

    def append(self, data: bytes) -> None:
        self.data += data

    def sync(self) -> None:
        return

    def cut(self, size: int) -> None:
        del self.data[size:]

    def read(self, offset: int, size: int) -> bytes:
        return bytes(self.data[offset : offset + size])

    def size(self) -> int:
        return len(self.data)

    def close(self) -> None:
        return


class MemoryDisk:
    """For the time without a disk."""

    def __init__(self) -> None:
        self._files: dict[str, MemoryFile] = {}

    def names(self) -> list[str]:
        return sorted(self._files)

    def make(self, name: str) -> MemoryFile:
        if name in self._files:
            raise DiskError(DiskFault.WRITE)
        return self._files.setdefault(name, MemoryFile())

    def open(self, name: str) -> MemoryFile:
        found = self._files.get(name)
        if found is None:
            raise DiskError(DiskFault.READ)
        return found

    def remove(self, name: str) -> None:
        if self._files.pop(name, None) is None:
            raise DiskError(DiskFault.WRITE)

    def sync_names(self) -> None:
        return

    def free_bytes(self) -> int:
        return 1 << 40
