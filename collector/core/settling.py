"""Moving on what is final: as far as no result from an edge on can change it (semantics 2)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import attrgetter

from collector.core.agent_state import Heard, distinct, follow, moved_on
from collector.core.settled import Settled, Source, cut
from collector.core.truth import SystemTruth, rules
from collector.core.voice_fold import VoiceFold
from probes.results import Result


def settle(
    truth: SystemTruth,
    results: Mapping[Source, Sequence[Result]],
    settled: Settled,
    edge: int,
) -> Settled:
    """What is final if all results before `edge` are known; never less than before.

    `truth` is told from `settled` and `results`, which hold nothing older than it.
    """
    if not truth.versions:
        return settled
    lines = {source: distinct(results.get(source, ()))[0] for source in truth.voices}
    # a truth as of the edge has followed just those results
    known = (
        {source: truth.folds[source] for source in lines}
        if truth.now == edge and truth.folds.keys() == lines.keys()
        else {
            source: follow(
                line[: bisect_left(line, edge, key=_t)],
                rules(source, truth.system, truth.versions),
                settled.voices.get(source),
            )
            for source, line in lines.items()
        }
    )
    final = {
        source: max(settled.upto(source), _whole(truth, source, lines[source], settled, edge, fold))
        for source, fold in known.items()
    }
    to = max(settled.until, min([edge, *final.values()]))
    if len(truth.decided.before(to).dates) < len(truth.decided.dates):
        # A version that waits may take effect from here on, and judge what voices say.
        final = {source: max(settled.upto(source), to) for source in final}
    starts = [v.start for v in truth.versions]
    voices: dict[Source, Heard] = {}
    conflicts = settled.conflicts
    for source, until in final.items():
        heard = settled.voices.get(source)
        taken = lines[source][: bisect_left(lines[source], until, key=_t)]
        if len(lines[source]) < len(results.get(source, ())):
            conflicts += distinct(r for r in results[source] if r.t < until)[1]
        fold = (
            known[source]
            if until == edge
            else follow(taken, rules(source, truth.system, truth.versions), heard)
        )
        voices[source] = moved_on(
            Heard(until, edge) if heard is None else heard,
            fold,
            truth.voices[source],
            until,
            max(edge, until, edge if heard is None else heard.edge),
            taken[-1].t if taken else None,
            starts,
        )
    whole = Settled(
        until=to,
        voices=voices,
        decided=truth.decided,
        checks=truth.checks,
        sites=truth.sites,
        states=truth.states,
        access=truth.access,
        rejected=truth.rejected_by_all,
        expires=truth.expires,
        burning=truth.burning.spans,
        conflicts=conflicts,
    )
    return cut(whole, truth.outages, to)


def _whole(
    truth: SystemTruth,
    source: Source,
    line: list[Result],
    settled: Settled,
    edge: int,
    fold: VoiceFold,
) -> int:
    """What is final of a voice, without the beginning of a run or a row that goes on behind it:
    what is taken up there would decide it anew.
    """
    to = fold.mendable_from(edge)
    if to == edge:
        return to
    own, heard = rules(source, truth.system, truth.versions), settled.voices.get(source)
    before = line[: bisect_left(line, to, key=_t)]
    return min(to, follow(before, own, heard).undecided_from(to))


_t = attrgetter("t")
