"""When a feed is silent or flooded, from what its checks say (semantics 5, family `feed`).

Trouble begins with the result that says so and ends with the next one that is up, as an outage
does: time in which nobody knows ends nothing. A check that asks something else begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from alerts.events import Cause
from collector.core.agent_state import Voice
from collector.core.settled import Source
from collector.core.versions import InForce
from collector.core.voice_fold import AgentState
from probes.config import Config
from probes.spans import Interval, Span, clip, combine, merge

_CAUSE = {AgentState.SILENT: Cause.SILENT, AgentState.FLOODED: Cause.FLOODED}
_NOT_KNOWN = (AgentState.UNKNOWN, AgentState.MISCONFIGURED)
Parts = Sequence[tuple[Interval, InForce]]


def feed(system: str, parts: Parts, voices: Mapping[Source, Voice]) -> tuple[Span[Cause], ...]:
    """`parts` are the monitored parts of time, each with the version that judges it. Of several
    feeds a silent one is named first.
    """
    names = {name for _, version in parts for name in _feeds(version.config, system)}
    lines = [merge(_trouble(name, system, parts, voices)) for name in sorted(names)]
    lines = [line for line in lines if any(span.value is not None for span in line)]
    if not lines:
        return ()
    whole = combine(lines, _first, parts[0][0].start, parts[-1][0].end)
    return tuple(Span(s.start, s.end, s.value) for s in whole if s.value is not None)


def _feeds(config: Config, system: str) -> list[str]:
    return [name for name in config.checks_of(system) if config.checks[name].is_feed]


def _trouble(
    name: str, system: str, parts: Parts, voices: Mapping[Source, Voice]
) -> Iterator[Span[Cause | None]]:
    """What one check says over all of the time."""
    cause: Cause | None = None
    asked: object = None
    edge = parts[0][0].start
    for part, version in parts:
        if part.start > edge:
            yield Span(edge, part.start, None)
        edge = part.end
        check = version.config.checks.get(name)
        if check is None or check.system != system or not check.is_feed:
            cause = asked = None
            yield Span(part.start, part.end, None)
            continue
        if (check.kind, check.spec) != asked:
            cause, asked = None, (check.kind, check.spec)
        start = part.start
        for span in _said(name, version.config, voices, part):
            if span.start > start:
                yield Span(start, span.start, cause)
            if span.value not in _NOT_KNOWN:
                cause = _CAUSE.get(span.value)
            yield Span(span.start, span.end, cause)
            start = span.end
        if start < part.end:
            yield Span(start, part.end, cause)


def _said(
    name: str, config: Config, voices: Mapping[Source, Voice], part: Interval
) -> Iterator[Span[AgentState]]:
    """The collector's own agent runs it, and no other."""
    for agent in config.agents_of(name)[:1]:
        voice = voices.get((name, agent))
        yield from () if voice is None else clip(voice.states, part.start, part.end)


def _first(causes: tuple[Cause | None, ...]) -> Cause | None:
    return next((c for c in (Cause.SILENT, Cause.FLOODED) if c in causes), None)
