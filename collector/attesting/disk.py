"""Members of a bundle that lie in a folder while it is made, by the names they will have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from collector.bundle.faults import BundleError, BundleFault


class OnDisk:
    """`bundle.members.Members` of all files below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def names(self) -> Sequence[str]:
        files = (path for path in self._folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self._folder).as_posix() for path in files)

    def open(self, name: str) -> BinaryIO:
        try:
            return (self._folder / name).open("rb")
        except FileNotFoundError:
            raise BundleError(BundleFault.MISSING, name) from None
