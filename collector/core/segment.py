"""One stretch of time under one config version: voices to checks, sites and the system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerts.events import State
from collector.core.agent_state import Voice
from collector.core.quorum import voter
from collector.core.system_state import system_state
from collector.core.voice_fold import AgentState
from probes.config import Config
from probes.spans import Interval, Span, Timeline, clip, combine, merge

_AS_SEEN = {
    AgentState.UP: State.UP,
    AgentState.DEGRADED: State.DEGRADED,
    AgentState.SILENT: State.DEGRADED,
    AgentState.FLOODED: State.DEGRADED,
    AgentState.DOWN: State.DOWN,
    AgentState.UNKNOWN: State.UNKNOWN,
    AgentState.MISCONFIGURED: State.UNKNOWN,
}
_PARDONED = {**_AS_SEEN, AgentState.MISCONFIGURED: State.UP}


@dataclass(frozen=True, slots=True)
class SegmentStates:
    """Timelines that each cover the stretch; `sites` are system states at each site."""

    checks: Mapping[str, Timeline[State]]
    sites: Mapping[str, Timeline[State]]
    states: Timeline[State]


def judge(
    system: str,
    config: Config,
    voices: Mapping[tuple[str, str], Voice],
    part: Interval,
    *,
    pardoned: bool = False,
) -> SegmentStates:
    """States over `part`; `pardoned` reads every confirmed misconfigured as up."""
    reading = _PARDONED if pardoned else _AS_SEEN
    at_site: dict[str, dict[str, Timeline[State]]] = {site: {} for site in config.sites}
    checks: dict[str, Timeline[State]] = {}
    for name in config.checks_of(system):
        vote = voter(config.checks[name].quorum.need)
        by_site: dict[str, list[Timeline[State]]] = {}
        for agent in config.agents_of(name):
            line = _line(voices.get((name, agent)), reading, part)
            by_site.setdefault(config.agents[agent].site, []).append(line)
        for site, lines in by_site.items():
            at_site[site][name] = combine(lines, vote, part.start, part.end)
        checks[name] = combine(
            [at_site[site][name] for site in by_site], vote, part.start, part.end
        )
    return SegmentStates(
        checks=checks,
        sites={
            site: _system(own, config, system, part, at_site=True) for site, own in at_site.items()
        },
        states=_system(checks, config, system, part, at_site=False),
    )


def _line(
    voice: Voice | None, reading: Mapping[AgentState, State], part: Interval
) -> Timeline[State]:
    if voice is None:
        return (Span(part.start, part.end, State.UNKNOWN),)
    spans = clip(voice.states, part.start, part.end)
    return merge(Span(s.start, s.end, reading[s.value]) for s in spans)


def _system(
    lines: Mapping[str, Timeline[State]],
    config: Config,
    system: str,
    part: Interval,
    *,
    at_site: bool,
) -> Timeline[State]:
    names = list(lines)

    def state(values: Sequence[State]) -> State:
        return system_state(dict(zip(names, values, strict=True)), config, system, at_site=at_site)

    return combine(list(lines.values()), state, part.start, part.end)
