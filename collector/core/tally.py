"""How many judged results an agent gave of a check: exact over any time, and short to keep.

What is long past is counted in five minutes each, and equal neighbours once. A question whose
edge cuts through such five minutes needs their results: `cut` names them, the caller looks them
up in the evidence and puts them into `exact`.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence

import msgspec

from probes.spans import Interval

BUCKET_MS = 300_000
"""Of a rollup, counted from 1970 in UTC."""


class Tally(msgspec.Struct):
    """Bucket `starts[n]` and those after it hold `counts[n]` each; `before[n]` are before it.

    `fine` are the instants since `since` (a bucket's start), in order.
    """

    starts: list[int] = []
    counts: list[int] = []
    before: list[int] = []
    since: int = 0
    fine: list[int] = []
    exact: dict[int, list[int]] = {}

    def extended(self, instants: Sequence[int]) -> Tally:
        """With later instants, in order; this one stays as it is."""
        return msgspec.structs.replace(self, fine=[*self.fine, *instants])

    def pack(self, until: int) -> None:
        """Count whole buckets before `until` instead of keeping their instants."""
        edge = _bucket(until)
        if edge <= self.since:
            return
        place = bisect.bisect_left(self.fine, edge)
        following = self.since if self.starts else edge
        at = 0
        while at < place:
            bucket = _bucket(self.fine[at])
            end = bisect.bisect_left(self.fine, bucket + BUCKET_MS, at, place)
            if bucket > following:
                self._push(following, 0)
            self._push(bucket, end - at)
            following, at = bucket + BUCKET_MS, end
        if following < edge:
            self._push(following, 0)
        del self.fine[:place]
        self.since = edge

    def count(self, part: Interval) -> int:
        """Judged results in `[start, end)`; KeyError for a bucket of `cut` that is not `exact`."""
        return self._earlier(part.end) - self._earlier(part.start)

    def cut(self, edges: Iterable[int]) -> set[int]:
        """The buckets whose results a count with these edges needs, and has not."""
        return {
            bucket
            for t in edges
            for bucket in [_bucket(t)]
            if bucket < t < self.since and bucket not in self.exact and self._in(bucket)[1]
        }

    def _push(self, bucket: int, count: int) -> None:
        if self.counts and self.counts[-1] == count:
            return
        earlier = self._in(bucket)[0]
        # Tallies made of this one share these lists, and look a bucket up by `starts`.
        self.before.append(earlier)
        self.counts.append(count)
        self.starts.append(bucket)

    def _in(self, bucket: int) -> tuple[int, int]:
        """How many before a bucket, and in it."""
        n = bisect.bisect_right(self.starts, bucket) - 1
        if n < 0:
            return 0, 0
        count = self.counts[n]
        return self.before[n] + count * ((bucket - self.starts[n]) // BUCKET_MS), count

    def _earlier(self, t: int) -> int:
        if t >= self.since:
            return self._in(self.since)[0] + bisect.bisect_left(self.fine, t)
        bucket = _bucket(t)
        earlier, count = self._in(bucket)
        if t == bucket or count == 0:
            return earlier
        return earlier + bisect.bisect_left(self.exact[bucket], t)


def _bucket(t: int) -> int:
    return t // BUCKET_MS * BUCKET_MS
