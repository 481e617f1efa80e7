"""Who failed while a payer's path was down, by the reasons of failing runs, five minutes at a time.

A rollup says which reasons a check's runs ended with in five minutes. What failed in the latest of
them goes on failing until the next with a failing run, or the end of the next with good ones alone,
while a run holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from collector.core.caqh import deciding
from collector.core.rollup import Rollup, Rollups
from collector.core.settled import Source
from collector.core.tally import BUCKET_MS
from collector.core.truth import SystemTruth
from probes.contract import Outcome
from probes.spans import Interval, Span, Timeline, combine, merge

LOOK_BACK_MS = 86_400_000
"""So far before a week it is looked for what was failing as it began."""


class Failed(StrEnum):
    CLEARINGHOUSE = "clearinghouse"
    PAYER = "payer"
    UNNAMED = "unnamed"
    """No answer named one of them, or answers named both."""


def named(reason: str) -> Failed:
    """Whom a reason names: an answer of the transaction itself says who could not go on."""
    if reason.startswith("x12."):
        for one in (Failed.CLEARINGHOUSE, Failed.PAYER):
            if reason.endswith(f"_{one}"):
                return one
    return Failed.UNNAMED


def failed(truth: SystemTruth, rollups: Rollups, span: Interval) -> Timeline[Failed]:
    """Whom the failing runs name, over `[start, end)`; it says nothing of time that is not down."""
    wide = Interval(span.start - LOOK_BACK_MS, span.end)
    runs: dict[Source, list[tuple[int, Rollup]]] = {}
    for source, bucket, one in deciding(truth, rollups, wide):
        runs.setdefault(source, []).append((bucket, one))
    told = [_line(line, wide, _hold_ms(truth, check)) for (check, _), line in runs.items()]
    return combine(told or [_line((), wide, 0)], _who, span.start, span.end)


def _line(
    runs: Sequence[tuple[int, Rollup]], wide: Interval, hold_ms: int
) -> Timeline[frozenset[Failed]]:
    """Whom one (check, agent) names. A run that rejects us keeps what was, as its state does."""
    steps = {wide.start: frozenset[Failed]()}
    over = wide.start
    for bucket, one in runs:
        outcomes = {outcome for outcome, _, _ in one.counts}
        judged = any(outcome.judged for outcome in outcomes)
        if not judged and Outcome.MISCONFIGURED not in outcomes:
            continue
        if over < bucket:
            steps[over] = frozenset()
        if Outcome.DOWN in outcomes:
            steps[bucket] = _names(one)
        elif judged:
            # The good run may stand at their end: until then it was as before.
            steps[bucket + BUCKET_MS] = frozenset()
        over = bucket + BUCKET_MS + hold_ms
    steps[over] = frozenset()
    starts = [start for start in steps if start < wide.end]
    ends = [*starts[1:], wide.end]
    return merge(Span(left, right, steps[left]) for left, right in zip(starts, ends, strict=True))


def _names(one: Rollup) -> frozenset[Failed]:
    return frozenset(named(reason) for outcome, reason, _ in one.counts if outcome is Outcome.DOWN)


def _hold_ms(truth: SystemTruth, check: str) -> int:
    """The longest it ever held."""
    found = (version.config.checks.get(check) for version in truth.versions)
    return max(one.hold_ms for one in found if one is not None)


def _who(names: tuple[frozenset[Failed], ...]) -> Failed:
    every = frozenset[Failed]().union(*names)
    return next(iter(every)) if len(every) == 1 else Failed.UNNAMED
