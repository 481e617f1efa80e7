"""Availability of one system over a period: integers, exact ratios, verdicts (semantics 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from alerts.events import State
from collector.core.outages import Outage
from collector.core.truth import SystemTruth
from collector.core.windows import FAR
from probes.config import Config, Slo
from probes.history import History
from probes.spans import Interval, Timeline, intersect, subtract, total, where

PROVISIONAL_MS = 72 * 3_600_000


@dataclass(frozen=True, slots=True)
class Amounts:
    """Milliseconds of a period. `eligible` follows the formula; `up` never holds maintenance."""

    eligible: int
    up: int
    degraded: int
    down: int
    unknown: int
    excluded: int
    not_monitored: int

    @property
    def numerator(self) -> int:
        """`U` of the formula: eligible time that is neither down nor unknown."""
        return self.eligible - self.down - self.unknown


@dataclass(frozen=True, slots=True)
class Judged:
    """The number a verdict is given by: sums that may be weighted by users."""

    up: int
    down: int
    unknown: int
    eligible: int
    seen: int
    """Judged time outside windows: none means no data."""

    whole: int
    """Eligible time of the whole period, future windows removed."""


@dataclass(frozen=True, slots=True)
class Availability:
    system: str
    formula: str
    amounts: Amounts
    raw: Amounts
    sites: Mapping[str, Amounts]
    judged_runs: int
    good_runs: int
    slo: Slo | None
    verdict: str | None
    minimum_verdict: str | None
    judged_by: Mapping[str, Any] | None
    provisional: bool
    outages: tuple[Outage, ...]
    blips: int


def availability(
    truth: SystemTruth, history: History, start: int, end: int, now: int
) -> Availability:
    """`[start, end)` as known at `now`; times are UTC milliseconds."""
    period = Interval(start, end)
    slo, config = _terms(truth, history, min(end, now) - 1)
    formula = "contract-v1" if slo is None else slo.formula
    out = truth.excluded(end)
    amounts = _amounts(truth.states, period, out, now, formula)
    sites = _sites(truth, config)
    by_site = {site: _amounts(line, period, out, now, formula) for site, line in sites.items()}
    monitored = where(truth.states, _monitored)
    eligible = intersect(monitored, (Interval(start, min(end, now)),)) if start < now else ()
    if formula == "contract-v1":
        eligible = subtract(eligible, out)
    judged_runs, good_runs = _runs(truth, eligible)
    to_come = _to_come(truth, now)
    places: dict[str | None, Timeline[State]] = {None: truth.states}
    places.update(sites)
    future = {
        place: _whole(line, to_come.get(place, ()), period, out, now, formula)
        for place, line in places.items()
    }
    verdicts = (
        None
        if slo is None
        else _verdicts(slo, config, amounts, by_site, future, finished=now >= end)
    )
    return Availability(
        system=truth.system,
        formula=formula,
        amounts=amounts,
        raw=_amounts(truth.states, period, (), now, formula),
        sites=by_site,
        judged_runs=judged_runs,
        good_runs=good_runs,
        slo=slo,
        verdict=None if verdicts is None else verdicts[0],
        minimum_verdict=None if verdicts is None else verdicts[1],
        judged_by=None if verdicts is None else verdicts[2],
        provisional=now < end + PROVISIONAL_MS,
        outages=tuple(
            o for o in truth.outages if o.start < end and (o.end is None or o.end > start)
        ),
        blips=sum(
            start <= t < end and truth.monitored_from is not None and t >= truth.monitored_from
            for t in truth.blips
        ),
    )


def percent(numerator: int, denominator: int) -> str | None:
    """Four decimals, truncated; None where there is nothing to divide by."""
    if denominator == 0:
        return None
    whole = numerator * 1_000_000 // denominator
    return f"{whole // 10_000}.{whole % 10_000:04d}"


def _at(states: Timeline[State], wanted: State) -> tuple[Interval, ...]:
    return where(states, lambda state: state is wanted)


def _monitored(state: State) -> bool:
    return state is not State.NOT_MONITORED


def _terms(truth: SystemTruth, history: History, t: int) -> tuple[Slo | None, Config]:
    """Target and users in force for this system at `t`, or those it had last or has first."""
    knowing = [v for v in truth.versions if truth.system in v.config.systems]
    past = [v.config for v in knowing if v.start <= t]
    config = past[-1] if past else (knowing[0].config if knowing else history.latest)
    found = config.systems.get(truth.system)
    return (None if found is None else found.slo), config


def _sites(truth: SystemTruth, config: Config) -> dict[str, Timeline[State]]:
    """Every configured site, also one where nothing of the system is monitored."""
    return {
        site: truth.sites.get(site, ()) for site in dict.fromkeys((*config.sites, *truth.sites))
    }


def _amounts(
    states: Timeline[State], period: Interval, out: Sequence[Interval], now: int, formula: str
) -> Amounts:
    range_ = (Interval(period.start, max(period.start, min(period.end, now))),)
    monitored = intersect(where(states, _monitored), range_)
    inside = intersect(monitored, out)
    excluded = total(inside)
    eligible = subtract(range_, out)
    parts = {state: total(intersect(_at(states, state), eligible)) for state in State}
    whole_period = formula == "whole-period-v1"
    return Amounts(
        eligible=total(monitored) - (0 if whole_period else excluded),
        up=parts[State.UP],
        degraded=parts[State.DEGRADED],
        down=parts[State.DOWN],
        unknown=parts[State.UNKNOWN],
        excluded=excluded,
        not_monitored=period.length - total(monitored),
    )


def _to_come(truth: SystemTruth, now: int) -> dict[str | None, tuple[Interval, ...]]:
    """Where a system that is not monitored yet will be, by site, None for the whole."""
    config = truth.versions[-1].config if truth.versions else None
    found = None if config is None else config.systems.get(truth.system)
    if config is None or found is None or found.effective_from is None:
        return {}
    begins = config.ms(found.effective_from)
    if begins < now:
        return {}
    deciding = [n for n in config.checks_of(truth.system) if config.checks[n].role != "supporting"]
    sites = {config.agents[agent].site for name in deciding for agent in config.agents_of(name)}
    return dict.fromkeys((None, *sites), (Interval(begins, FAR),))


def _whole(
    states: Timeline[State],
    to_come: Sequence[Interval],
    period: Interval,
    out: Sequence[Interval],
    now: int,
    formula: str,
) -> int:
    """`E_whole`: what was monitored so far, all the rest of the period if it still is, and what
    begins to be later in it.
    """
    monitored = where(states, _monitored)
    if monitored and monitored[-1].end >= now and now < period.end:
        monitored = (*monitored[:-1], Interval(monitored[-1].start, FAR))
    monitored = intersect((*monitored, *to_come), (period,))
    if formula == "contract-v1":
        monitored = subtract(monitored, out)
    return total(monitored)


def _runs(truth: SystemTruth, eligible: Sequence[Interval]) -> tuple[int, int]:
    judged = good = 0
    for voice in truth.voices.values():
        judged += _inside(voice.judged, eligible)
        good += _inside(voice.good, eligible)
    return judged, good


def _inside(instants: Sequence[int], intervals: Sequence[Interval]) -> int:
    count = n = 0
    for t in instants:
        while n < len(intervals) and intervals[n].end <= t:
            n += 1
        if n == len(intervals):
            break
        count += intervals[n].start <= t
    return count


def _verdicts(
    slo: Slo,
    config: Config,
    amounts: Amounts,
    sites: Mapping[str, Amounts],
    whole: Mapping[str | None, int],
    *,
    finished: bool,
) -> tuple[str, str, dict[str, Any]]:
    """Verdicts against target and minimum by the contract's scope, and the number behind them."""
    if slo.scope == "worst_site":
        monitored = [
            (site, _judged(a, 1, whole[site]))
            for site, a in sites.items()
            if a.eligible or whole[site]
        ]
        found = [
            _worst(
                [_verdict(j, target, finished=finished) for _, j in monitored], finished=finished
            )
            for target in (slo.target, slo.minimum)
        ]
        ranked = sorted(
            monitored,
            key=lambda item: (
                _verdict(item[1], slo.target, finished=finished) != found[0],
                _least(item[1]),
                item[0],
            ),
        )
        behind = _behind("worst_site", ranked[0][1] if ranked else Judged(0, 0, 0, 0, 0, 0))
        behind["site"] = ranked[0][0] if ranked else None
        return found[0], found[1], behind
    if slo.scope == "user_weighted":
        judged = Judged(0, 0, 0, 0, 0, 0)
        for site, a in sites.items():
            users = config.sites[site].users if site in config.sites else None
            judged = _sum(judged, _judged(a, users or 0, whole[site]))
    else:
        judged = _judged(amounts, 1, whole[None])
    return (
        _verdict(judged, slo.target, finished=finished),
        _verdict(judged, slo.minimum, finished=finished),
        _behind(slo.scope, judged),
    )


