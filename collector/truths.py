"""The truth of each system, folded again only when evidence came or time can have changed it.

Between two folds a view is prolonged: what held at the edge of knowledge still holds, because
`due` names every system for which that is no longer certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from alerts.events import SystemView
from collector.core.truth import SystemTruth, fold_system
from collector.core.view import view
from probes.config import Config
from probes.history import History
from probes.results import Result
from probes.spans import Interval, Span, Timeline

T = TypeVar("T")
Source = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Folded:
    """The truth as of `at`; from `until` on time alone may have changed it (None: never)."""

    at: int
    truth: SystemTruth
    view: SystemView
    until: int | None


def systems_of(history: History) -> tuple[str, ...]:
    """Every system of any version: a removed one keeps its history."""
    return tuple(dict.fromkeys(s for v in history.versions for s in v.config.systems))


def systems_by_check(history: History) -> dict[str, set[str]]:
    """Which systems a result of a check can touch, in whatever version."""
    out: dict[str, set[str]] = {}
    for version in history.versions:
        for name, check in version.config.checks.items():
            out.setdefault(name, set()).add(check.system)
    return out


def fold(
    system: str, history: History, results: Mapping[Source, Sequence[Result]], now: int
) -> Folded:
    """Fold one system at `now`."""
    truth = fold_system(system, history, results, now, None)
    seen = view(truth)
    return Folded(now, truth, seen, _until(system, seen, history, results, now))


def due(folded: Mapping[str, Folded], now: int) -> set[str]:
    """Systems whose truth time alone may have changed by `now`."""
    return {name for name, f in folded.items() if f.until is not None and f.until <= now}


def prolonged(folded: Folded, now: int) -> SystemView:
    """The view at a later `now` at which the system is not due."""
    if now <= folded.at:
        return folded.view
    return replace(
        folded.view,
        states=_longer(folded.view.states, folded.at, now),
        site_states={
            site: _longer(line, folded.at, now) for site, line in folded.view.site_states.items()
        },
        access=_running(folded.view.access, folded.at, now),
        rejected_by_all=_running(folded.view.rejected_by_all, folded.at, now),
    )


def _longer(line: Timeline[T], edge: int, now: int) -> Timeline[T]:
    if not line or line[-1].end < edge:
        return line
    return (*line[:-1], Span(line[-1].start, now, line[-1].value))


def _running(intervals: Sequence[Interval], edge: int, now: int) -> tuple[Interval, ...]:
    return tuple(Interval(i.start, now if i.end >= edge else i.end) for i in intervals)


def _until(
    system: str,
    seen: SystemView,
    history: History,
    results: Mapping[Source, Sequence[Result]],
    now: int,
) -> int | None:
    """The first instant after `now` at which the fold may answer differently by itself.

    A hold ends, a result from a clock ahead of ours comes of age, a window begins or ends, a
    version or a system's `effective_from` begins. At that very instant knowledge is still
    `[.., instant)`, so it shows one millisecond later.
    """
    edges: list[int] = []
    for (check, _agent), line in results.items():
        edges.extend(_edges(check, system, line, history, now))
    edges.extend(t for w in seen.windows for t in (w.start, w.end))
    edges.extend(history.instants)
    edges.extend(_effective(system, v.config) for v in history.versions)
    return min((t + 1 for t in edges if t >= now), default=None)


def _edges(
    check: str, system: str, line: Sequence[Result], history: History, now: int
) -> Iterable[int]:
    versions = [v.config.checks[check] for v in history.versions if check in v.config.checks]
    holds = {c.hold_ms for c in versions if c.system == system}
    if not holds:
        return
    for result in reversed(line):
        if result.t < now and result.t + max(holds) < now:
            break
        if result.t >= now:
            yield result.t
        yield from (result.t + hold for hold in holds)


def _effective(system: str, config: Config) -> int:
    found = config.systems.get(system)
    return -1 if found is None or found.effective_from is None else config.ms(found.effective_from)
