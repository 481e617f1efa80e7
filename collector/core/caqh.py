"""What CAQH CORE asks of billing systems: availability a week, answers in real time a month.

Weeks and months are calendar ones, whole, whatever period is asked for. Of a system that is a
payer's path they are the rule's: from Sunday 00:00 in the payer's zone, and down is down, for the
rule grants its share of every week, published or not. Of any other they begin on Monday in the
organization's zone, and approved maintenance is excluded whatever the contract's formula.

A month of a payer's path is judged over all answers the payer owed: a run without one, outside its
published downtime, is an answer that did not come in time. Of any other over those that came.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from zoneinfo import ZoneInfo

from collector.core import periods, rollup
from collector.core.amounts import Sums, amounts, sums, whole_of
from collector.core.payer_calendar import calendar, published
from collector.core.rollup import Rollup, Rollups
from collector.core.settled import Source
from collector.core.tally import BUCKET_MS
from collector.core.truth import SystemTruth
from collector.core.verdict import verdict
from probes.config import Config
from probes.config_payer import Payer
from probes.config_systems import ServiceClass
from probes.contract import Outcome
from probes.history import History
from probes.results import Result
from probes.spans import Interval

TARGETS = ("86", "90")
"""Percent of a calendar week: the mandated rule, and its update of 2022."""
LIMIT_MS = 20_000
SHARE = Fraction(90, 100)
"""So many of a month's required real-time responses come within the limit."""
FORMULA = "contract-v1"


@dataclass(frozen=True, slots=True)
class Week:
    """`verdicts` is by target, as of any other period."""

    span: Interval
    sums: Sums
    verdicts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answers:
    """Runs judged `up` or `degraded`, within 20 s among them, and runs judged `down`."""

    responses: int
    within: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class Month:
    """Runs of checks that are critical or in a group, in and outside a payer's published downtime.

    `required` is what is judged. `verdict` is met, breached, no_data or open.
    """

    span: Interval
    inside: Answers
    outside: Answers
    required: int
    verdict: str

    @property
    def responses(self) -> int:
        return self.inside.responses + self.outside.responses

    @property
    def within(self) -> int:
        return self.inside.within + self.outside.within

    @property
    def share(self) -> Fraction | None:
        return Fraction(self.within, self.required) if self.required else None


@dataclass(frozen=True, slots=True)
class Caqh:
    weeks: tuple[Week, ...]
    months: tuple[Month, ...]


def applies(system: str, config: Config) -> bool:
    found = config.systems.get(system)
    return found is not None and found.impact.service is ServiceClass.BILLING


def payer_of(system: str, config: Config) -> Payer | None:
    """What the payer owes whose path the system is."""
    found = config.systems.get(system)
    return None if found is None else found.payer


def caqh(
    truth: SystemTruth, config: Config, rollups: Rollups, start: int, end: int, now: int
) -> Caqh:
    """Every week and month that overlaps monitored time of `[start, min(end, now))`.

    `config` gives payer and zone; `rollups` may hold other checks', and reaches as far as `reach`.
    """
    payer = payer_of(truth.system, config)
    zone = config.organization.zone if payer is None else ZoneInfo(payer.timezone)
    day = periods.MONDAY if payer is None else periods.SUNDAY
    first = start if truth.monitored_from is None else max(start, truth.monitored_from)
    last = min(end, now) if truth.monitored_from is not None else first
    return Caqh(
        tuple(_week(truth, one, now, payer) for one in periods.weeks(first, last, zone, day)),
        tuple(_month(truth, one, rollups, now, payer) for one in periods.months(first, last, zone)),
    )


def from_results(
    results: Mapping[Source, Sequence[Result]], history: History, start: int, end: int, now: int
) -> dict[Source, dict[int, Rollup]]:
    """What `caqh` reads for this period, made from results in memory."""
    return rolled(results, history, reach(history, start, end, now), now)


def rolled(
    results: Mapping[Source, Sequence[Result]], history: History, span: Interval, now: int
) -> dict[Source, dict[int, Rollup]]:
    """Rollups of billing systems' checks, of results in memory; those from `now` on are not known."""
    names = checks(history)
    return {
        source: rollup.rollups(r for r in line if span.start <= r.t < min(span.end, now))
        for source, line in results.items()
        if source[0] in names
    }


