"""How many uploads may be in memory, from the first byte of each to its answer.

An address has a part of it only: what it sends is read before anybody knows who signed it, and
whoever sends slowly must keep no room from others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

WAITING = 512
WAITING_BYTES = 64 * 1024 * 1024
"""Uploads and their bytes at most, before others are told to come back."""
SHARE = 4
"""One address has a quarter of that."""


class NoRoomError(Exception):
    """To be asked again in a while."""


@dataclass(slots=True)
class _Held:
    uploads: int = 0
    size: int = 0


class UploadRoom:
    """One per process."""

    def __init__(self) -> None:
        self._every = _Held()
        self._by_address: dict[str, _Held] = {}

    @contextlib.contextmanager
    def taken(self, address: str) -> Iterator[Callable[[int], None]]:
        """For one upload; each of its bytes is told to what is given. NoRoomError at any time."""
        own, sizes = self._by_address.get(address) or _Held(), 0
        self._take(own, 1, 0)
        self._by_address[address] = own

        def more(size: int) -> None:
            nonlocal sizes
            self._take(own, 0, size)
            sizes += size

        try:
            yield more
        finally:
            for held in (own, self._every):
                held.uploads, held.size = held.uploads - 1, held.size - sizes
            if not own.uploads:
                del self._by_address[address]

    def _take(self, own: _Held, uploads: int, size: int) -> None:
        for held, share in ((own, SHARE), (self._every, 1)):
            if (
                held.uploads + uploads > WAITING // share
                or held.size + size > WAITING_BYTES // share
            ):
                raise NoRoomError
        for held in (own, self._every):
            held.uploads, held.size = held.uploads + uploads, held.size + size
