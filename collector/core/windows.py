"""Maintenance windows: wall clock to instants, and which occurrences exclude (semantics 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from collector.core.outages import Outage
from probes import recurrence, times
from probes.config import Config, ImpactClass, Window
from probes.history import History
from probes.spans import Interval, intersect, subtract, unite

FAR = 1 << 60
AHEAD_MS = 100 * 86_400_000
RECURRING_EXPECT_DOWN_MS = 1_800_000


class Why(StrEnum):
    """Why an occurrence excludes nothing, or not all of itself; the order is the contract's."""

    CANCELLED = "cancelled"
    UNAPPROVED = "unapproved"
    SELF_APPROVED = "self_approved"
    APPROVED_LATE = "approved_late"
    DURING_OUTAGE = "during_outage"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """`parts` is the time it excludes; `expect_down_ms` None means to its end."""

    id: str
    start: int
    end: int
    why: Why | None
    parts: tuple[Interval, ...]
    expect_down_ms: int | None

    @property
    def excludes(self) -> bool:
        return bool(self.parts)


def segments(history: History) -> list[tuple[int, int, Config]]:
    """`(from, to, config)` of each version; the last has no end."""
    starts = [-FAR if v.at is None else v.at for v in history.versions]
    return [
        (start, end, version.config)
        for start, end, version in zip(starts, [*starts[1:], FAR], history.versions, strict=True)
        if start < end
    ]


def occurrences(
    system: str,
    history: History,
    outages: Sequence[Outage],
    since: int,
    until: int,
    *,
    recorded: bool,
) -> tuple[Occurrence, ...]:
    """Occurrences that start before `until` and end after `since`, by (start, id).

    A window acts while the version that has it is in force. `recorded`: the later of the claimed
    time of an approval and the instant its version was recorded counts; else the claim does.
    """
    found: dict[tuple[str, int], Occurrence] = {}
    for left, right, config in segments(history):
        here = Interval(max(left, since), min(right, until))
        for window in config.maintenance:
            if system not in window.systems or left >= until or right <= since:
                continue
            approved = _approved_at(window, config, history, recorded=recorded)
            for start, end in _instants(window, until):
                if start >= right or max(end, start + 1) <= max(left, since) or start >= until:
                    continue
                one = _judge(window, config, system, start, end, approved, outages)
                parts = intersect(one.parts, (Interval(left, right),))
                before = found.get((one.id, start))
                if before is not None:
                    parts = unite((*before.parts, *parts))
                if here.end > here.start:
                    found[one.id, start] = replace(one, parts=parts)
    return tuple(sorted(found.values(), key=lambda o: (o.start, o.id)))


def excluded(found: Iterable[Occurrence]) -> tuple[Interval, ...]:
    return unite(part for one in found for part in one.parts)


def _approved_at(window: Window, config: Config, history: History, *, recorded: bool) -> int | None:
    if window.approval is None:
        return None
    claimed = config.ms(window.approval.at)
    if not recorded:
        return claimed
    # The approval covers exact content: it was recorded with the first version that has both.
    wanted = _approved_content(window)
    for version in history.versions:
        if any(_approved_content(w) == wanted for w in version.config.maintenance):
            return claimed if version.at is None else max(claimed, version.at)
    return claimed


def _approved_content(window: Window) -> Window:
    return window.model_copy(update={"cancelled": None, "finished": ()})


def _instants(window: Window, until: int) -> Sequence[tuple[int, int]]:
    # Whole steps of the horizon, so that a moving `now` reuses what was expanded.
    return _expanded(window.model_copy(update={"approval": None}), until // AHEAD_MS + 1)


@lru_cache(maxsize=4096)
def _expanded(window: Window, steps: int) -> tuple[tuple[int, int], ...]:
    """Both local ends of each occurrence are converted on their own (DST nights differ)."""
    zone = ZoneInfo(window.timezone)
    length: timedelta = window.end - window.start
    horizon = times.from_ms(steps * AHEAD_MS, zone).replace(tzinfo=None)
    return tuple(
        (times.to_ms(start, zone), times.to_ms(start + length, zone))
        for start in recurrence.local_starts(
            window.start, window.rrule, window.exdate, zone, horizon
        )
    )


def _judge(
    window: Window,
    config: Config,
    system: str,
    start: int,
    end: int,
    approved: int | None,
    outages: Sequence[Outage],
) -> Occurrence:
    for act in window.finished:
        at = config.ms(act.at)
        if start <= at < end:
            end = at
    why = _why(window, config, start, approved)
    whole: tuple[Interval, ...] = (Interval(start, end),) if why is None and end > start else ()
    parts = whole
    if why is None and approved is not None:
        open_then = [o for o in outages if o.covers(approved)]
        covered = unite(Interval(o.start, FAR if o.end is None else o.end) for o in open_then)
        parts = subtract(whole, covered)
        if parts != whole:
            why = Why.DURING_OUTAGE
        elif end <= start:
            why = Why.EMPTY
    return Occurrence(window.id, start, end, why, parts, _expect_down(window, config, system))


def _why(window: Window, config: Config, start: int, approved: int | None) -> Why | None:
    if window.cancelled is not None and start >= config.ms(window.cancelled.at):
        return Why.CANCELLED
    if window.approval is None or approved is None:
        return Why.UNAPPROVED
    if window.approval.by == window.proposed.by:
        return Why.SELF_APPROVED
    if approved >= start:
        return Why.APPROVED_LATE
    return None


def _expect_down(window: Window, config: Config, system: str) -> int | None:
    if window.expect_down is not None:
        return window.expect_down
    found = config.systems.get(system)
    if window.rrule is None or found is None:
        return None
    if found.impact.class_ is ImpactClass.ADMINISTRATIVE:
        return None
    return RECURRING_EXPECT_DOWN_MS