def checks(history: History) -> frozenset[str]:
    """Checks that ever spoke for a billing system."""
    return frozenset(
        name
        for version in history.versions
        for name, check in version.config.checks.items()
        if applies(check.system, version.config)
    )


def reach(history: History, start: int, end: int, now: int) -> Interval:
    """The whole months `caqh` reads rollups of, for a period and in the zone of any version."""
    last = max(start + 1, min(end, now))
    zones = {zone for version in history.versions for zone in _zones(version.config)}
    return Interval(
        min(periods.month(start, zone).start for zone in zones),
        max(periods.month(last - 1, zone).end for zone in zones),
    )


def _zones(config: Config) -> Iterator[ZoneInfo]:
    yield config.organization.zone
    for one in config.systems.values():
        if one.payer is not None:
            yield ZoneInfo(one.payer.timezone)


def _week(truth: SystemTruth, span: Interval, now: int, payer: Payer | None) -> Week:
    found = _owed(truth, span, now) if payer is None else _granted(truth, span, now)
    finished = now >= span.end
    return Week(span, found, {t: verdict(found, t, finished=finished) for t in TARGETS})


def _owed(truth: SystemTruth, span: Interval, now: int) -> Sums:
    """Of monitored time outside approved maintenance."""
    out = truth.excluded(span.end, span.start)
    own = amounts(truth.states, span, out, now, FORMULA)
    return sums(own, whole=whole_of(own, truth.states, span, out, now, FORMULA))


def _granted(truth: SystemTruth, span: Interval, now: int) -> Sums:
    """Of the whole week so far: what nobody watched is as unknown as a gap."""
    own = amounts(truth.states, span, (), now, FORMULA)
    so_far = min(now, span.end) - span.start
    up = own.up + own.degraded
    seen = up + own.down
    return Sums(up, own.down, so_far - seen, so_far, seen, span.length)


def _month(
    truth: SystemTruth, span: Interval, rollups: Rollups, now: int, payer: Payer | None
) -> Month:
    out: tuple[Interval, ...] = ()
    if payer is not None:
        out = published(calendar(truth.system, truth.history, span.start, span.end))
    parts: dict[bool, list[Rollup]] = {True: [], False: []}
    for _, bucket, one in deciding(truth, rollups, span):
        parts[_holds(out, bucket)].append(one)
    inside, outside = _answers(parts[True]), _answers(parts[False])
    within, required = inside.within + outside.within, inside.responses + outside.responses
    if payer is not None:
        required += outside.unanswered
    verdict = _share(within, required, finished=now >= span.end)
    return Month(span, inside, outside, required, verdict)


def _answers(found: Sequence[Rollup]) -> Answers:
    return Answers(
        sum(one.responses for one in found),
        sum(one.within(LIMIT_MS) for one in found),
        sum(n for one in found for outcome, _, n in one.counts if outcome is Outcome.DOWN),
    )


def _holds(out: Sequence[Interval], t: int) -> bool:
    """Five minutes are not cut: they belong where they start."""
    n = bisect_right(out, t, key=lambda part: part.start) - 1
    return n >= 0 and t < out[n].end


def deciding(
    truth: SystemTruth, rollups: Rollups, span: Interval
) -> Iterator[tuple[Source, int, Rollup]]:
    """Rollups of the transaction itself that start in `span`, in order of each (check, agent)."""
    if truth.monitored_from is None:
        return
    # Five minutes are not cut: those that hold the first monitored instant count.
    first = max(-(-span.start // BUCKET_MS), truth.monitored_from // BUCKET_MS) * BUCKET_MS
    starts = [version.start for version in truth.versions]
    for source, buckets in rollups.items():
        decides = [_decides(truth.system, version.config, *source) for version in truth.versions]
        if not any(decides):
            continue
        for bucket in range(first, span.end, BUCKET_MS):
            one = buckets.get(bucket)
            if one is not None and decides[max(bisect_right(starts, bucket) - 1, 0)]:
                yield source, bucket, one


def _share(within: int, required: int, *, finished: bool) -> str:
    if not finished:
        return "open"
    if required == 0:
        return "no_data"
    return "met" if within >= SHARE * required else "breached"


def _decides(system: str, config: Config, check: str, agent: str) -> bool:
    """Is the check the system's, not supporting, and the agent's?"""
    own = config.checks.get(check)
    return (
        own is not None
        and own.system == system
        and own.role != "supporting"
        and not own.is_feed
        and agent in config.agents_of(check)
    )
