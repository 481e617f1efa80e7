"""Members of a bundle that lie in a folder while it is made, by the names they will have."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from collector.bundle.faults import BundleError, BundleFault


class StoppedError(Exception):
    """The process ends: whoever still reads in a thread is not to hold it up."""


class OnDisk:
    """`bundle.members.Members` of all files below a folder. Once `stopped`, reading ends in
    StoppedError.
    """

    def __init__(self, folder: Path, stopped: Callable[[], bool] = lambda: False) -> None:
        self._folder = folder
        self._stopped = stopped

    @property
    def names(self) -> Sequence[str]:
        files = (path for path in self._folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self._folder).as_posix() for path in files)

    def open(self, name: str) -> BinaryIO:
        try:
            return _Watched(io.FileIO(self._folder / name), self._stopped)
        except FileNotFoundError:
            raise BundleError(BundleFault.MISSING, name) from None


class _Watched(io.BufferedReader):
    def __init__(self, raw: io.FileIO, stopped: Callable[[], bool]) -> None:
        super().__init__(raw)
        self._stopped = stopped

    def read(self, size: int | None = -1, /) -> bytes:
        if self._stopped():
            raise StoppedError
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        if self._stopped():
            raise StoppedError
        return super().readline(size)
