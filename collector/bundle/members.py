"""Members of a bundle as files that can be read again and again: from a zip, or from memory."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Protocol

from collector.bundle.faults import BundleError, BundleFault

BLOCK = 1 << 20
"""Read at once at most."""


class Members(Protocol):
    """`open` starts at the beginning each time; what it returned before may be read on."""

    @property
    def names(self) -> Sequence[str]: ...

    def open(self, name: str) -> BinaryIO:
        """BundleError MISSING for a name that is not there."""
        ...


class Held:
    """Members in memory."""

    def __init__(self, members: Mapping[str, bytes]) -> None:
        self._members = dict(members)

    @property
    def names(self) -> Sequence[str]:
        return tuple(self._members)

    def open(self, name: str) -> BinaryIO:
        if name not in self._members:
            raise BundleError(BundleFault.MISSING, name)
        return io.BytesIO(self._members[name])


class Both:
    """Two sets of members as one; of one name the second's stands."""

    def __init__(self, first: Members, second: Members) -> None:
        self._first, self._second = first, second

    @property
    def names(self) -> Sequence[str]:
        return tuple(dict.fromkeys((*self._first.names, *self._second.names)))

    def open(self, name: str) -> BinaryIO:
        found = self._second if name in self._second.names else self._first
        return found.open(name)


def whole(members: Members, name: str, limit: int) -> bytes:
    """A member at once; BundleError MISSING, or TOO_LARGE above `limit` bytes."""
    with members.open(name) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise BundleError(BundleFault.TOO_LARGE, name)
    return data
