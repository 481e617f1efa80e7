"""By when the first certificate of a system ends, as was known at each instant.

From the facts of results: each says how many whole days were left. What was told under another
definition of the check says nothing of what it asks now; silence and failure take nothing back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from collector.core.agent_state import Voice
from collector.core.settled import Source
from collector.core.versions import InForce
from probes.config_checks import Check
from probes.spans import Interval, Span, Timeline, combine, joined, merge

Line = Timeline[int | None]


def expires(
    system: str,
    before: Line,
    recent: Sequence[tuple[Interval, InForce]],
    versions: Sequence[InForce],
    voices: Mapping[Source, Voice],
    now: int,
) -> Line:
    """`before` is settled; `recent` are the monitored parts of time after it, each with the
    version that judges it. Empty where nobody has ever told.
    """
    if not before and not any(voice.told for voice in voices.values()):
        return ()
    edge = before[-1].end if before else min((part.start for part, _ in recent), default=now)
    spans: list[Span[int | None]] = []
    for part, version in recent:
        spans += [Span(edge, part.start, None), *_first(system, part, version, versions, voices)]
        edge = part.end
    spans.append(Span(edge, now, None))
    told = merge(spans)
    if not before and told and told[0].value is None:
        told = told[1:]  # it begins with what was told first, wherever that is settled from
    return joined(before, told)


def _first(
    system: str,
    part: Interval,
    version: InForce,
    versions: Sequence[InForce],
    voices: Mapping[Source, Voice],
) -> Timeline[int | None]:
    lines = [
        tuple(_known(voice, since, part))
        for name in version.config.checks_of(system)
        for since in [_asked_since(name, version, versions)]
        for agent in version.config.agents_of(name)
        for voice in [voices.get((name, agent))]
        if voice is not None
    ]
    return combine(lines, _least, part.start, part.end)


def _known(voice: Voice, since: int, part: Interval) -> Iterator[Span[int | None]]:
    """What one voice has told by each instant of `part`, `since` counting."""
    start, value = part.start, None
    for told in voice.told:
        if told.since < since:
            continue
        if told.since >= part.end:
            break
        if told.since > start:
            yield Span(start, told.since, value)
            start = told.since
        value = told.by
    yield Span(start, part.end, value)


def _asked_since(name: str, version: InForce, versions: Sequence[InForce]) -> int:
    """From when on the check asks what it asks under `version`."""
    asked = _asks(version.config.checks[name])
    since = version.start
    for earlier in reversed([v for v in versions if v.start < version.start]):
        check = earlier.config.checks.get(name)
        if check is None or _asks(check) != asked:
            break
        since = earlier.start
    # Results from before the first version are history, judged by that version.
    return -(1 << 60) if since == versions[0].start else since


def _asks(check: Check) -> object:
    return check.kind, check.spec


def _least(values: tuple[int | None, ...]) -> int | None:
    return min((v for v in values if v is not None), default=None)
