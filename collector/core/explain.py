"""Why a system counts as it does at one instant: from its results to its number, rule by rule.

The verdict of every step is the fold's; the results and counts that led to it are read beside it
and held against it. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from alerts.events import State
from collector.core.agent_state import distinct
from collector.core.explain_agent import explain_agent
from collector.core.explain_hold import Voiced
from collector.core.explain_number import explain_class, explain_number, explain_rulings
from collector.core.explain_system import explain_role, explain_states, explain_vote
from collector.core.explain_versions import explain_versions
from collector.core.reading import read
from collector.core.rulings import Ruled
from collector.core.settled import Source
from collector.core.steps import ContradictionError, Reason, Rule, Step, Subject
from collector.core.truth import SystemTruth, rules
from collector.core.voice_fold import FEED_STATES, AgentState
from probes.config import Config
from probes.results import Result
from probes.spans import Interval, Span

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Explanation:
    """`verdict` is the class of the instant, `column` where it counts in `period` (`U`, `D`, `K`
    or `none`); `steps` lead from the config version and the results to both, in that order.
    """

    system: str
    at: int
    now: int
    timezone: str
    period: Interval
    state: State
    verdict: str
    column: str
    steps: tuple[Step, ...]


def explain(
    truth: SystemTruth,
    results: Mapping[Source, Sequence[Result]],
    at: int,
    period: Interval,
    recorded_by: Mapping[int, str] | None = None,
    rulings: Sequence[Ruled] = (),
) -> Explanation:
    """Explain `at` (UTC milliseconds) from the system's truth.

    `results` are those around `at` that `reach` asks for, as received; more change nothing.
    `recorded_by` names who recorded a config version, by its instant; `rulings` are what people
    said of rejections by all.
    ContradictionError would mean a defect: what is explained is not what the fold says.
    """
    state = next((s.value for s in truth.states if s.start <= at < s.end), State.NOT_MONITORED)
    steps = explain_versions(truth, at, recorded_by or {})
    config = next((v.config for v in truth.versions if v.start <= at < v.end), None)
    if state is not State.NOT_MONITORED and config is not None:
        steps += _judged(truth, config, results, at, state)
    verdict, classed = explain_class(truth, at, state)
    column, counted = explain_number(truth, at, verdict, state, period)
    return Explanation(
        system=truth.system,
        at=at,
        now=truth.now,
        timezone=truth.history.latest.organization.timezone,
        period=period,
        state=state,
        verdict=verdict,
        column=column,
        steps=(*steps, *classed, *counted, *explain_rulings(truth, at, column, rulings)),
    )


def _judged(
    truth: SystemTruth,
    config: Config,
    results: Mapping[Source, Sequence[Result]],
    at: int,
    state: State,
) -> list[Step]:
    """From results to the states of checks, sites and the system, which is in `state`."""
    steps: list[Step] = []
    checks: dict[str, State] = {}
    at_site: dict[str, dict[str, State]] = {site: {} for site in config.sites}
    for name in config.checks_of(truth.system):
        by_site: dict[str, list[str]] = {}
        for agent in config.agents_of(name):
            by_site.setdefault(config.agents[agent].site, []).append(agent)
        need = config.checks[name].quorum.need
        for site, agents in by_site.items():
            states: list[State] = []
            for agent in agents:
                own, said = _voice(truth, results.get((name, agent), ()), name, agent, site, at)
                states.append(own)
                steps += said
            at_site[site][name], step = explain_vote(states, need, name, site)
            steps.append(step)
        checks[name], step = explain_vote([at_site[s][name] for s in by_site], need, name, None)
        if checks[name] is not _at(truth.checks[name], at):
            raise ContradictionError(f"{name} {at}")
        steps += [step, explain_role(name, config, checks[name])]
    for site, own_states in at_site.items():
        if own_states:
            said_at = _at(truth.sites[site], at)
            steps += explain_states(own_states, config, truth.system, said_at, site)
    steps += explain_states(checks, config, truth.system, state, None)
    outage = next((o for o in truth.outages if o.covers(at)), None)
    if outage is not None:
        steps.append(
            Step(
                Rule.AVAILABILITY,
                Reason.OUTAGE_OPEN,
                Subject.SYSTEM,
                state.value,
                start=outage.start,
                end=outage.end,
                facts={"min_ms": outage.min_ms, "max_ms": outage.max_ms},
            )
        )
    return steps


_AS_SEEN = {
    AgentState.MISCONFIGURED: State.UNKNOWN,
    AgentState.SILENT: State.DEGRADED,
    AgentState.FLOODED: State.DEGRADED,
}


def _voice(
    truth: SystemTruth, raw: Sequence[Result], check: str, agent: str, site: str, at: int
) -> tuple[State, list[Step]]:
    own = rules((check, agent), truth.system, truth.versions)
    reading = read(distinct(raw)[0], own.at, truth.now)
    heard = truth.voices.get((check, agent))
    state = AgentState.UNKNOWN if heard is None else _at(heard.states, at)
    if state in FEED_STATES:
        state = (
            AgentState.DEGRADED
        )  # what a feed's trouble is called matters to its incidents alone
    steps = explain_agent(Voiced(check, agent, site, raw, reading), at, state)
    return _AS_SEEN.get(state) or State(state.value), steps


def _at(line: Sequence[Span[T]], at: int) -> T:
    """The value at a monitored instant: timelines of what is monitored cover it."""
    return next(s.value for s in line if s.start <= at < s.end)
