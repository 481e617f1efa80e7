"""Who failed while a payer's path was down, by the reasons of failing runs, five minutes at a time.

A rollup says which reasons a check's runs ended with in five minutes. What failed in the latest
five minutes with a judged run goes on failing until the next ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

from collector.core.caqh import deciding
from collector.core.rollup import Rollup, Rollups
from collector.core.settled import Source
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
    lines: dict[Source | None, list[tuple[int, frozenset[Failed]]]] = {None: []}
    for source, bucket, one in deciding(truth, rollups, wide):
        if any(outcome.judged for outcome, _, _ in one.counts):
            lines.setdefault(source, []).append((bucket, _names(one)))
    told = [_line(line, wide) for line in lines.values()]
    return combine(told, _who, span.start, span.end)


def _names(one: Rollup) -> frozenset[Failed]:
    return frozenset(named(reason) for outcome, reason, _ in one.counts if outcome is Outcome.DOWN)


def _line(
    told: Sequence[tuple[int, frozenset[Failed]]], wide: Interval
) -> Timeline[frozenset[Failed]]:
    steps = [(wide.start, frozenset[Failed]()), *told, (wide.end, frozenset[Failed]())]
    return merge(Span(left, right, names) for (left, names), (right, _) in pairwise(steps))


def _who(names: tuple[frozenset[Failed], ...]) -> Failed:
    every = frozenset[Failed]().union(*names)
    return next(iter(every)) if len(every) == 1 else Failed.UNNAMED