def _judged(a: Amounts, weight: int, whole: int) -> Judged:
    return Judged(
        a.numerator * weight,
        a.down * weight,
        a.unknown * weight,
        a.eligible * weight,
        (a.up + a.degraded + a.down) * weight,
        whole * weight,
    )


def _sum(one: Judged, two: Judged) -> Judged:
    return Judged(
        one.up + two.up,
        one.down + two.down,
        one.unknown + two.unknown,
        one.eligible + two.eligible,
        one.seen + two.seen,
        one.whole + two.whole,
    )


def _least(judged: Judged) -> Fraction:
    """Order of sites: the lowest `min` first; one without eligible time last."""
    return Fraction(judged.up, judged.eligible) if judged.eligible else Fraction(2)


def _behind(scope: str, judged: Judged) -> dict[str, Any]:
    known = judged.up + judged.down
    return {
        "scope": scope,
        "known": percent(judged.up, known),
        "min": None if known == 0 else percent(judged.up, judged.eligible),
        "max": None if known == 0 else percent(judged.up + judged.unknown, judged.eligible),
    }


def _verdict(judged: Judged, target: str, *, finished: bool) -> str:
    wanted = Fraction(target) / 100
    if not finished:
        return "breached" if judged.down > (1 - wanted) * judged.whole else "open"
    if judged.seen == 0:
        return "no_data"
    if judged.up >= wanted * judged.eligible:
        return "met"
    if judged.up + judged.unknown < wanted * judged.eligible:
        return "breached"
    return "indeterminate"


def _worst(verdicts: Sequence[str], *, finished: bool) -> str:
    for verdict in ("breached", "no_data", "indeterminate", "open"):
        if verdict in verdicts:
            return verdict
    if verdicts:
        return "met"
    return "no_data" if finished else "open"
