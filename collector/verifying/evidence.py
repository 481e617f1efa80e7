"""Disclosed evidence against what agents signed: each segment is the one of its batch.

A system's tag in a batch names it to nobody but the agent, so that a segment is the system's shows
by its checks: of a segment, one at least is a check that the system ever had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from collector.bundle.evidencefile import Segment
from collector.verifying.failures import Failure, VerifyError
from probes import segmentforms
from probes.batch import Header
from probes.segmentforms import SegmentError


@dataclass(slots=True)
class _Open:
    """A system's segments, the next one at hand."""

    system: str
    checks: frozenset[str]
    rest: Iterator[Segment]
    next: Segment | None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """Segments by system, and agents that have any."""

    segments: Mapping[str, int]
    agents: frozenset[str]


class Segments:
    """`files`: each system's segments, in the order of the log; `checks`: all it ever had.

    `whole`: every system is disclosed, so that no batch may hold a segment more.
    """

    def __init__(
        self,
        files: Mapping[str, Iterator[Segment]],
        checks: Mapping[str, frozenset[str]],
        *,
        whole: bool,
    ) -> None:
        self._open = [
            _Open(system, checks.get(system, frozenset()), rest, next(rest, None))
            for system, rest in files.items()
        ]
        self._whole = whole
        self._agents: set[str] = set()

    def take(self, place: int, header: Header) -> None:
        """The batch at this index of the log; VerifyError for a segment that is not its own."""
        shown = 0
        for one in self._open:
            found = one.next
            if found is None or found.entry > place:
                continue
            if found.entry < place or found.of != header.systems:
                raise VerifyError(Failure.SEGMENT_PLACE, f"{one.system}:{found.entry}")
            root = found.root
            if root is None or root.hex() != header.segments_root:
                raise VerifyError(Failure.SEGMENT_PROOF, f"{one.system}:{found.entry}")
            if one.checks.isdisjoint(_checks(found.data, f"{one.system}:{found.entry}")):
                raise VerifyError(Failure.SEGMENT_FOREIGN, f"{one.system}:{found.entry}")
            one.count += 1
            one.next = next(one.rest, None)
            shown += 1
        if shown:
            self._agents.add(header.agent)
        if self._whole and shown != header.systems:
            raise VerifyError(Failure.SEGMENT_WITHHELD, str(place))

    def end(self) -> Counts:
        """VerifyError for a segment behind the last batch."""
        for one in self._open:
            if one.next is not None:
                raise VerifyError(Failure.SEGMENT_PLACE, f"{one.system}:{one.next.entry}")
        return Counts({one.system: one.count for one in self._open}, frozenset(self._agents))


def _checks(data: bytes, place: str) -> Sequence[str]:
    try:
        return segmentforms.unpack(data).checks
    except (msgspec.MsgspecError, SegmentError, ValueError, RecursionError):
        raise VerifyError(Failure.SEGMENT_MALFORMED, place) from None
