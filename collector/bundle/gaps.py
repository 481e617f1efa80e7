"""Why runs are missing: the first cause that fits, from what the agents' chains and rows say."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Sequence
from enum import StrEnum

from collector.attest.strictjson import Value
from collector.bundle import parts
from collector.bundle.evidence import Arrived, Evidence
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.layout import ROWS
from collector.bundle.slots import Missing
from collector.facts import AWAY, CONFIG, Row
from probes.spans import Interval, unite

MOST = 2_000
"""Gaps listed of a system, the longest; how many others there are is said."""


class Cause(StrEnum):
    """In the order in which they are asked."""

    TOMBSTONE = "tombstone"
    CHAIN_HOLE = "chain_hole"
    AGENT_RESTARTED = "agent_restarted"
    COLLECTOR_AWAY = "collector_away"
    NEW_VERSION = "new_version"
    AGENT_SILENT = "agent_silent"
    NOT_RECORDED = "not_recorded"


class Causes:
    """Made once for all systems."""

    def __init__(self, evidence: Evidence) -> None:
        by_agent: dict[str, list[Arrived]] = {}
        for one in evidence.log.arrived.values():
            by_agent.setdefault(one.agent, []).append(one)
        self._given_up = {
            agent: _Times(
                Interval(one.first_t, one.last_t + 1)
                for one in some
                if one.tombstone and one.given_up
            )
            for agent, some in by_agent.items()
        }
        self._holes = {agent: _Times(_holes(some)) for agent, some in by_agent.items()}
        self._restarts = {agent: _Times(_restarts(some)) for agent, some in by_agent.items()}
        self._spoken = {
            agent: _Times(Interval(one.first_t, one.last_t + 1) for one in some)
            for agent, some in by_agent.items()
        }
        self._away = _Times(_away(row) for _, row in evidence.rows.plain() if row.kind == AWAY)
        self._versions = [
            one.entry.recorded_at for one in evidence.rows.shown if one.entry.kind == CONFIG
        ]

    def of(self, one: Missing) -> Cause:
        """The first that fits."""
        span = Interval(one.start, max(one.end, one.start + 1))
        for cause, times in (
            (Cause.TOMBSTONE, self._given_up.get(one.agent)),
            (Cause.CHAIN_HOLE, self._holes.get(one.agent)),
            (Cause.AGENT_RESTARTED, self._restarts.get(one.agent)),
            (Cause.COLLECTOR_AWAY, self._away),
        ):
            if times is not None and times.touches(span):
                return cause
        near = bisect.bisect_left(self._versions, span.start - 2 * one.every)
        if near < len(self._versions) and self._versions[near] <= span.end:
            return Cause.NEW_VERSION
        spoken = self._spoken.get(one.agent)
        within = Interval(one.start, max(one.end - one.every, one.start + 1))
        if spoken is None or not spoken.touches(within):
            return Cause.AGENT_SILENT
        return Cause.NOT_RECORDED


def listed(system: str, missing: Iterable[Missing], causes: Causes) -> tuple[list[Value], int]:
    """The longest as the predicate lists them, in order of time, and how many are left out."""
    found = list(missing)
    kept = sorted(found, key=lambda one: (one.start - one.end, one.start, one.check, one.agent))
    chosen = sorted(kept[:MOST], key=lambda one: (one.start, one.check, one.agent))
    said: list[Value] = [
        {
            "system": system,
            "check": one.check,
            "agent": one.agent,
            "start": one.start,
            "end": one.end,
            "slots": one.slots,
            "cause": causes.of(one).value,
        }
        for one in chosen
    ]
    return said, len(found) - len(chosen)


class _Times:
    """United intervals, asked whether one touches them."""

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self._spans = unite(intervals)

    def touches(self, span: Interval) -> bool:
        place = bisect.bisect_right(self._spans, span.start, key=_end)
        return place < len(self._spans) and self._spans[place].start < span.end


def _holes(some: Sequence[Arrived]) -> list[Interval]:
    """From the last run before a number that is not in the range to the first after it."""
    chains: dict[str, list[Arrived]] = {}
    for one in some:
        chains.setdefault(one.epoch, []).append(one)
    found: list[Interval] = []
    for own in chains.values():
        own.sort(key=lambda one: one.seq)
        before = own[0]
        for one in own[1:]:
            if one.seq > before.last_seq + 1:
                found.append(Interval(before.last_t + 1, max(one.first_t, before.last_t + 2)))
            if one.last_seq > before.last_seq:
                before = one
    return found


def _restarts(some: Sequence[Arrived]) -> list[Interval]:
    """From an epoch's last run to the first of the next."""
    ends: dict[str, tuple[int, int]] = {}
    for one in some:
        first, last = ends.get(one.epoch, (one.first_t, one.last_t))
        ends[one.epoch] = (min(first, one.first_t), max(last, one.last_t))
    spans = sorted(ends.values())
    return [
        Interval(last + 1, first)
        for (_, last), (first, _) in itertools.pairwise(spans)
        if first > last + 1
    ]


def _away(row: Row) -> Interval:
    data = parts.data_of(row.data)
    start, end = data.get("from"), data.get("to")
    if not isinstance(start, int) or not isinstance(end, int):
        raise BundleError(BundleFault.ROWS_CONTENT, f"{ROWS} row {row.id}")
    return Interval(start, end)


def _end(span: Interval) -> int:
    return span.end
