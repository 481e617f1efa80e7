"""Availability of one system over a period: integers, exact ratios, verdicts (semantics 3)."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerts.events import State
from collector.core import burn, periods
from collector.core.amounts import NOTHING, Amounts, Sums, amounts, sums, watched, whole_of
from collector.core.budget import Budget, budget
from collector.core.outages import Outage
from collector.core.settled import Source
from collector.core.truth import SystemTruth
from collector.core.verdict import Scopes, verdicts
from collector.core.windows import FAR
from probes.config import Config
from probes.config_systems import Slo
from probes.history import History
from probes.spans import Interval, Timeline, intersect, subtract, unite

PROVISIONAL_MS = 72 * 3_600_000


@dataclass(frozen=True, slots=True)
class Availability:
    """`scopes` holds the sums every scope would be judged by; without `slo` no verdict, budget
    or burn-rate row exists.
    """

    system: str
    formula: str
    amounts: Amounts
    raw: Amounts
    sites: Mapping[str, Amounts]
    scopes: Scopes
    judged_runs: int
    good_runs: int
    slo: Slo | None
    verdict: str | None
    minimum_verdict: str | None
    judged_by: Mapping[str, Any] | None
    provisional: bool
    budget: Budget | None
    burn: tuple[burn.Row, ...] | None
    outages: tuple[Outage, ...]
    blips: int


def availability(
    truth: SystemTruth,
    history: History,
    start: int,
    end: int,
    now: int,
    *,
    also_excluded: Sequence[Interval] = (),
    count_runs: bool = True,
) -> Availability:
    """`[start, end)` as known at `now`; times are UTC milliseconds.

    `also_excluded` is time that corrections take out beside approved maintenance. To count runs
    of long ago, what `cut` names must be at hand; without counting they are 0.
    """
    period = Interval(start, end)
    config = terms(truth, history, min(end, now) - 1)
    found = config.systems.get(truth.system)
    slo = None if found is None else found.slo
    formula = "contract-v1" if slo is None else slo.formula
    # Burn-rate rows look back past the period's start.
    since = min(start, now) - burn.LONGEST_MS
    out = unite((*truth.excluded(end, since), *also_excluded))
    own = amounts(truth.states, period, out, now, formula)
    seen = watched(truth.states)
    lines = _sites(truth, config)
    by_site = {site: amounts(line, period, out, now, formula) for site, line in lines.items()}
    to_come = _to_come(truth, now)

    def whole(so_far: Amounts, line: Timeline[State], place: str | None) -> int:
        begins = to_come.get(place, ())
        return whole_of(so_far, line, period, out, now, formula, begins)

    scopes = _scopes(
        sums(own, whole=whole(own, truth.states, None)),
        {
            site: sums(by_site[site], whole=whole(by_site[site], line, site))
            for site, line in lines.items()
        },
        config,
    )
    counted = _eligible(seen, period, out, now, formula) if count_runs else ()
    judged_runs, good_runs = _runs(truth, counted)
    judged = None if slo is None else verdicts(slo, scopes, finished=now >= end)
    return Availability(
        system=truth.system,
        formula=formula,
        amounts=own,
        raw=amounts(truth.states, period, (), now, formula) if out else own,
        sites=by_site,
        scopes=scopes,
        judged_runs=judged_runs,
        good_runs=good_runs,
        slo=slo,
        verdict=None if judged is None else judged.target,
        minimum_verdict=None if judged is None else judged.minimum,
        judged_by=None if judged is None else judged.behind,
        provisional=now < end + PROVISIONAL_MS,
        budget=None if slo is None else budget(slo, scopes),
        burn=None if slo is None else _burn(slo, truth, lines, config, out, min(end, now)),
        outages=tuple(
            o for o in truth.outages if o.start < end and (o.end is None or o.end > start)
        ),
        blips=_blips(truth, seen, period),
    )


def cut(
    truth: SystemTruth, history: History, start: int, end: int, now: int
) -> dict[Source, set[int]]:
    """The five minutes long past whose results `availability` must have at hand to count runs."""
    found = terms(truth, history, min(end, now) - 1).systems.get(truth.system)
    formula = "contract-v1" if found is None or found.slo is None else found.slo.formula
    seen = watched(truth.states)
    eligible = _eligible(seen, Interval(start, end), truth.excluded(end, start), now, formula)
    edges = {t for part in eligible for t in (part.start, part.end)}
    needed = {source: voice.judged.cut(edges) for source, voice in truth.voices.items()}
    return {source: buckets for source, buckets in needed.items() if buckets}


def terms(truth: SystemTruth, history: History, t: int) -> Config:
    """The version in force for this system at `t`, or the one it had last or has first."""
    knowing = [v for v in truth.versions if truth.system in v.config.systems]
    past = [v.config for v in knowing if v.start <= t]
    # Where no version that is known by now has the system, one recorded later still names it.
    first = [v.config for v in history.versions if truth.system in v.config.systems]
    return [*past[-1:], *(v.config for v in knowing), *first, history.latest][0]


def _sites(truth: SystemTruth, config: Config) -> dict[str, Timeline[State]]:
    """Every configured site, also one where nothing of the system is monitored."""
    return {
        site: truth.sites.get(site, ()) for site in dict.fromkeys((*config.sites, *truth.sites))
    }


def _scopes(organization: Sums, sites: Mapping[str, Sums], config: Config) -> Scopes:
    weighted = NOTHING
    for site, one in sites.items():
        weighted += one.times(_users(config, site))
    monitored = {site: one for site, one in sites.items() if one.whole}
    return Scopes(organization, monitored, weighted)


def _users(config: Config, site: str) -> int:
    """A site without `users`, or no longer there, weighs nothing."""
    return (config.sites[site].users or 0) if site in config.sites else 0


def _to_come(truth: SystemTruth, now: int) -> dict[str | None, tuple[Interval, ...]]:
    """Where a system that is not monitored yet will be, by site, None for the whole."""
    if truth.begins is None or truth.begins < now:
        return {}
    config = truth.versions[-1].config
    deciding = [
        n
        for n in config.checks_of(truth.system)
        if config.checks[n].role != "supporting" and not config.checks[n].is_feed
    ]
    sites = {config.agents[agent].site for name in deciding for agent in config.agents_of(name)}
    return dict.fromkeys((None, *sites), (Interval(truth.begins, FAR),))


def _burn(
    slo: Slo,
    truth: SystemTruth,
    sites: Mapping[str, Timeline[State]],
    config: Config,
    out: Sequence[Interval],
    edge: int,
) -> tuple[burn.Row, ...]:
    """As of the last known instant of the period, in the calendar month that holds it."""
    lines: dict[str | None, Timeline[State]] = {None: truth.states}
    lines.update((site, line) for site, line in sites.items() if watched(line))
    users = {site: _users(config, site) for site in sites}
    month = periods.month(edge - 1, config.organization.zone)
    return burn.rows(slo, burn.Sight(lines, users, out, edge, month.length))


def _eligible(
    seen: Sequence[Interval], period: Interval, out: Sequence[Interval], now: int, formula: str
) -> Sequence[Interval]:
    """Time in which runs count; `seen` is the time in which the system was monitored."""
    known = (Interval(period.start, min(period.end, now)),) if period.start < now else ()
    eligible = intersect(seen, known)
    return subtract(eligible, out) if formula == "contract-v1" else eligible


def _runs(truth: SystemTruth, eligible: Sequence[Interval]) -> tuple[int, int]:
    counts = [voice.runs(part) for voice in truth.voices.values() for part in eligible]
    return sum(judged for judged, _ in counts), sum(good for _, good in counts)


def _blips(truth: SystemTruth, seen: Sequence[Interval], period: Interval) -> int:
    """By their first failing results, where those are in monitored time."""
    inside = intersect(seen, (period,))
    return sum(
        bisect.bisect_left(truth.blips, part.end) - bisect.bisect_left(truth.blips, part.start)
        for part in inside
    )
