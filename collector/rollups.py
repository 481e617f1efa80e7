"""Which rollups are to be made anew, and making them: always whole, from all evidence of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter

from collector.core import rollup
from collector.core.settled import Source
from collector.core.tally import BUCKET_MS
from collector.core.windows import FAR
from collector.evidence import Evidence
from collector.store.rollups import RollupRow
from collector.truths import Live
from probes.results import Result

Bucket = tuple[str, str, int]
"""(check, agent, start of the five minutes)."""
SPAN_MS = 2 * BUCKET_MS
"""How much evidence is read again at a time, at most."""

_t = attrgetter("t")


def touched(lines: Mapping[Source, Sequence[Result]]) -> set[Bucket]:
    """By lines in order of `t`, none of which is empty."""
    found: set[Bucket] = set()
    for (check, agent), line in lines.items():
        first, last = line[0].t // BUCKET_MS, line[-1].t // BUCKET_MS
        if first == last:
            found.add((check, agent, first * BUCKET_MS))
        else:
            found.update((check, agent, r.t // BUCKET_MS * BUCKET_MS) for r in line)
    return found


async def make(
    wanted: Collection[Bucket], lives: Mapping[str, Live], evidence: Evidence
) -> list[RollupRow]:
    """From the results at hand where all of a bucket are, else from the stored batches."""
    # A check that moved is told to several systems, and to the later ones not from its first
    # result on: at hand is what is settled for none of them, and they have it together.
    if not wanted:
        return []
    unsettled: dict[Source, tuple[int, Sequence[Result]]] = {}
    sources = {(check, agent) for check, agent, _ in wanted}
    for live in lives.values():
        for source in sources & (live.settled.voices.keys() | live.tail.keys()):
            upto, line = unsettled.get(source, (-FAR, ()))
            more = live.tail.get(source, ())
            both = sorted((*line, *more), key=_t) if line else more
            unsettled[source] = (max(upto, live.settled.upto(source)), both)
    out: list[RollupRow] = []
    afar: dict[int, set[Bucket]] = {}
    for check, agent, bucket in wanted:
        upto, line = unsettled.get((check, agent), (-FAR, ()))
        if -FAR < upto <= bucket:
            first = bisect_left(line, bucket, key=_t)
            end = bisect_left(line, bucket + BUCKET_MS, first, key=_t)
            out += _rows((check, agent), line[first:end])
        else:
            afar.setdefault(bucket // SPAN_MS * SPAN_MS, set()).add((check, agent, bucket))
    for _, buckets in sorted(afar.items()):
        missing: dict[Source, set[int]] = {}
        for check, agent, bucket in buckets:
            missing.setdefault((check, agent), set()).add(bucket)
        wanted_here = [bucket for _, _, bucket in buckets]
        first, last = min(wanted_here), max(wanted_here)
        found = await evidence.between(missing, first, last + BUCKET_MS)
        for source, line in found.items():
            near = [r for r in line if r.t // BUCKET_MS * BUCKET_MS in missing[source]]
            out += _rows(source, near)
    return out


def _rows(source: Source, results: Sequence[Result]) -> list[RollupRow]:
    return [RollupRow(*source, bucket, one) for bucket, one in rollup.rollups(results).items()]
