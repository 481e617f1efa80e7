"""What a payer's path delivered: weeks, months, quarters, and the payer's own downtime (CAQH CORE).

Weeks and months are those of `core/caqh.py`; here stands what they are made of. Down time is
split by the payer's published downtime and by who failed, and both splits add up to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from alerts.events import State
from collector.core import caqh
from collector.core.amounts import Amounts, amounts
from collector.core.availability import PROVISIONAL_MS, terms
from collector.core.caqh import FORMULA, TARGETS
from collector.core.outages import Outage
from collector.core.payer_calendar import Published, calendar, published
from collector.core.payer_failed import LOOK_BACK_MS, Failed, failed
from collector.core.payer_quarter import Quarter, allowed, quarters
from collector.core.periods import SUNDAY, week
from collector.core.rollup import Rollups
from collector.core.truth import SystemTruth
from probes.config_payer import DowntimeKind, Payer
from probes.history import History
from probes.spans import Interval, intersect, subtract, total, where


@dataclass(frozen=True, slots=True)
class Week:
    """`allowed` is what of the week may be down, by target; `amounts` with nothing excluded."""

    week: caqh.Week
    amounts: Amounts
    allowed: Mapping[str, int]
    published: int
    down_published: int
    failed: Mapping[Failed, int]
    provisional: bool


@dataclass(frozen=True, slots=True)
class Month:
    month: caqh.Month
    provisional: bool


@dataclass(frozen=True, slots=True)
class Unplanned:
    """An outage with time that no published downtime covers; `notice` is the entry of it."""

    outage: Outage
    unpublished: int
    notice: Published | None


@dataclass(frozen=True, slots=True)
class PayerReport:
    """Of `[start, end)` as known at `now`, by what the payer owed at its last instant."""

    system: str
    name: str
    payer: Payer
    weeks: tuple[Week, ...]
    months: tuple[Month, ...]
    quarters: tuple[Quarter, ...]
    downtime: tuple[Published, ...]
    unplanned: tuple[Unplanned, ...]


def payer_report(
    truth: SystemTruth, history: History, rollups: Rollups, start: int, end: int, now: int
) -> PayerReport | None:
    """None where the system was no payer's path at the last instant of the period.

    `rollups` are those of its checks over `reach`.
    """
    config = terms(truth, history, min(end, now) - 1)
    owed = caqh.payer_of(truth.system, config)
    if owed is None:
        return None
    found = caqh.caqh(truth, config, rollups, start, end, now)
    touching = tuple(_touching(truth.outages, start, end, now))
    edges = [Interval(start, end), *(one.span for one in found.weeks), *(s for _, s in touching)]
    since, until = min(edge.start for edge in edges), max(edge.end for edge in edges)
    listed = calendar(truth.system, truth.history, since, until)
    out = published(listed)
    down = where(truth.states, lambda state: state is State.DOWN)
    first = end if truth.monitored_from is None else truth.monitored_from
    seen = Interval(max(start, first), min(end, now))
    asked = [one for one in listed if one.start < end and max(one.end, one.start + 1) > start]
    return PayerReport(
        truth.system,
        config.systems[truth.system].name,
        owed,
        tuple(_week(truth, one, rollups, down, out, now) for one in found.weeks),
        tuple(Month(one, now < one.span.end + PROVISIONAL_MS) for one in found.months),
        tuple(quarters(owed, down, seen)),
        tuple(asked),
        tuple(_unplanned(touching, listed, subtract(down, out))),
    )


def checks(system: str, history: History) -> frozenset[str]:
    """Checks that ever spoke for the path."""
    return frozenset(n for v in history.versions for n in v.config.checks_of(system))


def reach(payer: Payer, history: History, start: int, end: int, now: int) -> Interval:
    """The rollups a report reads: of the whole weeks and months it touches, and somewhat before."""
    zone = ZoneInfo(payer.timezone)
    last = max(start + 1, min(end, now)) - 1
    months = caqh.reach(history, start, end, now)
    first = week(start, zone, SUNDAY).start - LOOK_BACK_MS
    return Interval(min(first, months.start), max(week(last, zone, SUNDAY).end, months.end))


def _week(
    truth: SystemTruth,
    one: caqh.Week,
    rollups: Rollups,
    down: Sequence[Interval],
    out: Sequence[Interval],
    now: int,
) -> Week:
    span = one.span
    here = intersect(down, (span,))
    who = dict.fromkeys(Failed, 0)
    for stretch in failed(truth, rollups, span) if here else ():
        who[stretch.value] += total(intersect(here, (Interval(stretch.start, stretch.end),)))
    return Week(
        one,
        amounts(truth.states, span, (), now, FORMULA),
        {target: allowed(span, target) for target in TARGETS},
        total(intersect(out, (span,))),
        total(intersect(here, out)),
        who,
        now < span.end + PROVISIONAL_MS,
    )


def _touching(
    outages: Sequence[Outage], start: int, end: int, now: int
) -> Iterator[tuple[Outage, Interval]]:
    """Outages that touch the period, and what is known of the whole of each."""
    for outage in outages:
        span = Interval(outage.start, now if outage.end is None else outage.end)
        if span.start < min(end, now) and span.end > start:
            yield outage, span


def _unplanned(
    touching: Sequence[tuple[Outage, Interval]],
    listed: Sequence[Published],
    unpublished: Sequence[Interval],
) -> Iterator[Unplanned]:
    for outage, span in touching:
        rest = total(intersect(unpublished, (span,)))
        if rest:
            yield Unplanned(outage, rest, _notice(listed, span.start, span.end))


def _notice(listed: Sequence[Published], start: int, end: int) -> Published | None:
    """The first notice of an unscheduled outage that touches this one."""
    notices = (one for one in listed if one.kind is DowntimeKind.UNSCHEDULED)
    return next((one for one in notices if one.start < end and one.end > start), None)
