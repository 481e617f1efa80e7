"""What agents were shown of the log: a batch was sealed after the checkpoint that it names.

That the checkpoint is older than the batch needs no check: a batch cannot hold the hash of a tree
that holds the batch. A checkpoint that agents were shown and that is none of this log is the mark of
a second log. One from before the range cannot be told from that, so it is taken as long as the agent
may not have been shown a newer one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from collector.verifying.chains import Chain
from collector.verifying.failures import Failure, VerifyError

_FIRST = 2
"""Two answers on their way at once may be heard in the other order, so one checkpoint back is none
of another log."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Batches that name a checkpoint of the range, one from before it, or none."""

    known: int
    before: int
    none: int


@dataclass(slots=True)
class _Shown:
    """By number in the chain: the first batch that names a checkpoint well inside of the range, and
    the last that names an unknown one, with its index in the log.
    """

    inside: int | None = None
    unknown: int = 0
    index: int = 0


class Beacons:
    """`published`: texts of the checkpoints, in the order of their sizes."""

    def __init__(self, published: Sequence[str]) -> None:
        self._known = {
            hashlib.sha256(text.encode()).hexdigest(): place for place, text in enumerate(published)
        }
        self._chains: dict[Chain, _Shown] = {}
        self._counts = {"known": 0, "before": 0, "none": 0}

    def take(self, chain: Chain, seq: int, index: int, beacon: str | None) -> None:
        """The batch at this index of the log, of this number in its chain."""
        if beacon is None:
            self._counts["none"] += 1
            return
        place = self._known.get(beacon)
        shown = self._chains.setdefault(chain, _Shown())
        if place is None:
            self._counts["before"] += 1
            if seq > shown.unknown:
                shown.unknown, shown.index = seq, index
            return
        self._counts["known"] += 1
        if place >= _FIRST and (shown.inside is None or seq < shown.inside):
            shown.inside = seq

    def end(self) -> Counts:
        """VerifyError for an agent that was shown what this log is not."""
        for shown in self._chains.values():
            if shown.inside is not None and shown.unknown > shown.inside:
                raise VerifyError(Failure.BEACON_UNKNOWN, str(shown.index))
        return Counts(**self._counts)
