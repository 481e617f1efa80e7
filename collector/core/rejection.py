"""Rejected by all: a critical check that was up and now refuses us everywhere (semantics 5)."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence

from alerts.events import State
from collector.core.agent_state import Voice
from collector.core.versions import InForce
from collector.core.voice_fold import AgentState
from probes.spans import Interval, Timeline, intersect, unite, where


def rejected_by_all(
    system: str,
    versions: Sequence[InForce],
    voices: Mapping[tuple[str, str], Voice],
    checks: Mapping[str, Timeline[State]],
) -> tuple[Interval, ...]:
    """Time in which some critical check is misconfigured at every vantage point, having been
    up before under the very same definition.
    """
    found: list[Interval] = []
    for name, states in checks.items():
        for part in _same_definition(name, system, versions):
            agents = part[1]
            together: tuple[Interval, ...] = (Interval(part[0].start, part[0].end),)
            for agent in agents:
                voice = voices.get((name, agent))
                silent = () if voice is None else voice.states
                together = intersect(
                    together, where(silent, lambda s: s is AgentState.MISCONFIGURED)
                )
            # An up that still holds from before the change is no proof under this definition.
            proof = min(
                (t for agent in agents for t in _first_good(voices.get((name, agent)), part[0])),
                default=part[0].end,
            )
            was_up = intersect(
                where(states, lambda s: s is State.UP), (Interval(proof, part[0].end),)
            )
            if was_up:
                found += intersect(together, (Interval(was_up[0].start, part[0].end),))
    return unite(found)


def _first_good(voice: Voice | None, part: Interval) -> tuple[int, ...]:
    if voice is None:
        return ()
    n = bisect.bisect_left(voice.good, part.start)
    return voice.good[n : n + 1]


def _same_definition(
    name: str, system: str, versions: Sequence[InForce]
) -> list[tuple[Interval, tuple[str, ...]]]:
    """Stretches over which a critical check of the system kept its definition and agents."""
    out: list[tuple[Interval, tuple[str, ...], object]] = []
    for version in versions:
        check = version.config.checks.get(name)
        if check is None or check.system != system or check.role != "critical" or check.is_feed:
            continue
        agents = version.config.agents_of(name)
        definition = (check, agents)
        if out and out[-1][2] == definition and out[-1][0].end == version.start:
            out[-1] = (Interval(out[-1][0].start, version.end), agents, definition)
        else:
            out.append((Interval(version.start, version.end), agents, definition))
    return [(interval, agents) for interval, agents, _ in out if agents]
