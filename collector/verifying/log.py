"""A stretch of a log, entry by entry: it leads from one checkpoint to the next, and counts its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from collector.attest.entries import STATE_KINDS, Entry, LogStart, RowEntry
from collector.attest.merkle import CompactRange
from collector.verifying.failures import Failure, VerifyError
from probes.wire.merkle import leaf_hash

_AT_ONCE = 4_096
"""Leaves that are hashed together."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """At `size` the log must have this root; `failure` and `place` say what it means if it has not."""

    size: int
    root: bytes
    failure: Failure
    place: str


class Walk:
    """`take` each entry in order, then `end`; VerifyError as soon as something does not hold.

    `anchors` may come in any order; those of a size before the range are passed over.
    """

    def __init__(self, start: CompactRange, org: str, anchors: Iterable[Anchor]) -> None:
        self._tree = start
        self._org = org
        self._leaves: list[bytes] = []
        due = sorted((one for one in anchors if one.size >= start.size), key=_size)
        self._due = due[::-1]  # of one size, those given first are compared first
        self._stop = self._compared()
        self._state: int | None = None

    def take(self, index: int, data: bytes, entry: Entry) -> None:
        self._count(index, entry)
        self._leaves.append(leaf_hash(data))
        if index + 1 == self._stop or len(self._leaves) == _AT_ONCE:
            self._grow()

    def end(self) -> int:
        """How many state rows the log has. VerifyError where an anchor lies behind the last entry, and
        where there is no entry at all.
        """
        self._grow()
        if self._due or self._state is None:
            raise VerifyError(Failure.LOG_LENGTH, str(self._tree.size))
        return self._state

    def _grow(self) -> None:
        self._tree, _ = self._tree.extended(self._leaves)
        self._leaves.clear()
        self._stop = self._compared()

    def _compared(self) -> int | None:
        """The size of the next anchor, those of this size being compared."""
        due = self._due
        while due and due[-1].size == self._tree.size:
            one = due.pop()
            if self._tree.root() != one.root:
                raise VerifyError(one.failure, one.place)
        return due[-1].size if due else None

    def _count(self, index: int, entry: Entry) -> None:
        """An entry counts the state rows up to it, itself among them."""
        if isinstance(entry, LogStart) != (index == 0):
            raise VerifyError(Failure.LOG_START, str(index))
        if isinstance(entry, LogStart):
            if entry.org != self._org:
                raise VerifyError(Failure.LOG_START, entry.org)
            self._state = 0
            return
        more = int(isinstance(entry, RowEntry) and entry.kind in STATE_KINDS)
        if self._state not in (None, entry.state - more):
            raise VerifyError(Failure.LOG_STATE, str(index))
        self._state = entry.state


def _size(anchor: Anchor) -> int:
    return anchor.size
