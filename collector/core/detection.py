"""When an incident could first be known (the replay contract's `detected_at`).

The first moment, not before the due time of a timer, at which what had been received shows the
condition. It may lie after `now`, and after the incident's end, when evidence came late.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping, Sequence

from alerts.events import Incident, SystemView
from alerts.policy import incidents
from collector.core.truth import Source, fold_system
from collector.core.view import view
from probes.history import History
from probes.results import Result

TWO_HOURS_MS = 7_200_000
STEP_MS = 600_000


def detected_at(
    incident: Incident,
    views: Mapping[str, SystemView],
    history: History,
    results: Mapping[Source, Sequence[Result]],
    first_seen: int,
) -> int:
    """`results` are those of the incident's system, in order of `t`, late ones too.

    Only the hours before the incident are folded again, long enough for every run, row, hour of
    intermittence and earlier incident that can reach into it.
    """
    since = incident.started_at - _reach(incident.system, history)
    start = min(first_seen, views[incident.system].states[0].start)
    moment = incident.due_at
    for moment in _moments(incident.due_at, since, results):
        known = {
            source: [r for r in _between(line, since, moment + 1) if r.received <= moment]
            for source, line in results.items()
        }
        # Knowledge at a moment includes that moment, and a timer due at d has fired at d + 1.
        truth = fold_system(incident.system, history, known, moment + 1, start)
        seen = incidents({incident.system: view(truth)}, history, moment + 1)
        if any(_same(one, incident) for one in seen):
            return moment
    return moment


def _reach(system: str, history: History) -> int:
    """How far back results and incidents can bear on one that starts now, in milliseconds."""
    configs = [v.config for v in history.versions]
    runs = [
        (c.confirm.down + c.confirm.up + 1) * c.hold_ms
        for config in configs
        for c in config.checks.values()
        if c.system == system
    ]
    policies = [config.policy for config in configs]
    return max([TWO_HOURS_MS, *(2 * run for run in runs)]) + max(
        p.reopen_within + p.recover_for for p in policies
    )


def _moments(due: int, since: int, results: Mapping[Source, Sequence[Result]]) -> Iterator[int]:
    """`due`, then each later moment at which a result became known, in order.

    A result from the future becomes known when its time comes, so none is known before its `t`:
    a step of growing length need not look past its own end.
    """
    yield due
    last, step = due, STEP_MS
    newest = max((line[-1].t for line in results.values() if line), default=due)
    while True:
        horizon = last + step
        final = horizon > newest
        became = {
            max(r.received, r.t)
            for line in results.values()
            for r in _between(line, since, horizon + 1)
        }
        yield from sorted(m for m in became if last < m and (final or m <= horizon))
        if final:
            return
        last, step = horizon, 2 * step


def _between(line: Sequence[Result], start: int, end: int) -> Sequence[Result]:
    left = bisect.bisect_left(line, start, key=_t)
    return line[left : bisect.bisect_left(line, end, key=_t)]


def _t(result: Result) -> int:
    return result.t


def _same(one: Incident, incident: Incident) -> bool:
    return (
        one.system == incident.system
        and one.family is incident.family
        and (one.recovered_at is None or one.recovered_at > incident.started_at)
    )
