"""What a payer has published of its own downtime, and whether in time.

It is not our maintenance: nothing here excludes time from a contract's numbers. An entry acts
while a config version that has it is in force, as a window does; a notice of an unscheduled
outage is no plan and acts never.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from collector.core.planned import segments
from collector.core.windows import expanded
from probes import times
from probes.config_payer import Downtime, DowntimeKind
from probes.history import History
from probes.spans import Interval, intersect, unite

WEEK_AHEAD = timedelta(days=7)
"""Of a non-routine downtime's notice, on the payer's wall clock."""
UNSCHEDULED_MS = 3_600_000


class Why(StrEnum):
    """Why an occurrence, or a part of it, is not published downtime."""

    UNSCHEDULED = "unscheduled"
    EMPTY = "empty"
    LATE = "late"
    NOT_IN_FORCE = "not_in_force"


@dataclass(frozen=True, slots=True)
class Published:
    """One occurrence; `parts` is what of it counts as published downtime."""

    id: str
    kind: DowntimeKind
    start: int
    end: int
    at: int
    """When it was published."""
    in_time: bool
    why: Why | None
    parts: tuple[Interval, ...]


def calendar(system: str, history: History, since: int, until: int) -> tuple[Published, ...]:
    """Occurrences that start before `until` and end after `since`, by (start, id).

    One that a file no longer had when it began is not listed: it was taken back.
    """
    acting: dict[tuple[str, Downtime, int], list[Interval]] = {}
    for left, right, config in segments(history):
        found = config.systems.get(system)
        if found is None or found.payer is None:
            continue
        for one in found.payer.published_downtime:
            key = (found.payer.timezone, one, config.ms(one.published))
            acting.setdefault(key, []).append(Interval(left, right))
    listed: dict[tuple[str, int], Published] = {}
    for (timezone, one, at), stretches in acting.items():
        span = unite(stretches)
        for start, end in expanded(one.start, one.end, timezone, one.rrule, one.exdate, until):
            if start >= min(until, span[-1].end):
                break
            if max(end, start + 1) <= since:
                continue
            before = listed.get((one.id, start))
            planned = one.kind is not DowntimeKind.UNSCHEDULED
            if before is not None and planned and not intersect(span, (Interval(start, end),)):
                # A version recorded when it was over: it stays what it was.
                continue
            judged = _judge(one, start, end, at, ZoneInfo(timezone), span)
            listed[one.id, start] = judged if before is None else _merged(before, judged)
    return tuple(sorted(listed.values(), key=lambda o: (o.start, o.id)))


def published(found: Iterable[Published]) -> tuple[Interval, ...]:
    """Published downtime, united."""
    return unite(part for one in found for part in one.parts)


def _judge(
    one: Downtime, start: int, end: int, at: int, zone: ZoneInfo, acts: tuple[Interval, ...]
) -> Published:
    in_time = at <= _due(one.kind, start, zone)
    whole = (Interval(start, end),)
    parts = intersect(whole, acts)
    why: Why | None = None
    if one.kind is DowntimeKind.UNSCHEDULED:
        why = Why.UNSCHEDULED
    elif end <= start:
        why = Why.EMPTY
    elif not in_time:
        why = Why.LATE
    elif parts != whole:
        why = Why.NOT_IN_FORCE
    counts = why in (None, Why.NOT_IN_FORCE)
    return Published(one.id, one.kind, start, end, at, in_time, why, parts if counts else ())


def _due(kind: DowntimeKind, start: int, zone: ZoneInfo) -> int:
    """The last instant at which it is published in time."""
    if kind is DowntimeKind.UNSCHEDULED:
        return start + UNSCHEDULED_MS
    if kind is DowntimeKind.NON_ROUTINE:
        local = times.from_ms(start, zone).replace(tzinfo=None)
        return times.to_ms(local - WEEK_AHEAD, zone)
    return start - 1


def _merged(before: Published, later: Published) -> Published:
    """Two contents of one occurrence, each while it was in force; the last to act is told."""
    told = later if later.parts or not before.parts else before
    parts = unite((*before.parts, *later.parts))
    whole = parts == (Interval(told.start, told.end),)
    return replace(told, parts=parts, why=None if whole else told.why)
