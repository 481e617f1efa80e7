"""A stretch of a log, entry by entry: it leads from one checkpoint to the next, and counts its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from collector.attest import entries
from collector.attest.entries import STATE_KINDS, Entry, LogStart, RowEntry
from collector.attest.faults import AttestError
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


class Numbered(NamedTuple):
    """An entry of the log at its index."""

    place: int
    data: bytes
    entry: Entry


def walk(
    start: CompactRange, framed: Iterable[bytes], end: int, anchors: Sequence[Anchor]
) -> Iterator[Numbered]:
    """The entries from `start.size` to `end`, each as it is read; VerifyError as soon as something
    does not hold. Nothing that came out is to be believed before it has ended.

    `anchors`, in any order: those of a size outside the range are passed over.
    """
    due = sorted((one for one in anchors if start.size <= one.size <= end), key=_size)
    due.reverse()
    counted = _Counted()
    tree, leaves = start, list[bytes]()
    stop = _reached(tree, due)
    index = start.size
    for index, data in enumerate(framed, start.size):
        if index >= end:
            raise VerifyError(Failure.LOG_LENGTH, str(end))
        entry = _parsed(index, data)
        counted.take(index, entry)
        leaves.append(leaf_hash(data))
        if index + 1 == stop or len(leaves) == _AT_ONCE:
            tree, _ = tree.extended(leaves)
            leaves.clear()
            stop = _reached(tree, due)
        yield Numbered(index, data, entry)
    if tree.size + len(leaves) != end or end == start.size:
        raise VerifyError(Failure.LOG_LENGTH, str(tree.size + len(leaves)))


class _Counted:
    """How many state rows the log has, as its entries say."""

    def __init__(self) -> None:
        self._before: int | None = None

    def take(self, index: int, entry: Entry) -> None:
        if isinstance(entry, LogStart) != (index == 0):
            raise VerifyError(Failure.LOG_START, str(index))
        if isinstance(entry, LogStart):
            self._before = 0
            return
        more = int(isinstance(entry, RowEntry) and entry.kind in STATE_KINDS)
        if self._before not in (None, entry.state - more):
            raise VerifyError(Failure.LOG_STATE, str(index))
        self._before = entry.state


def _parsed(index: int, data: bytes) -> Entry:
    try:
        return entries.parse(data)
    except AttestError:
        raise VerifyError(Failure.LOG_ENTRY, str(index)) from None


def _reached(tree: CompactRange, due: list[Anchor]) -> int | None:
    """The size of the next anchor, those of this size being compared; `due`: the last comes next."""
    while due and due[-1].size == tree.size:
        one = due.pop()
        if tree.root() != one.root:
            raise VerifyError(one.failure, one.place)
    return due[-1].size if due else None


def _size(anchor: Anchor) -> int:
    return anchor.size
