"""When an incident could first be known (the replay contract's `detected_at`).

The first moment, not before the due time of a timer, at which what had been received shows the
condition. It may lie after `now`, and after the incident's end, when evidence came late.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence

from alerts.events import Family, Incident, SystemView
from alerts.policy import incidents
from collector.core.burn import LONGEST_MS
from collector.core.settled import Source
from collector.core.truth import fold_system
from collector.core.view import view
from collector.core.windows import FAR
from probes.history import History
from probes.results import Result

TWO_HOURS_MS = 7_200_000
PROMPT = 64


def detected_at(
    incident: Incident,
    views: Mapping[str, SystemView],
    history: History,
    results: Mapping[Source, Sequence[Result]],
    first_seen: int,
) -> int:
    """`results` are those of the incident's system, in order of `t`, late ones too.

    Only the hours around the incident's due time are folded again, long enough for every run,
    row, hour of intermittence and earlier incident that can bear on it. The first moments are
    tried one by one; among those of evidence later than that, what was shown stays shown.
    """
    reach = _reach(incident.system, history)
    if incident.family is Family.BUDGET:
        reach += LONGEST_MS
    since, edge = incident.started_at - reach, incident.due_at + reach
    start = min(first_seen, views[incident.system].states[0].start)
    if incident.family is Family.EXPIRY:
        since = -FAR  # a certificate may have been seen last very long ago
    near = {source: _between(line, since, edge + 1) for source, line in results.items()}

    def shown(moment: int) -> bool:
        known = {source: [r for r in line if r.received <= moment] for source, line in near.items()}
        # Knowledge at a moment includes that moment, and a timer due at d has fired at d + 1.
        now = min(moment, edge) + 1
        truth = fold_system(incident.system, history, known, now, start)
        seen = incidents({incident.system: view(truth)}, history, now)
        return any(_same(one, incident) for one in seen)

    # A result from the future is known when its time comes.
    became = {max(r.received, r.t) for line in near.values() for r in line}
    moments = [incident.due_at, *sorted(m for m in became if m > incident.due_at)]
    for moment in moments[:PROMPT]:
        if shown(moment):
            return moment
    late = moments[PROMPT:]
    found = bisect.bisect_left(late, True, key=shown)  # noqa: FBT003 - what is looked for
    return late[found] if found < len(late) else moments[-1]


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
        and (incident.recovered_at is None or one.started_at < incident.recovered_at)
    )
