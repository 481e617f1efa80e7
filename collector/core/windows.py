"""Maintenance windows: wall clock to instants, and which occurrences exclude (semantics 4)."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from collector.core.outages import Outage
from collector.core.planned import FAR, Approval, Planned, planned, segments
from probes import recurrence, times
from probes.config import Config
from probes.config_systems import ImpactClass
from probes.config_windows import Window
from probes.history import History
from probes.spans import Interval, intersect, subtract, unite

__all__ = [
    "AHEAD_MS",
    "FAR",
    "Occurrence",
    "Why",
    "excluded",
    "occurrences",
    "occurrences_of",
    "segments",
]

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

    A window acts while its definition is in force. `recorded`: the later of the claimed time of
    an approval and the instant it was recorded counts; else the claim does.
    """
    plans = planned(history, recorded=recorded)
    return occurrences_of(plans, system, history, outages, since, until)


def occurrences_of(
    plans: Iterable[Planned],
    system: str,
    history: History,
    outages: Sequence[Outage],
    since: int,
    until: int,
) -> tuple[Occurrence, ...]:
    """`occurrences` of these definitions, in their order, alone."""
    found: dict[tuple[str, int], Occurrence] = {}
    for plan in plans:
        left, right = plan.start, plan.end
        acts = max(left, since) < min(right, until)
        if system not in plan.window.systems or not acts:
            continue
        approval = plan.approval
        staying = () if approval is None else _open_at(outages, approval.at)
        written = instants(plan.window, until)
        # One that begins a day before `since` may end after it by its length and a clock change.
        length = plan.window.end - plan.window.start + timedelta(days=1)
        first = bisect.bisect_left(written, since - length // timedelta(milliseconds=1), key=_start)
        for start, whole_end in written[first:]:
            if start >= min(right, until):
                break
            end = next((at for at in plan.finished if start <= at < whole_end), whole_end)
            before = found.get((plan.window.id, start))
            is_over = max(end, start + 1) <= max(left, since)
            if is_over and (before is None or whole_end <= left):
                continue
            config = history.at(max(start, left)) or history.latest
            one = _judge(plan, approval, staying, config, system, start, end)
            if before is not None:
                one = replace(one, parts=unite((*before.parts, *one.parts)))
            # A finish that a file tells late: it took effect with the version that has it.
            last = max((one.end, *(part.end for part in one.parts)))
            found[one.id, start] = replace(one, end=last)
    return tuple(sorted(found.values(), key=lambda o: (o.start, o.id)))


def excluded(found: Iterable[Occurrence]) -> tuple[Interval, ...]:
    return unite(part for one in found for part in one.parts)


def instants(window: Window, until: int) -> Sequence[tuple[int, int]]:
    """`(start, end)` in UTC ms of occurrences to `until` and somewhat beyond, in order."""
    return expanded(window.start, window.end, window.timezone, window.rrule, window.exdate, until)


def expanded(
    start: datetime,
    end: datetime,
    timezone: str,
    rrule: str | None,
    exdate: tuple[datetime, ...],
    until: int,
) -> Sequence[tuple[int, int]]:
    """`instants` of wall-clock times that stand by themselves."""
    # Whole steps of the horizon, so that a moving `now` reuses what was expanded.
    return _expanded(start, end, timezone, rrule, exdate, until // AHEAD_MS + 1)


@lru_cache(maxsize=4096)
def _expanded(
    start: datetime,
    end: datetime,
    timezone: str,
    rrule: str | None,
    exdate: tuple[datetime, ...],
    steps: int,
) -> tuple[tuple[int, int], ...]:
    """Both local ends of each occurrence are converted on their own (DST nights differ)."""
    zone = ZoneInfo(timezone)
    length: timedelta = end - start
    horizon = times.from_ms(steps * AHEAD_MS, zone).replace(tzinfo=None)
    return tuple(
        (times.to_ms(local, zone), times.to_ms(local + length, zone))
        for local in recurrence.local_starts(start, rrule, exdate, zone, horizon)
    )


def _open_at(outages: Sequence[Outage], t: int) -> tuple[Interval, ...]:
    """The outages that were open then, united: what an approval given then cannot take out."""
    return unite(Interval(o.start, FAR if o.end is None else o.end) for o in outages if o.covers(t))


def _judge(
    plan: Planned,
    approval: Approval | None,
    staying: Sequence[Interval],
    config: Config,
    system: str,
    start: int,
    end: int,
) -> Occurrence:
    why = _why(plan, approval, start)
    parts: tuple[Interval, ...] = ()
    if why is None and end <= start:
        why = Why.EMPTY
    elif why is None:
        whole = (Interval(start, end),)
        parts = subtract(whole, staying)
        if parts != whole:
            why = Why.DURING_OUTAGE
    parts = intersect(parts, (Interval(plan.start, plan.end),))
    return Occurrence(
        plan.window.id, start, end, why, parts, _expect_down(plan.window, config, system)
    )


def _why(plan: Planned, approval: Approval | None, start: int) -> Why | None:
    if plan.cancelled is not None and start >= plan.cancelled.at:
        return Why.CANCELLED
    if approval is None:
        return Why.UNAPPROVED
    if approval.by == plan.window.proposed.by:
        return Why.SELF_APPROVED
    if approval.at >= start:
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


def _start(occurrence: tuple[int, int]) -> int:
    return occurrence[0]
